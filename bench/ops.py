"""How long each op takes for one element: ``python -m bench.ops``.

Each formula is called by itself, as the engine calls it: with its namespace bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from arraynet import Backend, get_backend
from arraynet.errors import ArraynetError
from arraynet.ops import OPS
from bench.networks import SEED
from bench.table import aligned
from bench.timing import calls_for, time_calls

EXTRA_INPUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "add": (("columns",),),
    "affine": (("columns", "columns"), ("columns",)),
    "matmul": (("columns", "columns"),),
    "prelu": (("columns",),),
    "scale_shift": (("columns",), ("columns",)),
}
"""The shapes of the inputs behind the first one, where an op has more."""

PARTIAL = ("acos", "acosh", "asin", "atanh", "log", "sqrt")
"""Functions that are not defined for every random number."""

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {"gelu": ({}, {"approximate": "tanh"})}
"""Attributes that choose another formula."""


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return every op of a layer once, and each variant of it, by what the table calls it."""
    found = {}
    for name, op in OPS.items():
        alias = op.name != name
        layer = name in EXTRA_INPUTS or (op.of_rows and name not in PARTIAL)
        if alias or not layer:
            continue
        for attributes in VARIANTS.get(name, ({},)):
            title = " ".join([name, *(f"{k}={v}" for k, v in attributes.items())])
            found[title] = (name, attributes)
    return found


def calls(backend: Backend, dtype: str, rows: int, columns: int) -> dict[str, Callable[[], Any]]:
    """Return a call of each op on seeded numbers, waited for.

    Parameters
    ----------
    backend : Backend
    dtype : str
    rows, columns : int
        The shape of the first input.
    """
    random = np.random.default_rng(SEED)
    sizes = {"columns": columns}

    def array(shape: tuple[int, ...]) -> Any:
        return backend.asarray(random.standard_normal(shape, np.float32), dtype)

    result: dict[str, Callable[[], Any]] = {}
    for title, (name, attributes) in cases().items():
        extra = EXTRA_INPUTS.get(name, ())
        shapes = [(rows, columns), *(tuple(sizes[size] for size in shape) for shape in extra)]
        formula = partial(OPS[name].formula, xp=backend.xp, **attributes)
        arrays = [array(shape) for shape in shapes]
        result[title] = partial(_waited, backend, formula, arrays)
    return result


def _waited(backend: Backend, formula: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    with backend.active():
        result = formula(*arrays)
    backend.synchronize()
    return result


def nanoseconds(
    timed: dict[str, Callable[[], Any]], elements: int, rounds: int, seconds: float
) -> dict[str, float]:
    """Return the median time for one element of each call, all called in turn."""
    numbers = {title: calls_for(call, seconds) for title, call in timed.items()}
    samples: dict[str, list[float]] = {title: [] for title in timed}
    for _ in range(rounds):
        for title, call in timed.items():
            samples[title].append(time_calls(call, numbers[title])[0])
    return {title: statistics.median(v) / elements * 1e9 for title, v in samples.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.ops", description=__doc__)
    parser.add_argument("--backend", default="cpu", help="as for arraynet.get_backend")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    if min(given.rows, given.columns, given.rounds) < 1:
        parser.error("--rows, --columns, --rounds: expected at least 1")
    try:
        backend = get_backend(given.backend)
        timed = calls(backend, given.dtype, given.rows, given.columns)
    except ArraynetError as error:
        print(f"bench.ops: {error}", file=sys.stderr)
        return 1
    elements = given.rows * given.columns
    found = nanoseconds(timed, elements, given.rounds, seconds=0.005)
    print(f"({given.rows}, {given.columns}) {given.dtype} on {backend.name}")
    rows = [["op", "ns an element"], *([title, f"{n:.3f}"] for title, n in found.items())]
    print(aligned(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
