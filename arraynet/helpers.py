"""Threads that help with the blocks of a batch, on other cores than the caller's.

A thread that is started or woken is often put on the core of the one that did it, and
waits there for milliseconds while other cores are idle, above all on virtual machines.
So the kernel is told, call by call, to keep helpers off the caller's core; and a helper
stays for a while, because starting one takes time too.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

IDLE_SECONDS = 1.0
"""How long a helper waits for more work before it ends."""

_idle: list[Helper] = []


class Stop(Protocol):
    """What tells everybody to stop: a `threading.Event`."""

    def set(self) -> None:
        """Say so."""

    def is_set(self) -> bool:
        """Return whether somebody has."""


class Helper:
    """A thread that makes one call after the other."""

    def __init__(self) -> None:
        self._work: Callable[[], object] | None = None
        self._wanted, self._done = _thread.allocate_lock(), _thread.allocate_lock()
        self._cores: set[int] = set()
        self._leaving = False
        self._wanted.acquire()
        self._done.acquire()
        # `threading.Thread` would wait for a running helper when the process ends.
        _thread.start_new_thread(self._live, ())
        try:
            self._done.acquire()  # until it runs, and its number is known
        except BaseException:  # an interrupt: nobody will ever ask it
            self.leave()
            raise

    def start(self, work: Callable[[], object]) -> None:
        """Let it make a call."""
        self._work = work
        self._wanted.release()

    def wait(self) -> None:
        """Wait until it has made its call."""
        self._done.acquire()

    def leave(self) -> None:
        """Let it end, as soon as it has made its call if it is at one."""
        self._leaving = True
        with contextlib.suppress(RuntimeError):  # it is about to look anyhow
            self._wanted.release()

    def stay_on(self, cores: set[int]) -> None:
        """Keep the thread to some cores."""
        if cores != self._cores:
            _stay_on(self._number, cores)
            self._cores = cores

    def _live(self) -> None:
        self._number = threading.get_native_id()
        self._done.release()
        while True:
            if not self._wanted.acquire(timeout=IDLE_SECONDS):
                try:
                    _idle.remove(self)
                except ValueError:  # somebody has just taken it, and comes with work
                    continue
                return
            if self._work is None:
                return
            try:
                self._work()
            finally:
                self._work = None
                self._done.release()
            if self._leaving:
                return


def with_helpers(work: Callable[[], object], count: int, stop: Stop) -> None:
    """Call a function on this thread and on others at once; return when all have done.

    Parameters
    ----------
    work : callable
        Sets ``stop`` where it fails, and raises nothing.
    count : int
        How many other threads.
    stop : threading.Event
        Set when this thread has done, or was interrupted. Helpers whose call failed, or
        was interrupted, do not stay behind.
    """
    helpers: list[Helper] = []
    busy: list[Helper] = []
    done = False
    try:
        helpers += (_taken() for _ in range(count))
        with _apart(helpers):
            for helper in helpers:
                helper.start(work)
                busy.append(helper)
            work()
            done = not stop.is_set()
    finally:
        stop.set()
        try:
            while busy:
                busy[-1].wait()
                busy.pop()
        finally:
            keep = done and not busy
            for helper in helpers:
                _idle.append(helper) if keep else helper.leave()


def retire() -> None:
    """Let all helpers end that wait for work."""
    while _idle:
        _idle.pop().leave()


def _taken() -> Helper:
    """Return an idle helper, or a new one."""
    try:
        return _idle.pop()
    except IndexError:
        return Helper()


@contextlib.contextmanager
def _apart(helpers: list[Helper]) -> Iterator[None]:
    """Keep this thread on its core for a while, and helpers off it and off each other's."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    here = _current_core() & allowed
    others = sorted(allowed - here)
    for number, helper in enumerate(helpers):
        helper.stay_on(set(others[number :: len(helpers)]))
    try:
        _stay_on(0, here)
        yield
    finally:
        _stay_on(0, allowed)


def _stay_on(thread: int, cores: set[int]) -> None:
    """Keep a thread to some cores; to any, where there are none or the system refuses."""
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(thread, cores)


def _current_core() -> set[int]:
    """Return the core that this thread runs on, as far as the system tells."""
    try:
        with open("/proc/thread-self/stat", "rb") as file:
            # Behind the name, which may hold anything: the 37th of the fields.
            return {int(file.read().rpartition(b") ")[2].split()[36])}
    except (OSError, IndexError, ValueError):
        return set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
