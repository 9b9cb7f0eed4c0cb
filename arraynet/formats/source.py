"""A file that is read under a cap and never trusted to be as long as it says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from arraynet.errors import LoadError, shortened
from arraynet.formats.limits import Limits, check_budget

LONGEST_PATH = 8192  # systems take fewer, and say so themselves
BLOCK = 1 << 20  # what a decompressor may copy at once
CONTENT = "a path (the contents of a file are none: give the file's name)"


class Source:
    """An open regular file of known size, positioned at its start; errors name its path."""

    def __init__(self, path: str, file: BinaryIO, size: int, limits: Limits) -> None:
        self.path = path
        self.file = file
        self.size = size
        self.limits = limits

    def error(self, found: str, expected: str, member: str | None = None) -> LoadError:
        """Return the error that names this file."""
        return LoadError(self.path, found, expected, member=member)

    def check(self, budget: str, found: int, what: str, member: str | None = None) -> None:
        """Refuse more than the limits allow; ``what`` says how much was found."""
        check_budget(self.limits, budget, found, what, self.path, member)

    def peek(self, count: int) -> bytes:
        """Return up to ``count`` bytes from the start."""
        self.file.seek(0)
        data = self.file.read(count)
        self.file.seek(0)
        return data

    def read_at(self, offset: int, count: int, member: str | None = None) -> bytes:
        """Return exactly ``count`` bytes from ``offset``, or raise LoadError."""
        self._seek(offset, count, member)
        data = self.file.read(count)
        if len(data) != count:
            raise self._truncated(offset + count, member)
        return data

    def read_into(self, offset: int, buffer: memoryview, member: str | None = None) -> None:
        """Fill ``buffer`` from ``offset``, or raise LoadError."""
        self._seek(offset, buffer.nbytes, member)
        if not fill(self.file, buffer):
            raise self._truncated(offset + buffer.nbytes, member)

    def _seek(self, offset: int, count: int, member: str | None) -> None:
        if not 0 <= offset <= offset + count <= self.size:
            raise self._truncated(offset + count, member)
        self.file.seek(offset)

    def _truncated(self, wanted: int, member: str | None) -> LoadError:
        expected = f"at least {wanted} (is it truncated?)"
        return self.error(f"a file of {self.size} bytes", expected, member)


def fill(file: IO[bytes], buffer: memoryview) -> bool:
    """Fill a buffer from a file, and return whether there was enough in it."""
    done = 0
    while done < buffer.nbytes:
        count = file.readinto(buffer[done : done + BLOCK])  # type: ignore[attr-defined]
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
    # Without O_NONBLOCK, opening a named pipe waits for a writer forever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(name, flags), "rb") as file:
            status = os.fstat(file.fileno())
            source = Source(name, file, status.st_size, limits)
            if not stat.S_ISREG(status.st_mode):
                raise source.error("a pipe, a device or a socket", "a regular file")
            source.check("file_bytes", source.size, f"{source.size} bytes")
            if source.size == 0:
                raise source.error("an empty file", "a file with data")
            yield source
    except FileNotFoundError as error:
        raise LoadError(name, "no such file", "an existing file (check the path)") from error
    except IsADirectoryError as error:
        raise LoadError(name, "a folder", "a file") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LoadError(name, reason[:1].lower() + reason[1:], "a readable file") from error
    except MemoryError as error:
        expected = "a file whose tensors fit into memory (see Limits)"
        raise LoadError(name, "not enough memory", expected) from error


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
