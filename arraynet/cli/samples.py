"""What a subcommand runs a network on: images from files, or those that come with arraynet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click
import numpy as np

import arraynet
from arraynet.cli.images import HostArray, network_input
from arraynet.cli.networks import is_embedded
from arraynet.cli.options import options
from arraynet.datasets.digits import LARGEST
from arraynet.datasets.images import read_images
from arraynet.datasets.mnist import mnist_folder
from arraynet.errors import shape_text
from arraynet.scaling import BYTE

if TYPE_CHECKING:
    from arraynet.network import Network

EMBEDDED_IMAGES = "the embedded test images"

IMAGES = click.option(
    "--images", metavar="FILE", help="Images: IDX (.gz or not), .npy, PNG or JPEG."
)
LABELS = click.option("--labels", metavar="FILE", help="Their labels: IDX (.gz or not) or .npy.")
LABELLED = options(IMAGES, LABELS)

RANDOM_ROWS = 1000


def check_labelled(images: str | None, labels: str | None) -> None:
    """Refuse images without labels, and labels without images."""
    if (images is None) != (labels is None):
        raise click.UsageError("--images and --labels go together: give both, or neither.")


def labelled(
    model: str | None,
    network: Network,
    images: str | None,
    labels: str | None,
    limit: int | None = None,
) -> tuple[HostArray, HostArray, str]:
    """Return images as the network takes them, their labels, and what they are called.

    Without files they are the test images of the network's own data set: the embedded
    digits, or MNIST as 'arraynet fetch mnist' brought it.
    """
    if images is None or labels is None:
        x, t, source, most = _own(model, network)
    else:
        x, t, source = read_images(images), read_images(labels), images
        most = LARGEST if is_embedded(model) else BYTE
    if len(x) != len(t):
        raise arraynet.ShapeError(
            f"{labels}: got {len(t)} labels, expected {len(x)}, one for each image of {images}"
        )
    return network_input(x, network, source, limit, most), np.asarray(t[:limit]), source


def _own(model: str | None, network: Network) -> tuple[HostArray, HostArray, str, int]:
    """Return the test part of the data set that a network is for, as bytes up to a largest."""
    if is_embedded(model):
        _, (x, t) = arraynet.datasets.load_digits(normalize=False)
        return x, t, EMBEDDED_IMAGES, LARGEST
    if not takes_mnist(network):
        raise click.UsageError(
            f"MODEL takes {shape_text(network.input_shape)} and gives "
            f"{shape_text(network.output_shape)}, which are not MNIST's images and digits: "
            f"give --images FILE --labels FILE."
        )
    try:
        x, t = arraynet.datasets.load_mnist(part="test", normalize=False)
    except arraynet.LoadError as error:
        expected = f"{error.expected}; or give --images FILE --labels FILE"
        raise arraynet.LoadError(error.file, error.found, expected) from error
    return x, t, f"MNIST's {len(x):,} test images", BYTE


def takes_mnist(network: Network) -> bool:
    """Return whether a network takes MNIST's images, and tells ten classes apart."""
    sizes = network.input_shape[1:]
    known = [size for size in sizes if isinstance(size, int)]
    return (
        len(known) == len(sizes) and math.prod(known) == 784 and network.output_shape[1:] == (10,)
    )


def unlabelled(
    model: str | None, network: Network, images: str | None, limit: int | None = None
) -> tuple[HostArray, str]:
    """Return rows for the network: of a file, else of its own data set, else random ones."""
    if images is not None:
        unit = LARGEST if is_embedded(model) else BYTE
        return network_input(read_images(images), network, images, limit, unit), images
    if is_embedded(model) or (takes_mnist(network) and mnist_folder().is_dir()):
        x, _, source, most = _own(model, network)
        return network_input(x, network, source, limit, most), source
    shape = tuple(size if isinstance(size, int) else 1 for size in network.input_shape[1:])
    rows = np.random.default_rng(0).random((RANDOM_ROWS, *shape), np.float32)
    return rows[:limit], f"{RANDOM_ROWS:,} random rows"
