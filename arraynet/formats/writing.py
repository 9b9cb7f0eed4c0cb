"""Writing tensors so that a crash or a full disk never costs the old file."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from arraynet.errors import ArraynetError, printable, shortened
from arraynet.formats import npz, safetensors
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.stored import HostArray
from arraynet.formats.writable import checked

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
    arrays, texts = checked(tensors, {} if metadata is None else metadata, limits, name)
    with replacing(name) as file:
        WRITERS[suffix](file, arrays, texts, limits)


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file that can be written, or raise ArraynetError."""
    try:
        name = os.fsdecode(path)
        usable = b"\0" not in os.fsencode(name)
    except (TypeError, UnicodeError):
        usable = False
    if not usable:
        raise ArraynetError(f"target: got {shortened(path)}, expected the path of a file")
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in WRITERS:
        raise ArraynetError(
            f"{printable(name)}: got the suffix {shortened(suffix)}, expected one of "
            f"{', '.join(WRITERS)}"
        )
    return suffix


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
    if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
        raise ArraynetError(
            f"{printable(path)}: got a folder, a pipe or a device there, expected a file or none"
        )
    folder = os.path.dirname(target)
    start = os.path.basename(target)[:100]
    while len(os.fsencode(start)) > 100:  # file systems count bytes, and some take only whole text
        start = start[:-1]
    try:
        with _new_file(folder, start, _mode(target)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(file.name, target)
        _sync_folder(folder)
    except OSError as error:
        # The person knows the target, not the temporary file beside it.
        raise type(error)(error.errno, error.strerror, path) from error


def _mode(target: str) -> int | None:
    """Return the permissions of a file, or None where there is none."""
    try:
        return os.stat(target).st_mode & 0o777
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _new_file(folder: str, start: str, mode: int | None) -> Iterator[BinaryIO]:
    """Open a new file with permissions, or those of any new file; it goes if the ``with`` fails."""
    # Not by tempfile: to give its files the permissions of a new one, the process's umask would
    # have to be known, and to ask for it is to set it, for all threads.
    temporary = os.path.join(folder, f".{start}.{secrets.token_hex(6)}.tmp")
    narrow = 0o666 if mode is None else mode & 0o666
    with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, narrow)) as file:
        try:
            if mode is not None:
                os.chmod(temporary, mode)
            yield file
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
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
