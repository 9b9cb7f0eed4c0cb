"""Zeros, infinities, NaN, large numbers and empty arrays, on every backend."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arraynet.backends import Backend
from arraynet.ops import OPS
from tests.ops.applied import outputs, prepared
from tests.ops.inputs import sample
from tests.ops.samples import PIECEWISE, SMOOTH, Attributes, apply, has_dtype, label
from tests.oracle import ROWS, exact, ulps

SELU_LEFT = 1.67326319217681884765625 * 1.05070102214813232421875
INF = math.inf

LIMITS = {
    "celu": (-1, INF),
    "dropout": (-INF, INF),
    "elu": (-1, INF),
    "erf": (-1, 1),
    "erfc": (2, 0),
    "gelu": (0, INF),
    "hard_shrink": (-INF, INF),
    "hard_sigmoid": (0, 1),
    "hard_silu": (0, INF),
    "hard_tanh": (-1, 1),
    "identity": (-INF, INF),
    "leaky_relu": (-INF, INF),
    "log_sigmoid": (-INF, 0),
    "mish": (0, INF),
    "relu": (0, INF),
    "relu6": (0, 6),
    "selu": (-SELU_LEFT, INF),
    "sigmoid": (0, 1),
    "silu": (0, INF),
    "soft_shrink": (-INF, INF),
    "softplus": (0, INF),
    "softsign": (-1, 1),
    "squareplus": (0, INF),
    "step": (0, 1),
    "tanh": (-1, 1),
    "tanh_shrink": (-INF, INF),
    "thresholded_relu": (0, INF),
}
"""What each activation tends to on the left and on the right."""

DEFAULTS = [case for case in SMOOTH + PIECEWISE if not case[1]] + [
    ("gelu", {"approximate": "tanh"})
]


PARTIAL = ("exp", "log", "mean", "reciprocal", "sqrt")
"""Elementwise functions of one array that no network has between its layers."""


def test_every_activation_of_one_array_is_tried() -> None:
    of_one_array = {
        op.name
        for op in OPS.values()
        if op.elementwise and (op.floating or op.droppable) and len(op.arrays) == 1
        if op.name not in PARTIAL
    }
    assert {name for name, _ in SMOOTH + PIECEWISE} == of_one_array == set(LIMITS)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


@pytest.mark.parametrize("case", DEFAULTS, ids=label)
def test_infinity_gives_the_limit(
    backend: Backend, dtype: str, case: tuple[str, Attributes]
) -> None:
    name, attributes = case
    got = apply(backend, name, np.array([-INF, INF], dtype), **attributes)
    np.testing.assert_allclose(got, LIMITS[name], rtol=4 * np.finfo(dtype).eps, atol=0)


def test_a_slope_of_0_is_0_at_infinity_too(backend: Backend, dtype: str) -> None:
    got = apply(backend, "leaky_relu", np.array([-INF, INF], dtype), alpha=0.0)
    np.testing.assert_array_equal(got, [0, INF])


@pytest.mark.parametrize("case", SMOOTH + PIECEWISE, ids=label)
def test_nan_stays_in_its_element(
    backend: Backend, dtype: str, case: tuple[str, Attributes]
) -> None:
    name, attributes = case
    x = np.array([[-2.0, math.nan, 0.0], [0.3, 2.0, math.nan]], dtype)
    got = apply(backend, name, x, **attributes)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(x))


@pytest.mark.parametrize("case", SMOOTH + PIECEWISE, ids=label)
def test_zeros_and_large_numbers(
    backend: Backend, dtype: str, case: tuple[str, Attributes]
) -> None:
    name, attributes = case
    x = np.array([0.0, -0.0, 88.0, -88.0, 1000.0, -1000.0], dtype)
    got = apply(backend, name, x, **attributes)
    assert got.dtype == x.dtype
    normal = np.abs(exact(name, x, **attributes).rounded) >= np.finfo(dtype).smallest_normal
    distance = ulps(got, exact(name, x, **attributes))
    assert (distance[normal] <= 8).all()
    assert (np.abs(got[~normal]) <= np.finfo(dtype).smallest_normal).all()


EVERY = sorted({op.name for op in OPS.values() if not op.control})


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_batch_has_an_answer(backend: Backend, dtype: str, name: str) -> None:
    inputs, attributes = sample(name, np.ones((0, 4), dtype))
    if name in ("arg_max", "arg_min"):
        pytest.skip("no element is the largest")
    for got in outputs(backend, name, inputs, **attributes):
        assert not np.isnan(got).any() or name == "reduce_mean"


@pytest.mark.parametrize("name", EVERY)
def test_the_input_is_not_written_to(backend: Backend, dtype: str, name: str) -> None:
    inputs, attributes = sample(name, np.linspace(-3, 3, 12, dtype=dtype).reshape(3, 4))
    copies = [np.array(x) for x in inputs]
    there = prepared(backend, name, copies)
    OPS[name].formula(*there, xp=backend.xp, **attributes)
    for before, (after, host) in zip(inputs, OPS[name].placed(there), strict=True):
        np.testing.assert_array_equal(after if host else backend.to_host(after), before)


@pytest.mark.parametrize("name", sorted({*ROWS, "unguarded_softmax"}))
def test_nan_stays_in_its_row(backend: Backend, dtype: str, name: str) -> None:
    x = np.array([[1.0, 2.0, 3.0], [1.0, math.nan, 3.0], [3.0, 2.0, 1.0]], dtype)
    got = apply(backend, name, x)
    assert np.isnan(got[1]).all()
    assert np.isfinite(got[[0, 2]]).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax"])
@pytest.mark.parametrize("row", [(1.0, INF, 0.0), (INF, INF, INF), (-INF, -INF, -INF)], ids=str)
def test_a_row_without_a_largest_finite_score_is_nan(
    backend: Backend, dtype: str, name: str, row: tuple[float, ...]
) -> None:
    x = np.array([(0.0, 0.0, 0.0), row], dtype)
    got = apply(backend, name, x)
    assert np.isfinite(got[0]).all()
    assert np.isnan(got[1]).all()


def test_softmin_takes_infinities_the_other_way_round(backend: Backend, dtype: str) -> None:
    x = np.array([(0.0, -INF), (INF, INF), (0.0, INF)], dtype)
    got = apply(backend, "softmin", x)
    assert np.isnan(got[:2]).all()
    np.testing.assert_array_equal(got[2], (1, 0))


def test_minus_infinity_beside_finite_scores_has_no_share(backend: Backend, dtype: str) -> None:
    x = np.array([[0.0, -INF, 0.0]], dtype)
    np.testing.assert_array_equal(apply(backend, "softmax", x), [[0.5, 0, 0.5]])
    np.testing.assert_array_equal(apply(backend, "sparsemax", x), [[0.5, 0, 0.5]])
    half = -math.log(2)
    np.testing.assert_allclose(
        apply(backend, "log_softmax", x), [[half, -INF, half]], rtol=4 * np.finfo(dtype).eps
    )
    np.testing.assert_allclose(
        apply(backend, "logsumexp", x), [-half], rtol=4 * np.finfo(dtype).eps
    )


def test_logsumexp_of_infinities(backend: Backend, dtype: str) -> None:
    x = np.array([(0.0, INF), (INF, INF), (-INF, -INF), (INF, -INF)], dtype)
    np.testing.assert_array_equal(apply(backend, "logsumexp", x), [INF, INF, -INF, INF])


def test_hardmax_marks_the_first_of_equals_also_at_infinity(backend: Backend, dtype: str) -> None:
    x = np.array([(1.0, INF, INF), (-INF, -INF, -INF), (-INF, 0.0, 0.0)], dtype)
    np.testing.assert_array_equal(apply(backend, "hardmax", x), [(0, 1, 0), (1, 0, 0), (0, 1, 0)])


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_largest_numbers_make_no_floating_point_error(name: str) -> None:
    from arraynet.backends import get_backend

    largest = np.finfo(np.float32).max
    x = np.array([(largest, -largest), (-largest, -largest), (largest, largest), (0, largest)])
    with np.errstate(all="raise", under="ignore"):
        got = apply(get_backend("cpu"), name, x.astype(np.float32))
    assert np.isfinite(got).all()
