"""The network that a command line names, and what it runs on: images as that network takes them.

Images are those of files, or of the network's own data set.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import arraynet
from arraynet.cli.commands import warn
from arraynet.datasets.digits import LARGEST
from arraynet.datasets.images import read_images
from arraynet.datasets.mnist import mnist_folder
from arraynet.datasets.preprocess import border, preparation_for, without_ground
from arraynet.errors import LoadError, ShapeError, shape_text
from arraynet.graph import HostArray
from arraynet.scaling import BYTE, FAR, doubt, largest, starts_with_scale

if TYPE_CHECKING:
    from arraynet.network import Network

EMBEDDED = "digits"  # instead of a file: the network that comes with arraynet
EMBEDDED_IMAGES = "the embedded test images"
RANDOM_ROWS = 1000
IMAGES = [int, str, str]  # what a network takes for which images may be of any size


def is_embedded(model: str | None) -> bool:
    """Return whether the embedded network is meant, and no file of that name."""
    return model is None or (model == EMBEDDED and not Path(model).exists())


def name_of(model: str | None) -> str:
    """Return what a network is called."""
    return model or "the embedded network"


def open_network(
    model: str | None, *, dtype: str | None = None, backend: str = "cpu", **reading: Any
) -> Network:
    """Load a file, or the embedded network where ``model`` is None or its name."""
    if backend == "auto":
        with _log_shown():
            backend = arraynet.get_backend("auto").name
    if model is not None and not is_embedded(model):
        return arraynet.load(model, dtype=dtype, backend=backend, **reading)
    if any(value is not None and value is not False for value in reading.values()):
        raise click.UsageError(
            "--hidden, --output, --layers, --input-shape, --layout, --scale and --allow-nonfinite "
            "are for the weights of a file, and the embedded network is complete: give another "
            "MODEL, or leave them out."
        )
    network = arraynet.load_pretrained(EMBEDDED, backend=backend)
    return network.astype(dtype) if dtype else network


@contextmanager
def _log_shown() -> Iterator[None]:
    """Show what the library logs meanwhile on standard error: what it chose, and why."""
    log = logging.getLogger("arraynet")
    handler, level = logging.StreamHandler(), log.level
    handler.setFormatter(logging.Formatter("arraynet: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)


def labelled(
    model: str | None,
    images: str | None,
    labels: str | None,
    limit: int | None = None,
    **reading: Any,
) -> tuple[Network, HostArray, HostArray, str]:
    """Return a network, images as it takes them, their labels, and what those are called.

    Without files they are the test images of the network's own data set: the embedded
    digits, or MNIST as 'arraynet fetch mnist' brought it.
    """
    if (images is None) != (labels is None):
        raise click.UsageError("--images and --labels go together: give both, or neither.")
    network = open_network(model, **reading)
    if images is None or labels is None:
        x, t, source, unit = _own(model, network)
    else:
        x, source, unit = read_images(images), images, unit_of(model)
        t = read_labels(labels, x, images)
    x = in_range(in_shape(x, network, source, limit), network, source, largest(x), unit)
    return network, x, np.asarray(t[:limit]), source


def unlabelled(
    model: str | None, images: str | None, limit: int | None = None, **reading: Any
) -> tuple[Network, HostArray, str]:
    """Return a network, and rows for it: of a file, else of its own data set, else random ones."""
    network = open_network(model, **reading)
    if images is not None:
        x, source, unit = read_images(images), images, unit_of(model)
    elif is_embedded(model) or (_takes_mnist(network) and mnist_folder().is_dir()):
        x, _, source, unit = _own(model, network)
    else:
        shape = tuple(size if isinstance(size, int) else 1 for size in network.input_shape[1:])
        rows = np.random.default_rng(0).random((RANDOM_ROWS, *shape), np.float32)
        return network, rows[:limit], f"{RANDOM_ROWS:,} random rows"
    x = in_range(in_shape(x, network, source, limit), network, source, largest(x), unit)
    return network, x, source


def unit_of(model: str | None) -> int:
    """Return the pixel that was 1 when a network learnt, where that is known; else a byte's."""
    return LARGEST if is_embedded(model) else BYTE


def read_labels(path: str, x: HostArray, images: str) -> HostArray:
    """Return the labels of a file, one for each of some images of another."""
    t = read_images(path)
    if len(t) != len(x):
        raise ShapeError(
            f"{path}: got {len(t)} labels, expected {len(x)}, one for each image of {images}"
        )
    return t


def _own(model: str | None, network: Network) -> tuple[HostArray, HostArray, str, int]:
    """Return the test part of the data set that a network is for, as bytes up to a largest."""
    if is_embedded(model):
        _, (x, t) = arraynet.datasets.load_digits(normalize=False)
        return x, t, EMBEDDED_IMAGES, LARGEST
    if not _takes_mnist(network):
        raise click.UsageError(
            f"MODEL takes {shape_text(network.input_shape)} and gives "
            f"{shape_text(network.output_shape)}, which are not MNIST's images and digits: "
            f"give --images FILE --labels FILE."
        )
    try:
        x, t = arraynet.datasets.load_mnist(part="test", normalize=False)
    except LoadError as error:
        expected = f"{error.expected}; or give --images FILE --labels FILE"
        raise LoadError(error.file, error.found, expected) from error
    return x, t, f"MNIST's {len(x):,} test images", BYTE


