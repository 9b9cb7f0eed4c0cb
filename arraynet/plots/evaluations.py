"""Pictures of what a network answers, for many images and for one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import host_array
from arraynet.classification import checked_classes
from arraynet.errors import ShapeError, clipped
from arraynet.graph import HostArray
from arraynet.labels import class_scores, labels_from_scores, labels_of
from arraynet.metrics import Evaluation
from arraynet.network import Network
from arraynet.plots.canvas import (
    MIDDLE,
    PLAIN,
    axes_of,
    luminance,
    picture,
    ramp,
    set_title,
    size_of,
)
from arraynet.plots.sheets import draw_sheet, tiles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

NUMBERED = 20  # the most classes whose counts are written into the cells
BARS = 20  # the most classes that have a bar each


@picture
def confusion(
    evaluation: Evaluation | npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a confusion matrix: how often each class was taken for each class.

    The colour of a cell is its share of the true class, from the page to the style's first
    colour on a scale of square roots, so that rare mistakes are seen; the number is the count.

    Parameters
    ----------
    evaluation : Evaluation or array_like, shape (classes, classes)
        What `Network.evaluate` returns, or counts: rows are true classes.
    names : sequence of str, optional
        Of the classes; else they are numbered.

    Raises
    ------
    ShapeError
        For another shape, or another number of names.

    Examples
    --------
    >>> ax = confusion([[8, 2], [0, 5]])
    >>> [text.get_text() for text in ax.texts]
    ['8', '2', '5']
    """
    if isinstance(evaluation, Evaluation):
        counts, title = evaluation.confusion_matrix, str(evaluation)
    else:
        counts, title = host_array("evaluation", evaluation), "Confusion matrix"
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ShapeError(f"confusion: got shape {counts.shape}, expected (classes, classes)")
    classes = len(counts)
    labels = _names(names, classes)
    size = min(10.0, max(3.6, 0.52 * classes))
    ax = axes_of(ax, size + 1.6, size + 0.8)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = _draw_cells(ax, shares)
    if classes <= NUMBERED:
        font, colors = "medium" if classes <= 12 else "x-small", cells.to_rgba(shares)
        for row, column in np.argwhere(counts):
            color = "white" if luminance(colors[row, column]) < MIDDLE else "black"
            ax.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=font,
                    color=color)  # fmt: skip
        rotation = 90 if max(map(len, labels)) > 2 else 0
        ax.set_xticks(range(classes), labels, rotation=rotation, **PLAIN)
        ax.set_yticks(range(classes), labels, **PLAIN)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    set_title(ax, title, fontsize="medium")
    return ax


