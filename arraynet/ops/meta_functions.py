"""The array API's functions for arrays without numbers: their shapes, dtypes, and costs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from arraynet._typing import Array
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import MetaArray, NeedsValueError, broadcast, checked_axis

_VIEWED = np.zeros((), bool)


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an array, or of a number."""
    return tuple(getattr(value, "shape", ()))


def _kind(value: Any) -> Any:
    """Return what decides the dtype: an array's dtype, or Python's number."""
    return getattr(value, "dtype", value)


class _Info:
    """What the array API standard's inspection tells of the defaults."""

    @staticmethod
    def default_dtypes(*, device: Any = None) -> dict[str, Any]:
        """Return NumPy's own."""
        whole = np.dtype(np.int64)
        return {"integral": whole, "indexing": whole, "real floating": np.dtype(np.float64)}


class MetaNamespace:
    """The array API's functions for `MetaArray`; it counts multiply-adds.

    Attributes
    ----------
    multiply_adds : int
        Of all products so far.
    """

    __name__ = "arraynet.ops.meta"
    pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None
    finfo, iinfo = staticmethod(np.finfo), staticmethod(np.iinfo)

    def __init__(self) -> None:
        self.multiply_adds = 0
        self.linalg = SimpleNamespace(
            det=lambda x, /: self.array(x.shape[:-2], x.dtype),
        )

    def __array_namespace_info__(self) -> _Info:
        return _Info()

    def __getattr__(self, name: str) -> Any:
        if name in _DTYPES:
            return np.dtype(name)
        for names, made in _FAMILIES:
            if name in names:
                # Found at once the next time.
                function = self.__dict__[name] = made(self, name)
                return function
        raise AttributeError(f"arrays without numbers have no function {name}")

    def array(self, shape: Sequence[int], dtype: Any) -> MetaArray:
        """Return an array of this namespace."""
        return MetaArray(shape, dtype, self)

    # --- dtypes -----------------------------------------------------------------------

    def astype(self, x: Any, dtype: Any, /, *, copy: bool = True) -> MetaArray:
        """Return the array in another dtype."""
        return self.array(x.shape, dtype)

    def result_type(self, *values: Any) -> np.dtype[Any]:
        """Return the dtype that values have in common."""
        return np.result_type(*map(_kind, values))

    def isdtype(self, dtype: Any, kind: Any) -> bool:
        """Return whether a dtype is of a kind."""
        return bool(np.isdtype(dtype, kind))

    # --- creation ---------------------------------------------------------------------

    def asarray(self, value: Any, /, *, dtype: Any = None, copy: Any = None, **_: Any) -> Array:
        """Return a value as an array; one with numbers loses them."""
        found = value if isinstance(value, MetaArray) else np.asarray(value)
        return self.array(found.shape, dtype or found.dtype)

    def arange(self, start: Any, stop: Any = None, step: Any = 1, /, **keywords: Any) -> MetaArray:
        """Return as many numbers as a range has."""
        ends = (0, start) if stop is None else (start, stop)
        kind = keywords.get("dtype") or np.result_type(np.int64, *ends, step)
        return self.array((max(0, math.ceil((ends[1] - ends[0]) / step)),), kind)

    def linspace(self, start: Any, stop: Any, /, num: int, **keywords: Any) -> MetaArray:
        """Return as many numbers as are asked for."""
        return self.array((num,), keywords.get("dtype") or np.float64)

    def full(self, shape: Any, value: Any, **keywords: Any) -> MetaArray:
        """Return an array of one number."""
        sizes = (shape,) if isinstance(shape, int) else shape
        default = np.float64 if isinstance(value, float) else np.asarray(value).dtype
        return self.array(sizes, keywords.get("dtype") or default)

    def eye(self, rows: int, columns: int | None = None, /, **keywords: Any) -> MetaArray:
        """Return a matrix."""
        return self.array((rows, columns or rows), keywords.get("dtype") or np.float64)

    # --- elementwise ------------------------------------------------------------------

    def where(self, condition: Any, a: Any, b: Any, /) -> MetaArray:
        """Return elements of one array or the other."""
        return self.array(broadcast([*map(_shape, (condition, a, b))]), self.result_type(a, b))

    def clip(self, x: Any, /, min: Any = None, max: Any = None) -> MetaArray:
        """Return the array held between two bounds."""
        bounds = [bound for bound in (min, max) if bound is not None]
        return self.array(broadcast([*map(_shape, (x, *bounds))]), x.dtype)

    # --- shapes -----------------------------------------------------------------------

    def reshape(self, x: Any, /, shape: Sequence[int], *, copy: Any = None) -> MetaArray:
        """Return the array in another shape of as many elements."""
        sizes = [operator.index(size) for size in shape]
        rest = math.prod(size for size in sizes if size != -1)
        known = math.prod(x.shape)
        if sizes.count(-1) == 1 and rest and known % rest == 0:
            sizes[sizes.index(-1)] = known // rest
        if math.prod(sizes) != known or min(sizes, default=0) < 0:
            raise ShapeError(f"{shape_text(x.shape)} does not reshape to {shape_text(shape)}")
        return self.array(sizes, x.dtype)

    def permute_dims(self, x: Any, /, axes: Sequence[int]) -> MetaArray:
        """Return the array with its axes in another order."""
        order = [checked_axis(axis, x.shape) for axis in axes]
        if sorted(order) != list(range(x.ndim)):
            raise ShapeError(f"axes {shape_text(axes)} are no order of {shape_text(x.shape)}")
        return self.array([x.shape[axis] for axis in order], x.dtype)

    def matrix_transpose(self, x: Any, /) -> MetaArray:
        """Return the array with its last two axes exchanged."""
        return self.permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))

    def moveaxis(self, x: Any, source: Any, destination: Any, /) -> MetaArray:
        """Return the array with axes moved."""
        return self.array(
            np.moveaxis(np.broadcast_to(_VIEWED, x.shape), source, destination).shape, x.dtype
        )

    def squeeze(self, x: Any, /, axis: Any) -> MetaArray:
        """Return the array without axes of size 1."""
        axes = {checked_axis(a, x.shape) for a in ((axis,) if isinstance(axis, int) else axis)}
        if any(x.shape[a] != 1 for a in axes):
            raise ShapeError(f"axes {sorted(axes)} of {shape_text(x.shape)} are not all of size 1")
        return self.array([size for a, size in enumerate(x.shape) if a not in axes], x.dtype)

    def expand_dims(self, x: Any, /, *, axis: Any = 0) -> MetaArray:
        """Return the array with axes of size 1."""
        return self.array(np.expand_dims(np.broadcast_to(_VIEWED, x.shape), axis).shape, x.dtype)

    def broadcast_to(self, x: Any, /, shape: Sequence[int]) -> MetaArray:
        """Return the array broadcast to a shape."""
        if broadcast([x.shape, tuple(shape)]) != tuple(shape):
            raise ShapeError(f"{shape_text(x.shape)} does not broadcast to {shape_text(shape)}")
        return self.array(shape, x.dtype)

    def broadcast_arrays(self, *arrays: Any) -> list[MetaArray]:
        """Return arrays of one shape."""
        shape = broadcast([a.shape for a in arrays])
        return [self.array(shape, a.dtype) for a in arrays]

    def concat(self, arrays: Sequence[Any], /, *, axis: int | None = 0) -> MetaArray:
        """Return arrays one after the other along an axis."""
        kind = self.result_type(*arrays)
        if axis is None:
            return self.array((sum(math.prod(a.shape) for a in arrays),), kind)
        first = arrays[0].shape
        place = checked_axis(axis, first)
        for other in arrays[1:]:
            if (*other.shape[:place], *other.shape[place + 1 :]) != (
                *first[:place],
                *first[place + 1 :],
            ):
                found = " and ".join(shape_text(shape) for shape in (first, other.shape))
                raise ShapeError(f"{found} differ in more than axis {axis}")
        total = sum(a.shape[place] for a in arrays)
        return self.array((*first[:place], total, *first[place + 1 :]), kind)

    def stack(self, arrays: Sequence[Any], /, *, axis: int = 0) -> MetaArray:
        """Return arrays side by side along a new axis."""
        return self.concat([self.expand_dims(a, axis=axis) for a in arrays], axis=axis)

    def unstack(self, x: Any, /, *, axis: int = 0) -> tuple[MetaArray, ...]:
        """Return the parts of an array along an axis."""
        place = checked_axis(axis, x.shape)
        part = self.array((*x.shape[:place], *x.shape[place + 1 :]), x.dtype)
        return tuple([part] * x.shape[place])

    def tile(self, x: Any, repeats: Sequence[int], /) -> MetaArray:
        """Return the array repeated as a whole."""
        rank = max(x.ndim, len(repeats))
        sizes = (1,) * (rank - x.ndim) + x.shape
        times = (1,) * (rank - len(repeats)) + tuple(repeats)
        return self.array([s * t for s, t in zip(sizes, times, strict=True)], x.dtype)

    def repeat(self, x: Any, repeats: Any, /, *, axis: int | None = None) -> MetaArray:
        """Return the array with each element repeated."""
        if isinstance(repeats, MetaArray):
            raise NeedsValueError("got repeats without numbers, expected numbers")
        flat = x if axis is not None else self.array((x.size,), x.dtype)
        place = checked_axis(axis or 0, flat.shape)
        size = flat.shape[place]
        total = size * repeats if isinstance(repeats, int) else int(np.sum(repeats))
        return self.array((*flat.shape[:place], total, *flat.shape[place + 1 :]), x.dtype)

    def nonzero(self, x: Any, /) -> Any:
        """Refuse: how many there are, numbers decide."""
        raise NeedsValueError("got nonzero, expected a shape that does not depend on numbers")

    # --- indices ----------------------------------------------------------------------

    def take(self, x: Any, indices: Any, /, *, axis: int | None = None) -> MetaArray:
        """Return the elements at some places of an axis."""
        place = checked_axis(0 if axis is None else axis, x.shape)
        return self.array((*x.shape[:place], *indices.shape, *x.shape[place + 1 :]), x.dtype)

    def take_along_axis(self, x: Any, indices: Any, /, *, axis: int = -1) -> MetaArray:
        """Return one element for each index."""
        place = checked_axis(axis, x.shape)
        rest = broadcast([(*a.shape[:place], *a.shape[place + 1 :]) for a in (x, indices)])
        return self.array((*rest[:place], indices.shape[place], *rest[place:]), x.dtype)

    def searchsorted(self, x: Any, values: Any, /, **_: Any) -> MetaArray:
        """Return a place for each value."""
        return self.array(values.shape, np.int64)

    # --- products ---------------------------------------------------------------------

    def matmul(self, a: Any, b: Any, /) -> MetaArray:
        """Return the matrix product."""
        if not a.shape or not b.shape:
            raise ShapeError("a product of matrices needs at least one axis on each side")
        left = a.shape if a.ndim > 1 else (1, *a.shape)
        right = b.shape if b.ndim > 1 else (*b.shape, 1)
        if left[-1] != right[-2]:
            raise ShapeError(
                f"{shape_text(a.shape)} @ {shape_text(b.shape)}: sizes {left[-1]} and "
                f"{right[-2]} differ"
            )
        stacked = broadcast([left[:-2], right[:-2]]) if left[2:] or right[2:] else ()
        rows = left[-2:-1] if a.ndim > 1 else ()
        columns = right[-1:] if b.ndim > 1 else ()
        return self._product((*stacked, *rows, *columns), left[-1], a, b)

    def tensordot(self, a: Any, b: Any, /, *, axes: Any = 2) -> MetaArray:
        """Return the sum of products over some axes of both."""
        if isinstance(axes, int):
            axes = (range(a.ndim - axes, a.ndim), range(axes))
        first, second = (
            [checked_axis(x, s.shape) for x in c] for c, s in zip(axes, (a, b), strict=True)
        )
        for one, other in zip(first, second, strict=True):
            if a.shape[one] != b.shape[other]:
                raise ShapeError(f"sizes {a.shape[one]} and {b.shape[other]} differ")
        rest = [s for axis, s in enumerate(a.shape) if axis not in first]
        rest += [s for axis, s in enumerate(b.shape) if axis not in second]
        return self._product(rest, math.prod(a.shape[axis] for axis in first), a, b)

    def vecdot(self, a: Any, b: Any, /, *, axis: int = -1) -> MetaArray:
        """Return the sum of products over one axis."""
        shape = broadcast([a.shape, b.shape])
        place = checked_axis(axis, shape)
        return self._product((*shape[:place], *shape[place + 1 :]), shape[place], a, b)

    def _product(self, shape: Sequence[int], terms: int, a: Any, b: Any) -> MetaArray:
        result = self.array(shape, self.result_type(a, b))
        self.multiply_adds += result.size * terms
        return result


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DTYPES = _words(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 "
    "complex64 complex128"
)


