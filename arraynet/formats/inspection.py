"""What is in a file, told without loading its tensors."""

from __future__ import annotations

import os
from dataclasses import dataclass

from arraynet.formats.contents import TensorInfo
from arraynet.formats.graph_json import KEY, parse_nodes
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.reading import open_tensors
from arraynet.formats.source import open_source
from arraynet.graph import Node


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file of weights as it describes itself.

    Parameters
    ----------
    file : str
    format : str
        "pickle", "npz" or "safetensors".
    file_bytes : int
    tensors : tuple of TensorInfo
        In the file's order.
    metadata : dict of str to str
        Without the graph.
    nodes : tuple of Node
        The nodes of the graph in the file; empty where it holds none.
    """

    file: str
    format: str
    file_bytes: int
    tensors: tuple[TensorInfo, ...]
    metadata: dict[str, str]
    nodes: tuple[Node, ...]


def inspect(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Inspection:
    """Describe a file of weights without loading its tensors.

    Headers, lengths and opcodes are checked as `read` does; values and checksums
    are not looked at.

    Parameters
    ----------
    path : path
    limits : Limits, optional
        Budgets other than the default ones.

    Raises
    ------
    LoadError
        For whatever is wrong with the file; nothing else is raised.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "weights.npz")
    >>> np.savez(path, W1=np.ones((2, 3), "float32"))
    >>> inspect(path).tensors
    (TensorInfo(name='W1', shape=(2, 3), dtype='float32', bytes=24),)
    >>> folder.cleanup()
    """
    limits = limits_or_default(limits)
    with open_source(path, limits) as source:
        kind, stored, metadata = open_tensors(source, limits)
        tensors = tuple(
            TensorInfo(tensor.name, tensor.final_shape, tensor.dtype.name, tensor.nbytes)
            for tensor in stored
        )
        nodes = parse_nodes(metadata, limits, source.path)
        rest = {name: text for name, text in metadata.items() if name != KEY}
        return Inspection(source.path, kind, source.size, tensors, rest, nodes)
