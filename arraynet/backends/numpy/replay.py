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
from arraynet.backends.numpy.calls import live_bytes
from arraynet.backends.numpy.namespace import NAMESPACE
from arraynet.backends.numpy.plan import Plan
from arraynet.backends.numpy.recording import NotRecordableError, Tape, record

KEPT_BYTES = max(64, 16 * (os.cpu_count() or 1)) << 20
"""Bytes of buffers that one function keeps between calls, at the most.

With more cores more threads call it at once, and each needs a plan of its own."""

KEPT_KINDS = 256
"""Kinds of input (type, shape and dtype) that one function keeps tapes for."""

PASSING = 8
"""Calls, each of a kind that is new, after which a new kind is not recorded at first sight."""

_NOTHING = object()

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
        self.forget()
        _all.add(self)

    def forget(self) -> None:
        """Begin anew."""
        self.ready.clear()
        self._kinds: dict[Any, _Kind] = {}
        self._strangers: dict[Any, None] = {}
        self._met = 0
        # A plan that is dropped, or that an interrupt loses between two of a thread's steps,
        # counts no more.
        self._kept: weakref.WeakSet[Plan] = weakref.WeakSet()
        self._lock = threading.Lock()

    def first(self, arrays: tuple[Any, ...]) -> Any:
        """Run a call for which no plan is ready."""
        if not arrays or any(type(x) not in (np.ndarray, np.memmap) or not x.size for x in arrays):
            return self._plain(arrays)
        key = key_of(arrays)
        kind = self._called(key)
        if kind is None:
            return self._meet(key, arrays)
        if kind.tape is None:
            return self._plain(arrays)
        try:
            plan = kind.idle.pop()
        except IndexError:
            plan = Plan(kind.tape, NAMESPACE.layouts)
            result = plan.run(*arrays)
            self._keep(key, kind, plan)
            return result
        ready = kind.idle
        try:
            return plan.run(*arrays)
        finally:
            ready.append(plan)

    def _plain(self, arrays: tuple[Any, ...]) -> Any:
        """Run the function as it is: a plan would give the same bits."""
        return _fresh(self.function(*arrays), arrays)

    def _meet(self, key: Any, arrays: tuple[Any, ...]) -> Any:
        """Run a call of a new kind: record it, unless kinds hardly ever come again."""
        with self._lock:
            again = key in self._strangers
            self._strangers[key] = None
            if len(self._strangers) > KEPT_KINDS:
                del self._strangers[next(iter(self._strangers))]
            self._met = 0 if again else self._met + 1
            passing = self._met > PASSING
        if passing:
            return self._plain(arrays)
        result, tape = self._record(arrays)
        self._learned(key, tape)
        return result

    def _record(self, arrays: tuple[Any, ...]) -> tuple[Any, Tape | None]:
        """Run the function; return the result, and the tape if there are to be plans."""
        try:
            result, tape = record(self.function, *arrays)
        except NotRecordableError as error:
            _log.info("cpu: this network runs without recorded calls, because %s", error)
            return self._plain(arrays), None
        # The work in large buffers dwarfs what a plan saves: such a batch runs unplanned.
        return _fresh(result, arrays), tape if live_bytes(tape) <= KEPT_BYTES else None

    def _called(self, key: Any) -> _Kind | None:
        """Return what is known of a kind that is called, and let later calls find its plans."""
        with self._lock:
            kind = self._kinds.get(key)
            if kind is not None:
                self.ready[key] = kind.idle
                self._met = 0
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


def _fresh(result: Any, arrays: tuple[Any, ...]) -> Any:
    """Return a result as plans give it: in the order of its rows, and no view of an input."""
    if isinstance(result, tuple):
        return tuple(_fresh(part, arrays) for part in result)
    if not isinstance(result, np.ndarray):
        return result
    shared = any(np.may_share_memory(result, x) for x in arrays if isinstance(x, np.ndarray))
    plain = type(result) is np.ndarray and result.flags.c_contiguous and not shared
    return result if plain else np.array(result, order="C")


def key_of(arrays: tuple[Any, ...]) -> Any:
    """Return what kind of call this is: the types, shapes and dtypes of its arrays."""
    if len(arrays) == 1:
        (x,) = arrays
        return type(x), x.shape, x.dtype
    return tuple((type(x), x.shape, x.dtype) for x in arrays)


def replaying(function: Kernel) -> Kernel:
    """Return a function that records ``function`` once for each kind of input.

    Later calls repeat the bare NumPy calls. A plan is used by one thread at a time:
    a call takes an idle one from its list and puts it back, so that threads never
    see each other's buffers; the result is always a fresh array.
    """
    plans = _Plans(function)
    idle, first = plans.ready, plans.first

    def replay(x: Any = _NOTHING, *others: Any) -> Any:
        try:
            # Of one array, as most networks take, this is `key_of` without its call.
            key = key_of((x, *others)) if others else (type(x), x.shape, x.dtype)
            ready = idle[key]
            plan = ready.pop()
        except (KeyError, IndexError, AttributeError, TypeError):
            return first(() if x is _NOTHING else (x, *others))
        try:
            return plan.run(x, *others)
        finally:
            ready.append(plan)

    return replay


def _forget_all() -> None:
    """Begin anew in a forked process: other threads of the parent were in the middle."""
    for plans in _all:
        plans.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