def _same(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function whose result is as its first array."""

    def same(x: Any, /, *_: Any, dtype: Any = None, **__: Any) -> MetaArray:
        return xp.array(x.shape, dtype or x.dtype)

    return same


def _running(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function of what came so far along an axis."""

    def running(
        x: Any, /, *, axis: int = 0, dtype: Any = None, include_initial: bool = False
    ) -> MetaArray:
        sizes = list(x.shape)
        sizes[checked_axis(axis, x.shape)] += include_initial
        small = _reduction(xp, "sum")(x, axis=axis).dtype
        return xp.array(sizes, dtype or small)

    return running


def _predicate(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function that answers yes or no for each element."""
    return lambda *values: xp.array(broadcast([*map(_shape, values)]), np.bool_)


def _combined(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function of arrays that broadcast together."""

    def combined(*values: Any) -> MetaArray:
        kind = xp.result_type(*values)
        if name in ("divide", "atan2", "hypot", "logaddexp") and kind.kind in "biu":
            kind = np.dtype(np.float64)
        return xp.array(broadcast([*map(_shape, values)]), kind)

    return combined


def _reduction(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function that takes axes away."""

    def reduced(x: Any, /, *, axis: Any = None, keepdims: bool = False, **other: Any) -> MetaArray:
        every = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        axes = {checked_axis(a, x.shape) for a in every}
        if name in ("max", "min", "argmax", "argmin") and any(x.shape[a] == 0 for a in axes):
            raise ShapeError(f"axes {sorted(axes)} of {shape_text(x.shape)} hold no element")
        kept = [1 if a in axes else s for a, s in enumerate(x.shape) if keepdims or a not in axes]
        kind = other.get("dtype") or x.dtype
        if name in ("any", "all"):
            kind = np.bool_
        elif name in ("argmax", "argmin", "count_nonzero"):
            kind = np.int64
        elif name in ("sum", "prod") and other.get("dtype") is None and x.dtype.kind in "biu":
            kind = np.result_type(x.dtype, np.uint64 if x.dtype.kind == "u" else np.int64)
        return xp.array(kept, kind)

    return reduced


def _filled(xp: MetaNamespace, name: str) -> Callable[..., Any]:
    """Return a function that makes an array of a shape."""
    return lambda shape, **keywords: xp.full(shape, 0.0, **keywords)


_FAMILIES: list[tuple[frozenset[str], Callable[[MetaNamespace, str], Callable[..., Any]]]] = [
    (
        _words(
            "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh "
            "empty_like exp expm1 flip floor full_like log log10 "
            "log1p log2 negative ones_like positive reciprocal roll round sign sin sinh sort "
            "sqrt square tan tanh trunc tril triu zeros_like"
        ),
        _same,
    ),
    (
        _words(
            "equal greater greater_equal isfinite isinf isnan less less_equal logical_and "
            "logical_not logical_or logical_xor not_equal signbit"
        ),
        _predicate,
    ),
    (
        _words(
            "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor "
            "copysign divide floor_divide hypot logaddexp maximum minimum multiply nextafter pow "
            "remainder subtract"
        ),
        _combined,
    ),
    (_words("all any argmax argmin count_nonzero max mean min prod std sum var"), _reduction),
    (_words("cumulative_prod cumulative_sum"), _running),
    (_words("zeros ones empty"), _filled),
    (_words("argsort"), lambda xp, name: lambda x, /, **_: xp.array(x.shape, np.int64)),
]
