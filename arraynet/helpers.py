"""Threads that help with the blocks of a batch, on other cores than the caller's.

A thread that is started or woken is often put on the core of the one that did it, and
waits there for milliseconds while other cores are idle, above all on virtual machines.
So the kernel is told, call by call, to wake helpers elsewhere; and a helper stays for a
while, because starting one takes time too.

An interrupt may come between any two steps of the caller. So a thread belongs to an
object, and ends when that is let go.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from arraynet.errors import ArraynetError

IDLE_SECONDS = 1.0
"""How long a helper waits for more work before it ends."""

Call: TypeAlias = Callable[[], object]

_idle: list[Helper] = []


class Helper:
    """A thread that makes one call after the other, as long as this object lives."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Any] = SimpleQueue()
        self._done: SimpleQueue[int] = SimpleQueue()
        # Puts itself there when this object is gone; a `__del__` would swallow an interrupt.
        alive = weakref.ref(self, self._calls.put)
        try:
            # `threading.Thread` would wait for a running helper when the process ends.
            _thread.start_new_thread(_live, (alive, self._calls, self._done))
            self._number = self._done.get()
        except BaseException:
            self.leave()
            raise

    def start(self, call: Call) -> None:
        """Let it make a call."""
        self._calls.put(call)

    def wait(self) -> None:
        """Wait until it has made its call."""
        self._done.get()

    def leave(self) -> None:
        """Let it end, as soon as it has made its call if it is at one."""
        self._calls.put(None)

    def keep_to(self, cores: set[int]) -> None:
        """Keep the thread to some cores."""
        _keep_to(self._number, cores)


def _live(helper: weakref.ref[Helper], calls: SimpleQueue[Any], done: SimpleQueue[int]) -> None:
    """Make calls until there is nobody any more who could ask for one."""
    process = os.getpid()
    done.put(threading.get_native_id())
    while True:
        try:
            call = calls.get(timeout=IDLE_SECONDS)
        except Empty:
            with contextlib.suppress(ValueError):  # somebody has just taken it
                # Nobody else holds it: with this, it is gone.
                _idle.remove(helper())  # type: ignore[arg-type]
            continue
        if call is None or call is helper:
            return
        try:
            call()
        finally:
            call = None
            done.put(0)
        if os.getpid() != process:
            os._exit(1)  # the call forked, and has come back where there is nothing else


class _Work:
    """Steps that several threads take in turn, until there is none left or one fails."""

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._process = os.getpid()
        self.stopped = False
        self.failure: BaseException | None = None

    def do(self) -> None:
        """Take steps on the caller's thread."""
        try:
            while not (self.stopped or self.is_elsewhere()) and self._step():
                pass
        finally:
            self.stopped = True

    def is_elsewhere(self) -> bool:
        """Return whether this is a forked process, after a step that forked."""
        return os.getpid() != self._process

    def help(self, cores: set[int]) -> None:
        """Take steps on another thread, which was woken elsewhere, and may now go anywhere."""
        try:
            _keep_to(0, cores)
            self.do()
        except BaseException as error:  # handed to the caller's thread
            self.failure = error


def share(step: Callable[[], bool], count: int) -> None:
    """Take steps on this thread and on others at once; return when all have done.

    Parameters
    ----------
    step : callable
        Takes a step, and returns whether there may be another one. It finds the
        caller's context variables, such as NumPy's errstate, on every thread.
    count : int
        How many other threads; fewer where the system gives no more.

    Raises
    ------
    BaseException
        What a step raised, the caller's first; nobody begins another one after it.
        Helpers do not stay behind then, nor after an interrupt.
    ArraynetError
        If a step goes on in a forked process, which lacks the other threads and what
        they would have done.
    """
    work = _Work(step)
    helpers: list[Helper] = []
    busy: list[Helper] = []
    done = False
    try:
        _gather(helpers, count)
        cores = _send_away(helpers)
        for helper in helpers:
            helper.start(partial(copy_context().run, work.help, cores))
            busy.append(helper)
        work.do()
        done = True
    finally:
        work.stopped = True
        forked = work.is_elsewhere()
        try:
            while busy and not forked:
                busy[-1].wait()
                busy.pop()
        finally:
            # What failed holds its frames, and they hold the work: it must not hold that.
            failure, work.failure = work.failure, None
            if done and not busy and failure is None:
                _idle.extend(helpers)
            else:
                _dismiss(helpers)
    if forked:
        advice = "leave the child with os._exit, or predict on one thread: threads=1"
        raise ArraynetError(
            f"predict: got on in a forked process, expected the one that it began in ({advice})"
        )
    if failure is not None:
        try:
            raise failure
        finally:
            del failure


def _dismiss(helpers: list[Helper]) -> None:
    while helpers:
        helpers.pop().leave()


def _gather(helpers: list[Helper], count: int) -> None:
    """Add so many idle or new helpers to a list: never held elsewhere, or they would stay."""
    while len(helpers) < count:
        try:
            helpers.append(_idle.pop())
        except IndexError:
            try:
                helpers.append(Helper())
            except RuntimeError as error:
                import logging

                logging.getLogger("arraynet").info(
                    "predict: got %s, went on with %d helping threads instead of %d",
                    *(str(error), len(helpers), count),
                )
                return


def _send_away(helpers: list[Helper]) -> set[int]:
    """Have helpers woken on other cores than this thread's and each other's.

    Return those that this thread may use, and they too, once they are awake.
    """
    allowed = usable_cores()
    others = sorted(allowed - _current_core())
    for number, helper in enumerate(helpers):
        helper.keep_to(set(others[number :: len(helpers)]) or allowed)
    return allowed


def _keep_to(thread: int, cores: set[int]) -> None:
    """Keep a thread to some cores; as it is, where there are none or the system refuses."""
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(thread, cores)


def usable_cores() -> set[int]:
    """Return the cores that this thread may use; empty where the system does not tell."""
    try:
        return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    except OSError:
        return set()


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
