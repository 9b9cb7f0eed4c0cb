"""Repeat a recorded function on planned buffers, from any thread."""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np

from arraynet._typing import Kernel
from arraynet.backends.plan import Plan
from arraynet.backends.products import Layouts
from arraynet.backends.recording import NotRecordableError, Tape, record

KEPT_BYTES = 64 << 20
"""Bytes of buffers that one function keeps between calls, at the most."""

KEPT_SIZES = 64
"""Kinds of input (type, shape and dtype) that one function keeps plans for."""

_log = logging.getLogger("arraynet")


class _Plans:
    """The plans of one function: idle ones by kind of input, under a bound."""

    def __init__(self, function: Kernel) -> None:
        self.function = function
        self.idle: dict[Any, list[Plan]] = {}
        self._tapes: dict[Any, Tape | None] = {}
        self._bytes: dict[Any, int] = {}
        self._layouts = Layouts()
        self._lock = threading.Lock()

    def first(self, x: Any) -> Any:
        """Run a call for which no plan is idle; leave one behind for the next."""
        if type(x) not in (np.ndarray, np.memmap) or not x.size:
            return self.function(x)
        key = (type(x), x.shape, x.dtype)
        with self._lock:
            known = key in self._tapes
            tape = self._tapes.get(key)
        if known and tape is None:
            return self.function(x)
        result = None
        if tape is None:
            result, tape = self._record(x)
        plan = None if tape is None else Plan(tape, self._layouts)
        if plan is not None and (result is None or plan.nbytes <= KEPT_BYTES):
            # The first call too: a call differs in no bit from the next.
            result = plan.run(x)
        self._keep(key, tape, plan)
        return result

    def _record(self, x: Any) -> tuple[Any, Tape | None]:
        try:
            return record(self.function, x)
        except NotRecordableError as error:
            _log.info("cpu: this network runs without recorded calls, because %s", error)
            return self.function(x), None

    def _keep(self, key: Any, tape: Tape | None, plan: Plan | None) -> None:
        """Put a plan among the idle ones, and drop the oldest ones beyond the bound."""
        size = 0 if plan is None else plan.nbytes
        with self._lock:
            if size > KEPT_BYTES:
                # The work in them dwarfs what a plan saves: such a batch runs unplanned.
                tape = plan = None
                size = 0
            self._tapes[key] = tape
            self._bytes[key] = self._bytes.pop(key, 0) + size
            if plan is not None:
                self.idle.setdefault(key, []).append(plan)
            while len(self._tapes) > KEPT_SIZES or sum(self._bytes.values()) > KEPT_BYTES:
                oldest = next(iter(self._bytes))
                for table in (self._tapes, self._bytes, self.idle):
                    table.pop(oldest, None)


def replaying(function: Kernel) -> Kernel:
    """Return a function that records ``function`` once for each kind of input.

    Later calls repeat the bare NumPy calls. A plan is used by one thread at a time:
    a call takes an idle one from its list and puts it back, so that threads never
    see each other's buffers; the result is always a fresh array.
    """
    plans = _Plans(function)
    idle, first = plans.idle, plans.first

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
