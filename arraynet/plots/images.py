"""Sheets of images: data, mistakes, and weights of a first layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import host_array
from arraynet.classification import checked_classes
from arraynet.errors import GraphError, ShapeError, clipped
from arraynet.graph import HostArray
from arraynet.labels import class_scores, labels_from_scores, labels_of
from arraynet.network import Network
from arraynet.ops import OPS
from arraynet.plots.canvas import axes_of, picture, set_title
from arraynet.plots.sheets import draw_sheet, tiles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@picture
def images(
    x: npt.ArrayLike,
    labels: Sequence[Any] | npt.ArrayLike | None = None,
    *,
    columns: int | None = None,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a sheet of images: 0 is the page, the largest value is ink.

    Parameters
    ----------
    x : array_like, shape (n, pixels), (n, height, width) or (n, 1, height, width)
    labels : sequence, optional
        What stands above each: labels (n,) or texts, or one-hot rows (n, classes).
    columns : int, optional
    shape : tuple of int, optional
        (height, width), for rows of pixels that are not square.

    Raises
    ------
    ShapeError
        For something else than images, more than 400 of them, or another number of labels.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> images(x[:20], t[:20]).get_title()
    '20 images of 8 × 8 pixels'
    """
    tiles = tiles_of(x, shape)
    captions = None
    if labels is not None:
        words = host_array("labels", labels)
        several = labels_of(words) if words.ndim == 2 else words.tolist()
        captions = [clipped(str(label), 24) for label in several]
    if captions is not None and len(captions) != len(tiles):
        raise ShapeError(
            f"labels: got {len(captions)} for {len(tiles)} images, expected one for each"
        )
    count, height, width = tiles.shape
    title = f"{count} image{'s' * (count > 1)} of {height} × {width} pixels"
    return draw_sheet(ax, tiles, title, captions, columns).axes


@picture
def misclassified(
    net: Network,
    x: Any,
    t: npt.ArrayLike,
    *,
    count: int = 20,
    columns: int | None = None,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a network gets wrong, the most confident mistakes first.

    Above each image: its true class → the network's, and the network's output for the
    latter. An image without an answer (NaN) comes first, with a question mark. Where the
    network makes no mistake, a sentence says so.

    Parameters
    ----------
    net : Network
    x : array, shape (n, pixels)
        As the network takes them.
    t : array_like
        (n,) labels or (n, classes) one-hot rows.
    count : int
        How many to draw, at most 400.
    columns, shape
        As for `images`.

    Raises
    ------
    ShapeError, DtypeError, DeviceMismatchError
        As for `Network.evaluate`, and as for `images`.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> ax = misclassified(arraynet.load_pretrained("digits"), x, t)
    >>> ax.get_title().splitlines()[1]
    'true → predicted, with its probability'
    """
    truth = labels_of(t, checked_classes(net.graph, "misclassified", rank=2))
    scores = class_scores(net.predict(x))
    if len(truth) != len(scores):
        raise ShapeError(
            f"misclassified: got {len(scores)} images and {len(truth)} labels, expected one "
            f"label for each image"
        )
    guesses = labels_from_scores(scores)
    confidence = np.where(guesses < 0, np.inf, scores[np.arange(len(scores)), guesses])
    wrong = np.flatnonzero(guesses != truth)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    found = f"{len(wrong):,} of {len(truth):,} misclassified"
    if not len(wrong):
        ax = axes_of(ax, 5.0, 1.5)
        ax.set_axis_off()
        ax.text(0.5, 0.5, f"No mistake in {len(truth):,} images", ha="center", va="center")
        set_title(ax, found)
        return ax
    worst = wrong[:count]
    percent = net.gives_probabilities
    captions = []
    for row in worst:
        guess = guesses[row] if guesses[row] >= 0 else "?"
        sure = f"{100 * confidence[row]:.1f} %" if percent else f"{confidence[row]:.3g}"
        answer = sure if np.isfinite(confidence[row]) else "no answer"
        captions.append(f"{truth[row]} → {guess}\n{answer}")
    shown = f", the {len(worst)} worst" if len(worst) < len(wrong) else ""
    meaning = "probability" if percent else "output"
    title = f"{found}{shown}\ntrue → predicted, with its {meaning}"
    tiles = tiles_of(host_array("x", x)[worst], shape)
    return draw_sheet(ax, tiles, title, captions, columns).axes


@picture
def weights(
    net: Network,
    *,
    count: int = 100,
    columns: int | None = None,
    shape: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the weights of the first layer: for each of its outputs, an image of its inputs.

    A weight of 0 is the page; those below and above it are the style's first two colours.

    Parameters
    ----------
    net : Network
        Whose first layer takes an image.
    count : int
        How many outputs to draw, at most 400.
    columns, shape
        As for `images`.

    Raises
    ------
    GraphError
        If no layer of the network has a matrix of weights.
    ShapeError
        If the inputs are not an image.

    Examples
    --------
    >>> import arraynet
    >>> print(weights(arraynet.load_pretrained("digits")).get_title())
    Weights W1
    64 inputs to each of 50 outputs
    """
    name, matrix = _first_weight(net)
    inputs, outputs = matrix.shape
    shown = f", the first {count}" if count < outputs else ""
    title = f"Weights {clipped(name, 30)}\n{inputs:,} inputs to each of {outputs:,} outputs{shown}"
    drawn = draw_sheet(ax, tiles_of(matrix.T[:count], shape), title, None, columns, signed=True)
    bar = drawn.axes.inset_axes((1.02, 0.0, 0.025, 1.0))
    drawn.axes.figure.colorbar(drawn, cax=bar, label="weight")
    return drawn.axes


def _first_weight(net: Network) -> tuple[str, HostArray]:
    """Return the first matrix that multiplies rows, and its name."""
    for node in net.graph.nodes:
        name = node.inputs[1] if OPS[node.op].merges == "matrix" else None
        if name is not None and name in net.graph.weights:
            return name, np.asarray(net.graph.weights[name], np.float64)
    raise GraphError("weights: got a network without a matrix of weights, expected a dense layer")
