"""How large the blocks of a batch are, and on how many threads they run.

A block costs bytes and work. Its intermediates should stay in the cache (of a device: fit
into its memory); but each block reads all weights anew, so that a row which does little with
each weight wants company, and one that does much with them is a block by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from arraynet.backends.base import Backend
from arraynet.cutting import batch_of, whole_because
from arraynet.errors import ArraynetError
from arraynet.graph import Graph
from arraynet.inference import UNTOLD, trial
from arraynet.ops.symbols import symbols_of

COMPANY = 512
"""Rows that share the reading of the weights by default, where each uses a weight once."""

THREAD_COMPANY = 450
"""As many for a thread of their own (measured: 400 lose, 450 gain)."""

LONG_WORK = 1 << 30
"""Multiply-adds that are worth reading the weights for, whoever needs them next."""

LARGEST_BLOCK = 64 << 20
"""Most bytes of a block that is larger than the cache for the sake of the weights."""

SHARED_BLOCK = 2
"""How many times larger a block is where several threads run blocks."""

KEPT_COSTS = 64
"""Sets of sizes, besides that of the batch, for which costs are kept."""

THREAD_WORK = 1 << 24
"""Fewest multiply-adds that are worth a thread of their own (about 0.2 ms)."""


@dataclass(frozen=True)
class Cost:
    """What one row costs, and what it gives.

    Attributes
    ----------
    bytes : int
        About how many bytes its intermediates take, and the row itself where it is copied.
    multiply_adds : int
    results : tuple of (tuple of int, str)
        The shape and the dtype of a row of each output.
    """

    bytes: int
    multiply_adds: int
    results: tuple[tuple[tuple[int, ...], str], ...]


class Blocks:
    """How batches of a graph are cut on a backend.

    Parameters
    ----------
    graph : Graph
        As it is executed.
    backend : Backend
    """

    def __init__(self, graph: Graph, backend: Backend) -> None:
        self._graph, self._backend = graph, backend
        self._batch = batch_of(graph)
        self._costs: dict[tuple[int, ...], Cost] = {}

    @cached_property
    def whole_because(self) -> str:
        """Why a batch must not be cut; "" where it may be."""
        return whole_because(self._graph)

    def rows(self, arrays: Sequence[Any]) -> int:
        """Return how many rows some inputs have, of the right shapes; 1 where none have any."""
        return max((int(x.shape[0]) for x in arrays if x.shape), default=1)

    def cost(self, arrays: Sequence[Any]) -> Cost:
        """Return what one row of some inputs costs, which are of the right shapes."""
        sizes: dict[str, int] = {}
        for value, array in zip(self._graph.inputs, arrays, strict=True):
            named = zip(value.shape, array.shape, strict=False)
            sizes.update({symbol: size for symbol, size in named if isinstance(symbol, str)})
        sizes[self._batch] = 1
        key = tuple(sizes.values())
        cost = self._costs.get(key)
        if cost is None:
            if len(self._costs) >= KEPT_COSTS:
                self._costs.clear()
            cost = self._costs[key] = self._measured(sizes)
        return cost

    def _measured(self, sizes: Mapping[str, int]) -> Cost:
        graph = self._graph
        ran = trial(graph.inputs, graph.nodes, graph.weights, sizes)
        counted = [name for node in graph.nodes for name in node.gives]
        if not self._backend.reads_host:
            counted += [value.name for value in graph.inputs]
        values: list[Any] = [ran.values[name] for name in counted]
        outputs: list[Any] = [ran.values[name] for name in graph.outputs]
        return Cost(
            sum(v.size * v.dtype.itemsize for v in values if v is not UNTOLD),
            sum(ran.multiply_adds.values()),
            tuple((v.shape[1:], v.dtype.name) for v in outputs if v is not UNTOLD),
        )

    @cached_property
    def _constants(self) -> int:
        """How many numbers a block reads anew."""
        return sum(weight.size for weight in self._graph.weights.values())

    def fit(self, arrays: Sequence[Any]) -> bool:
        """Return whether plain host arrays are one block at most: nothing is to be cut."""
        budget = self._backend.block_bytes
        if budget is None or not self._batch:
            return False
        rows = 0
        for x, rank in zip(arrays, self._ranks, strict=True):
            if type(x) is not np.ndarray or x.ndim != rank:
                return False
            rows = max(rows, len(x))
        if rows <= 1:
            return True
        try:
            return rows * (self._row_bytes or self.cost(arrays).bytes) <= budget
        except ArraynetError:  # told where the inputs are checked
            return False

    @cached_property
    def _ranks(self) -> tuple[int, ...]:
        """How many axes each input has."""
        return tuple(len(value.shape) for value in self._graph.inputs)

    @cached_property
    def _row_bytes(self) -> int:
        """How many bytes a row takes; 0 where that depends on other sizes."""
        others = symbols_of(value.shape[1:] for value in self._graph.inputs)
        return 0 if others else self._measured({self._batch: 1}).bytes

    def size(self, rows: int, cost: Cost, workers: int) -> int:
        """Return how many rows to run at a time."""
        budget = self._backend.block_bytes
        if budget is None or rows == 0:
            return max(rows, 1)
        if workers > 1:
            # Threads take turns at the interpreter: longer calls lose less than they gain
            # from the nearest cache.
            budget *= SHARED_BLOCK
        most = max(LARGEST_BLOCK, budget) // max(cost.bytes, 1)
        company = min(self._company(COMPANY, cost), most)
        fitting = max(company, budget // max(cost.bytes, 1), 1)
        # Blocks of one size, as many for each worker: none waits for the last, and one
        # plan serves all.
        turns = -(-rows // (fitting * workers))
        return -(-rows // (turns * workers))

    def workers(self, rows: int, cost: Cost, threads: int | None) -> int:
        """Return on how many threads to run."""
        if not self._backend.threaded:
            return 1
        apart = rows // self._company(THREAD_COMPANY, cost)
        useful = min(apart, rows * cost.multiply_adds // THREAD_WORK)
        return max(1, min(threads or cores(), useful))

    def _company(self, usual: int, cost: Cost) -> int:
        """Return how many rows make the reading of the weights worth while.

        The usual number where each row uses each weight once, as in a dense layer; fewer
        where it uses them again and again, as in a convolution.
        """
        work = max(cost.multiply_adds, 1)
        return max(1, min(usual, usual * self._constants // work, -(-LONG_WORK // work)))


def cores() -> int:
    """Return how many cores this process may use."""
    from arraynet.helpers import usable_cores  # with it come queues, which few calls need

    return len(usable_cores()) or os.cpu_count() or 1
