"""A file that is read under a cap and never trusted to be as long as it says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from arraynet.errors import LoadError, shortened
from arraynet.formats.limits import Limits

LONGEST_PATH = 8192  # systems take fewer, and say so themselves
BLOCK = 1 << 20  # what a decompressor may copy at once
CONTENT = "a path (the contents of a file are none: give the file's name)"


class Source:
    """An open regular file of known size.

    Parameters
    ----------
    path : str
        Named in errors.
    file : binary file
        Positioned at its start.
    size : int
        Bytes.
    """

    def __init__(self, path: str, file: BinaryIO, size: int) -> None:
        self.path = path
        self.file = file
        self.size = size

    def error(self, found: str, expected: str, member: str | None = None) -> LoadError:
        """Return the error that names this file."""
        return LoadError(self.path, found, expected, member=member)

    def peek(self, count: int) -> bytes:
        """Return up to ``count`` bytes from the start."""
        self.file.seek(0)
        data = self.file.read(count)
        self.file.seek(0)
        return data

    def read_at(self, offset: int, count: int, member: str | None = None) -> bytes:
        """Return exactly ``count`` bytes from ``offset``, or raise LoadError."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise self._truncated(offset + count, member)
        self.file.seek(offset)
        data = self.file.read(count)
        if len(data) != count:
            raise self._truncated(offset + count, member)
        return data

    def read_into(self, offset: int, buffer: memoryview, member: str | None = None) -> None:
        """Fill ``buffer`` from ``offset``, or raise LoadError."""
        if offset + buffer.nbytes > self.size:
            raise self._truncated(offset + buffer.nbytes, member)
        self.file.seek(offset)
        if not fill(self.file, buffer):
            raise self._truncated(offset + buffer.nbytes, member)

    def _truncated(self, wanted: int, member: str | None = None) -> LoadError:
        return self.error(
            f"a file of {self.size} bytes", f"at least {wanted} (is it truncated?)", member
        )


def fill(file: IO[bytes], buffer: memoryview) -> bool:
    """Fill a buffer from a file, and return whether there was enough in it."""
    done = 0
    while done < buffer.nbytes:
        part = buffer[done : done + BLOCK]
        count = file.readinto(part)  # type: ignore[attr-defined]
        if not count:
            return False
        done += count
    return True


@contextmanager
def open_source(path: str | os.PathLike[str], limits: Limits) -> Iterator[Source]:
    """Open a regular file for the length of a ``with``.

    Whatever goes wrong inside with the file or with memory leaves as `LoadError`.
    """
    name = path_text(path)
    try:
        with _opened(name) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise LoadError(name, "a pipe, a device or a socket", "a regular file")
            if status.st_size > limits.file_bytes:
                raise LoadError(
                    name,
                    f"{status.st_size} bytes",
                    f"at most {limits.file_bytes} (Limits.file_bytes)",
                )
            if status.st_size == 0:
                raise LoadError(name, "an empty file", "a file with data")
            yield Source(name, file, status.st_size)
    except FileNotFoundError as error:
        raise LoadError(name, "no such file", "an existing file (check the path)") from error
    except IsADirectoryError as error:
        raise LoadError(name, "a folder", "a file") from error
    except OSError as error:
        raise LoadError(name, _reason(error), "a readable file") from error
    except MemoryError as error:
        raise LoadError(
            name, "not enough memory", "a file whose tensors fit into memory (see Limits)"
        ) from error


def _opened(name: str) -> BinaryIO:
    # Without O_NONBLOCK, opening a named pipe waits for a writer forever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(name, flags), "rb")


def path_text(path: object) -> str:
    """Return a path as text, once it is known to be one that the system can look for."""
    try:
        name = os.fsdecode(path)  # type: ignore[arg-type]
    except TypeError:
        raise LoadError(shortened(path), type(path).__name__, "a path") from None
    if len(name) > LONGEST_PATH:
        raise LoadError(shortened(path), f"{len(name)} characters", CONTENT)
    try:
        usable = b"\0" not in os.fsencode(name)
    except UnicodeError:
        usable = False
    if not usable:
        raise LoadError(shortened(path), "a null character or a surrogate", CONTENT)
    return name


def _reason(error: OSError) -> str:
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]
