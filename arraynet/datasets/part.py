"""The partial file of a download, which one download at a time may write to."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NO_FILE = {errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.EOPNOTSUPP}
"""How systems refuse to open a link, a socket, a pipe or a folder."""


@dataclass
class Part:
    """A file that is being downloaded, under another name than its own.

    Parameters
    ----------
    path : pathlib.Path
        Its name.
    file : binary file
        The file itself, open for reading and writing.
    """

    path: Path
    file: BinaryIO
    published: bool = False

    def check(self) -> None:
        """Refuse to go on where the name leads to another file, or to none.

        The open file may have been given its final name then, by a download on another
        machine, and must stay as it is.
        """
        if not _is_at(self.file.fileno(), self.path):
            raise OSError(errno.ESTALE, f"{self.path.name}, the partial file, no longer there")

    def clear(self) -> None:
        """Empty the file."""
        self.check()
        self.file.truncate(0)

    def publish(self, path: Path) -> None:
        """Give the file its final name."""
        self.check()
        self._let_go()
        os.replace(self.path, path)
        self.published = True

    def remove(self) -> None:
        """Remove the file."""
        if _is_at(self.file.fileno(), self.path):
            self._let_go()
            self.path.unlink()

    def _let_go(self) -> None:
        """Close the file where the system renames and removes no open one.

        Elsewhere it stays locked until it has its new name.
        """
        if os.name == "nt":
            self.file.close()


@contextmanager
def open_part(path: Path) -> Iterator[Part]:
    """Open the partial file of the file ``path``, for the length of a ``with``.

    It continues what an earlier download left. While another download does that, and
    where the system has no locks, it is a new file, of which nothing is left behind.
    """
    shared = path.with_name(f".{path.name}.part")
    file = _shared(shared)
    if file is not None:
        part = Part(shared, file)
    else:
        own = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        part = Part(own, os.fdopen(_open(own, os.O_EXCL), "r+b"))
    with part.file:
        try:
            yield part
        finally:
            if not part.published and (file is None or not part.file.seek(0, os.SEEK_END)):
                part.remove()


def _shared(path: Path) -> BinaryIO | None:
    """Open and lock a partial file, there or new; None where this download cannot have it.

    Whoever may write into the folder could have put a link to another file there, or
    a pipe that nobody writes to: those are removed.
    """
    if path.is_symlink():  # not every system has O_NOFOLLOW
        path.unlink()
    try:
        descriptor = _open(path)
    except PermissionError:  # somebody else's
        return None
    except OSError as problem:
        if problem.errno not in NO_FILE:
            raise
        path.unlink()
        return None
    status = os.fstat(descriptor)
    plain = stat.S_ISREG(status.st_mode) and status.st_nlink < 2
    if not plain:
        path.unlink()
    # It may have been renamed or removed before it was locked.
    elif _is_locked(descriptor) and _is_at(descriptor, path):
        return os.fdopen(descriptor, "r+b")
    os.close(descriptor)
    return None


def _open(path: Path, more: int = 0) -> int:
    optional = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
    flags = os.O_RDWR | os.O_CREAT | more | sum(getattr(os, name, 0) for name in optional)
    return os.open(path, flags, 0o666)


def _is_locked(descriptor: int) -> bool:
    """Lock an open file until it is closed; return whether that was possible, at once."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):  # no locks here, or another download has it
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether a name is that of an open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
