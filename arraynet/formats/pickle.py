"""Pickles of dicts of NumPy arrays, read without running them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from arraynet.formats.limits import Limits
from arraynet.formats.pickle_machine import EXPECTED, Machine
from arraynet.formats.pickle_values import Dict, List, PickledArray, Sequence, describe
from arraynet.formats.source import Source
from arraynet.formats.stored import Stored, check_total


def stored_tensors(source: Source, limits: Limits) -> list[Stored]:
    """Return the arrays of a pickled dict or list of NumPy arrays, not yet loaded.

    Every opcode has been read and checked when this returns. Arrays without names get those
    that ``numpy.savez`` gives them: arr_0, arr_1, …

    Raises
    ------
    LoadError
        For anything but a dict of names and numeric arrays.
    """
    value = Machine(source, limits).run()
    tensors: dict[int, Stored] = {}
    result = []
    for name, item in _named(value, source):
        if not isinstance(item, PickledArray) or item.stored is None:
            found = describe(item)
            raise source.error(
                f"{found} without its state" if found == "an array" else found, EXPECTED, name
            )
        if id(item) in tensors:
            result.append(replace(tensors[id(item)], name=name))
            continue
        tensors[id(item)] = replace(item.stored, name=name)
        result.append(tensors[id(item)])
    total = sum(tensor.nbytes for tensor in tensors.values())
    check_total(total, limits, source.path)
    if total > source.size:
        raise source.error(
            f"arrays of {total} bytes in a file of {source.size}", "each array's data once"
        )
    return result


def _named(value: Any, source: Source) -> Iterable[tuple[str, Any]]:
    """Return the items of a dict, or the arrays of a list or tuple with names."""
    if isinstance(value, Dict):
        return value.items.items()
    if isinstance(value, List | Sequence) and all(
        isinstance(item, PickledArray) for item in value.items
    ):
        return [(f"arr_{number}", item) for number, item in enumerate(value.items)]
    raise source.error(describe(value), EXPECTED)
