"""Interrupts at every step where Python lets one in, one after the other."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any


def interrupted_at_every_step(call: Callable[[], object]) -> Iterator[int]:
    """Make a call again and again, each time interrupted a step later, until none is left.

    Python looks for signals when a function of its own begins, and when one of C's has
    returned: that is where a profiler is called too, and this one raises.

    Yields
    ------
    int
        The number of the step, after the interrupt has been caught and let go.
    """
    step = 0
    while True:
        step += 1
        if not _interrupted(call, step):
            break
        yield step
    assert step > 1


def _interrupted(call: Callable[[], object], step: int) -> bool:
    """Make a call, and return whether it was interrupted at that step."""
    left = step

    def interrupt(frame: Any, event: str, argument: Any) -> None:
        nonlocal left
        # What is raised while a generator is closed, nobody gets.
        if event in ("call", "c_return") and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(interrupt)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return left <= 0
