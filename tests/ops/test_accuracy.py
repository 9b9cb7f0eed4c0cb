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


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_selu_beyond_the_range_stays_at_its_end(dtype: str) -> None:
    from arraynet import ops

    kind = np.finfo(dtype)
    with np.errstate(all="raise"):
        got = ops.selu(np.array([kind.max, np.inf, np.nan], dtype))
    assert (1 - 8 * kind.eps) * kind.max <= got[0] <= kind.max
    np.testing.assert_array_equal(got[1:], [np.inf, np.nan])


def test_log_softmax_beyond_float16_stays_at_its_end() -> None:
    from arraynet import ops

    x = np.array([[65504.0, -65504.0], [0.0, -np.inf]], np.float16)
    with np.errstate(all="raise", under="ignore"):
        got = ops.log_softmax(x)
    np.testing.assert_array_equal(got, [[0, -65504], [0, -np.inf]])


@pytest.mark.parametrize(("dtype", "alpha"), [("float32", 1e-39), ("float64", 1e-309)])
def test_hard_sigmoid_that_is_all_but_level(dtype: str, alpha: float) -> None:
    from arraynet import ops

    with np.errstate(all="raise", under="ignore"):
        got = ops.hard_sigmoid(np.array([-1, 0, 1], dtype), alpha=alpha)
    np.testing.assert_array_equal(got, np.full(3, 0.5))
