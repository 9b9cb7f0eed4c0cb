"""How a large batch is cut, streamed, run on threads, and tried again in smaller parts.

A network that treats each row by itself gives the same rows whatever the cut. Small
blocks keep their intermediates in the cache; on the CPU several threads take turns
at the blocks, with BLAS held to one thread each; on a device with too little memory
the block is halved until it fits.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from arraynet.admission import whole_number
from arraynet.errors import OutOfMemoryError, ShapeError, shortened
from arraynet.forward import check_shape
from arraynet.graph import HostArray
from arraynet.memory import forget_pages, out_of_memory
from arraynet.program import Program
from arraynet.progress import Advance

LEAST_ROWS = 512
"""Fewest rows of a block by default: each block reads all weights anew."""

SHARED_BLOCK = 2
"""How many times larger a block is where several threads run blocks."""

THREAD_ROWS = 450
"""Fewest rows that are worth a thread of their own (measured: 400 lose, 450 gain)."""

THREAD_WORK = 1 << 24
"""Fewest multiply-adds that are worth a thread of their own (about 0.2 ms)."""

_ARRAYS = ("__array__", "__array_interface__", "__cuda_array_interface__", "__dlpack__")
"""What an object has of which some library makes an array."""


def predict(
    program: Program,
    x: HostArray,
    *,
    block: int | None = None,
    threads: int | None = None,
    cut: bool = True,
    advance: Advance | None = None,
) -> HostArray:
    """Run a program over the rows of an array, block by block, to the host.

    Parameters
    ----------
    program : Program
    x : array
        (batch, ...) on the host (a memory map is read block by block, and never
        held), or on the program's device.
    block : int, optional
        Rows at a time; None: as many as suit the backend's cache or memory.
    threads : int, optional
        Python threads on a backend that gains from them; None: one for each core,
        for batches large enough.
    cut : bool
        Whether the batch may be cut at all.
    advance : callable, optional
        Called with the number of rows of each block, once it is done.

    Returns
    -------
    numpy.ndarray
        (batch, ...) on the host.

    Raises
    ------
    ShapeError
        If the input is not a batch of the program's size, or a count is not at least 1.
    OutOfMemoryError
        When not even one row fits.
    """
    block = None if block is None else whole_number("batch_size", block)
    threads = None if threads is None else whole_number("threads", threads)
    shape = tuple(x.shape)
    check_shape(shape, program.input_shape)
    rows = shape[0]
    if not cut:
        alone = _single_threaded(program, threads)
        return _inside(alone, lambda: _whole(program, x, advance))
    workers = _workers(program, rows, threads)
    size = block or _block_rows(program, rows, workers)
    if workers == 1:
        alone = _single_threaded(program, threads)
        return _inside(alone, lambda: _in_turn(program, x, size, advance))
    alone = program.backend.single_threaded()
    return _inside(alone, lambda: _on_threads(program, x, size, workers, advance))


def batches(
    predict_one: Callable[[Any], HostArray], x: Iterable[Any], advance: Advance | None
) -> HostArray:
    """Run over an iterable of batches, and return all their rows together.

    Raises
    ------
    ShapeError
        If there is no batch at all: the shape of the result would be unknown.
    """
    parts = []
    for batch in x:
        parts.append(predict_one(batch))
        if advance is not None:
            advance(len(parts[-1]))
    if not parts:
        raise ShapeError("input: got an iterable without batches, expected at least one")
    return np.concatenate(parts)


def is_batches(x: Any, rank: int) -> bool:
    """Return whether an input is an iterable of batches of that rank, and not one array."""
    if isinstance(x, list | tuple):
        return bool(x) and getattr(x[0], "ndim", None) == rank
    if isinstance(x, str | bytes | bytearray | memoryview | Mapping):
        return False
    return isinstance(x, Iterable) and not any(hasattr(x, name) for name in _ARRAYS)


def _block_rows(program: Program, rows: int, workers: int) -> int:
    """Return how many rows to run at a time."""
    budget = program.backend.block_bytes
    if budget is None or rows == 0:
        return max(rows, 1)
    if workers > 1:
        # Threads take turns at the interpreter: longer calls lose less than they gain
        # from the nearest cache.
        budget *= SHARED_BLOCK
    fitting = max(LEAST_ROWS, budget // max(program.row_bytes, 1))
    # Blocks of one size, as many for each worker: none waits for the last, and one
    # plan serves all.
    turns = -(-rows // (fitting * workers))
    return -(-rows // (turns * workers))


def _workers(program: Program, rows: int, threads: int | None) -> int:
    """Return on how many threads to run."""
    if not program.backend.threaded:
        return 1
    useful = min(rows // THREAD_ROWS, rows * program.multiply_adds // THREAD_WORK)
    return max(1, min(threads or _cores(), useful))


def _cores() -> int:
    """Return how many cores this process may use."""
    from arraynet.helpers import usable_cores

    return len(usable_cores()) or os.cpu_count() or 1


def _single_threaded(program: Program, threads: int | None) -> AbstractContextManager[Any]:
    """Hold BLAS to one thread where the caller asked for one."""
    return program.backend.single_threaded() if threads == 1 else nullcontext()


def _inside(context: AbstractContextManager[Any], work: Callable[[], HostArray]) -> HostArray:
    """Return what a function returns inside a context, which is left whatever happens."""
    try:
        with context:
            return work()
    except BaseException:
        # An interrupt may have come just before it was left; twice does no harm.
        context.__exit__(None, None, None)
        raise


def _empty_result(program: Program, rows: int) -> HostArray:
    """Return a host array for the output of that many rows."""
    sizes = [int(size) for size in program.output_shape[1:]]
    return np.empty((rows, *sizes), np.dtype(program.dtype))


def _whole(program: Program, x: HostArray, advance: Advance | None) -> HostArray:
    """Run a batch that must not be cut."""
    backend = program.backend
    try:
        result = backend.to_host(program.run(x))
    except backend.out_of_memory as error:
        raise _too_little(program, x.shape[0], error) from error
    if advance is not None:
        advance(x.shape[0])
    return result


def _too_little(program: Program, rows: int, error: BaseException) -> OutOfMemoryError:
    """Return the error for a part of the input that cannot be halved and does not fit."""
    part = "a single row" if rows == 1 else f"{rows} rows that belong together"
    return out_of_memory(
        f"predict on {program.backend.name}",
        error,
        f"{shortened(program.row_bytes * max(rows, 1))} bytes of free memory for {part}",
        "close other programs, or use backend='cpu'",
    )


def _in_turn(program: Program, x: HostArray, size: int, advance: Advance | None) -> HostArray:
    """Run the blocks one after the other; halve them when the memory is full."""
    backend = program.backend
    rows = x.shape[0]
    result = _empty_result(program, rows)
    done = 0
    while done < rows:
        try:
            for part in backend.pipeline(_blocks(program, x, done, size), program.run):
                result[done : done + len(part)] = part
                forget_pages(x[done : done + len(part), ...])
                done += len(part)
                if advance is not None:
                    advance(len(part))
        except backend.out_of_memory as error:
            backend.free_memory()
            size = min(size, rows - done)
            if size == 1:
                raise _too_little(program, 1, error) from error
            size = -(-size // 2)
    return result


def _blocks(program: Program, x: HostArray, start: int, size: int) -> Iterator[HostArray]:
    """Yield the rest of the rows, block by block."""
    rows = x.shape[0]
    for first in range(start, rows, size):
        # As the standard has it: every axis is indexed, and no slice ends beyond the last row.
        yield program.suited(x[first : min(first + size, rows), ...])


def _on_threads(
    program: Program, x: HostArray, size: int, workers: int, advance: Advance | None
) -> HostArray:
    """Run the blocks on several threads, each taking the next one that is left."""
    from arraynet.helpers import share

    rows = x.shape[0]
    starts = itertools.count(0, size)
    result = _empty_result(program, rows)
    lock = threading.Lock()

    def run_next() -> bool:
        start = next(starts)
        if start >= rows:
            return False
        stop = min(start + size, rows)
        _halving(program, x, result, start, stop)
        forget_pages(x[start:stop, ...])
        if advance is not None:
            with lock:
                advance(stop - start)
        return True

    share(run_next, workers - 1)
    return result


def _halving(program: Program, x: HostArray, result: HostArray, start: int, stop: int) -> None:
    """Run some rows at once, or, where the memory is full, each half by itself."""
    backend = program.backend
    try:
        result[start:stop] = backend.to_host(program.run(x[start:stop, ...]))
        return
    except backend.out_of_memory as error:
        if stop - start == 1:
            raise _too_little(program, 1, error) from error
    # Only here has the failed call let go of its arrays.
    backend.free_memory()
    middle = (start + stop + 1) // 2
    _halving(program, x, result, start, middle)
    _halving(program, x, result, middle, stop)
