"""Images and labels from the files that a command line names."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import arraynet
from arraynet.errors import LoadError, ShapeError
from arraynet.ops import OPS

if TYPE_CHECKING:
    from arraynet.graph import Graph
    from arraynet.network import Network

HostArray = npt.NDArray[Any]

PNG_MAGIC = b"\x89PNG"
NPY_MAGIC = b"\x93NUMPY"

LARGEST_PNG_FILE = 64 * 2**20
"""The most bytes that a PNG may have."""

LARGEST_PNG = 2**24
"""The most pixels that a PNG may have."""


def read_array(path: str | os.PathLike[str]) -> HostArray:
    """Return what an IDX, .npy or PNG file holds; its first bytes say which it is.

    Raises
    ------
    LoadError
        The file cannot be read as what it claims to be.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise LoadError(path, error.strerror or str(error), "a file that can be read") from error
    if start.startswith(PNG_MAGIC):
        return _read_png(path)
    if start.startswith(NPY_MAGIC):
        return _read_npy(path)
    return arraynet.datasets.read_idx(path)


def _read_npy(path: str | os.PathLike[str]) -> HostArray:
    """Map a .npy file into memory: its size is checked, and nothing is unpickled."""
    try:
        array: HostArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # whatever a crafted header provokes
        raise LoadError(path, str(error), "a .npy file of numbers") from error
    return array


def _read_png(path: str | os.PathLike[str]) -> HostArray:
    """Return a PNG as one grey image of (1, height, width) bytes."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise LoadError(
            path,
            "a PNG, and no Pillow to read it",
            'Pillow (python -m pip install "arraynet[png]")',
        ) from error
    size = os.stat(path).st_size
    if size > LARGEST_PNG_FILE:
        raise LoadError(path, f"{size} bytes", f"a PNG of at most {LARGEST_PNG_FILE} bytes")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if math.prod(image.size) > LARGEST_PNG:
                raise LoadError(
                    path,
                    f"{image.width} × {image.height} pixels",
                    f"a PNG of at most {LARGEST_PNG} pixels",
                )
            return np.asarray(image.convert("L"))[np.newaxis]
    except LoadError:
        raise
    except Exception as error:  # Pillow raises half a dozen kinds for a broken file
        raise LoadError(path, str(error) or type(error).__name__, "a whole PNG image") from error


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
