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
    wanted = tuple(network.input_shape)[1:]
    one = images.shape[1:]
    if images.shape == wanted or math.prod(one) != math.prod(wanted) == images.size:
        images = images[np.newaxis]  # a single image
        one = images.shape[1:]
    if one != wanted and math.prod(one) == math.prod(wanted):
        images = images.reshape(len(images), *wanted)
        one = wanted
    if one != wanted:
        raise ShapeError(
            f"{path}: got images of {_sizes(one)}, expected {_sizes(wanted)}, as the network takes"
        )
    if images.dtype == np.uint8 and not starts_with_scale(network.graph):
        return images.astype(np.float32) / np.float32(255)
    return images


def starts_with_scale(graph: Graph) -> bool:
    """Return whether all that reads the graph's input rescales it."""
    name = graph.inputs[0].name
    readers = [node for node in graph.nodes if name in node.inputs]
    return bool(readers) and all(OPS[node.op].merges == "diagonal" for node in readers)


def _sizes(shape: tuple[Any, ...]) -> str:
    """Return a shape as people say it: ``28 × 28 values``."""
    return f"{' × '.join(str(size) for size in shape) or 1} values"
