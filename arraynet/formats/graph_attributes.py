"""The attributes of a node as JSON: numbers, words, tuples of them, small arrays, graphs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from arraynet.admission import DTYPES, HostArray, host_dtype
from arraynet.errors import GraphError, shortened
from arraynet.graph import Graph
from arraynet.node import is_one_of

MOST = 1024
"""How many numbers an array among attributes has at most; constants have more."""

PLAIN = (bool, int, float, str, type(None))
"""The types that JSON has itself."""


def attribute_to_json(value: Any, numbered: Callable[[Graph], int]) -> Any:
    """Return the JSON of an attribute; a graph is the number that it is given.

    Raises
    ------
    GraphError
        For a value of another kind, an infinite number, and a large array.
    """
    if isinstance(value, Graph):
        return {"graph": numbered(value)}
    if isinstance(value, list | tuple):
        return [attribute_to_json(item, numbered) for item in value]
    if type(value) is np.ndarray and value.dtype.name in DTYPES:
        if value.size > MOST:
            raise GraphError(
                f"graph: got an attribute that JSON cannot hold (an array of {value.size} "
                f"numbers), expected at most {MOST} (make it a constant)"
            )
        flat = [attribute_to_json(item, numbered) for item in value.ravel().tolist()]
        return {"values": flat, "shape": list(value.shape), "dtype": value.dtype.name}
    if type(value) not in PLAIN or (type(value) is float and not math.isfinite(value)):
        raise GraphError(
            f"graph: got an attribute that JSON cannot hold ({shortened(value)}), expected "
            f"numbers, words, tuples, small arrays or graphs"
        )
    return value


def attribute_from_json(value: Any, graph: Callable[[Any], Graph]) -> Any:
    """Return an attribute from its JSON.

    Parameters
    ----------
    value : object
    graph : callable
        Returns the graph of a number, or raises ValueError.

    Raises
    ------
    ValueError
        For what `attribute_to_json` does not give; it says what was expected.
    """
    if isinstance(value, list):
        return tuple(attribute_from_json(item, graph) for item in value)
    if isinstance(value, dict):
        if set(value) == {"graph"}:
            return graph(value["graph"])
        if set(value) == {"values", "shape", "dtype"}:
            return _array(**value)
        raise ValueError("a number, a word, a list, an array or a graph as attribute")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("finite numbers")
    return value


def _array(values: Any, shape: Any, dtype: Any) -> HostArray:
    """Return a small array, once its numbers are known to be as many, and of its dtype."""
    sizes = shape if isinstance(shape, list) and len(shape) <= 32 else None
    if sizes is None or not all(type(size) is int and 0 <= size <= MOST for size in sizes):
        raise ValueError("an array of small shape as attribute")
    if not isinstance(values, list) or not len(values) == math.prod(sizes) <= MOST:
        raise ValueError(f"as many numbers as an array's shape says, at most {MOST}")
    if not is_one_of(dtype, DTYPES):
        raise ValueError(f"an array of one of {', '.join(DTYPES)}")
    kind = host_dtype(dtype)
    floating = kind.kind not in "biu"
    types = (bool,) if kind.kind == "b" else (int, float) if floating else (int,)
    for item in values:
        if type(item) not in types or (floating and not abs(item) <= 1e308):
            raise ValueError(f"numbers of {dtype}")
        if kind.kind in "iu" and not np.iinfo(kind).min <= item <= np.iinfo(kind).max:
            raise ValueError(f"numbers of {dtype}")
    array = np.array(values, kind).reshape(sizes)
    array.setflags(write=False)
    return array