def _draw_cells(ax: Axes, shares: npt.NDArray[Any]) -> AxesImage:
    """Draw the cells and the scale of their colours."""
    from matplotlib.colors import PowerNorm

    colors = ramp(ax.get_facecolor(), "C0")
    cells = ax.imshow(shares, cmap=colors, norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    ax.spines[:].set_visible(True)
    bar = ax.figure.colorbar(cells, ax=ax, label="share of the true class (%)", shrink=0.8)
    ticks = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
    bar.set_ticks(ticks, labels=[f"{100 * tick:.0f}" for tick in ticks])
    return cells


@picture
def probabilities(
    net: Network,
    image: Any,
    label: int | None = None,
    *,
    names: Sequence[str] | None = None,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one image, and the outputs of a network for it as bars, the largest hatched.

    There is a bar for each class, or for the 20 best of more classes; the image is in the
    axes' ``child_axes``.

    Parameters
    ----------
    net : Network
    image : array, shape (features,) or (1, features), or another shape of that size
        Drawn where it is one: two-dimensional, or a square of pixels, or of ``shape``.
    label : int, optional
        Its true class, to be named beside the network's.
    names : sequence of str, optional
        Of the classes; else they are numbered.
    shape : tuple of int, optional
        (height, width), for rows of pixels that are not square.

    Raises
    ------
    ShapeError
        If it is not one image of the network's size, for another number of names, or a
        label that is none of the classes.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> ax = probabilities(arraynet.load_pretrained("digits"), x[0], t[0])
    >>> len(ax.patches), ax.get_title()
    (10, 'Predicted 5, true class 5')
    """
    checked_classes(net.graph, "probabilities", rank=2)
    batch = _single(net, image)
    scores = class_scores(net.predict(batch))
    (best,), (row,) = labels_from_scores(scores), scores.astype(np.float64)
    labels = _names(names, len(row))
    if label is not None:
        (label,) = labels_of([label], len(row))
    shown = np.argsort(-row, kind="stable")[:BARS] if len(row) > BARS else np.arange(len(row))
    pixels = _pixels(net.backend.to_host(batch)[0], shape)
    width = max(4.5, 0.55 * len(shown) + 1.2)
    ax = axes_of(ax, width if pixels is None else width + 2.4, 3.4)
    bars = ax.bar(range(len(shown)), row[shown], color="C0", edgecolor=ax.title.get_color())
    percent = net.gives_probabilities
    texts = [f"{100 * value:.1f}" if percent else f"{value:.3g}" for value in row[shown]]
    ax.bar_label(bars, labels=texts, fontsize="small", padding=2)
    for place in np.flatnonzero(shown == best):
        bars[place].set_hatch("//")
    words = [labels[index] for index in shown]
    rotation = 90 if max(map(len, words)) > 5 else 0
    ax.set_xticks(range(len(shown)), words, rotation=rotation, **PLAIN)
    ax.set_xlabel("class" if len(shown) == len(row) else f"the {BARS} best of {len(row)} classes")
    ax.margins(y=0.12)
    if percent:
        ax.set_ylim(0, 1.12)
        ax.set_yticks(np.arange(6) / 5, [f"{20 * tick}" for tick in range(6)])
    else:
        ax.axhline(0, color="gray", linewidth=0.8)
    ax.set_ylabel("probability (%)" if percent else "output")
    answer = f"Predicted {labels[best]}" if best >= 0 else "No answer: the outputs hold NaN"
    set_title(ax, answer if label is None else f"{answer}, true class {labels[label]}")
    if pixels is not None:
        _draw_beside(ax, pixels)
    return ax


def _pixels(image: HostArray, shape: tuple[int, int] | None) -> HostArray | None:
    """Return what can be drawn of one input: more than a line of pixels."""
    side = math.isqrt(image.size)
    if shape is None and image.ndim == 1 and side * side != image.size:
        return None
    if image.ndim == 3 and image.shape[0] > 1:
        return None
    pixels: HostArray = tiles_of(image.reshape(1, -1) if image.ndim == 1 else image, shape)[0]
    return pixels if min(pixels.shape) > 1 else None


def _draw_beside(ax: Axes, pixels: HostArray) -> None:
    """Draw an image to the left of the bars, for which they make room in the axes' place."""
    from matplotlib.transforms import Bbox, ScaledTranslation

    figure = ax.figure
    width, height = size_of(ax)
    side = min(1.8, height, width / 3)
    gap = min(0.85, width / 4)  # inches, for what stands beside the bars

    def place_of_bars(bars: Any, renderer: object) -> Bbox:
        whole = bars.get_position(original=True)
        left = whole.x0 + (side + gap) * figure.dpi / figure.bbox.width
        return Bbox([[min(left, whole.x1 - 0.01), whole.y0], [whole.x1, whole.y1]])

    # A tight layout asks the locator.
    place_of_bars.get_subplotspec = ax.get_subplotspec  # type: ignore[attr-defined]
    ax.set_axes_locator(place_of_bars)
    corner: Any = ax.transAxes
    inches = figure.dpi_scale_trans + ScaledTranslation(0, 1, corner)
    panel = ax.inset_axes((-side - gap, -side, side, side), transform=inches)
    draw_sheet(panel, pixels[np.newaxis], "")


def _single(net: Network, image: Any) -> Any:
    """Return one image as a batch of one."""
    wanted = net.input_shape[1:]
    batch = image if net.backend.owns(image) else host_array("image", image)
    sides = [side for side in wanted if isinstance(side, int)]
    if len(sides) == len(wanted) and math.prod(batch.shape) == math.prod(sides):
        return batch.reshape((1, *sides))
    raise ShapeError(
        f"image: got shape {tuple(batch.shape)}, expected one image of the network's "
        f"{clipped(' × '.join(map(str, wanted)))} inputs (such as x[0])"
    )


def _names(names: Sequence[str] | None, classes: int) -> list[str]:
    """Return the classes' names, or their numbers."""
    if names is None:
        return [str(label) for label in range(classes)]
    if len(names) != classes:
        raise ShapeError(f"names: got {len(names)} for {classes} classes, expected one for each")
    return [clipped(str(name), 20) for name in names]
