"""``arraynet plot``: pictures as files, one subcommand a kind."""

from __future__ import annotations

from typing import Any

import click

import arraynet
from arraynet import plots
from arraynet.cli.images import HostArray
from arraynet.cli.networks import open_network
from arraynet.cli.options import BACKEND, DTYPE, LIMIT, NETWORK
from arraynet.cli.pictures import SHAPE, page, picture_options, plot_examples
from arraynet.cli.samples import IMAGES, LABELLED, LABELS, check_labelled, labelled, unlabelled
from arraynet.datasets.images import read_images
from arraynet.parity import REFERENCE, compare

BOOK = "sample_weight.pkl --hidden sigmoid --output softmax \\"
MNIST = "    --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz"
MODEL = click.argument("model", required=False)
RUN = (*NETWORK, *DTYPE, *BACKEND)

Options = dict[str, Any]


def split(given: Options) -> tuple[Options, Options]:
    """Return the options of the picture, and those of the network."""
    names = ("out", "style", "dpi", "as_json")
    return {n: given[n] for n in names}, {n: v for n, v in given.items() if n not in names}


@click.group(epilog=plot_examples("activations", "misclassified --out mistakes.svg"))
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
@click.argument("names", nargs=-1, metavar="[NAME]...")
@picture_options(
    click.option("--derivative", is_flag=True, help="Draw the slope of each too."),
    click.option("--together", is_flag=True, help="Draw all of them into one panel."),
)
def activations(names: tuple[str, ...], derivative: bool, together: bool, **given: Any) -> None:
    """Draw activations.

    Without a NAME: the step, the sigmoid and the rectifier. Of those on rows, such as
    softmax, the first output for the row (x, 0) is drawn.
    """
    with page("activations", **given) as drawn:
        names = names or ("step", "sigmoid", "relu")
        drawn.append(plots.activations(names, derivative, together=together))


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
    click.option(
        "--limit",
        type=click.IntRange(1, 400),
        default=40,
        show_default=True,
        metavar="N",
        help="Only the first N images.",
    ),
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
    with page("digits", **given) as drawn:
        drawn.append(plots.images(x[:limit], None if t is None else t[:limit], shape=shape))


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
    click.option(
        "--count",
        type=click.IntRange(1, 400),
        default=20,
        show_default=True,
        metavar="N",
        help="How many mistakes to draw.",
    ),
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
    picture, reading = split(given)
    network = open_network(model, **reading)
    x, t, _ = labelled(model, network, images, labels, limit)
    with page("misclassified", **picture) as drawn:
        drawn.append(plots.misclassified(network, x, t, count=count, shape=shape))


@plot.command(epilog=plot_examples("confusion", f"confusion {BOOK}", MNIST))
@MODEL
@picture_options(LABELLED, *RUN, LIMIT)
def confusion(
    model: str | None, images: str | None, labels: str | None, limit: int | None, **given: Any
) -> None:
    """Draw how often MODEL takes each class for each."""
    check_labelled(images, labels)
    picture, reading = split(given)
    network = open_network(model, **reading)
    x, t, _ = labelled(model, network, images, labels, limit)
    with page("confusion", **picture) as drawn:
        drawn.append(plots.confusion(network.evaluate(x, t)))


@plot.command(
    epilog=plot_examples(
        "layers", "layers model.safetensors --images images.npy --style dark --out layers.svg"
    )
)
@MODEL
@picture_options(
    IMAGES,
    *RUN,
    click.option(
        "--limit",
        type=click.IntRange(1),
        default=500,
        show_default=True,
        metavar="N",
        help="Only the first N images.",
    ),
)
def layers(model: str | None, images: str | None, limit: int, **given: Any) -> None:
    """Draw how the values of each layer of MODEL are distributed.

    Without --images, a MODEL gets random rows from 0 to 1.
    """
    picture, reading = split(given)
    network = open_network(model, **reading)
    x, _ = unlabelled(model, network, images)
    with page("layers", **picture) as drawn:
        drawn.append(plots.layers(network, x[:limit]))


@plot.command(
    epilog=plot_examples(
        "weights", "weights sample_weight.pkl --hidden sigmoid --output softmax --out weights.png"
    )
)
@MODEL
@picture_options(
    *NETWORK,
    SHAPE,
    click.option(
        "--count",
        type=click.IntRange(1, 400),
        default=100,
        show_default=True,
        metavar="N",
        help="How many outputs of the layer to draw.",
    ),
)
def weights(model: str | None, count: int, shape: tuple[int, int] | None, **given: Any) -> None:
    """Draw the weights of MODEL's first layer as images."""
    picture, reading = split(given)
    network = open_network(model, **reading)
    with page("weights", **picture) as drawn:
        drawn.append(plots.weights(network, count=count, shape=shape))


@plot.command(epilog=plot_examples("graph", "graph model.safetensors --out network.svg"))
@MODEL
@picture_options(*NETWORK)
def graph(model: str | None, **given: Any) -> None:
    """Draw the nodes of MODEL.

    With their parameters, and the shapes between them.
    """
    picture, reading = split(given)
    network = open_network(model, **reading)
    with page("graph", **picture) as drawn:
        drawn.append(plots.graph(network))


@plot.command(
    epilog=plot_examples("probabilities --index 3", "probabilities digits --images seven.png")
)
@MODEL
@picture_options(
    IMAGES,
    *RUN,
    click.option(
        "--index",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        metavar="N",
        help="Which of the images, from 0.",
    ),
)
def probabilities(model: str | None, images: str | None, index: int, **given: Any) -> None:
    """Draw MODEL's probabilities for one image."""
    picture, reading = split(given)
    network = open_network(model, **reading)
    x, source = unlabelled(model, network, images)
    if index >= len(x):
        raise arraynet.ShapeError(
            f"--index: got {index}, expected 0 to {len(x) - 1} ({source}: {len(x)} images)"
        )
    with page("probabilities", **picture) as drawn:
        drawn.append(plots.probabilities(network, x[index]))


@plot.command(
    epilog=plot_examples("parity --backends cpu,torch", "parity --backends float64,cpu,gpu")
)
@MODEL
@picture_options(
    IMAGES,
    click.option(
        "--backends",
        default=f"{REFERENCE},cpu",
        show_default=True,
        metavar="NAMES",
        help="Two or more, with commas; the first is the reference.",
    ),
    *NETWORK,
    *DTYPE,
    LIMIT,
)
def parity(
    model: str | None, images: str | None, backends: str, limit: int | None, **given: Any
) -> None:
    """Draw how far backends differ, node by node.

    It is the table of 'arraynet parity' as a picture.
    """
    picture, reading = split(given)
    network = open_network(model, **reading)
    x, _ = unlabelled(model, network, images)
    report = compare(network, x[:limit], [word.strip() for word in backends.split(",")])
    with page("parity", **picture) as drawn:
        drawn.append(plots.parity(report))
