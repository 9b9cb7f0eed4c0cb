"""The one loop that times things."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from typing import Any

REST = 0.005
"""Seconds in which a process that has come to rest uses less than a fifth of a core."""


def time_calls(call: Callable[[], Any], number: int) -> tuple[float, Any]:
    """Time some calls in a row, without garbage collections in between.

    Parameters
    ----------
    call : callable
    number : int

    Returns
    -------
    seconds : float
        Of one call: the mean.
    result : object
        What the last call returned.

    Examples
    --------
    >>> time_calls(lambda: "result", 3)[1]
    'result'
    """
    collecting = gc.isenabled()
    gc.disable()
    result = None
    try:
        started = time.perf_counter()
        for _ in itertools.repeat(None, number):
            result = call()
        seconds = time.perf_counter() - started
    finally:
        if collecting:
            gc.enable()
    return seconds / number, result


def come_to_rest(longest: float = 0.3) -> None:
    """Return when no thread of this process computes any more.

    The threads of a library wait for more work in a busy loop (OpenBLAS's for about 30
    ms), which would take a core from whoever is timed next.

    Parameters
    ----------
    longest : float
        Seconds after which to return in any case.
    """
    deadline = time.perf_counter() + longest
    while time.perf_counter() < deadline:
        before = time.process_time()
        time.sleep(REST)
        if time.process_time() - before < 0.2 * REST:
            return


def calls_for(call: Callable[[], Any], seconds: float) -> int:
    """Return how many calls in a row take about that long; at least 1."""
    number = 1
    while True:
        taken, _ = time_calls(call, number)
        if taken * number >= 0.5 * seconds or number >= 1 << 24:
            return max(1, round(seconds / max(taken, 1e-9)))
        number *= 4
