"""What it costs to record and to plan a forward pass, by how many calls it makes.

``python -m bench.planning`` prints a table: for 100, 1,000 and 10,000 recorded calls of
several kinds, and for 400 GELUs on (batch, 1), the times to run the calls bare, to record
them and to plan them. Each is the least of several rounds, in which all take turns.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from arraynet.backends import get_backend
from arraynet.backends.numpy.namespace import NAMESPACE
from arraynet.backends.numpy.plan import Plan
from arraynet.backends.numpy.recording import record
from arraynet.engine.program import Program
from arraynet.graph import Graph, Node, Value
from bench.table import aligned

LENGTHS = (100, 1000, 10_000)
GELUS = 400
ROUNDS = 3


def chain(length: int, x: Any) -> Any:
    """Return the value of one elementwise call after the other."""
    for _ in range(length):
        x = np.tanh(x)
    return x


def products(length: int, x: Any) -> Any:
    """Return the value of products, each with a bias."""
    weight, bias = np.eye(x.shape[1], dtype=x.dtype), np.zeros(x.shape[1], x.dtype)
    for _ in range(length // 2):
        x = x @ weight + bias
    return x


def views(length: int, x: Any) -> Any:
    """Return the value of calls on views of values."""
    for _ in range(length // 3):
        x = np.tanh(np.reshape(np.transpose(x), x.shape))
    return x


def gelus() -> Callable[..., Any]:
    """Return the forward pass of GELUs, one after the other."""
    names = ["x", *(f"y{number}" for number in range(GELUS))]
    nodes = [Node("gelu", (a,), (b,)) for a, b in itertools.pairwise(names)]
    graph = Graph((Value("x", ("batch", 1), "float32"),), tuple(nodes), {}, (names[-1],))
    return Program(graph, get_backend("cpu")).forward


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return how many seconds a call takes, and its result."""
    start = perf_counter()
    result = function(*arguments)
    return perf_counter() - start, result


def measured(function: Callable[..., Any], x: Any) -> tuple[int, tuple[float, ...]]:
    """Return how many calls are recorded, and the seconds to run, record and plan them."""
    bare, _ = timed(function, x)
    recording, (_, tape) = timed(record, function, x)
    planning, _ = timed(Plan, tape, NAMESPACE.layouts)
    return len(tape.calls), (bare, recording, planning)


def rows_of(lengths: Sequence[int], rounds: int) -> list[list[str]]:
    """Return the table's rows: each kind of calls, their number, and three times."""
    x = np.linspace(-1, 1, 64, dtype="f4").reshape(8, 8)
    cases: dict[str, tuple[Callable[..., Any], Any]] = {
        f"{kind.__name__} of {length:,}": (partial(kind, length), x)
        for kind in (chain, products, views)
        for length in lengths
    }
    cases[f"gelu × {GELUS} on (8, 1)"] = (gelus(), x[:, :1])
    found: dict[str, tuple[float, ...]] = {}
    counts: dict[str, int] = {}
    for _ in range(rounds):
        for name, (function, given) in cases.items():
            counts[name], times = measured(function, given)
            found[name] = tuple(map(min, times, found.get(name, times)))
    table = [["calls", "recorded", "bare ms", "recording ms", "planning ms", "planning µs a call"]]
    for name, times in found.items():
        each = f"{1e6 * times[-1] / counts[name]:.1f}"
        table.append([name, f"{counts[name]:,}", *(f"{1e3 * t:,.1f}" for t in times), each])
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    options = parser.parse_args()
    print(aligned(rows_of(options.lengths, options.rounds), left=(0,)))


if __name__ == "__main__":
    main()
