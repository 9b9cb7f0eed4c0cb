"""``arraynet plot``: pictures as files, one subcommand a kind."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

import arraynet
from arraynet import plots
from arraynet.cli.commands import Commands
from arraynet.cli.images import HostArray
from arraynet.cli.networks import is_embedded, open_network
from arraynet.cli.options import BACKEND, DTYPE, LIMIT, NETWORK, Choice, backends_option, count
from arraynet.cli.pictures import SHAPE, picture_options, plot_examples, write_picture
from arraynet.cli.samples import (
    EMBEDDED_IMAGES,
    IMAGES,
    LABELLED,
    LABELS,
    check_labelled,
    labelled,
    unlabelled,
)
from arraynet.datasets.images import read_images
from arraynet.labels import labels_of
from arraynet.parity import REFERENCE, compare
from arraynet.plots.curves import drawable

if TYPE_CHECKING:
    from arraynet.network import Network

BOOK = "sample_weight.pkl --hidden sigmoid --output softmax \\"
MNIST = "    --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz"
MODEL = click.argument("model", required=False)
RUN = (*NETWORK, *DTYPE, *BACKEND)

Options = dict[str, Any]


def opened(model: str | None, given: Options) -> tuple[Network, Options]:
    """Return the network that a command line names, and the options of the picture."""
    names = ("out", "style", "dpi", "as_json")
    picture = {name: given.pop(name) for name in names}
    return open_network(model, **given), picture


@click.group(cls=Commands, epilog=plot_examples("activations", "misclassified --out mistakes.svg"))
def plot() -> None:
    """Draw a picture of activations, digits, mistakes, layers.

    Each is written to a file: --out FILE.png, .svg or .pdf. Without MODEL, it is of the
    network and the test images that come with arraynet.
    """


@plot.command(
    epilog=plot_examples(
        "activations",
        "activations relu gelu silu mish --derivative --out smooth.svg",
        "activations step sigmoid --together --style dark",
    )
)
@click.argument("names", nargs=-1, type=Choice(drawable()), metavar="[NAME]...")
@picture_options(
    click.option("--derivative", is_flag=True, help="Draw the slope of each too."),
    click.option("--together", is_flag=True, help="Draw all of them into one panel."),
)
def activations(names: tuple[str, ...], derivative: bool, together: bool, **given: Any) -> None:
    """Draw activations.

    Without a NAME: the step, the sigmoid and the rectifier. Of those on rows, such as
    softmax, the first output for the row (x, 0) is drawn.
    """
    names = names or ("step", "sigmoid", "relu")
    write_picture(
        "activations", lambda: plots.activations(names, derivative, together=together), **given
    )


@plot.command(
    epilog=plot_examples(
        "digits",
        f"digits {MNIST.strip()} --limit 100",
        "digits --images pictures.npy --shape 28x20",
    )
)
@picture_options(
    IMAGES,
    LABELS,
    SHAPE,
    count("--limit", "Only the first N images.", default=40, most=400),
)
def digits(
    images: str | None,
    labels: str | None,
    limit: int,
    shape: tuple[int, int] | None,
    **given: Any,
) -> None:
    """Draw a sheet of images, with their labels above them."""
    if labels is not None and images is None:
        raise click.UsageError("--labels needs --images: whose labels are they?")
    x, t = _digits(images, labels)
    captions = None if t is None else t[:limit]
    write_picture(
        "digits",
        lambda: plots.images(x[:limit], captions, shape=shape),
        source=images or EMBEDDED_IMAGES,
        **given,
    )


def _digits(images: str | None, labels: str | None) -> tuple[HostArray, HostArray | None]:
    """Return images of any size, with their labels where there are any."""
    if images is None:
        return arraynet.datasets.load_digits()[1]
    x = read_images(images)
    t = None if labels is None else read_images(labels)
    if t is not None and len(t) != len(x):
        raise arraynet.ShapeError(
            f"{labels}: got {len(t)} labels, expected {len(x)}, one for each image of {images}"
        )
    return x, t


@plot.command(epilog=plot_examples("misclassified", f"misclassified {BOOK}", MNIST))
@MODEL
@picture_options(
    LABELLED,
    *RUN,
    LIMIT,
    SHAPE,
    count("--count", "How many mistakes to draw.", default=20, most=400),
)
def misclassified(
    model: str | None,
    images: str | None,
    labels: str | None,
    limit: int | None,
    count: int,
    shape: tuple[int, int] | None,
    **given: Any,
) -> None:
    """Draw what MODEL gets wrong.

    The most confident mistakes come first. Above each image: its true class → the
    network's, and that one's probability.
    """
    check_labelled(images, labels)
    network, picture = opened(model, given)
    x, t, source = labelled(model, network, images, labels, limit)
    write_picture(
        "misclassified",
        lambda: plots.misclassified(network, x, t, count=count, shape=shape),
        source=source,
        **picture,
    )


@plot.command(epilog=plot_examples("confusion", f"confusion {BOOK}", MNIST))
@MODEL
@picture_options(LABELLED, *RUN, LIMIT)
def confusion(
    model: str | None, images: str | None, labels: str | None, limit: int | None, **given: Any
) -> None:
    """Draw how often MODEL takes each class for each."""
    check_labelled(images, labels)
    network, picture = opened(model, given)
    x, t, source = labelled(model, network, images, labels, limit)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # said already
        result = network.evaluate(x, t)
    write_picture("confusion", lambda: plots.confusion(result), source=source, **picture)


@plot.command(
    epilog=plot_examples(
        "layers", "layers model.safetensors --images images.npy --style dark --out layers.svg"
    )
)
@MODEL
@picture_options(
    IMAGES,
    *RUN,
    count("--limit", "Only the first N images.", default=500),
)
def layers(model: str | None, images: str | None, limit: int, **given: Any) -> None:
    """Draw how the values of each layer of MODEL are distributed.

    Without --images, a MODEL gets random rows from 0 to 1.
    """
    network, picture = opened(model, given)
    x, source = unlabelled(model, network, images)
    write_picture("layers", lambda: plots.layers(network, x[:limit]), source=source, **picture)


@plot.command(
    epilog=plot_examples(
        "weights", "weights sample_weight.pkl --hidden sigmoid --output softmax --out weights.png"
    )
)
@MODEL
@picture_options(
    *NETWORK,
    SHAPE,
    count("--count", "How many outputs of the layer to draw.", default=100, most=400),
)
def weights(model: str | None, count: int, shape: tuple[int, int] | None, **given: Any) -> None:
    """Draw the weights of MODEL's first layer as images."""
    network, picture = opened(model, given)
    write_picture("weights", lambda: plots.weights(network, count=count, shape=shape), **picture)


