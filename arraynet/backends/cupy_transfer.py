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

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from arraynet._typing import Array, Kernel
from arraynet.admission import HostArray


class Buffer:
    """Memory that grows when a larger array is asked of it."""

    def __init__(self, allocate: Any, kind: Any) -> None:
        self._allocate, self._kind = allocate, kind
        self._bytes: Any = None

    def of(self, size: int) -> Any:
        """Return at least ``size`` bytes; growing loses what was in them."""
        if self._bytes is None or self._bytes.size < size:
            self._bytes = None  # give the old ones back before asking for more
            self._bytes = self._allocate(size, self._kind)
        return self._bytes

    def release(self) -> None:
        """Give the memory back."""
        self._bytes = None


class Slot:
    """The buffers, the events and the result of one block under way."""

    def __init__(self, cupy: Any, empty_pinned: Any) -> None:
        self.staged, self.received = (Buffer(empty_pinned, np.uint8) for _ in range(2))
        self.landed = Buffer(cupy.empty, cupy.uint8)
        events = (cupy.cuda.Event(disable_timing=True) for _ in range(3))
        self.uploaded, self.computed, self.downloaded = events
        self.result: Array = None
        self.host: Any = None


class Lane:
    """Three streams and two slots: everything that one pipeline needs at a time."""

    def __init__(self, cupy: Any, empty_pinned: Any) -> None:
        self._cupy = cupy
        # Ordinary streams wait for the default stream, where the weights went up.
        self._upload, self._compute, self._download = (cupy.cuda.Stream() for _ in range(3))
        self._slots = Slot(cupy, empty_pinned), Slot(cupy, empty_pinned)
        self._submitted = 0

    def submit(self, block: Array, run: Kernel) -> Slot:
        """Queue a block's upload, computation and download; return without waiting.

        A block that is on the device already is used as it is. The slot that comes
        back must be passed to `finish` before the second next `submit`.
        """
        slot = self._slots[self._submitted % 2]
        if isinstance(block, np.ndarray):
            arrived = self._send(slot, block)
        else:
            arrived = block
            slot.uploaded.record()  # on the caller's stream: after what made the block
        with self._compute:
            self._compute.wait_event(slot.uploaded)
            slot.result = result = self._cupy.ascontiguousarray(run(arrived))
            slot.computed.record(self._compute)
        slot.host = _view(slot.received.of(result.nbytes), result)
        self._download.wait_event(slot.computed)
        result.get(stream=self._download, out=slot.host, blocking=False)
        slot.downloaded.record(self._download)
        self._submitted += 1
        return slot

    def _send(self, slot: Slot, block: HostArray) -> Array:
        """Queue the copy of a block to the device, through pinned memory."""
        staged = _view(slot.staged.of(block.nbytes), block)
        np.copyto(staged, block)
        with self._upload:
            memory = slot.landed.of(block.nbytes)
            arrived = self._cupy.ndarray(block.shape, block.dtype, memptr=memory.data)
            arrived.set(staged, stream=self._upload)
            slot.uploaded.record(self._upload)
        return arrived

    def finish(self, slot: Slot) -> HostArray:
        """Wait for a slot's download, and return a copy of what came down."""
        slot.downloaded.synchronize()
        received: HostArray = slot.host.copy()
        slot.result = slot.host = None
        return received

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
            slot.result = slot.host = None


def stream(
    lane: Lane,
    blocks: Iterator[Array],
    run: Kernel,
    active: Callable[[], AbstractContextManager[Any]],
) -> Iterator[HostArray]:
    """Yield ``run(block)`` on the host for each block, one behind what is under way.

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


def _view(memory: Any, like: Array) -> Any:
    """Return the first bytes of host memory as an array like another one."""
    return memory[: like.nbytes].view(like.dtype).reshape(like.shape)
