"""Many small images as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import host_array
from arraynet.errors import DtypeError, ShapeError
from arraynet.graph import HostArray
from arraynet.plots.canvas import PLAIN, axes_of, ramp, set_title, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

MOST = 400  # images on a sheet: more of them cannot be seen
TILE, LARGEST_TILE = 0.72, 2.2  # inches, the widths of an image: of many columns, and of one


def tiles_of(x: npt.ArrayLike, shape: tuple[int, int] | None = None) -> HostArray:
    """Return images as (n, height, width) float64: from one to `MOST`, of real numbers."""
    array = host_array("x", x)
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        side = math.isqrt(array.shape[1])
        height, width = shape or (side, side)
        if height * width != array.shape[1]:
            raise ShapeError(
                f"images: got rows of {array.shape[1]} pixels, expected "
                f"{f'{height} × {width}' if shape else 'a square'} (give shape=(height, width))"
            )
        array = array.reshape(-1, height, width)
    if array.ndim != 3 or not array.size or len(array) > MOST:
        raise ShapeError(
            f"images: got shape {np.shape(x)}, expected (n, pixels), (n, height, width) or "
            f"(n, 1, height, width) with n from 1 to {MOST} (such as x[:100])"
        )
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise DtypeError(f"images: got {array.dtype}, expected real numbers")
    return array.astype(np.float64)


def draw_sheet(
    ax: Axes | None,
    tiles: HostArray,
    title: str,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    signed: bool = False,
) -> AxesImage:
    """Draw images in rows and columns as one picture, and captions of some lines above them.

    0 is the page and the largest value is ink, and each image, whose margin is the page's,
    has a thin frame. Where values are signed, those below and above 0 have a colour each,
    and a new figure has room for the scale of these.
    """
    if columns is not None and columns < 1:
        raise ShapeError(f"columns: got {columns}, expected 1 or more")
    count, high, wide = tiles.shape
    columns = min(count, columns or (5 if count <= 10 else 10))
    rows = -(-count // columns)
    lines = max((text.count("\n") + 1 for text in captions or ()), default=0)
    inches = min(LARGEST_TILE, max(TILE, 3.6 / columns))
    tall = 1.08 * inches * high / wide + 0.17 * lines
    ax = axes_of(ax, max(4.2, 1.08 * inches * columns + 0.3) + signed, tall * rows + 1.1)
    set_title(ax, title)
    gap = max(1, round(0.08 * wide))
    across, down, font = wide + gap, high + gap, 0.0
    if captions:
        width, height = size_of(ax)
        pixel = (width / (across * columns), height / (down * rows))
        longest = max(len(line) for text in captions for line in text.split("\n"))
        font, above = _caption_size(lines, longest, wide, down, pixel)
        down += above
    places = [divmod(index, columns) for index in range(count)]
    corners = [((row + 1) * down - high - gap, column * across) for row, column in places]
    mosaic = np.full((down * rows, across * columns), np.nan)
    for (top, left), tile in zip(corners, tiles, strict=True):
        mosaic[top : top + high, left : left + wide] = tile
    how: dict[str, Any] = {"ha": "center", "va": "bottom", "linespacing": 1.1, **PLAIN}
    for (top, left), caption in zip(corners, captions or (), strict=False):
        x, y = left + (wide - 1) / 2, top - 0.5 - 0.04 * wide
        ax.text(x, y, caption, fontsize=font, **how)
    ax.set_axis_off()
    if not signed:
        _frame(ax, corners, wide, high)
    finite = tiles[np.isfinite(tiles)]
    least = float(finite.min(initial=0.0))
    largest = float(finite.max(initial=least + 1e-12))
    bound = max(-least, largest)
    page = ax.get_facecolor()
    return ax.imshow(
        mosaic[:-gap, :-gap],
        cmap=ramp("C0", page, "C1") if signed else ramp(page, ax.title.get_color()),
        vmin=-bound if signed else least,
        vmax=bound if signed else largest,
        interpolation="nearest",
    )


def _frame(ax: Axes, corners: list[tuple[int, int]], wide: int, high: int) -> None:
    """Draw a thin line around each image."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    frames = [Rectangle((left - 0.5, top - 0.5), wide, high) for top, left in corners]
    lines = PatchCollection(frames, facecolor="none", edgecolor="gray", linewidth=0.5)
    lines.set_clip_on(False)  # half of the outer lines is beyond the picture
    ax.add_collection(lines, autolim=False)


def _caption_size(
    lines: int, longest: int, wide: int, down: int, inches: tuple[float, float]
) -> tuple[float, int]:
    """Return the size of the captions' font, and the pixels above each image for them.

    The inches are those of a pixel's width and height, if there were no captions.
    """
    pixel = inches[0]
    for _ in range(2):
        font = min(9.0, 72 * pixel * wide / (0.62 * max(longest, 1)))
        above = 1.25 * lines * font / 72
        pixel = min(inches[0], inches[1] - above / down)
    return font, math.ceil(above / pixel) + 1
