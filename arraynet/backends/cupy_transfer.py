"""Copies between host and GPU that overlap with the computation.

Two slots alternate. While the GPU computes on one, the host fills the pinned buffer
of the other, and the copy engines move what is ready:

    upload   ──[copy 0]──[copy 1]──[copy 2]──
    compute  ───────────[run 0]──[run 1]──[run 2]──
    download ────────────────────[copy 0]──[copy 1]──

Events order the three streams. A slot is used again only after its download has
been waited for on the host, and that comes after its upload and its computation: so
no buffer, pinned or on the device, is written while anything still reads it.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from arraynet._typing import Array, Kernel
from arraynet.admission import HostArray


class Buffer:
    """Memory that grows when a larger array is asked of it."""

    def __init__(self, allocate: Any) -> None:
        self._allocate = allocate
        self._bytes: Any = None

    def of(self, size: int) -> Any:
        """Return at least ``size`` bytes; growing loses what was in them."""
        if self._bytes is None or self._bytes.size < size:
            self._bytes = None  # give the old ones back before asking for more
            self._bytes = self._allocate(size)
        return self._bytes

    def release(self) -> None:
        """Give the memory back."""
        self._bytes = None


class Buffers:
    """A buffer for each array of a block, made when there is such an array."""

    def __init__(self, allocate: Any) -> None:
        self._allocate = allocate
        self._buffers: list[Buffer] = []

    def of(self, place: int, size: int) -> Any:
        """Return at least ``size`` bytes of the buffer for an array."""
        while len(self._buffers) <= place:
            self._buffers.append(Buffer(self._allocate))
        return self._buffers[place].of(size)

    def release(self) -> None:
        """Give the memory back."""
        for buffer in self._buffers:
            buffer.release()


class Slot:
    """The buffers, the events and the results of one block under way."""

    def __init__(self, cupy: Any, empty_pinned: Any) -> None:
        def pinned(size: int) -> HostArray:
            return empty_pinned(size, np.uint8)  # type: ignore[no-any-return]

        def device(size: int) -> Array:
            return cupy.empty(size, cupy.uint8)

        self.staged, self.received, self.landed = (
            Buffers(pinned),
            Buffers(pinned),
            Buffers(device),
        )
        events = (cupy.cuda.Event(disable_timing=True) for _ in range(4))
        self.there, self.uploaded, self.computed, self.downloaded = events
        self.several = False
        self.results: list[Array] = []
        self.host: list[HostArray] = []


class Lane:
    """Three streams and two slots: everything that one pipeline needs at a time."""

    def __init__(self, cupy: Any, empty_pinned: Any) -> None:
        self._cupy = cupy
        # Ordinary streams wait for the default stream, where the weights went up.
        self._upload, self._compute, self._download = (cupy.cuda.Stream() for _ in range(3))
        self._slots = Slot(cupy, empty_pinned), Slot(cupy, empty_pinned)
        self._submitted = 0

    def submit(self, block: tuple[Array, ...], run: Kernel) -> Slot:
        """Queue a block's upload, computation and download; return without waiting.

        An array that is on the device already is used as it is. The slot that comes
        back must be passed to `finish` before the second next `submit`.
        """
        slot = self._slots[self._submitted % 2]
        on_host = [isinstance(x, np.ndarray) for x in block]
        events = []
        if not all(on_host):
            slot.there.record()  # on the caller's stream: after what made the arrays
            events.append(slot.there)
        arrived = [
            self._send(slot, place, x) if host else x
            for place, (x, host) in enumerate(zip(block, on_host, strict=True))
        ]
        if any(on_host):
            slot.uploaded.record(self._upload)
            events.append(slot.uploaded)
        with self._compute:
            for event in events:
                self._compute.wait_event(event)
            result = run(*arrived)
            slot.several = isinstance(result, tuple)
            results = result if isinstance(result, tuple) else (result,)
            slot.results = [self._cupy.ascontiguousarray(part) for part in results]
            slot.computed.record(self._compute)
        self._receive(slot)
        self._submitted += 1
        return slot

    def _send(self, slot: Slot, place: int, array: HostArray) -> Array:
        """Queue the copy of an array to the device, through pinned memory."""
        staged = _view(slot.staged.of(place, array.nbytes), array.shape, array.dtype)
        np.copyto(staged, array)
        with self._upload:
            memory = slot.landed.of(place, array.nbytes)
            arrived = self._cupy.ndarray(array.shape, array.dtype, memptr=memory.data)
            arrived.set(staged, stream=self._upload)
        return arrived

    def _receive(self, slot: Slot) -> None:
        """Queue the copies of a slot's results to pinned memory."""
        self._download.wait_event(slot.computed)
        slot.host = []
        for place, result in enumerate(slot.results):
            memory = slot.received.of(place, result.nbytes)
            slot.host.append(_view(memory, result.shape, result.dtype))
            result.get(stream=self._download, out=slot.host[-1], blocking=False)
        slot.downloaded.record(self._download)

    def finish(self, slot: Slot) -> Any:
        """Wait for a slot's download, and return copies of what came down."""
        slot.downloaded.synchronize()
        if not slot.host:
            raise RuntimeError("a slot without a download was finished")
        received = tuple(part.copy() for part in slot.host)
        slot.results, slot.host = [], []
        return received if slot.several else received[0]

    def release(self) -> None:
        """Give every buffer back, whoever still holds this lane."""
        for slot in self._slots:
            for buffer in (slot.staged, slot.received, slot.landed):
                buffer.release()

    def settle(self) -> None:
        """Wait for all that is under way, and let go of the results."""
        for stream in (self._upload, self._compute, self._download):
            stream.synchronize()
        for slot in self._slots:
            slot.results, slot.host = [], []


def stream(
    lane: Lane,
    blocks: Iterator[tuple[Array, ...]],
    run: Kernel,
    active: Callable[[], AbstractContextManager[Any]],
) -> Iterator[Any]:
    """Yield ``run(*block)`` on the host for each block, one behind what is under way.

    An error of one block is raised after the results of all blocks before it have
    been yielded. ``active`` gives the context that makes the device current; it is
    never open while the caller has control.
    """
    under_way: Slot | None = None
    while True:
        failure: Exception | None = None
        following: Slot | None = None
        try:
            block = next(blocks, None)
            if block is not None:
                with active():
                    following = lane.submit(block, run)
        except Exception as error:  # raised below, after the result before it
            if isinstance(error, MemoryError):
                # The frames that it left hold the arrays that filled the memory.
                traceback.clear_frames(error.__traceback__)
            failure = error
        if under_way is not None:
            with active():
                received = lane.finish(under_way)
            yield received
        if failure is not None:
            try:
                raise failure
            finally:
                failure = None  # its traceback holds this frame: break the circle
        if following is None:
            return
        under_way = following


def _view(memory: HostArray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> HostArray:
    """Return the first bytes of host memory as an array."""
    size = math.prod(shape) * dtype.itemsize
    return memory[:size].view(dtype).reshape(shape)
