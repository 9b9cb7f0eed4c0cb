"""Reading a file of tensors, of whichever format it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TypeAlias

from arraynet.formats import npz, pickle, safetensors
from arraynet.formats.contents import Contents
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.source import Source, open_source
from arraynet.formats.stored import HostArray, Stored, check_finite

Opened: TypeAlias = tuple[str, list[Stored], dict[str, str]]

SUFFIXES = {
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".npz": "npz",
    ".safetensors": "safetensors",
}

READERS: dict[str, Callable[[Source, Limits], tuple[list[Stored], dict[str, str]]]] = {
    "pickle": lambda source, limits: (pickle.stored_tensors(source, limits), {}),
    "npz": npz.stored_tensors,
    "safetensors": safetensors.stored_tensors,
}

MAGIC = {
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x1f\x8b": "gzip",
    b"\x93NUMPY": "npy",
    b"\x89HDF": "hdf5",
    b"\x89PNG": "png",
}

ADVICE = {
    "npz": "a zip archive; PyTorch's .pt files are such too: save the weights with numpy.savez",
    "gzip": "unpack it first",
    "npy": "one array without a name; save arrays with numpy.savez",
    "hdf5": "save the weights with numpy.savez from the framework that wrote them",
}


def read(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Contents:
    """Read all tensors of a file of weights.

    Nothing that the file says is run, imported or trusted: see `Limits`.

    Parameters
    ----------
    path : path
        A ``.pkl`` or ``.pickle`` (a dict of NumPy arrays), ``.npz`` or
        ``.safetensors`` file. Its first bytes must be of the format of its name.
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
    limits = limits_or_default(limits)
    with open_source(path, limits) as source:
        kind, stored, metadata = open_tensors(source, limits)
        _check_shared(stored, source, limits)
        tensors = _load(stored)
        if not allow_nonfinite:
            seen: set[int] = set()  # names that share an array need one look at it
            for name, tensor in tensors.items():
                if id(tensor) not in seen:
                    check_finite(tensor, source.path, name)
                    seen.add(id(tensor))
    return Contents(tensors, metadata, kind)


def open_tensors(source: Source, limits: Limits) -> Opened:
    """Return the format, the tensors (checked, not loaded) and the metadata of a file."""
    kind = _expected_format(source)
    start = source.peek(16)
    found = _found_format(start, kind)
    if found != kind:
        what = repr(start) if found == "unknown" else f"a file of format {found}"
        advice = f" ({ADVICE[found]})" if found in ADVICE else ""
        raise source.error(what, f"{kind}, as the name says{advice}")
    stored, metadata = READERS[kind](source, limits)
    if not stored:
        raise source.error("no tensors", "at least one")
    return kind, stored, metadata


def _check_shared(stored: list[Stored], source: Source, limits: Limits) -> None:
    """Refuse names that share arrays, and would be far more than the file once they did not."""
    if len({id(tensor.fill) for tensor in stored}) == len(stored):
        return
    total = sum(tensor.nbytes for tensor in stored)
    most = min(max(limits.expansion_floor, limits.expansion * source.size), limits.array_bytes)
    if total > most:
        raise source.error(
            f"names that share arrays, and stand for {total} bytes",
            f"at most {most} (Limits.expansion)",
        )


def _load(stored: Iterable[Stored]) -> dict[str, HostArray]:
    """Load each tensor; two names of one pickled array have the same ``fill``."""
    loaded: dict[int, HostArray] = {}
    result = {}
    for tensor in stored:
        key = id(tensor.fill)
        if key not in loaded:
            loaded[key] = tensor.load()
        result[tensor.name] = loaded[key]
    return result


def _expected_format(source: Source) -> str:
    suffix = os.path.splitext(source.path)[1]
    if suffix.lower() not in SUFFIXES:
        raise source.error(
            f"the suffix {suffix!a}" if suffix else "no suffix",
            f"one of {', '.join(SUFFIXES)}",
        )
    return SUFFIXES[suffix.lower()]


def _found_format(start: bytes, expected: str) -> str:
    """Return the format of the first bytes; any unknown ones may begin a pickle."""
    if expected == "pickle" and start[:1] == b"\x80" and start[1:2] <= b"\x05":
        return "pickle"
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    if start[4:9] == b"\0\0\0\0{":
        return "safetensors"
    return "pickle" if expected == "pickle" or start[:1] == b"\x80" else "unknown"
