"""Reading a file of tensors, of whichever format it is, or looking at what is in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from arraynet.errors import shortened
from arraynet.formats import npz, pickle, safetensors
from arraynet.formats.graph_json import KEY, parse_nodes
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.recognition import HEAD, recognize
from arraynet.formats.source import Source, open_source
from arraynet.formats.stored import HostArray, Stored, check_finite
from arraynet.graph import Node
from arraynet.weights import seal

Opened: TypeAlias = tuple[list[Stored], dict[str, str]]

SUFFIXES = {".pkl": "pickle", ".pickle": "pickle", ".npz": "npz", ".safetensors": "safetensors"}

READERS: dict[str, tuple[str, Callable[[Source], Opened]]] = {
    "pickle": ("a pickle", lambda source: (pickle.stored_tensors(source), {})),
    "npz": ("a NumPy archive (npz)", npz.stored_tensors),
    "safetensors": ("a safetensors file", safetensors.stored_tensors),
}

ZIPS = {"npz": ("npz", "zip")}  # which members a zip archive has, its directory tells


@dataclass(frozen=True, slots=True)
class Contents:
    """The tensors and the metadata of one file.

    Parameters
    ----------
    tensors : dict of str to numpy.ndarray
        In the file's order, in this machine's byte order, each with memory of its
        own (two names of one pickled array share it).
    metadata : dict of str to str
        Empty where the format has none.
    format : str
        "pickle", "npz" or "safetensors".
    """

    tensors: dict[str, HostArray]
    metadata: dict[str, str] = field(default_factory=dict)
    format: str = ""

    def sealed(self) -> Contents:
        """Return these contents, which nobody writes to any more: a graph needs no copy."""
        for tensor in self.tensors.values():
            seal(tensor)
        return self


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor, as its file describes it.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : str
        NumPy's name of it, without byte order ("float32").
    bytes : int
        Its size in memory.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


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


def read(
    path: str | os.PathLike[str], *, limits: Limits | None = None, allow_nonfinite: bool = False
) -> Contents:
    """Read all tensors of a file of weights.

    Nothing that the file says is run, imported or trusted: see `Limits`.

    Parameters
    ----------
    path : path
        A ``.pkl`` or ``.pickle`` (a dict of NumPy arrays, or a list, whose arrays are
        called arr_0, arr_1, …), ``.npz`` or ``.safetensors`` file. Its first bytes must be
        of the format of its name.
    limits : Limits, optional
        Budgets other than the default ones.
    allow_nonfinite : bool
        Accept NaN and infinity among the values.

    Returns
    -------
    Contents

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
    >>> read(path).tensors["W1"].shape
    (2, 3)
    >>> folder.cleanup()
    """
    with open_source(path, limits_or_default(limits)) as source:
        kind, stored, metadata = _opened(source)
        _check_shared(stored, source)
        tensors: dict[str, HostArray] = {}
        loaded: dict[int, HostArray] = {}  # names that share an array have the same ``fill``
        for tensor in stored:
            key = id(tensor.fill)
            if key not in loaded:
                loaded[key] = tensor.load()
                if not allow_nonfinite:
                    check_finite(loaded[key], source.path, tensor.name)
            tensors[tensor.name] = loaded[key]
    return Contents(tensors, metadata, kind)


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
    with open_source(path, limits_or_default(limits)) as source:
        kind, stored, metadata = _opened(source)
        tensors = tuple(
            TensorInfo(tensor.name, tensor.final_shape, tensor.dtype.name, tensor.nbytes)
            for tensor in stored
        )
        nodes = parse_nodes(metadata, source.limits, source.path)
        rest = {name: text for name, text in metadata.items() if name != KEY}
        return Inspection(source.path, kind, source.size, tensors, rest, nodes)


def _opened(source: Source) -> tuple[str, list[Stored], dict[str, str]]:
    """Return the format, the tensors (checked, not loaded) and the metadata of a file."""
    kind = _kind(source)
    stored, metadata = READERS[kind][1](source)
    if not stored:
        raise source.error("no tensors", "at least one")
    total = sum({id(tensor.fill): tensor.nbytes for tensor in stored}.values())
    source.check("array_bytes", total, f"tensors of {total} bytes together")
    return kind, stored, metadata


def _check_shared(stored: list[Stored], source: Source) -> None:
    """Refuse names that share arrays, and would be far more than the file once they did not."""
    if len({id(tensor.fill) for tensor in stored}) == len(stored):
        return
    total, limits = sum(tensor.nbytes for tensor in stored), source.limits
    most = min(max(limits.expansion_floor, limits.expansion * source.size), limits.array_bytes)
    if total > most:
        found = f"names that share arrays, and stand for {total} bytes"
        raise source.error(found, f"at most {most} (Limits.expansion)")


def _kind(source: Source) -> str:
    """Return the format that the name says, unless the first bytes are known to be another."""
    suffix = os.path.splitext(source.path)[1]
    expected = SUFFIXES.get(suffix.lower())
    found = recognize(source.peek(HEAD), source.path)
    advice = ""
    if found is not None:
        usable = [suffix for suffix, kind in SUFFIXES.items() if kind == found.kind]
        help_on = f"call it {usable[0]}" if usable else found.advice
        advice = f" ({help_on})" if help_on else ""
    if expected is None:
        named = f"the suffix {shortened(suffix)}" if suffix else "no suffix"
        what = f"{named} of {found.what}" if found else named
        raise source.error(what, f"one of {', '.join(SUFFIXES)}{advice}")
    if found is not None and found.kind not in ZIPS.get(expected, (expected,)):
        raise source.error(found.what, f"{READERS[expected][0]}, as the name says{advice}")
    return expected
