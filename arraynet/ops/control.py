"""Branches and loops: ops whose attributes are functions of arrays.

In a graph such an attribute is a graph; what it reads from outside is an input of the
node. A function takes arrays and returns a tuple of them, and ``like`` gives what it would
return without numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from array_api_compat import device

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text
from arraynet.ops.admission import dtype_name
from arraynet.ops.meta import MetaArray, NeedsValueError, checked_axis
from arraynet.ops.registry import op


class Branch(Protocol):
    """A function of arrays that knows what it would return."""

    def __call__(self, *arrays: Array) -> tuple[Array, ...]:
        """Return the outputs."""

    def like(self, *arrays: Array) -> tuple[MetaArray, ...]:
        """Return what the outputs would be, without numbers."""


@op(
    dtypes=("any",),
    host=("condition",),
    outputs=0,
    control=True,
    functions={"then_branch": (-1, 0), "else_branch": (-1, 0)},
    name="if",
)
def if_(
    condition: Array,
    *arrays: Array,
    then_branch: Branch | None = None,
    else_branch: Branch | None = None,
    xp: Namespace = None,
) -> tuple[Array, ...]:
    """Run one branch or the other; only the one that is taken runs.

    Parameters
    ----------
    condition : array
        One truth value.
    *arrays : array
        What either branch reads.
    then_branch, else_branch : function of the arrays
        Each returns a tuple.

    Returns
    -------
    tuple of array
        What the branch returns.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([-1.0, 2.0])
    >>> if_(True, x, then_branch=lambda x: (x + 1,), else_branch=lambda x: (x,))
    (array([0., 3.]),)
    """
    then_function, else_function = _given(then_branch, "then"), _given(else_branch, "else")
    if isinstance(condition, MetaArray):
        return _alike(then_function(*arrays), else_function(*arrays))
    if condition.size != 1:
        raise ShapeError(f"condition {shape_text(condition.shape)} needs one truth value")
    return tuple((then_function if bool(condition.item()) else else_function)(*arrays))


def _alike(first: Sequence[MetaArray], second: Sequence[MetaArray]) -> tuple[MetaArray, ...]:
    """Return what two branches give alike; where they differ, only a run can tell."""
    if [(a.shape, a.dtype) for a in first] != [(b.shape, b.dtype) for b in second]:
        raise NeedsValueError("the branches give different shapes")
    return tuple(first)


@op(
    dtypes=("any",),
    host=("max_trip_count", "condition"),
    outputs=0,
    control=True,
    condition=0,
    functions={"body": (0, 1)},
)
def loop(
    max_trip_count: Array | None = None,
    condition: Array | None = None,
    *arrays: Array,
    body: Branch | None = None,
    carried: int = 0,
    xp: Namespace = None,
) -> tuple[Array, ...]:
    """Run a body again and again: so many turns, or as long as a condition holds.

    Parameters
    ----------
    max_trip_count : array, optional
        The most turns.
    condition : array, optional
        Whether there is a first turn.
    *arrays : array
        The values that the turns hand on, then what the body reads besides.
    body : function of the turn's number, the condition and the arrays
        It returns the condition, the values handed on, and what is collected.
    carried : int
        How many of the arrays are handed on.

    Returns
    -------
    tuple of array
        The values handed on after the last turn, then what was collected: along a new
        first axis, a turn after the other.

    Examples
    --------
    >>> import numpy as np
    >>> def body(turn, condition, total):
    ...     return condition, total + turn, total
    >>> total, before = loop(4, True, np.array(10), body=body, carried=1)
    >>> int(total), before
    (16, array([10, 10, 11, 13]))
    """
    function = _given(body, "body")
    if any(isinstance(value, MetaArray) for value in (max_trip_count, condition)) or _is_meta(
        arrays
    ):
        return _loop_without_numbers(function, max_trip_count, arrays, carried, xp)
    handed, read = list(arrays[:carried]), arrays[carried:]
    going = True if condition is None else bool(condition.item())
    most = None if max_trip_count is None else int(max_trip_count.item())
    collected: list[tuple[Array, ...]] = []
    turn = 0
    while going and (most is None or turn < most):
        flag, *results = function(np.asarray(turn), np.asarray(True), *handed, *read)
        going = bool(flag)
        handed = results[:carried]
        collected.append(tuple(results[carried:]))
        turn += 1
    if collected:
        stacks = [xp.stack(parts, axis=0) for parts in zip(*collected, strict=True)]
    else:
        stacks = _nothing(function, (np.asarray(0), np.asarray(True), *arrays), 1 + carried, xp)
    return (*handed, *stacks)


def _loop_without_numbers(
    function: Branch, most: Any, arrays: Sequence[Any], carried: int, xp: Namespace
) -> tuple[Any, ...]:
    """Return what a loop gives where the turns change no shape."""
    turn, flag = xp.array((), "int64"), xp.array((), "bool")
    _, *results = function(turn, flag, *arrays)
    before = [(a.shape, a.dtype) for a in arrays[:carried]]
    if before != [(a.shape, a.dtype) for a in results[:carried]]:
        raise NeedsValueError("the shapes change from turn to turn")
    if len(results) > carried and not isinstance(most, np.ndarray):
        raise NeedsValueError("how many turns there are, only a run can tell")
    turns = int(most.item()) if len(results) > carried else 0
    stacks = [xp.array((turns, *a.shape), a.dtype) for a in results[carried:]]
    return (*results[:carried], *stacks)


@op(dtypes=("any",), outputs=0, control=True, functions={"body": (0, 0)})
def scan(
    *arrays: Array,
    body: Branch | None = None,
    carried: int = 0,
    scanned: int = 1,
    input_axes: tuple[int, ...] = (),
    input_directions: tuple[int, ...] = (),
    output_axes: tuple[int, ...] = (),
    output_directions: tuple[int, ...] = (),
    xp: Namespace = None,
) -> tuple[Array, ...]:
    """Run a body once for each part of some arrays, and collect what it gives.

    Parameters
    ----------
    *arrays : array
        The values that the turns hand on, then the arrays of which each turn gets a part,
        then what the body reads besides.
    body : function of the values handed on, the parts and what it reads besides
        It returns the values handed on, then what is collected.
    carried, scanned : int
        How many arrays are handed on, and how many are cut into parts.
    input_axes, output_axes : tuple of int
        Along which axis each array is cut, and each result collected: the first by default.
    input_directions, output_directions : tuple of int
        1 where an array is cut, or a result collected, from the last to the first.

    Returns
    -------
    tuple of array
        The values handed on after the last turn, then what was collected.

    Examples
    --------
    >>> import numpy as np
    >>> def body(total, x):
    ...     return total + x, total + x
    >>> scan(np.array(0.0), np.array([1.0, 2.0, 3.0]), body=body, carried=1)[1]
    array([1., 3., 6.])
    """
    function = _given(body, "body")
    handed, cut = list(arrays[:carried]), arrays[carried : carried + scanned]
    read = arrays[carried + scanned :]
    axes = [
        checked_axis(a, x.shape) for a, x in zip(_padded(input_axes, scanned), cut, strict=True)
    ]
    lengths = {x.shape[axis] for x, axis in zip(cut, axes, strict=True)}
    if len(lengths) != 1:
        raise ShapeError(f"the arrays to scan have lengths {sorted(lengths)}, and need one")
    (length,) = lengths
    backwards = _padded(input_directions, scanned)
    # Without numbers all turns are alike.
    turns = min(length, 1) if _is_meta(arrays) else length
    collected: list[tuple[Array, ...]] = []
    for turn in range(turns):
        places = [length - 1 - turn if back else turn for back in backwards]
        parts = [
            x[(*(slice(None),) * axis, place, ...)]
            for x, axis, place in zip(cut, axes, places, strict=True)
        ]
        results = function(*handed, *parts, *read)
        handed = list(results[:carried])
        collected.append(tuple(results[carried:]))
    if not collected:
        empty = [
            x[(*(slice(None),) * axis, 0, ...)]
            for x, axis in zip(map(_like, cut), axes, strict=True)
        ]
        return (*handed, *_nothing(function, (*handed, *empty, *read), carried, xp, output_axes))
    count, repeats = len(collected[0]), length if turns < length else 1
    stacks = []
    for place, results in enumerate(zip(*collected, strict=True)):
        ordered = list(results) * repeats
        if _padded(output_directions, count)[place]:
            ordered.reverse()
        stacks.append(xp.stack(ordered, axis=_padded(output_axes, count)[place]))
    return (*handed, *stacks)


def _padded(values: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return a value for each array: 0 where none is given."""
    return (*values, *[0] * count)[:count]


