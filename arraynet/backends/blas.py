"""How many threads BLAS uses, for as long as somebody asks for one."""

from __future__ import annotations

import threading
from typing import Any


class SingleThread:
    """A context in which BLAS keeps to one thread.

    The number of threads belongs to the whole process: when callers overlap, the
    first in sets it and the last out puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers = 0
        self._libraries: list[Any] | None = None
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
        if self._libraries is None:
            # Looked up once: that takes milliseconds.
            from threadpoolctl import ThreadpoolController

            found = ThreadpoolController().lib_controllers
            self._libraries = [library for library in found if library.user_api == "blas"]
        self._before = [library.get_num_threads() for library in self._libraries]
        for library in self._libraries:
            library.set_num_threads(1)

    def _release(self) -> None:
        for library, count in zip(self._libraries or [], self._before, strict=True):
            library.set_num_threads(count)


single_thread = SingleThread()
