"""Memory that is full, and the one error that says so; files larger than memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from arraynet.errors import ArraynetError, OutOfMemoryError, clipped

_SAID = (
    "array is too big",
    "iterator is too large",
    "Maximum allowed dimension exceeded",
    "can't allocate memory",
    "Storage size calculation overflowed",
    "RESOURCE_EXHAUSTED",
)
"""How NumPy, PyTorch and JAX say with a ValueError or a RuntimeError that memory is full."""


@contextmanager
def recognizing_full_memory() -> Iterator[None]:
    """Turn what a library says about full memory with another error into a MemoryError."""
    try:
        yield
    except Exception as error:
        if not _says_so(error):
            raise
        raise MemoryError(str(error)) from error


@contextmanager
def telling_full_memory(
    where: str, kinds: tuple[type[BaseException], ...] = (MemoryError,)
) -> Iterator[None]:
    """Turn full memory into the one error that says so, on one line.

    Parameters
    ----------
    where : str
        What was being done, and on which backend.
    kinds : tuple of exception types
        What the library raises: see `arraynet.Backend.out_of_memory`.

    Raises
    ------
    OutOfMemoryError

    Examples
    --------
    >>> with telling_full_memory("predict"):
    ...     raise MemoryError
    Traceback (most recent call last):
    arraynet.errors.OutOfMemoryError: predict: got MemoryError, expected enough free memory \
(use fewer rows, a smaller network, or close other programs)
    """
    try:
        yield
    except OutOfMemoryError:
        raise
    except Exception as error:
        if not (isinstance(error, kinds) or _says_so(error)):
            raise
        raise out_of_memory(where, error) from error


def out_of_memory(
    where: str,
    error: BaseException,
    expected: str = "enough free memory",
    advice: str = "use fewer rows, a smaller network, or close other programs",
) -> OutOfMemoryError:
    """Return the error that says what did not fit."""
    said = clipped(str(error).partition("\n")[0], 160)
    found = f"{type(error).__name__} ({said})" if said else type(error).__name__
    return OutOfMemoryError(f"{where}: got {found}, expected {expected} ({advice})")


def _says_so(error: BaseException) -> bool:
    """Return whether a library's error is about full memory."""
    theirs = isinstance(error, ValueError | RuntimeError) and not isinstance(error, ArraynetError)
    return theirs and any(said in str(error) for said in _SAID)


def forget_pages(block: Any) -> None:
    """Let go of the memory behind a part of a memory map that has been read.

    The system keeps the pages of a file in memory until it needs them, and counts them as this
    process's. The data stay in the file: reading them again works. The private pages of a
    copy-on-write map hold changes, and are kept.
    """
    if not isinstance(block, np.memmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    pages = getattr(block, "_mmap", None)
    if pages is None or block.mode == "c" or not block.nbytes:
        return
    base = np.frombuffer(pages, np.uint8).ctypes.data
    # Of a part that is not contiguous, what lies between its elements is let go too.
    first, end = (address - base for address in byte_bounds(block))
    aligned = first // mmap.PAGESIZE * mmap.PAGESIZE
    with suppress(OSError):  # it is a hint: pages that are locked, say, stay
        pages.madvise(mmap.MADV_DONTNEED, aligned, end - aligned)
