"""The numbers of new weights, block by block, against float64 on whole arrays."""

from __future__ import annotations

from typing import Any

import ml_dtypes  # noqa: F401 (adds bfloat16 to NumPy)
import numpy as np
import pytest

from arraynet.passes import numbers
from arraynet.passes.numbers import interval, product, scaled, weighted_sum
from tests.networks import normal


@pytest.fixture(params=[1, 7, 30, 1 << 16], ids=lambda block: f"block{block}", autouse=True)
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "BLOCK", request.param)


@pytest.fixture(params=["C", "F"])
def weight(request: pytest.FixtureRequest) -> Any:
    return np.asarray(normal(11, 13), order=request.param)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_scaled_is_rounded_once(weight: Any, dtype: str) -> None:
    values = weight.astype(dtype)
    exact = values.astype("f8")
    rows, columns = normal(11, 1), normal(1, 13)[0]
    for factor, shift in ((0.5, 0.0), (rows, 0.0), (columns, columns), (3.0, rows)):
        found = scaled(values, factor, shift, shape=values.shape)
        assert found is not None
        expected = exact * np.asarray(factor, "f8") + np.asarray(shift, "f8")
        np.testing.assert_array_equal(found, expected.astype(dtype))
        assert found.dtype == values.dtype
        assert found.flags.fnc == values.flags.fnc


def test_a_number_is_scaled_to_a_whole_bias() -> None:
    columns = normal(1, 13)[0]
    found = scaled(np.zeros((), "f4"), 2.0, columns, shape=(13,))
    np.testing.assert_array_equal(found, columns)


def test_what_the_dtype_cannot_hold_is_none(weight: Any) -> None:
    half = weight.astype("f2")
    for factor in (1e-7, 1e6, np.nan):
        assert scaled(half, factor, shape=half.shape) is None
    one_lost = np.ones(13)
    one_lost[-1] = 1e6  # in the last block alone
    assert scaled(half, one_lost, shape=half.shape) is None
    assert product(half * 1000, half.T * 1000) is None


def test_sums_and_products(weight: Any) -> None:
    exact, factors = weight.astype("f8"), normal(1, 11)[0]
    found = weighted_sum(factors[:, None], weight, 1)
    np.testing.assert_allclose(found, factors.astype("f8") @ exact, 1e-13, 1e-15)
    np.testing.assert_allclose(weighted_sum(0.5, weight, 1), exact.sum(axis=0) / 2, 1e-13)
    np.testing.assert_allclose(weighted_sum(0.5, weight, 0), exact.sum(axis=1) / 2, 1e-13)
    found = product(weight, weight.T)
    np.testing.assert_allclose(found, exact @ exact.T, rtol=1e-6, atol=1e-6)


def test_an_interval_holds_the_outputs_and_is_reached(weight: Any) -> None:
    """The largest output takes each input at the end that the weight's sign asks for."""
    bias = normal(1, 13)[0]
    low, high = np.full(11, -0.25), np.linspace(0.5, 2, 11)
    least, greatest = interval(low, high, weight, bias)
    exact = weight.astype("f8")
    corner = np.where(exact > 0, high[:, None], low[:, None])
    np.testing.assert_allclose(greatest, (corner * exact).sum(axis=0) + bias, 1e-12)
    corner = np.where(exact < 0, high[:, None], low[:, None])
    np.testing.assert_allclose(least, (corner * exact).sum(axis=0) + bias, 1e-12)
