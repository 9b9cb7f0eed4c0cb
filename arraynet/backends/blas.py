"""Which kernels BLAS has, and how many threads it uses while somebody asks for one."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

UNPACKING = frozenset({"skylakex", "cooperlake", "sapphirerapids"})
"""OpenBLAS's names of its kernels for AVX-512, which read small operands where they lie."""


@cache
def libraries() -> list[Any]:
    """Return a controller for each BLAS library of this process."""
    # Looked up once: that takes milliseconds.
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().lib_controllers
    return [library for library in found if library.user_api == "blas"]


@cache
def reads_unpacked() -> bool:
    """Return whether BLAS reads small operands where they lie, without packing them first."""
    kernels = [str(getattr(library, "architecture", "")).lower() for library in libraries()]
    return not UNPACKING.isdisjoint(kernels)


class SingleThread:
    """A context in which BLAS keeps to one thread.

    The number of threads belongs to the whole process: when callers overlap, the
    first in sets it and the last out puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers = 0
        self._before: list[int] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._callers == 0:
                self._hold()
            self._callers += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._callers -= 1
            if self._callers == 0:
                self._release()

    def _hold(self) -> None:
        self._before = [library.get_num_threads() for library in libraries()]
        for library in libraries():
            _set_threads(library, 1)

    def _release(self) -> None:
        for library, count in zip(libraries(), self._before, strict=True):
            _set_threads(library, count)


def _set_threads(library: Any, count: int) -> None:
    """Set the number from whichever thread this is.

    From version 3.8 on, threadpoolctl does nothing, silently, in any thread but the first
    that set a number, until that one lets go.
    """
    let_go = getattr(library, "clear_controlling_thread", None)
    if let_go is not None:
        let_go(force=True)
    library.set_num_threads(count)
    if let_go is not None:
        let_go()


single_thread = SingleThread()
