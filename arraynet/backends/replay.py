"""Repeat a recorded function on planned buffers, from any thread."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arraynet._typing import Kernel
from arraynet.backends.calls import live_bytes
from arraynet.backends.plan import Plan
from arraynet.backends.products import Layouts
from arraynet.backends.recording import NotRecordableError, Tape, record

KEPT_BYTES = max(64, 16 * (os.cpu_count() or 1)) << 20
"""Bytes of buffers that one function keeps between calls, at the most.

With more cores more threads call it at once, and each needs a plan of its own."""

KEPT_KINDS = 256
"""Kinds of input (type, shape and dtype) that one function keeps tapes for."""

_log = logging.getLogger("arraynet")


@dataclass(eq=False, slots=True)
class _Kind:
    """What is known of one kind of input.

    Attributes
    ----------
    tape : Tape or None
        What is replayed; None where the function itself runs.
    idle : list of Plan
        The plans that no thread is using.
    """

    tape: Tape | None
    idle: list[Plan] = field(default_factory=list)


class _Plans:
    """The plans of one function, by kind of input, under a bound.

    Attributes
    ----------
    ready : dict of list of Plan
        The idle plans of each kind that was called since plans were last dropped: a
        kind that is not in here has not been called for longer than any that is.
    """

    def __init__(self, function: Kernel) -> None:
        self.function = function
        self.ready: dict[Any, list[Plan]] = {}
        self._layouts = Layouts()
        self.forget()
        _all.add(self)

    def forget(self) -> None:
        """Begin anew."""
        self.ready.clear()
        self._kinds: dict[Any, _Kind] = {}
        # A plan that is dropped, or that an interrupt loses between two of a thread's steps,
        # counts no more.
        self._kept: weakref.WeakSet[Plan] = weakref.WeakSet()
        self._lock = threading.Lock()

    def first(self, x: Any) -> Any:
        """Run a call for which no plan is ready."""
        if type(x) not in (np.ndarray, np.memmap) or not x.size:
            return self.function(x)
        key = (type(x), x.shape, x.dtype)
        kind = self._called(key)
        if kind is None:
            result, tape = self._record(x)
            kind = self._learned(key, tape)
            if kind.tape is None:
                return result
            del result
        if kind.tape is None:
            return self.function(x)
        try:
            plan = kind.idle.pop()
        except IndexError:
            # The first call too: a call differs in no bit from the next.
            plan = Plan(kind.tape, self._layouts)
            result = plan.run(x)
            self._keep(key, kind, plan)
            return result
        ready = kind.idle
        try:
            return plan.run(x)
        finally:
            ready.append(plan)

    def _record(self, x: Any) -> tuple[Any, Tape | None]:
        """Run the function; return the result, and the tape if there are to be plans."""
        try:
            result, tape = record(self.function, x)
        except NotRecordableError as error:
            _log.info("cpu: this network runs without recorded calls, because %s", error)
            return self.function(x), None
        # The work in large buffers dwarfs what a plan saves: such a batch runs unplanned.
        return result, tape if live_bytes(tape) <= KEPT_BYTES else None

    def _called(self, key: Any) -> _Kind | None:
        """Return what is known of a kind that is called, and let later calls find its plans."""
        with self._lock:
            kind = self._kinds.get(key)
            if kind is not None:
                self.ready[key] = kind.idle
            return kind

    def _learned(self, key: Any, tape: Tape | None) -> _Kind:
        """Return the record of a new kind; forget those that were not called for longest."""
        with self._lock:
            if len(self._kinds) >= KEPT_KINDS and key not in self._kinds:
                self._age()
                del self._kinds[next(iter(self._kinds))]
            # Another thread may have been sooner.
            kind = self._kinds.setdefault(key, _Kind(tape))
            self.ready[key] = kind.idle
            return kind

    def _keep(self, key: Any, kind: _Kind, plan: Plan) -> None:
        """Put a new plan among the idle ones of its kind, if there is room."""
        with self._lock:
            room = KEPT_BYTES - plan.nbytes
            if self._bytes() > room:
                self._make_room(kind, room)
            if self._bytes() > room or self._kinds.get(key) is not kind:
                return
            self._kept.add(plan)
            kind.idle.append(plan)
            self.ready[key] = kind.idle

    def _make_room(self, kind: _Kind, room: int) -> None:
        """Drop plans of other kinds, those that were not called for longest first."""
        self._age()
        for other in self._kinds.values():
            if self._bytes() <= room:
                return
            if other is not kind and other.idle:
                # A thread that is using one puts it back into the old list, and it is gone.
                other.idle = []

    def _bytes(self) -> int:
        """Return how many bytes the plans that are still there take."""
        return sum(plan.nbytes for plan in self._kept)

    def _age(self) -> None:
        """Put the kinds that were called lately last; from now on see who is called."""
        for key in list(self.ready):
            if key in self._kinds:
                self._kinds[key] = self._kinds.pop(key)
        self.ready.clear()


_all: weakref.WeakSet[_Plans] = weakref.WeakSet()


def replaying(function: Kernel) -> Kernel:
    """Return a function that records ``function`` once for each kind of input.

    Later calls repeat the bare NumPy calls. A plan is used by one thread at a time:
    a call takes an idle one from its list and puts it back, so that threads never
    see each other's buffers; the result is always a fresh array.
    """
    plans = _Plans(function)
    idle, first = plans.ready, plans.first

    def replay(x: Any) -> Any:
        try:
            ready = idle[type(x), x.shape, x.dtype]
            plan = ready.pop()
        except (KeyError, IndexError, AttributeError, TypeError):
            return first(x)
        try:
            return plan.run(x)
        finally:
            ready.append(plan)

    return replay


def _forget_all() -> None:
    """Begin anew in a forked process: other threads of the parent were in the middle."""
    for plans in _all:
        plans.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
