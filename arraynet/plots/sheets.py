"""Many small images as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arraynet.admission import host_array
from arraynet.errors import DtypeError, ShapeError
from arraynet.graph import HostArray
from arraynet.plots.canvas import PLAIN, ramp, set_title, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

MOST = 400
"""Images on a sheet: more of them cannot be seen."""

TILE, LARGEST_TILE = 0.72, 2.2
"""The widths of an image on a new figure, in inches: of many columns, and of one."""


def tiles_of(x: npt.ArrayLike, shape: tuple[int, int] | None = None) -> HostArray:
    """Return images as (n, height, width) float64.

    Raises
    ------
    ShapeError
        If they are not images, none, or more than `MOST`.
    DtypeError
        If they are not of real numbers.
    """
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


class Sheet:
    """Images in rows and columns, with captions above them.

    Parameters
    ----------
    tiles : numpy.ndarray, shape (n, height, width)
    captions : sequence of str, optional
        Each of one or more lines.
    columns : int, optional
    """

    def __init__(
        self, tiles: HostArray, captions: Sequence[str] | None, columns: int | None
    ) -> None:
        if columns is not None and columns < 1:
            raise ShapeError(f"columns: got {columns}, expected 1 or more")
        self.tiles, self.captions = tiles, captions
        count = len(tiles)
        self.height: int = tiles.shape[1]
        self.width: int = tiles.shape[2]
        self.columns = min(count, columns or (5 if count <= 10 else 10))
        self.rows = -(-count // self.columns)
        self.above = 0  # pixels for captions; known when the axes are
        self.lines = max((text.count("\n") + 1 for text in captions or ()), default=0)
        finite = tiles[np.isfinite(tiles)]
        self.least = float(finite.min(initial=0.0))
        self.largest = float(finite.max(initial=self.least + 1e-12))

    @property
    def inches(self) -> tuple[float, float]:
        """The size of a new figure for the sheet."""
        tile = min(LARGEST_TILE, max(TILE, 3.6 / self.columns))
        tall = 1.08 * tile * self.height / self.width + 0.17 * self.lines
        return max(4.2, 1.08 * tile * self.columns + 0.3), tall * self.rows + 1.1

    def draw(self, ax: Axes, title: str, cmap: Colormap | None = None) -> AxesImage:
        """Draw the sheet as one picture, and the captions as texts.

        Without a colour map, 0 is the page and the largest value is ink, and each image,
        whose margin is the page's, has a thin frame; with one, 0 is in its middle.
        """
        set_title(ax, title)
        font, self.above = self._caption_size(ax)
        mosaic = np.full((self._down * self.rows, self._across * self.columns), np.nan)
        for index, tile in enumerate(self.tiles):
            top, left = self.corner(index)
            mosaic[top : top + self.height, left : left + self.width] = tile
            if self.captions is not None:
                ax.text(
                    left + (self.width - 1) / 2,
                    top - 0.5 - 0.04 * self.width,
                    self.captions[index],
                    fontsize=font,
                    ha="center",
                    va="bottom",
                    linespacing=1.1,
                    **PLAIN,
                )
        ax.set_axis_off()
        if cmap is None:
            self._frame(ax)
        return ax.imshow(
            mosaic[: -self._gap, : -self._gap],
            cmap=cmap or ramp(ax.get_facecolor(), ax.title.get_color()),
            vmin=self.least if cmap is None else -max(-self.least, self.largest),
            vmax=self.largest if cmap is None else max(-self.least, self.largest),
            interpolation="nearest",
        )

    def _frame(self, ax: Axes) -> None:
        """Draw a thin line around each image."""
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        corners = [self.corner(index) for index in range(len(self.tiles))]
        frames = [
            Rectangle((left - 0.5, top - 0.5), self.width, self.height) for top, left in corners
        ]
        lines = PatchCollection(frames, facecolor="none", edgecolor="gray", linewidth=0.5)
        lines.set_clip_on(False)  # half of the outer lines is beyond the picture
        ax.add_collection(lines, autolim=False)

    def corner(self, index: int) -> tuple[int, int]:
        """Return the row and column of an image's first pixel in the picture."""
        row, column = divmod(index, self.columns)
        return row * self._down + self.above, column * self._across

    @property
    def _gap(self) -> int:
        return max(1, round(0.08 * self.width))

    @property
    def _across(self) -> int:
        return self.width + self._gap

    @property
    def _down(self) -> int:
        return self.height + self._gap + self.above

    def _caption_size(self, ax: Axes) -> tuple[float, int]:
        """Return the size of the captions' font, and the pixels above each image for them."""
        if not self.lines:
            return 0.0, 0
        width, height = (
            side / pixels
            for side, pixels in zip(
                size_of(ax), (self._across * self.columns, self._down * self.rows), strict=True
            )
        )  # inches of a pixel, without the captions
        longest = max(len(line) for text in self.captions or () for line in text.splitlines())
        pixel = width
        for _ in range(2):
            font = min(9.0, 72 * pixel * self.width / (0.62 * max(longest, 1)))
            above = 1.25 * self.lines * font / 72
            pixel = min(width, height - above / (self.height + self._gap))
        return font, math.ceil(above / pixel) + 1
