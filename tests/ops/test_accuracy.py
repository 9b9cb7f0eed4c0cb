"""How far the formulas are from the exact values, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.backends import Backend
from tests.ops.samples import (
    PIECEWISE,
    SMOOTH,
    Attributes,
    apply,
    has_dtype,
    judged,
    label,
    points_of,
)
from tests.oracle import Vector, exact, ulps

CASES = [(case, 8.0) for case in SMOOTH] + [(case, 2.0) for case in PIECEWISE]


def _errors(backend: Backend, case: tuple[str, Attributes], dtype: str) -> tuple[Vector, Vector]:
    """Return the points, and the errors there in ulps."""
    name, attributes = case
    x = points_of(case, dtype)
    got = apply(backend, name, x, **attributes)
    assert got.dtype == x.dtype
    wanted = exact(name, x, **attributes)
    distance = ulps(got, wanted)
    return x, judged(backend, distance, x, got, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("case", "bound"), CASES, ids=[label(case) for case, _ in CASES])
def test_error_over_the_whole_range(
    backend: Backend, case: tuple[str, Attributes], bound: float, dtype: str
) -> None:
    if not has_dtype(backend, dtype):
        pytest.skip(f"{backend.name} has no {dtype}")
    x, distance = _errors(backend, case, dtype)
    worst = int(np.argmax(distance))
    assert distance[worst] <= bound, f"{distance[worst]:.1f} ulp at {x[worst]!r}"


@pytest.mark.parametrize("case", SMOOTH + PIECEWISE, ids=label)
def test_float16_is_within_2_ulp(backend: Backend, case: tuple[str, Attributes]) -> None:
    if not has_dtype(backend, "float16"):
        pytest.skip(f"{backend.name} has no float16")
    x, distance = _errors(backend, case, "float16")
    worst = int(np.argmax(distance))
    assert distance[worst] <= 2, f"{distance[worst]:.1f} ulp at {x[worst]!r}"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("case", SMOOTH + PIECEWISE, ids=label)
def test_no_finite_number_makes_a_floating_point_error(
    case: tuple[str, Attributes], dtype: str
) -> None:
    """Underflow alone is allowed: it is how a tail ends."""
    from arraynet.backends import get_backend

    name, attributes = case
    with np.errstate(all="raise", under="ignore"):
        got = apply(get_backend("cpu"), name, points_of(case, dtype), **attributes)
    assert np.isfinite(got).all()


def test_selu_overflows_where_its_value_is_beyond_the_dtype() -> None:
    from arraynet import ops

    beyond = np.array([np.finfo(np.float32).max], np.float32)
    with np.errstate(over="ignore"):
        assert ops.selu(beyond)[0] == np.inf
