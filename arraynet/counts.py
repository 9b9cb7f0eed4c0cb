"""Whole numbers that a caller gives, checked, and how many cores there are to use."""

from __future__ import annotations

import operator
import os
from typing import Any

from arraynet.errors import ShapeError, shortened


def whole_number(
    name: str, value: Any, *, least: int = 1, most: int | None = None, context: str = ""
) -> int:
    """Return a count, once it is known to be one.

    Parameters
    ----------
    name : str
        What the caller calls it.
    value : object
        Python's integer, or any that converts to it without loss.
    least, most : int
        The range, both ends included; None: no upper end.
    context : str
        What the message adds.

    Raises
    ------
    ShapeError
        If it is not a whole number in that range.

    Examples
    --------
    >>> whole_number("batch_size", 100)
    100
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        wanted = f"a whole number of at least {least}" if most is None else f"{least} to {most}"
        raise ShapeError(f"{name}: got {shortened(value)}, expected {wanted}{context}")
    return number


def usable_cores() -> set[int]:
    """Return the cores that this thread may use; empty where the system does not tell."""
    try:
        return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    except OSError:
        return set()
