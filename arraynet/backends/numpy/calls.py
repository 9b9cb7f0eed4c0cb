"""What kind of call a recorded one is, and how it is made again, into which array."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.backends.numpy.recording import Call, Slot, Tape


def needed(tape: Tape) -> list[Call]:
    """Return the calls that the results depend on, in order."""
    wanted = {result for result in tape.results if isinstance(result, Slot)}
    kept = []
    for call in reversed(tape.calls):
        if call.result in wanted:
            wanted.update(call.reads)
            kept.append(call)
    return kept[::-1]


def roots(calls: Sequence[Call]) -> dict[Slot, Slot]:
    """Return of each view the slot whose memory it shows."""
    found: dict[Slot, Slot] = {}
    for call in calls:
        if call.kind == "view":
            found[call.result] = found.get(call.reads[0], call.reads[0])
    return found


def live_bytes(tape: Tape) -> int:
    """Return about how many bytes of intermediates there are at once: what a plan keeps."""
    calls = needed(tape)
    root = roots(calls)
    last_use: dict[Slot, int] = {}
    for index, call in enumerate(calls):
        last_use.update((root.get(slot, slot), index) for slot in call.reads)
    results = {root.get(slot, slot) for slot in tape.results if isinstance(slot, Slot)}
    sizes: dict[Slot, int] = {}
    live = most = 0
    for index, call in enumerate(calls):
        read = {root.get(slot, slot) for slot in call.reads}
        ended = sum(sizes.get(slot, 0) for slot in read if last_use[slot] == index)
        late = call.kind == "cast" and call.arguments[0] in tape.sources
        if call.kind != "view" and not late and call.result not in results:
            sizes[call.result] = math.prod(call.result.shape) * call.result.dtype.itemsize
            live += sizes[call.result]
        # A ufunc writes into an operand that ends with it.
        over = call.kind == "ufunc" and not has_signature(call)
        most = max(most, live - ended if over else live)
        live -= ended
    return most


def has_signature(call: Call) -> bool:
    """Return whether a ufunc works on whole rows or matrices, such as a product."""
    return getattr(call.function, "signature", None) is not None


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
