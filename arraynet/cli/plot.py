"""``arraynet plot``: pictures as files, one subcommand a kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

import arraynet
from arraynet import plots
from arraynet.cli.commands import Commands
from arraynet.cli.options import (
    DTYPE,
    IMAGES,
    LABELLED,
    LIMIT,
    MODEL,
    NETWORK,
    RUN,
    Choice,
    backends_option,
    count,
    epilog_of,
    flag,
    option,
)
from arraynet.cli.pictures import picture
from arraynet.cli.samples import (
    EMBEDDED_IMAGES,
    is_embedded,
    labelled,
    open_network,
    read_labels,
    unlabelled,
)
from arraynet.datasets.images import read_images
from arraynet.graph import HostArray
from arraynet.labels import labels_of
from arraynet.parity import REFERENCE, compare
from arraynet.plots.activations import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOOK = "sample_weight.pkl --hidden sigmoid --output softmax \\"
MNIST = "    --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz"

Drawing = tuple[Callable[[], "Axes"], str]  # what draws, and where its images are from, or ""
Shape = tuple[int, int] | None


def sides(text: str) -> tuple[int, int]:
    """Return the height and width of an image: 28x20."""
    height, _, width = text.lower().partition("x")
    if height.isdecimal() and width.isdecimal() and int(height) * int(width):
        return int(height), int(width)
    raise click.BadParameter(f"{text!r} is not HEIGHTxWIDTH, such as 28x20.")


SHAPE = option("--shape", "Of images that are not square: 28x20.", sides, "HxW")


@click.group(
    cls=Commands,
    epilog=epilog_of("activations", "misclassified --out mistakes.svg", start="arraynet plot"),
)
def plot() -> None:
    """Draw a picture of activations, digits, mistakes, layers.

    Each is written to a file: --out FILE.png, .svg or .pdf. Without MODEL, it is of the
    network and the test images that come with arraynet.
    """


@picture(
    "activations",
    "activations relu gelu silu mish --derivative --out smooth.svg",
    "activations step sigmoid --together --style dark",
    options=[
        click.argument("names", nargs=-1, type=Choice(drawable()), metavar="[NAME]..."),
        flag("--derivative", "Draw the slope of each too."),
        flag("--together", "Draw all of them into one panel."),
    ],
)
def activations(names: tuple[str, ...], **given: Any) -> Drawing:
    """Draw activations.

    Without a NAME: the step, the sigmoid and the rectifier. Of those on rows, such as
    softmax, the first output for the row (x, 0) is drawn.
    """
    return lambda: plots.activations(names or ("step", "sigmoid", "relu"), **given), ""


@picture(
    "digits",
    f"digits {MNIST.strip()} --limit 100",
    "digits --images pictures.npy --shape 28x20",
    options=[LABELLED, SHAPE, count("--limit", "Only the first N images.", default=40, most=400)],
)
def digits(images: str | None, labels: str | None, limit: int, shape: Shape) -> Drawing:
    """Draw a sheet of images, with their labels above them."""
    t: HostArray | None
    if images is not None:
        x = read_images(images)
        t = None if labels is None else read_labels(labels, x, images)
    elif labels is not None:
        raise click.UsageError("--labels needs --images: whose labels are they?")
    else:
        x, t = arraynet.datasets.load_digits()[1]
    captions = None if t is None else t[:limit]
    return lambda: plots.images(x[:limit], captions, shape=shape), images or EMBEDDED_IMAGES


@picture(
    "misclassified",
    f"misclassified {BOOK}",
    MNIST,
    options=[
        MODEL,
        LABELLED,
        RUN,
        LIMIT,
        SHAPE,
        count("--count", "How many mistakes to draw.", default=20, most=400),
    ],
)
def misclassified(count: int, shape: Shape, **given: Any) -> Drawing:
    """Draw what MODEL gets wrong.

    The most confident mistakes come first. Above each image: its true class → the
    network's, and that one's probability.
    """
    network, x, t, source = labelled(**given)
    return lambda: plots.misclassified(network, x, t, count=count, shape=shape), source


@picture("confusion", f"confusion {BOOK}", MNIST, options=[MODEL, LABELLED, RUN, LIMIT])
def confusion(**given: Any) -> Drawing:
    """Draw how often MODEL takes each class for each."""
    network, x, t, source = labelled(**given)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # said already
        result = network.evaluate(x, t)
    return lambda: plots.confusion(result), source


@picture(
    "layers",
    "layers model.safetensors --images images.npy --style dark --out layers.svg",
    options=[MODEL, IMAGES, RUN, count("--limit", "Only the first N images.", default=500)],
)
def layers(**given: Any) -> Drawing:
    """Draw how the values of each layer of MODEL are distributed.

    Without --images, a MODEL gets random rows from 0 to 1.
    """
    network, x, source = unlabelled(**given)
    return lambda: plots.layers(network, x), source


@picture(
    "weights",
    "weights sample_weight.pkl --hidden sigmoid --output softmax --out weights.png",
    options=[
        MODEL,
        NETWORK,
        SHAPE,
        count("--count", "How many outputs of the layer to draw.", default=100, most=400),
    ],
)
def weights(count: int, shape: Shape, **given: Any) -> Drawing:
    """Draw the weights of MODEL's first layer as images."""
    network = open_network(**given)
    return lambda: plots.weights(network, count=count, shape=shape), ""


@picture("graph", "graph model.safetensors --out network.svg", options=[MODEL, NETWORK])
def graph(**given: Any) -> Drawing:
    """Draw the nodes of MODEL.

    With their parameters, and the shapes between them.
    """
    network = open_network(**given)
    return lambda: plots.graph(network), ""


@picture(
    "probabilities --index 3",
    "probabilities digits --images seven.png",
    options=[
        MODEL,
        LABELLED,
        RUN,
        SHAPE,
        count("--index", "Which of the images, from 0.", default=0, least=0),
    ],
)
def probabilities(labels: str | None, index: int, shape: Shape, **given: Any) -> Drawing:
    """Draw one image, and MODEL's probabilities for it.

    With --labels, its true class is named beside MODEL's.
    """
    t: HostArray | None = None
    if labels is not None or (given["images"] is None and is_embedded(given["model"])):
        network, x, t, source = labelled(labels=labels, **given)
    else:
        network, x, source = unlabelled(**given)
    if index >= len(x):
        raise arraynet.ShapeError(
            f"--index: got {index}, expected 0 to {len(x) - 1} ({source}: {len(x)} images)"
        )
    label = None if t is None else int(labels_of(t)[index])
    return (
        lambda: plots.probabilities(network, x[index], label, shape=shape),
        f"image {index} of {source}",
    )


@picture(
    "parity --backends cpu,torch",
    "parity --backends float64,cpu,gpu",
    options=[MODEL, IMAGES, backends_option(f"{REFERENCE},cpu"), NETWORK, DTYPE, LIMIT],
)
def parity(backends: list[str], **given: Any) -> Drawing:
    """Draw how far backends differ, node by node.

    It is the table of 'arraynet parity' as a picture.
    """
    network, x, source = unlabelled(**given)
    report = compare(network, x, backends)
    return lambda: plots.parity(report), source


for kind in (
    activations, digits, misclassified, confusion, layers, weights, graph, probabilities, parity
):  # fmt: skip
    plot.add_command(kind)
