"""Images from a file, as a network takes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.cli.commands import warn
from arraynet.datasets.preprocess import border, preparation_for, without_ground
from arraynet.errors import ShapeError, shape_text
from arraynet.scaling import BYTE, FAR, doubt, largest, starts_with_scale

if TYPE_CHECKING:
    from arraynet.network import Network

HostArray = npt.NDArray[Any]


def network_input(
    images: HostArray, network: Network, path: str, limit: int | None = None, unit: float = BYTE
) -> HostArray:
    """Return images, or only so many of them, in the shape and range that the network takes.

    Images are flattened where the network takes rows of features. For ranges see `in_range`.

    Raises
    ------
    ShapeError
        An image has another size than the network's input.
    """
    most = largest(images)
    return in_range(in_shape(images, network, path, limit), network, path, most, unit)


def in_shape(
    images: HostArray, network: Network, path: str, limit: int | None = None, advice: str = ""
) -> HostArray:
    """Return images, or only so many of them, in the shape that the network takes."""
    wanted = _size_of_one(network)
    one = images.shape[1:]
    if images.shape == wanted or math.prod(one) != math.prod(wanted) == images.size:
        images = images[np.newaxis]  # a single image
        one = images.shape[1:]
    images = images[:limit]
    if one != wanted and math.prod(one) == math.prod(wanted):
        images = images.reshape(len(images), *wanted)
        one = wanted
    if one != wanted:
        raise ShapeError(
            f"{path}: got images of {_sizes(one)}, expected {_sizes(wanted)}, as the network takes"
            f"{advice}"
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
    graph, why = network.graph, ""
    whole = images.dtype.kind in "iu" and images.min(initial=0) >= 0
    if starts_with_scale(graph) or most <= 1:
        why = doubt(images, graph, most)
    elif unit != BYTE and most <= unit:
        return np.divide(images, np.float32(unit), dtype=np.float32)
    elif whole and most <= BYTE:
        images = np.divide(images, np.float32(BYTE), dtype=np.float32)
        if most <= FAR:
            why = f"values up to {most:.4g} were divided by {BYTE} (scale=1/{most:.4g} would not)"
    else:
        why = doubt(images, graph, most)
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
    preparation = preparation_for(math.prod(_size_of_one(network)), "--fit")
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


def _size_of_one(network: Network) -> tuple[int, ...]:
    """Return the shape of one example, which must be known before the network runs."""
    sizes = tuple(size for size in network.input_shape[1:] if isinstance(size, int))
    if len(sizes) != len(network.input_shape) - 1:
        raise ShapeError(
            f"input: got {shape_text(network.input_shape)}, expected numbers after the first axis "
            f"(a network for images has their size in its graph)"
        )
    return sizes


def _sizes(shape: tuple[Any, ...]) -> str:
    """Return a shape as people say it: ``28 × 28 values``."""
    return f"{' × '.join(str(size) for size in shape) or 1} values"
