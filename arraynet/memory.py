"""Memory that is full: what libraries raise then, and the one error that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
    if isinstance(error, ArraynetError) or not isinstance(error, ValueError | RuntimeError):
        return False
    return any(said in str(error) for said in _SAID)