def _like(array: Array) -> MetaArray:
    """Return an array without numbers that is one longer where the other is empty."""
    return MetaArray([max(size, 1) for size in array.shape], dtype_name(array.dtype))


def _nothing(
    function: Branch,
    arrays: Sequence[Any],
    skipped: int,
    xp: Namespace,
    axes: tuple[int, ...] = (),
) -> list[Array]:
    """Return what is collected when there is no turn: arrays with no element."""
    like = getattr(function, "like", function if _is_meta(arrays) else None)
    if like is None:  # a plain function, which tells nothing before it runs
        return []
    there = next((device(a) for a in arrays if not isinstance(a, MetaArray | np.ndarray)), None)
    found = like(*arrays)[skipped:]
    made = []
    for one, axis in zip(found, _padded(axes, len(found)), strict=True):
        shape = list(one.shape)
        shape.insert(checked_axis(axis, (0, *shape)), 0)
        made.append(xp.zeros(tuple(shape), dtype=getattr(xp, one.dtype.name), device=there))
    return made


def _is_meta(arrays: Sequence[Any]) -> bool:
    return any(isinstance(array, MetaArray) for array in arrays)


def _given(function: Any, name: str) -> Any:
    """Return a function that must be there."""
    if not callable(function):
        raise GraphError(f"got no {name}, expected a function of arrays (in a graph: a graph)")
    return function
