"""What holds for every input, searched for counterexamples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraynet import ops
from tests.oracle import Vector

DTYPES = ["float32", "float64"]

RISING = [
    "celu",
    "elu",
    "erf",
    "hard_shrink",
    "hard_sigmoid",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "soft_shrink",
    "softplus",
    "softsign",
    "squareplus",
    "step",
    "tanh",
    "tanh_shrink",
    "thresholded_relu",
]
ODD = ["erf", "hard_shrink", "hard_tanh", "soft_shrink", "softsign", "tanh", "tanh_shrink"]


def numbers(dtype: str, largest: float = 1e30) -> st.SearchStrategy[Vector]:
    """Give arrays of finite numbers, few or many, small or large."""
    kind = np.dtype(dtype)
    bound = float(kind.type(largest))
    elements = st.floats(-bound, bound, width=8 * kind.itemsize, allow_subnormal=True)
    near = st.floats(-10, 10, width=8 * kind.itemsize, allow_subnormal=True)
    return hnp.arrays(kind, st.integers(1, 20), elements=st.one_of(elements, near))


def rows(dtype: str, largest: float = 100.0) -> st.SearchStrategy[Vector]:
    """Give batches of rows of scores."""
    kind = np.dtype(dtype)
    elements = st.floats(-largest, largest, width=8 * kind.itemsize)
    return hnp.arrays(kind, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=elements)


def close(got: Vector, wanted: Any, eps: float, scale: Any = 0.0) -> None:
    """Compare within a multiple of the dtype's eps, relative to the larger of the two scales."""
    unit = np.finfo(got.dtype).eps * np.maximum(np.abs(wanted), scale)
    assert (np.abs(got - wanted) <= eps * unit + np.finfo(got.dtype).smallest_normal).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RISING)
@given(data=st.data())
def test_rising(name: str, dtype: str, data: st.DataObject) -> None:
    y = getattr(ops, name)(np.sort(data.draw(numbers(dtype))))
    # Neighbouring results may be out of order by their rounding errors.
    slack = 8 * np.finfo(dtype).eps * np.abs(y) + np.finfo(dtype).smallest_normal
    assert (y[1:] >= y[:-1] - slack[:-1]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ODD)
@given(data=st.data())
def test_odd(name: str, dtype: str, data: st.DataObject) -> None:
    x = data.draw(numbers(dtype))
    np.testing.assert_array_equal(getattr(ops, name)(-x), -getattr(ops, name)(x))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_an_activation_and_its_mirror_image(dtype: str, data: st.DataObject) -> None:
    x = data.draw(numbers(dtype))
    size = np.abs(x)
    close(ops.sigmoid(x) + ops.sigmoid(-x), np.ones_like(x), 8)
    close(ops.erfc(x) + ops.erfc(-x), np.full_like(x, 2.0), 8)
    close(ops.softplus(x) - ops.softplus(-x), x, 8, scale=1)
    close(ops.squareplus(x) - ops.squareplus(-x), x, 8, scale=2)
    close(ops.silu(x) - ops.silu(-x), x, 8, scale=size)
    close(ops.gelu(x) - ops.gelu(-x), x, 8, scale=size)
    close(ops.gelu(x, approximate="tanh") - ops.gelu(-x, approximate="tanh"), x, 8, scale=size)
    close(ops.log_sigmoid(-x), -ops.softplus(x), 0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_the_rectifiers_are_made_of_each_other(dtype: str, data: st.DataObject) -> None:
    x = data.draw(numbers(dtype))
    np.testing.assert_array_equal(ops.relu(x) - ops.relu(-x), x)
    np.testing.assert_array_equal(
        ops.prelu(x, np.array(0.25, dtype)), ops.leaky_relu(x, alpha=0.25)
    )
    np.testing.assert_array_equal(ops.leaky_relu(x, alpha=0.0), ops.relu(x))
    np.testing.assert_array_equal(ops.thresholded_relu(x, alpha=0.0), ops.relu(x))
    np.testing.assert_array_equal(ops.hard_tanh(x, lower=0.0, upper=6.0), ops.relu6(x))
    np.testing.assert_array_equal(ops.celu(x), ops.elu(x))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_probabilities_sum_to_1(dtype: str, data: st.DataObject) -> None:
    x = data.draw(rows(dtype, largest=float(np.finfo(dtype).max)))
    for name in ("softmax", "softmin", "sparsemax"):
        y = getattr(ops, name)(x)
        assert ((y >= 0) & (y <= 1)).all()
        total = y.astype(np.longdouble).sum(axis=-1)
        # Each entry of sparsemax carries the rounding of one threshold, which adds up.
        bound = 4 if name != "sparsemax" else 4 + x.shape[-1]
        assert (np.abs(total - 1) <= bound * np.finfo(dtype).eps).all()


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_a_shift_of_all_scores_changes_nothing(dtype: str, data: st.DataObject) -> None:
    # Scores and shifts on a grid, so that the shift is exact.
    shape = st.tuples(st.integers(1, 4), st.integers(1, 12))
    x = data.draw(hnp.arrays(np.int16, shape, elements=st.integers(-800, 800))) / 16
    shift = data.draw(st.integers(-1000, 1000))
    x, moved = x.astype(dtype), (x + shift).astype(dtype)
    for name in ("softmax", "log_softmax", "softmin", "sparsemax", "hardmax"):
        np.testing.assert_array_equal(
            getattr(ops, name)(moved), getattr(ops, name)(x), err_msg=name
        )
    close(ops.logsumexp(moved), ops.logsumexp(x) + shift, 4, scale=np.float64(abs(shift) + 100))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_the_row_ops_agree_with_each_other(dtype: str, data: st.DataObject) -> None:
    x = data.draw(rows(dtype, largest=30.0))
    np.testing.assert_array_equal(ops.softmin(x), ops.softmax(-x))
    close(np.exp(ops.log_softmax(x)), ops.softmax(x), 150)
    close(ops.log_softmax(x) + ops.logsumexp(x, keepdims=True), x, 8, scale=100)
    close(ops.unguarded_softmax(x), ops.softmax(x), 150)
    np.testing.assert_array_equal(np.argmax(x, axis=-1), np.argmax(ops.hardmax(x), axis=-1))


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_sparsemax_meets_the_conditions_of_the_nearest_point(
    dtype: str, data: st.DataObject
) -> None:
    x = data.draw(rows(dtype))
    for scores, shares in zip(x, ops.sparsemax(x), strict=True):
        thresholds = (scores - shares)[shares > 0]
        slack = 8 * np.finfo(dtype).eps * max(100, np.abs(scores).max())
        assert np.ptp(thresholds) <= slack
        assert (scores[shares == 0] <= thresholds.min() + slack).all()


@given(data=st.data())
def test_the_order_of_the_scores_does_not_matter(data: st.DataObject) -> None:
    x = data.draw(rows("float64"))
    order = np.array(data.draw(st.permutations(range(x.shape[1]))))
    for name in ("softmax", "log_softmax", "sparsemax"):
        y = getattr(ops, name)(x)
        close(getattr(ops, name)(x[:, order]), y[:, order], 8)
