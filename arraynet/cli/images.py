"""Images from a file, as a network takes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.errors import ShapeError
from arraynet.ops import OPS

if TYPE_CHECKING:
    from arraynet.graph import Graph
    from arraynet.network import Network

HostArray = npt.NDArray[Any]


def network_input(images: HostArray, network: Network, path: str) -> HostArray:
    """Return images in the shape and range that the network takes.

    Images are flattened where the network takes rows of features. Bytes are
    divided by 255, unless the network starts with a scale of its own; numbers of
    any other dtype are used as they are.

    Raises
    ------
    ShapeError
        An image has another size than the network's input.
    """
    return in_range(in_shape(images, network, path), network)


def in_shape(images: HostArray, network: Network, path: str, limit: int | None = None) -> HostArray:
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
        )
    return images


def in_range(images: HostArray, network: Network) -> HostArray:
    """Return images of bytes as numbers from 0 to 1, where the network takes those."""
    if images.dtype == np.uint8 and not starts_with_scale(network.graph):
        return np.divide(images, np.float32(255), dtype=np.float32)
    return images


def _size_of_one(network: Network) -> tuple[int, ...]:
    """Return the shape of one example, which must be known before the network runs."""
    sizes = tuple(size for size in network.input_shape[1:] if isinstance(size, int))
    if len(sizes) != len(network.input_shape) - 1:
        raise ShapeError(
            f"input: got {axes(network.input_shape)}, expected numbers after the first axis "
            f"(a network for images has their size in its graph)"
        )
    return sizes


def starts_with_scale(graph: Graph) -> bool:
    """Return whether all that reads the graph's input rescales it."""
    name = graph.inputs[0].name
    readers = [node for node in graph.nodes if name in node.inputs]
    return bool(readers) and all(OPS[node.op].merges == "diagonal" for node in readers)


def axes(shape: tuple[int | str, ...]) -> str:
    """Return a shape as graphs have it: ``(batch, 784)``."""
    return f"({', '.join(str(size) for size in shape)})"


def _sizes(shape: tuple[Any, ...]) -> str:
    """Return a shape as people say it: ``28 × 28 values``."""
    return f"{' × '.join(str(size) for size in shape) or 1} values"
