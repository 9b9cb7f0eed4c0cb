"""What kind of call a recorded one is, and how it is made again, into which array."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.backends.recording import Call, Slot, Tape

SUMMED = 128
"""Longest row that is summed as a product with ones, quicker than a reduction."""


def needed(tape: Tape) -> list[Call]:
    """Return the calls that the result depends on, in order."""
    wanted = {tape.result}
    kept = []
    for call in reversed(tape.calls):
        if call.result in wanted:
            wanted.update(call.reads)
            kept.append(call)
    return kept[::-1]


def live_bytes(tape: Tape) -> int:
    """Return about how many bytes of intermediates there are at once: what a plan keeps."""
    calls = needed(tape)[:-1]
    last_use = {slot: index for index, call in enumerate(calls) for slot in call.reads}
    sizes: dict[Slot, int] = {}
    live = most = 0
    for index, call in enumerate(calls):
        ended = sum(sizes.get(slot, 0) for slot in {*call.reads} if last_use[slot] == index)
        if call.kind != "cast" or call.arguments[0] is not tape.source:
            sizes[call.result] = math.prod(call.result.shape) * call.result.dtype.itemsize
        live += sizes.get(call.result, 0)
        # A ufunc writes into an operand that ends with it.
        most = max(most, live - ended if call.kind == "ufunc" else live)
        live -= ended
    return most


def is_product(call: Call) -> bool:
    """Return whether a call multiplies a batch of rows with a weight."""
    if call.function is not np.matmul:
        return False
    a, b = call.arguments
    rows = isinstance(a, Slot) and len(a.shape) == 2
    return (
        rows
        and isinstance(b, np.ndarray)
        and b.ndim == 2
        and a.dtype == b.dtype == call.result.dtype
    )


def is_row_sum(call: Call) -> bool:
    """Return whether a call sums the elements of each short row."""
    if call.function != np.add.reduce or call.keywords.get("axis") not in (-1, (-1,), 1, (1,)):
        return False
    (rows,) = call.arguments
    return (
        bool(call.keywords.get("keepdims"))
        and len(rows.shape) == 2
        and rows.dtype == call.result.dtype
        and rows.dtype.kind == "f"
        and 0 < rows.shape[1] <= SUMMED
    )


def reduction(call: Call, out: HostArray) -> tuple[Callable[..., Any], list[Any]]:
    """Return a reduction into an array as a function and its arguments, all in their places.

    NumPy takes longer over keywords than over the reduction of a short row.
    """
    (array,), keywords = call.arguments, call.keywords
    if not keywords.keys() <= {"axis", "dtype", "keepdims"}:
        return partial(call.function, out=out, **keywords), [array]
    axis, keepdims = keywords.get("axis", 0), keywords.get("keepdims", False)
    return call.function, [array, axis, keywords.get("dtype"), out, keepdims]


def by_rows(call: Call) -> Callable[..., Any]:
    """Return a call that makes an array of its own as one that gives it in the order of rows."""
    function, keywords = call.function, call.keywords
    return lambda *arguments: np.asarray(function(*arguments, **keywords), order="C")


def copied(call: Call) -> Callable[..., Any]:
    """Return any call as one that copies its result into its first argument."""
    function, keywords = call.function, call.keywords
    return lambda out, *arguments: np.copyto(out, function(*arguments, **keywords))


def fresh_copy(call: Call) -> Callable[..., Any]:
    """Return any call as one whose result is a fresh array, in the order of its rows."""
    function, keywords = call.function, call.keywords
    return lambda *arguments: np.array(function(*arguments, **keywords), order="C")


def fresh_rows(call: Call) -> Callable[..., Any]:
    """Return a ufunc's call as one whose result is in the order of its rows."""
    function, shape, dtype = call.function, call.result.shape, call.result.dtype
    return lambda *arguments: function(*arguments, out=np.empty(shape, dtype))