def _takes_mnist(network: Network) -> bool:
    """Return whether a network takes MNIST's images, and tells ten classes apart."""
    size = _size_of_one(network)
    return size is not None and math.prod(size) == 784 and network.output_shape[1:] == (10,)


def in_shape(
    images: HostArray, network: Network, path: str, limit: int | None = None, advice: str = ""
) -> HostArray:
    """Return images, or only so many of them, in the shape that the network takes.

    They are flattened where it takes rows of features.
    """
    if _size_of_one(network) is None and [type(n) for n in network.input_shape[1:]] == IMAGES:
        return _of_any_size(images, network, path)[:limit]
    wanted = _known_size(network)
    one = images.shape[1:]
    if images.shape == wanted or math.prod(one) != math.prod(wanted) == images.size:
        images = images[np.newaxis]  # a single image
        one = images.shape[1:]
    images = images[:limit]
    if math.prod(one) == math.prod(wanted):
        return images.reshape(len(images), *wanted)
    raise ShapeError(
        f"{path}: got images of {_sizes(one)}, expected {_sizes(wanted)}, as the network takes"
        f"{advice}"
    )


def _of_any_size(images: HostArray, network: Network, path: str) -> HostArray:
    """Return images for a network that takes them of several sizes, with their channels."""
    wanted = network.input_shape
    if images.ndim == len(wanted) - 2:
        images = images[np.newaxis]  # a single image
    if images.ndim == len(wanted) - 1 and wanted[1] == 1:
        images = images[:, np.newaxis]
    pairs = list(zip(images.shape[1:], wanted[1:], strict=False))
    if images.ndim != len(wanted) or any(isinstance(w, int) and n != w for n, w in pairs):
        raise ShapeError(
            f"{path}: got images of shape {shape_text(images.shape)}, expected "
            f"{shape_text(wanted)}, as the network takes"
        )
    return images


def in_range(
    images: HostArray, network: Network, path: str, most: float, unit: float = BYTE
) -> HostArray:
    """Return images in the range that the network takes; say where that is in doubt.

    A network that begins with a scale takes them as they are. Otherwise integers up to 255
    are bytes, and divided by 255; floating-point numbers are used as they are. For a
    network that is known to have learnt from pixels up to another ``unit``, numbers of any
    kind up to that are divided by it. ``most`` is the largest of all that are in the file.
    """
    why = doubt(images, network.graph, most)
    if not starts_with_scale(network.graph) and most > 1:
        if unit != BYTE and most <= unit:
            return np.divide(images, np.float32(unit), dtype=np.float32)
        if images.dtype.kind in "iu" and images.min(initial=0) >= 0 and most <= BYTE:
            images = np.divide(images, np.float32(BYTE), dtype=np.float32)
            told = f"values up to {most:.4g} were divided by {BYTE} (scale=1/{most:.4g} would not)"
            why = told if most <= FAR else ""
    if why:
        warn(f"{path}: got {why}")
    return images


def doubt_ink(images: HostArray, path: str, inverted: bool) -> None:
    """Say where images have no ink, or, once inverted as asked for, a bright ground."""
    remedy = "try without --invert" if inverted else "is the ink dark? then --invert"
    if images.ndim < 3 or not images.size:
        return
    if images.min() == images.max():
        warn(f"{path}: got no ink, every pixel is {images.flat[0]} ({remedy})")
    elif images.dtype == np.uint8:
        ground = np.median(border(images))
        if (BYTE - ground if inverted else ground) > BYTE / 2:
            warn(f"{path}: got a bright border, expected bright ink on a dark ground ({remedy})")


def fitted(images: HostArray, network: Network, path: str) -> tuple[HostArray, int]:
    """Return pictures as the page prepares drawings, and the largest value of those."""
    preparation = preparation_for(math.prod(_known_size(network)), "--fit")
    side = preparation.side
    if images.ndim == 2:
        images = images.reshape(-1, side, side) if images.shape[1] == side**2 else images[None]
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim != 3 or not images.size:
        raise ShapeError(
            f"{path}: got shape {shape_text(images.shape)} with --fit, expected (height, width) "
            f"or (images, height, width)"
        )
    ready = [preparation.prepare(without_ground(image)) for image in images]
    return np.stack(ready), preparation.largest


def _size_of_one(network: Network) -> tuple[int, ...] | None:
    """Return the shape of one example, or None where it is not known before the network runs."""
    sizes = tuple(size for size in network.input_shape[1:] if isinstance(size, int))
    return sizes if len(sizes) == len(network.input_shape) - 1 else None


def _known_size(network: Network) -> tuple[int, ...]:
    size = _size_of_one(network)
    if size is None:
        raise ShapeError(
            f"input: got {shape_text(network.input_shape)}, expected numbers after the first axis "
            f"(a network for images has their size in its graph)"
        )
    return size


def _sizes(shape: tuple[Any, ...]) -> str:
    """Return a shape as people say it: ``28 × 28 values``."""
    return f"{' × '.join(str(size) for size in shape) or 1} values"
