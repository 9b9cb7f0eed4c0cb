"""Reading a file of tensors, of whichever format it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TypeAlias

from arraynet.errors import shortened
from arraynet.formats import npz, pickle, safetensors
from arraynet.formats.contents import Contents
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.recognition import HEAD, recognize
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

NAMES = {"pickle": "a pickle", "npz": "a NumPy archive (npz)", "safetensors": "a safetensors file"}

ZIPS = {"npz": ("npz", "zip")}  # which members a zip archive has, its directory tells


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
    kind = _kind(source)
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
        raise source.error(found.what, f"{NAMES[expected]}, as the name says{advice}")
    return expected
