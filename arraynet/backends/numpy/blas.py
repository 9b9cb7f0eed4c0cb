"""Which kernels BLAS has, and how many threads it uses while somebody asks for one."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
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
    """A context in which BLAS keeps to one thread; each is entered once.

    The number of threads belongs to the whole process: when callers overlap, the
    first in sets it and the last out puts it back.

    An interrupt may come between any two steps, even before the first one of `__exit__`.
    So what is begun is written down before it is done, leaving twice does no harm, and
    a context that never left counts no more once it is let go.
    """

    def __enter__(self) -> None:
        _state.enter(self)

    def __exit__(self, *error: object) -> None:
        _state.leave(self)


class _State:
    """Who is inside, by the thread that came in, and what to put back."""

    def __init__(self) -> None:
        # One that may be taken twice: the handler of a signal may predict too.
        self._lock = threading.RLock()
        self._inside: weakref.WeakKeyDictionary[SingleThread, int] = weakref.WeakKeyDictionary()
        self._before: list[int] | None = None

    def enter(self, context: SingleThread) -> None:
        """Let BLAS keep to one thread."""
        with self._lock:
            self._inside[context] = threading.get_ident()
            if self._before is None:
                self._before = [library.get_num_threads() for library in libraries()]
            for library in libraries():
                _set_threads(library, 1)

    def leave(self, context: SingleThread) -> None:
        """Put the numbers back if nobody is inside any more."""
        with self._lock:
            self._inside.pop(context, None)
            self._put_back()

    def _put_back(self) -> None:
        if self._inside or self._before is None:
            return
        for library, count in zip(libraries(), self._before, strict=True):
            _set_threads(library, count)
        self._before = None

    def before_fork(self) -> None:
        """Let nobody be in the middle of it, as far as possible."""
        self._lock.acquire(timeout=1)

    def after_fork(self) -> None:
        """Go on in the parent."""
        with contextlib.suppress(RuntimeError):  # it took somebody too long
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Forget the threads that the child does not have."""
        self._lock = threading.RLock()
        here = threading.get_ident()
        for context, thread in list(self._inside.items()):
            if thread != here:
                del self._inside[context]
        self._put_back()


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


_state = _State()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_state.before_fork,
        after_in_parent=_state.after_fork,
        after_in_child=_state.after_fork_in_child,
    )
