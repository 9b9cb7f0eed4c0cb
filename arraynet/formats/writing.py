"""Writing tensors so that a crash or a full disk never costs the old file."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from arraynet.errors import ArraynetError, LoadError, printable, shortened
from arraynet.formats import npz, safetensors
from arraynet.formats.graph_json import parse_nodes
from arraynet.formats.limits import Limits, check_budget, limits_or_default
from arraynet.formats.source import path_text
from arraynet.formats.stored import METADATA, HostArray, check_name, checked_size

WRITERS = {".safetensors": safetensors.write_tensors, ".npz": npz.write_tensors}


def write(
    path: str | os.PathLike[str],
    tensors: Mapping[str, HostArray],
    metadata: Mapping[str, str] | None = None,
    *,
    limits: Limits | None = None,
) -> None:
    """Write tensors to a file, whole or not at all.

    The bytes go to a new file in the same folder, reach the disk, and take the
    place of the old file in one step.

    Parameters
    ----------
    path : path
        A ``.safetensors`` or ``.npz`` file.
    tensors : mapping of str to numpy.ndarray
        Written in this order, bit for bit, as arrays of NumPy's own class.
    metadata : mapping of str to str, optional
    limits : Limits, optional
        Those that the file is to be read with, other than the default ones: what they
        would refuse is not written. Only the number of bytes is free.

    Raises
    ------
    ArraynetError
        For another suffix, for tensors and metadata that could not be read again, and
        where the path is taken by a folder, a pipe or a device.
    DtypeError
        For a dtype that the format cannot hold.
    OSError
        When the folder cannot be written to, or the disk is full; a file that was
        there before is as it was.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from arraynet.formats import read
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "weights.safetensors")
    >>> write(path, {"W1": np.ones((2, 3), "float32")}, {"license": "MIT"})
    >>> read(path).metadata
    {'license': 'MIT'}
    >>> folder.cleanup()
    """
    suffix = check_suffix(path)
    name, limits = os.fsdecode(path), limits_or_default(limits)
    try:  # what may be written: only what the readers take again
        arrays = _arrays(tensors, limits, name)
        texts = _texts({} if metadata is None else metadata, name)
        parse_nodes(texts, limits, name)
    except LoadError as error:
        raise ArraynetError(str(error)) from None  # nothing was loaded
    with replacing(name) as file:
        WRITERS[suffix](file, arrays, texts, limits)


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file that can be written, or raise ArraynetError."""
    try:
        name = path_text(path)
    except LoadError:
        message = f"target: got {shortened(path)}, expected the path of a file"
        raise ArraynetError(message) from None
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in WRITERS:
        raise ArraynetError(
            f"{printable(name)}: got the suffix {shortened(suffix)}, expected one of "
            f"{', '.join(WRITERS)}"
        )
    return suffix


def _arrays(tensors: object, limits: Limits, file: str) -> dict[str, HostArray]:
    """Return tensors as plain arrays, each of whatever size: other limits may read that."""
    if not isinstance(tensors, Mapping) or not tensors:
        raise LoadError(file, f"{shortened(tensors)} as tensors", "arrays by name, at least one")
    check_budget(limits, "tensors", len(tensors), f"{len(tensors)} tensors", file)
    arrays = {}
    for name, value in tensors.items():
        if not isinstance(name, str):
            raise LoadError(file, f"the name {shortened(name)}", "a str")
        if name == METADATA:
            raise LoadError(file, f"the name {name!r}", "another name: the metadata have this one")
        check_name(name, limits, file)
        arrays[name] = _array(name, value, file)
    largest = max(array.nbytes for array in arrays.values())
    roomy = replace(limits, array_bytes=max(limits.array_bytes, largest))
    for name, array in arrays.items():
        checked_size(array.shape, array.dtype, roomy, file, name)
    return arrays


def _array(name: str, value: Any, file: str) -> HostArray:
    """Return an array of NumPy's own class: what a subclass does besides is not written."""
    if isinstance(value, np.ma.MaskedArray):
        expected = "one without a mask (its method filled makes one)"
        raise LoadError(file, "a masked array", expected, member=name)
    if not isinstance(value, np.ndarray | np.generic):
        expected = "an array (numpy.asarray makes one)"
        raise LoadError(file, type(value).__name__, expected, member=name)
    return np.asarray(value)


def _texts(metadata: object, file: str) -> dict[str, str]:
    if not isinstance(metadata, Mapping):
        raise LoadError(file, shortened(metadata), "text by name", member="metadata")
    for key, text in metadata.items():
        if not isinstance(key, str) or not isinstance(text, str):
            found = f"{shortened(key)}: {shortened(text)}"
            raise LoadError(file, found, "text by name", member="metadata")
    return dict(metadata)


def replace_file(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write chunks of bytes to a file, whole or not at all."""
    with replacing(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Give a new file to write to, which takes the old one's place when the ``with`` ends.

    Where that fails, the old one stays as it was.
    """
    target = os.path.realpath(path)  # a link stays one, and its target is replaced
    folder, name = os.path.split(target)
    start = name[:100]
    while len(os.fsencode(start)) > 100:  # file systems count bytes, and some take only whole text
        start = start[:-1]
    # Not by tempfile: to give its files the permissions of a new one, the process's umask would
    # have to be known, and to ask for it is to set it, for all threads.
    temporary = os.path.join(folder, f".{start}.{secrets.token_hex(6)}.tmp")
    try:
        mode = os.stat(target).st_mode if os.path.exists(target) else None
        if mode is not None and not stat.S_ISREG(mode):
            found = "a folder, a pipe or a device there"
            raise ArraynetError(f"{printable(path)}: got {found}, expected a file or none")
        with _new_file(temporary, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(temporary, target)
        _sync_folder(folder)
    except OSError as error:
        # The person knows the target, not the temporary file beside it.
        raise type(error)(error.errno, error.strerror, path) from error


@contextlib.contextmanager
def _new_file(path: str, mode: int | None) -> Iterator[BinaryIO]:
    """Open a new file with permissions, or those of any new file; it goes if the ``with`` fails."""
    narrow = 0o666 if mode is None else mode & 0o666
    with open(path, "xb", opener=lambda path, flags: os.open(path, flags, narrow)) as file:
        try:
            if mode is not None:
                os.chmod(path, mode & 0o777)
            yield file
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise


def _sync_folder(folder: str) -> None:
    """Make the new name in a folder reach the disk, where the system can and may do that.

    The file itself is written and in its place: to fail here would be no failed save.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
