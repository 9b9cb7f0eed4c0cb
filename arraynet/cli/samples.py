"""What a subcommand runs a network on: images from files, or those that come with arraynet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

import arraynet
from arraynet.cli.images import HostArray, network_input
from arraynet.cli.networks import is_embedded
from arraynet.cli.options import options
from arraynet.datasets.images import read_images

if TYPE_CHECKING:
    from arraynet.network import Network

EMBEDDED_IMAGES = "the embedded test images"

IMAGES = click.option("--images", metavar="FILE", help="Images: IDX (.gz or not), .npy or PNG.")
LABELS = click.option("--labels", metavar="FILE", help="Their labels: IDX (.gz or not) or .npy.")
LABELLED = options(IMAGES, LABELS)

RANDOM_ROWS = 1000


def check_labelled(model: str | None, images: str | None, labels: str | None) -> None:
    """Refuse images without labels, and a model of a person's own without both."""
    if (images is None) != (labels is None):
        raise click.UsageError("--images and --labels go together: give both, or neither.")
    if images is None and not is_embedded(model):
        raise click.UsageError(
            "MODEL needs labelled images: --images FILE --labels FILE "
            "('arraynet fetch mnist' downloads MNIST's)."
        )


def labelled(
    network: Network, images: str | None, labels: str | None, limit: int | None = None
) -> tuple[HostArray, HostArray, str]:
    """Return images as the network takes them, their labels, and what they are called."""
    if images is None or labels is None:
        _, (x, t) = arraynet.datasets.load_digits()
        source = EMBEDDED_IMAGES
    else:
        x, t = read_images(images), read_images(labels)
        source = images
    if len(x) != len(t):
        raise arraynet.ShapeError(
            f"{labels}: got {len(t)} labels, expected {len(x)}, one for each image of {images}"
        )
    return network_input(x[:limit], network, source), np.asarray(t[:limit]), source


def unlabelled(model: str | None, network: Network, images: str | None) -> tuple[HostArray, str]:
    """Return rows for the network, from 0 to 1 at random where there are no images for it."""
    if images is not None:
        return network_input(read_images(images), network, images), images
    if is_embedded(model):
        return arraynet.datasets.load_digits()[1][0], EMBEDDED_IMAGES
    shape = tuple(size if isinstance(size, int) else 1 for size in network.input_shape[1:])
    rows = np.random.default_rng(0).random((RANDOM_ROWS, *shape), np.float32)
    return rows, f"{RANDOM_ROWS:,} random rows"
