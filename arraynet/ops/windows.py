"""Windows that slide over the spatial axes of images: convolution and pooling share them.

A window is never cut out of the image by itself. The elements that all windows have in
one place, a *tap*, are one strided slice of the image: a kernel of 3 by 3 is nine slices,
however large the image is.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, choices_text, shape_text, shortened
from arraynet.ops.padding import along, padded

AUTO_PAD = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
"""How pads may be chosen."""


@dataclass(frozen=True)
class Window:
    """The windows along one axis.

    Parameters
    ----------
    size : int
        Of the axis.
    kernel, stride, dilation : int
        Elements of a window, and the steps from window to window and from element to
        element.
    before, after : int
        Pads.
    count : int
        How many windows there are.
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    count: int = 0

    @property
    def reach(self) -> int:
        """From a window's first element to its last, both counted."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def trivial(self) -> bool:
        """Whether each window is one element, and each element a window."""
        return self.kernel == self.stride == 1 and self.count == self.size and not self.before

    def padded(self, x: Array, axis: int, fill: float, xp: Namespace) -> Array:
        """Return an array with as many elements around as the windows reach over."""
        end = (self.count - 1) * self.stride + self.reach if self.count else 0
        return padded(x, axis, self.before, max(0, end - self.before - self.size), fill, xp)

    def slices(self) -> Iterator[slice]:
        """Yield, for each element of a window, where all windows have it in a padded array."""
        length = (self.count - 1) * self.stride + 1 if self.count else 0
        for tap in range(self.kernel):
            start = tap * self.dilation if self.count else 0
            yield slice(start, start + length, self.stride)

    def inside(self, *, pads: bool) -> list[int]:
        """Return how many elements of each window lie in the axis, or in it and its pads."""
        low, high = (-self.before, self.size + self.after) if pads else (0, self.size)
        starts = (window * self.stride - self.before for window in range(self.count))
        step = self.dilation
        return [sum(low <= s + step * k < high for k in range(self.kernel)) for s in starts]


def windows_over(
    sizes: Sequence[int],
    kernel_shape: Any,
    *,
    strides: Any = None,
    pads: Any = None,
    dilations: Any = None,
    auto_pad: str = "NOTSET",
    ceil_mode: bool = False,
) -> tuple[Window, ...]:
    """Return the windows over spatial axes, from the attributes of an ONNX operator.

    Raises
    ------
    ShapeError
        If an attribute has not one number for each axis, or a kernel is too large.
    """
    rank = len(sizes)
    kernels = whole_numbers("kernel_shape", kernel_shape, rank)
    steps = whole_numbers("strides", strides, rank, default=1)
    spread = whole_numbers("dilations", dilations, rank, default=1)
    around = whole_numbers("pads", pads, 2 * rank, default=0, least=0)
    check_auto_pad(auto_pad, around)
    windows = []
    for axis, size in enumerate(sizes):
        window = Window(size, kernels[axis], steps[axis], spread[axis])
        if auto_pad == "NOTSET":
            window = replace(window, before=around[axis], after=around[axis + rank])
        elif auto_pad != "VALID":
            window = _same(window, auto_pad)
        # Only pads that are asked for leave a part of a window over.
        rounded_up = ceil_mode and auto_pad == "NOTSET"
        windows.append(replace(window, count=_count(window, rounded_up)))
    return tuple(windows)


def whole_numbers(
    name: str, given: Any, count: int, *, default: int | None = None, least: int = 1
) -> tuple[int, ...]:
    """Return an attribute of one whole number for each axis, or its default throughout.

    Raises
    ------
    ShapeError
    """
    if default is not None and (given is None or (isinstance(given, tuple) and not given)):
        return (default,) * count
    try:
        numbers = tuple(map(operator.index, given))
    except TypeError:
        numbers = ()
    if len(numbers) != count or min(numbers, default=least) < least:
        raise ShapeError(
            f"{name} {shortened(given)} needs {count} whole numbers from {least} on, "
            f"{'two' if name == 'pads' else 'one'} for each spatial axis"
        )
    return numbers


def check_auto_pad(auto_pad: str, pads: Sequence[int]) -> None:
    """Refuse a word that is none, and pads that are chosen twice.

    Raises
    ------
    ShapeError
    """
    if auto_pad not in AUTO_PAD:
        raise ShapeError(f"auto_pad is {shortened(auto_pad)} ({choices_text(auto_pad, AUTO_PAD)})")
    if auto_pad != "NOTSET" and any(pads):
        raise ShapeError(f"pads {shape_text(pads)} are given, and auto_pad={auto_pad} chooses them")


def halves(total: int, *, upper: bool) -> tuple[int, int]:
    """Return pads before and after, the odd one at the upper end or at the lower."""
    smaller, larger = total // 2, total - total // 2
    return (smaller, larger) if upper else (larger, smaller)


def _same(window: Window, auto_pad: str) -> Window:
    """Return a window with such pads that a stride of 1 keeps the size."""
    count = -(-window.size // window.stride)
    total = max(0, (count - 1) * window.stride + window.reach - window.size)
    before, after = halves(total, upper=auto_pad == "SAME_UPPER")
    return replace(window, before=before, after=after)


def _count(window: Window, rounded_up: bool) -> int:
    """Return how many windows there are: none over an axis without elements."""
    length = window.before + window.size + window.after
    if length < window.reach:
        if window.size == 0:
            return 0
        dilated = f" (dilated {window.kernel})" * (window.dilation > 1)
        raise ShapeError(f"kernel {window.reach}{dilated} is larger than the padded size {length}")
    steps = length - window.reach
    count = 1 + (-(-steps // window.stride) if rounded_up else steps // window.stride)
    # Rounded up, no window starts in the pads behind the axis.
    late = rounded_up and (count - 1) * window.stride >= window.before + window.size
    return count - late


def taps(x: Array, windows: Sequence[Window], fill: float, xp: Namespace) -> list[Array]:
    """Return, for each element of a window, those of all windows: shape (N, C, *counts)."""
    for axis, window in enumerate(windows, start=2):
        x = window.padded(x, axis, fill, xp)
    if all(window.trivial for window in windows):
        return [x]
    parts = itertools.product(*(window.slices() for window in windows))
    return [x[(slice(None), slice(None), *part)] for part in parts]


def reduced(
    x: Array,
    windows: Sequence[Window],
    combine: Callable[[Array, Array], Array],
    fill: float,
    xp: Namespace,
    *,
    first: int = 2,
) -> Array:
    """Return all elements of each window combined, axis after axis from ``first`` on.

    A sum or a maximum over a rectangle is that of its columns' sums or maxima: kernels
    of 7 by 7 take 14 slices.
    """
    for axis, window in enumerate(windows, start=first):
        if not window.trivial:
            wide = window.padded(x, axis, fill, xp)
            x = reduce(combine, (wide[along(axis, part)] for part in window.slices()))
    return x


def overlap_added(columns: Array, windows: Sequence[Window], xp: Namespace) -> Array:
    """Return images whose elements are the sums of all windows' elements that lie there.

    The transpose of `taps`: without their sums, a transposed convolution.

    Parameters
    ----------
    columns : array, shape (N, C, *kernels, *counts)
    windows : sequence of Window

    Returns
    -------
    array, shape (N, C, *sizes)
    """
    # Each turn takes the kernel's next axis away, and the next axis of counts comes there.
    axis = 2 + len(windows)
    for window in windows:
        columns = _overlap_added(columns, window, axis, xp)
    return columns


def _overlap_added(columns: Array, window: Window, axis: int, xp: Namespace) -> Array:
    """Add the windows along one axis; axis 2 is that of the kernel.

    Element k of window i lies at ``stride * i + dilation * k``. So it meets elements of
    one *phase* only, the remainder of that place by the stride, and there its windows are
    moved by ``dilation * k // stride``. No zeros are multiplied or added between.
    """
    places = [divmod(window.dilation * tap, window.stride) for tap in range(window.kernel)]
    length = -(-(window.before + window.size) // window.stride)
    front = max(shift for shift, _ in places)
    columns = padded(columns, axis, front, max(0, length - window.count), 0.0, xp)
    phases: dict[int, Array] = {}
    for tap, (shift, phase) in enumerate(places):
        moved = slice(front - shift, front - shift + length)
        term = columns[(slice(None), slice(None), tap, *along(axis - 3, moved))]
        phases[phase] = phases[phase] + term if phase in phases else term
    image = phases[0]
    if window.stride > 1:
        nothing = None if len(phases) == window.stride else xp.zeros_like(image)
        every = [phases.get(phase, nothing) for phase in range(window.stride)]
        shape = (*image.shape[: axis - 1], length * window.stride, *image.shape[axis:])
        image = xp.reshape(xp.stack(every, axis=axis), shape)
    return image[along(axis - 1, slice(window.before, window.before + window.size))]
