"""A CUDA device made of NumPy: streams, events and memory that punish a wrong order.

Work is queued on streams and done as late as CUDA may do it (`lazy`), at once
(`eager`), or at random (an int seeds it). Memory that an array gives back is
overwritten in the order of the stream that it was allocated on, as CuPy's pool lets
the next array of that stream do.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

POISON = 0xA5


class CUDARuntimeError(RuntimeError):
    """What CuPy raises for a CUDA error code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"cudaError {status}")
        self.status = status


class OutOfMemoryError(MemoryError):
    """What CuPy raises when the device's memory is full."""


class Token:
    """A point in a stream's queue, reached or not."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.reached = stream, False

    def reach(self) -> None:
        while not self.reached:
            self.stream.advance()


class Stream:
    """A queue of work; an ordinary one takes turns with the default stream."""

    def __init__(self, machine: Machine, *, default: bool = False) -> None:
        self.machine, self.default = machine, default
        self.queue: deque[Callable[[], None]] = deque()
        machine.streams.append(self)

    def put(self, work: Callable[[], None]) -> None:
        """Queue work behind what the legacy default stream makes it wait for."""
        others = self.machine.streams if self.default else [self.machine.default_stream]
        for other in others:
            if other is not self and other.queue:
                self.queue.append(other.mark().reach)
        self.queue.append(work)
        self.machine.play()

    def mark(self) -> Token:
        token = Token(self)

        def reach() -> None:
            token.reached = True

        self.queue.append(reach)
        return token

    def advance(self) -> None:
        """Do the first thing in the queue."""
        if self.queue:
            self.queue.popleft()()

    def synchronize(self) -> None:
        self.machine.check()
        while self.queue:
            self.advance()
        self.machine.check()

    def wait_event(self, event: Event) -> None:
        token = event.token
        if token is not None:
            self.put(token.reach)

    def __enter__(self) -> Stream:
        self.machine.stack.append(self)
        return self

    def __exit__(self, *details: object) -> None:
        self.machine.stack.pop()


class Event:
    """A mark in a stream that others can wait for."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.token = machine, None

    token: Token | None

    def record(self, stream: Stream | None = None) -> None:
        self.token = (stream or self.machine.current).mark()
        self.machine.play()

    def synchronize(self) -> None:
        self.machine.check()
        if self.token is not None:
            self.token.reach()
        self.machine.check()


class Storage:
    """Memory of the device; given back, it is overwritten in its stream's order."""

    def __init__(self, machine: Machine, size: int) -> None:
        self.machine, self.size = machine, size
        if size > machine.largest or machine.used + size > machine.limit:
            raise OutOfMemoryError(f"out of memory allocating {size} bytes")
        machine.used += size
        machine.peak = max(machine.peak, machine.used)
        self.bytes = np.full(max(size, 1), POISON, np.uint8)
        self.stream = machine.current

    def __del__(self) -> None:
        if not hasattr(self, "bytes"):
            return
        self.machine.used -= self.size
        gone = self.bytes
        self.stream.queue.append(lambda: gone.fill(POISON))


class Machine:
    """The device, and how late it works."""

    def __init__(self, pace: str | int = "lazy") -> None:
        self.pace, self.random = pace, random.Random(pace)
        self.streams: list[Stream] = []
        self.default_stream = Stream(self, default=True)
        self.stack = [self.default_stream]
        self.used = self.peak = self.launches = 0
        self.limit = self.total = self.largest = 1 << 30
        self.lost: int | None = None
        self.devices = [0]

    @property
    def current(self) -> Stream:
        return self.stack[-1]

    def play(self) -> None:
        """Do as much of what is queued as the pace says."""
        if self.pace == "eager":
            for stream in self.streams:
                while stream.queue:
                    stream.advance()
        elif self.pace != "lazy":
            for _ in range(self.random.randrange(4)):
                self.random.choice(self.streams).advance()

    def check(self) -> None:
        """Raise if the device is lost: from then on, every call does."""
        if self.lost is not None:
            raise CUDARuntimeError(self.lost)

    def synchronize(self) -> None:
        for stream in self.streams:
            stream.synchronize()

    def launch(self, function: Callable[..., Any], result: Any, *arrays: Any) -> None:
        """Queue a kernel that writes into ``result`` what ``function`` gives for arrays."""
        self.check()
        self.launches += 1
        # The kernel has addresses, no references: it holds the bytes, not the storage.
        target, sources = result.host, [getattr(array, "host", array) for array in arrays]

        def work() -> None:
            with np.errstate(all="ignore"):
                np.copyto(target, function(*sources), casting="same_kind")

        self.current.put(work)
