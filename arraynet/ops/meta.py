"""Arrays that have a shape and a dtype and no numbers: what formulas would give.

A formula that runs on `MetaArray` tells the shapes and the dtypes of its outputs and how
many multiply-adds it takes, and raises where sizes do not fit; so nobody writes a shape
function beside a formula. JAX's ``eval_shape`` and PyTorch's device "meta" do the same
for their own arrays; this is the array API standard's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from arraynet.errors import ShapeError, shape_text

_VIEWED = np.zeros((), bool)
"""What stands in for an array of any shape where NumPy is asked about indices."""


def new_namespace() -> Any:
    """Return the namespace of arrays without numbers, its count at 0."""
    from arraynet.ops.meta_functions import MetaNamespace

    return MetaNamespace()


def count_multiply_adds(xp: Any, number: int) -> None:
    """Tell arrays without numbers of multiply-adds that are no product of matrices."""
    if hasattr(xp, "multiply_adds"):
        xp.multiply_adds += number


def on_host(xp: Any) -> Any:
    """Return the namespace in which a result on the host is made: NumPy, or without numbers."""
    return xp if hasattr(xp, "multiply_adds") else np


class NeedsValueError(ShapeError):
    """A shape depends on numbers that only a run can tell."""


class MetaArray:
    """A shape and a dtype.

    Examples
    --------
    >>> x = MetaArray((2, 3), "float32")
    >>> (x @ x.T).shape, (x > 0).dtype.name
    ((2, 2), 'bool')
    """

    __slots__ = ("dtype", "namespace", "shape")
    __array_ufunc__ = None  # NumPy's arrays leave operators to this class

    def __init__(self, shape: Sequence[int], dtype: Any, namespace: Any = None) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.namespace = new_namespace() if namespace is None else namespace

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    device = property(lambda self: None)

    @property
    def T(self) -> MetaArray:  # noqa: N802 (the standard's name)
        """The array with its axes in reverse order."""
        return self._like(self.shape[::-1])

    @property
    def mT(self) -> MetaArray:  # noqa: N802 (the standard's name)
        """The array with its last two axes exchanged."""
        transposed: MetaArray = self.namespace.matrix_transpose(self)
        return transposed

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return self.namespace

    def __getitem__(self, key: Any) -> MetaArray:
        return self._like(_indexed(self.shape, key if isinstance(key, tuple) else (key,)))

    def _like(self, shape: Sequence[int], dtype: Any = None) -> MetaArray:
        return MetaArray(shape, self.dtype if dtype is None else dtype, self.namespace)

    def _refuse(self, *_: Any) -> Any:
        raise NeedsValueError(
            "got an array without numbers, expected numbers (only a run can tell them)"
        )

    __bool__ = __int__ = __float__ = __index__ = __array__ = item = tolist = _refuse

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single number has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"MetaArray({shape_text(self.shape)}, {self.dtype})"


def _indexed(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the shape of ``x[key]``: NumPy's own answer, given for a view of one element."""
    arrays = [k for k in key if isinstance(k, MetaArray | np.ndarray)]
    if not arrays:
        return tuple(np.broadcast_to(_VIEWED, shape)[key].shape)
    if any(k.dtype == bool for k in arrays):
        raise NeedsValueError("got a mask as an index, expected positions")
    # A slice that is kept marks the axis of each index array.
    marked = tuple(slice(None) if isinstance(k, MetaArray | np.ndarray) else k for k in key)
    axes, axis = [], 0
    for k in key:
        if k is Ellipsis:
            axis += len(shape) - sum(other is not None and other is not Ellipsis for other in key)
        elif isinstance(k, MetaArray | np.ndarray):
            axes.append(axis)
        axis += isinstance(k, slice | MetaArray | np.ndarray) or k is None
    rest = np.broadcast_to(_VIEWED, shape)[marked].shape
    together = np.broadcast_shapes(*(k.shape for k in arrays))
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    kept = [size for position, size in enumerate(rest) if position not in axes]
    return (*kept[:first], *together, *kept[first:])


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape of arrays broadcast together, and say which sizes differ if they do."""
    longest = max(map(len, shapes))
    result = []
    for sizes in zip(*((1,) * (longest - len(s)) + s for s in shapes), strict=True):
        wanted = dict.fromkeys(size for size in sizes if size != 1) or {1: None}
        if len(wanted) > 1:
            differing = " and ".join(sorted(str(size) for size in wanted))
            raise ShapeError(f"sizes {differing} do not broadcast")
        result.append(next(iter(wanted)))
    return tuple(result)


def checked_axis(axis: int, shape: Sequence[int]) -> int:
    """Return an axis counted from the front, after checking that it exists.

    Raises
    ------
    ShapeError
    """
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} does not exist in {shape_text(shape)}")
    return axis % len(shape)


_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "pow", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift", "matmul": "matmul",
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "eq": "equal", "ne": "not_equal",
}  # fmt: skip


def _bind(function: str, *, swapped: bool = False) -> Callable[..., Any]:
    """Return an operator as a call of the namespace."""
    if swapped:
        return lambda self, other: getattr(self.namespace, function)(other, self)
    return lambda self, *others: getattr(self.namespace, function)(self, *others)


for _name, _function in _OPERATORS.items():
    setattr(MetaArray, f"__{_name}__", _bind(_function))
    setattr(MetaArray, f"__r{_name}__", _bind(_function, swapped=True))
for _name, _function in _COMPARISONS.items():
    setattr(MetaArray, f"__{_name}__", _bind(_function))
for _name, _function in (
    ("neg", "negative"),
    ("pos", "positive"),
    ("abs", "abs"),
    ("invert", "bitwise_invert"),
):
    setattr(MetaArray, f"__{_name}__", _bind(_function))
MetaArray.__hash__ = None  # type: ignore[assignment]
