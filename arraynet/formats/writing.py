"""Writing tensors so that a crash or a full disk never costs the old file."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping

from arraynet.errors import ArraynetError, printable
from arraynet.formats import npz, safetensors
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.stored import HostArray
from arraynet.formats.writable import checked

WRITERS = {".safetensors": safetensors.chunks, ".npz": npz.chunks}


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
    replace_file(name, WRITERS[suffix](arrays, texts, limits))


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file that can be written, or raise ArraynetError."""
    try:
        name = os.fsdecode(path)
        usable = b"\0" not in os.fsencode(name)
    except (TypeError, UnicodeError):
        usable = False
    if not usable:
        raise ArraynetError(f"target: got {path!a:.200}, expected the path of a file")
    suffix = os.path.splitext(name)[1].lower()
    if suffix not in WRITERS:
        raise ArraynetError(
            f"{printable(name)}: got the suffix {suffix!a}, expected one of {', '.join(WRITERS)}"
        )
    return suffix


def replace_file(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write chunks of bytes to a file, whole or not at all."""
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
        descriptor, temporary = tempfile.mkstemp(prefix=f".{start}.", suffix=".tmp", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                _set_mode(temporary, target)
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    except OSError as error:
        # The person knows the target, not the temporary file beside it.
        raise type(error)(error.errno, error.strerror, path) from error


def _set_mode(temporary: str, target: str) -> None:
    """Give the new file the old one's permissions, or those of any new file."""
    try:
        mode = os.stat(target).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(temporary, mode)


def _sync_folder(folder: str) -> None:
    """Make the new name in a folder reach the disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the file itself is written
    finally:
        os.close(descriptor)
