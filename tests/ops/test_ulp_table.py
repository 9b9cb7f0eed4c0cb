"""The table of errors: ``python -m pytest -s tests/ops/test_ulp_table.py`` prints it."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.backends import get_backend
from tests.ops import peers
from tests.ops.samples import SMOOTH, Attributes, apply, label, points_of, scores
from tests.oracle import Exact, Vector, exact, exact_rows, ulps

DTYPES = ("float32", "float64", "float16")
ROWS: list[tuple[str, Attributes]] = [("softmax", {}), ("softmin", {}), ("log_softmax", {})]
SPREAD = {"float16": 10.0, "float32": 60.0, "float64": 190.0}
"""Over which the probabilities of a row reach from 1 to the smallest numbers of a dtype."""

BOUND = {"float32": 8.0, "float64": 8.0, "float16": 2.0}


def _of_arraynet(name: str, attributes: Attributes) -> peers.Function:
    return lambda x: apply(get_backend("cpu"), name, x, **attributes)


def _sample(case: tuple[str, Attributes], dtype: str) -> tuple[Vector, Exact]:
    """Return where a function is tried, and its exact values there."""
    name, attributes = case
    if case in ROWS:
        rows = scores(dtype, SPREAD[dtype], rows=200)
        return rows, exact_rows(name, rows)
    points = points_of(case, dtype)
    return points, exact(name, points, **attributes)


def _largest(function: peers.Function | None, case: tuple[str, Attributes], dtype: str) -> float:
    """Return a function's largest error in ulps, NaN where the library has no such function."""
    if function is None:
        return float("nan")
    x, wanted = _sample(case, dtype)
    try:
        got = function(x)
    except Exception:  # each library refuses a dtype in its own way
        return float("nan")
    return float(ulps(got, wanted).max())


def _cell(error: float) -> str:
    if np.isnan(error):
        return "–".rjust(9)
    if np.isinf(error):
        return "NaN, inf".rjust(9)
    return f"{error:9.1f}" if error < 1e5 else f"{error:9.0e}"


@pytest.mark.needs("torch")
def test_print_the_table_of_errors() -> None:
    makers = {
        "arraynet": _of_arraynet,
        "PyTorch": peers.in_torch,
        "onnxruntime": peers.in_onnxruntime,
    }
    print("\n\nLargest error in ulp over the whole finite range, subnormal results included")
    print(" " * 24 + "".join(f"{name:>{9 * len(DTYPES)}}" for name in makers))
    print(" " * 24 + "".join(f"{dtype:>9}" for _ in makers for dtype in DTYPES))
    for case in [*SMOOTH, *ROWS]:
        functions = [make(*case) for make in makers.values()]
        errors = [_largest(function, case, dtype) for function in functions for dtype in DTYPES]
        print(f"{label(case):24}" + "".join(map(_cell, errors)))
        for dtype, error in zip(DTYPES, errors, strict=False):
            assert error <= BOUND[dtype], f"{label(case)} in {dtype}"