@plot.command(epilog=plot_examples("graph", "graph model.safetensors --out network.svg"))
@MODEL
@picture_options(*NETWORK)
def graph(model: str | None, **given: Any) -> None:
    """Draw the nodes of MODEL.

    With their parameters, and the shapes between them.
    """
    network, picture = opened(model, given)
    write_picture("graph", lambda: plots.graph(network), **picture)


@plot.command(
    epilog=plot_examples("probabilities --index 3", "probabilities digits --images seven.png")
)
@MODEL
@picture_options(
    LABELLED,
    *RUN,
    SHAPE,
    count("--index", "Which of the images, from 0.", default=0, least=0),
)
def probabilities(
    model: str | None,
    images: str | None,
    labels: str | None,
    index: int,
    shape: tuple[int, int] | None,
    **given: Any,
) -> None:
    """Draw one image, and MODEL's probabilities for it.

    With --labels, its true class is named beside MODEL's.
    """
    network, picture = opened(model, given)
    t: HostArray | None = None
    if labels is not None or (images is None and is_embedded(model)):
        check_labelled(images, labels)
        x, t, source = labelled(model, network, images, labels)
    else:
        x, source = unlabelled(model, network, images)
    if index >= len(x):
        raise arraynet.ShapeError(
            f"--index: got {index}, expected 0 to {len(x) - 1} ({source}: {len(x)} images)"
        )
    label = None if t is None else int(labels_of(t)[index])
    write_picture(
        "probabilities",
        lambda: plots.probabilities(network, x[index], label, shape=shape),
        source=f"image {index} of {source}",
        **picture,
    )


@plot.command(
    epilog=plot_examples("parity --backends cpu,torch", "parity --backends float64,cpu,gpu")
)
@MODEL
@picture_options(
    IMAGES,
    backends_option(f"{REFERENCE},cpu"),
    *NETWORK,
    *DTYPE,
    LIMIT,
)
def parity(
    model: str | None, images: str | None, backends: list[str], limit: int | None, **given: Any
) -> None:
    """Draw how far backends differ, node by node.

    It is the table of 'arraynet parity' as a picture.
    """
    network, picture = opened(model, given)
    x, source = unlabelled(model, network, images)
    report = compare(network, x[:limit], backends)
    write_picture("parity", lambda: plots.parity(report), source=source, **picture)
