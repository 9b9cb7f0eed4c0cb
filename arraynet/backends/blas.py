"""How many threads BLAS uses, for as long as somebody asks for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class SingleThread:
    """Holds BLAS to one thread while at least one caller wants that.

    The number of threads belongs to the whole process: when two callers overlap,
    the first in sets it and the last out puts it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callers = 0
        self._controller: Any = None
        self._limit: AbstractContextManager[Any]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Return a context in which each product keeps to one thread."""
        with self._lock:
            if self._controller is None:
                from threadpoolctl import ThreadpoolController

                self._controller = ThreadpoolController()
            if self._callers == 0:
                self._limit = self._controller.limit(limits=1, user_api="blas")
                self._limit.__enter__()
            self._callers += 1
        try:
            yield
        finally:
            with self._lock:
                self._callers -= 1
                if self._callers == 0:
                    self._limit.__exit__(None, None, None)


single_thread = SingleThread()
