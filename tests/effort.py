"""How much a call computes, in a unit that is as long on a slow machine as on a quick one."""

from __future__ import annotations

import cProfile
import statistics
import time
import zlib
from collections.abc import Callable

import numpy as np

_BYTES = bytes(range(256)) * 4096


LIGHT = 300
"""Units that no file of a few megabytes takes: 120 were measured for 174 MB of zeros in one."""


def _fixed_work() -> None:
    """Do a little of what reading a file does: Python, and C that goes over bytes."""
    numbers = {}
    for number in range(60_000):
        numbers[number & 255] = number
    zlib.decompress(zlib.compress(_BYTES, 1))
    (np.ones(1 << 18) * 2).sum()


def _computing(call: Callable[[], object]) -> float:
    """Return the seconds that this process computes in a call: others may run meanwhile."""
    start = time.process_time()
    call()
    return time.process_time() - start


def unit() -> float:
    """Return how long the fixed work takes here and now, in seconds: about 0.006 on Zen 4."""
    return statistics.median(_computing(_fixed_work) for _ in range(5))


def effort(call: Callable[[], object], enough: float, tries: int = 3) -> float:
    """Return how many units a call takes: the least of some tries, or the first of ``enough``.

    The unit is measured after each try: a machine that is slower for a while has a longer
    unit then, and what is slow of itself is slow each time.
    """
    least = float("inf")
    for _ in range(tries):
        seconds = _computing(call)
        least = min(least, seconds / unit())
        if least < enough:
            break
    return least


def calls(call: Callable[[], object]) -> int:
    """Return how many functions a call calls, of Python's and of C's."""
    profile = cProfile.Profile()
    profile.runcall(call)
    return sum(entry.callcount for entry in profile.getstats())


def assert_light(call: Callable[[], object], limit: float = LIGHT) -> None:
    """Assert that a call takes fewer units than that: by default about a second on Zen 4."""
    found = effort(call, enough=limit)
    print(f"{found:.1f} units")
    assert found < limit
