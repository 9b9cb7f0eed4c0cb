"""How a large batch is cut, streamed, run on threads, and tried again in smaller parts.

A network that treats each row by itself gives the same rows whatever the cut. Small
blocks keep their intermediates in the cache; on the CPU several threads take turns
at the blocks, with BLAS held to one thread each; on a device with too little memory
the block is halved until it fits.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from arraynet.admission import host_dtype, whole_number
from arraynet.backends.base import Backend
from arraynet.blocks import Blocks, Cost
from arraynet.engine.program import Program
from arraynet.errors import DtypeError, OutOfMemoryError, ShapeError, shortened
from arraynet.graph import HostArray, Value
from arraynet.memory import forget_pages, out_of_memory
from arraynet.ops.admission import FLOATING
from arraynet.progress import Advance

Results: TypeAlias = Sequence[HostArray]
"""An array for each output of a network."""

_ARRAYS = ("__array__", "__array_interface__", "__cuda_array_interface__", "__dlpack__")
"""What an object has of which some library makes an array."""


def predict(
    program: Program,
    blocks: Blocks,
    arrays: Sequence[Any],
    *,
    block: int | None = None,
    threads: int | None = None,
    advance: Advance | None = None,
) -> Results:
    """Run a program over the rows of some arrays, block by block, to the host.

    Parameters
    ----------
    program : Program
    blocks : Blocks
        How its batches are cut.
    arrays : sequence of array
        One for each input, of the shapes that these have, on the host (a memory map is
        read block by block, and never held) or on the program's device.
    block : int, optional
        Rows at a time; None: as many as suit the backend's cache or memory.
    threads : int, optional
        Python threads on a backend that gains from them; None: one for each core,
        for batches large enough.
    advance : callable, optional
        Called with the number of rows of each block, once it is done.

    Returns
    -------
    sequence of numpy.ndarray
        One for each output, on the host.

    Raises
    ------
    ShapeError
        If a count is not at least 1, or blocks are asked for where rows must stay
        together.
    OutOfMemoryError
        When not even one row fits.
    """
    block = None if block is None else whole_number("batch_size", block)
    threads = None if threads is None else whole_number("threads", threads)
    rows = blocks.rows(arrays)
    if blocks.whole_because:
        if block is not None and block < rows:
            raise ShapeError(
                f"predict: got batch_size={block} for {rows} rows, expected none: this network "
                f"takes them together, because {blocks.whole_because}"
            )
        alone = _single_threaded(program, threads)
        return _inside(alone, lambda: _whole(program, arrays, rows, advance))
    cost = blocks.cost(arrays)
    work = _Work(program, arrays, rows, cost, advance)
    workers = blocks.workers(rows, cost, threads)
    size = block or blocks.size(rows, cost, workers)
    if workers == 1:
        alone = _single_threaded(program, threads)
        return _inside(alone, lambda: _in_turn(work, size))
    alone = program.backend.single_threaded()
    return _inside(alone, lambda: _on_threads(work, size, workers))


def batches(
    predict_one: Callable[[Any], Results], given: Iterable[Any], advance: Advance | None
) -> Results:
    """Run over an iterable of batches, and return all their rows together.

    Raises
    ------
    ShapeError
        If there is no batch at all: the shape of the result would be unknown.
    """
    found = []
    for batch in given:
        found.append(predict_one(batch))
        if advance is not None:
            advance(len(found[-1][0]))
    if not found:
        raise ShapeError("input: got an iterable without batches, expected at least one")
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def is_batches(x: Any, inputs: Sequence[Value]) -> bool:
    """Return whether this is an iterable of batches for a network's inputs.

    Of several inputs a batch is a mapping, or a tuple or list with an array for each. Of one
    input it is an array of its rank, and a nested list is one array.
    """
    if isinstance(x, list | tuple):
        if not x or len(inputs) == 1:
            return bool(x) and getattr(x[0], "ndim", None) == len(inputs[0].shape)
        return isinstance(x[0], Mapping | tuple | list)
    if isinstance(x, str | bytes | bytearray | memoryview | Mapping):
        return False
    return isinstance(x, Iterable) and not any(hasattr(x, name) for name in _ARRAYS)


def _single_threaded(program: Program, threads: int | None) -> AbstractContextManager[Any]:
    """Hold BLAS to one thread where the caller asked for one."""
    return program.backend.single_threaded() if threads == 1 else nullcontext()


def _inside(context: AbstractContextManager[Any], work: Callable[[], Results]) -> Results:
    """Return what a function returns inside a context, which is left whatever happens."""
    try:
        with context:
            return work()
    except BaseException:
        # An interrupt may have come just before it was left; twice does no harm.
        context.__exit__(None, None, None)
        raise


def to_host(backend: Backend, result: Any) -> list[HostArray]:
    """Return what a program gave, an array or a tuple of them, on the host."""
    return [backend.to_host(part) for part in (result if isinstance(result, tuple) else (result,))]


@dataclass(frozen=True)
class _Work:
    """A batch that is cut: the arrays, what their rows cost, and who wants to know."""

    program: Program
    arrays: Sequence[Any]
    rows: int
    cost: Cost
    advance: Advance | None

    def results(self) -> Results:
        """Return host arrays for the outputs of all rows."""
        return [np.empty((self.rows, *shape), host_dtype(k)) for shape, k in self.cost.results]

    def part(self, start: int, stop: int) -> tuple[Any, ...]:
        """Return some rows of every input."""
        # As the standard has it: every axis is indexed, and no slice ends beyond the last row.
        return tuple(x[start:stop, ...] for x in self.arrays)

    def forget(self, start: int, stop: int) -> None:
        """Let go of what was read of a memory map."""
        for part in self.part(start, stop):
            forget_pages(part)


def _whole(program: Program, arrays: Sequence[Any], rows: int, advance: Advance | None) -> Results:
    """Run a batch that must not be cut."""
    backend = program.backend
    try:
        results = to_host(backend, program.run(*arrays))
    except backend.out_of_memory as error:
        raise out_of_memory(
            f"predict on {backend.name}",
            error,
            f"enough free memory for {rows} rows that belong together",
            "close other programs, or use backend='cpu'",
        ) from error
    if advance is not None:
        advance(rows)
    return results


def _too_little(work: _Work, error: BaseException) -> OutOfMemoryError:
    """Return the error for a row that does not fit."""
    return out_of_memory(
        f"predict on {work.program.backend.name}",
        error,
        f"{shortened(work.cost.bytes)} bytes of free memory for a single row",
        "close other programs, or use backend='cpu'",
    )


def _in_turn(work: _Work, size: int) -> Results:
    """Run the blocks one after the other; halve them when the memory is full."""
    backend = work.program.backend
    results = work.results()
    done = 0
    while done < work.rows:
        try:
            for found in backend.pipeline(_blocks(work, done, size), work.program.run):
                parts = found if isinstance(found, tuple) else (found,)
                stop = done + len(parts[0])
                for result, part in zip(results, parts, strict=True):
                    result[done:stop] = part
                work.forget(done, stop)
                count, done = stop - done, stop
                if work.advance is not None:
                    work.advance(count)
        except backend.out_of_memory as error:
            backend.free_memory()
            size = min(size, work.rows - done)
            if size == 1:
                raise _too_little(work, error) from error
            size = -(-size // 2)
    return results


def _blocks(work: _Work, start: int, size: int) -> Iterator[Any]:
    """Yield the rest of the rows, block by block: an array, or a tuple of several."""
    backend, inputs = work.program.backend, work.program.graph.inputs
    for first in range(start, work.rows, size):
        part = work.part(first, min(first + size, work.rows))
        suited = tuple(_suited(x, v, backend) for x, v in zip(part, inputs, strict=True))
        yield suited if len(suited) > 1 else suited[0]


def _suited(x: Any, value: Value, backend: Backend) -> Any:
    """Return a block of an input in a dtype that the library has: its own, if it may be."""
    if value.dtype in FLOATING and not backend.owns(x):
        try:
            backend.dtype(x.dtype.name)
        except DtypeError:
            return backend.asarray(x, value.dtype)
    return x


def _on_threads(work: _Work, size: int, workers: int) -> Results:
    """Run the blocks on several threads, each taking the next one that is left."""
    from arraynet.helpers import share

    starts = itertools.count(0, size)
    results = work.results()
    lock = threading.Lock()

    def run_next() -> bool:
        start = next(starts)
        if start >= work.rows:
            return False
        stop = min(start + size, work.rows)
        _halving(work, results, start, stop)
        work.forget(start, stop)
        if work.advance is not None:
            with lock:
                work.advance(stop - start)
        return True

    share(run_next, workers - 1)
    return results


def _halving(work: _Work, results: Results, start: int, stop: int) -> None:
    """Run some rows at once, or, where the memory is full, each half by itself."""
    backend = work.program.backend
    try:
        parts = to_host(backend, work.program.run(*work.part(start, stop)))
        for result, part in zip(results, parts, strict=True):
            result[start:stop] = part
        return
    except backend.out_of_memory as error:
        if stop - start == 1:
            raise _too_little(work, error) from error
    # Only here has the failed call let go of its arrays.
    backend.free_memory()
    middle = (start + stop + 1) // 2
    _halving(work, results, start, middle)
    _halving(work, results, middle, stop)
