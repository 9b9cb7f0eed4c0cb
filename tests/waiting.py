"""Waiting for what comes sooner or later, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

HANGS = 600
"""Seconds after which what has not come does not come: only a test that fails needs them."""


def comes_true(condition: Callable[[], bool]) -> bool:
    """Return whether a condition holds, at once or at last."""
    for _ in range(HANGS * 100):
        if condition():
            return True
        time.sleep(0.01)
    return False
