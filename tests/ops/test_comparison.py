"""Comparisons, truth values and conversions."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import DtypeError, GraphError
from tests.ops.applied import outputs
from tests.ops.references_arithmetic import each

X = np.array([-np.inf, -1.0, 0.0, 1.0, np.inf, np.nan], np.float32)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("equal", operator.eq),
        ("less", operator.lt),
        ("less_or_equal", operator.le),
        ("greater", operator.gt),
        ("greater_or_equal", operator.ge),
    ],
)
def test_comparisons(backend: Backend, name: str, function: Any) -> None:
    (got,) = outputs(backend, name, [X[:, None], X])
    assert got.dtype == np.bool_
    np.testing.assert_array_equal(got, each(function, X[:, None], X))
    large = np.array([16_777_216, 16_777_217], np.int32)
    (got,) = outputs(backend, name, [large, large[::-1].copy()])
    np.testing.assert_array_equal(got, each(function, large, large[::-1]))


@pytest.mark.parametrize(
    ("name", "function"),
    [("logical_and", operator.and_), ("logical_or", operator.or_), ("logical_xor", operator.xor)],
)
def test_truth_values(backend: Backend, name: str, function: Any) -> None:
    x = np.array([False, True])
    (got,) = outputs(backend, name, [x[:, None], x])
    np.testing.assert_array_equal(got, each(function, x[:, None], x))
    assert outputs(backend, "logical_not", [x])[0].tolist() == [True, False]


def test_infinities_and_nan(backend: Backend) -> None:
    assert outputs(backend, "is_nan", [X])[0].tolist() == [False] * 5 + [True]
    for negative in (False, True):
        for positive in (False, True):
            flags = {"detect_negative": negative, "detect_positive": positive}
            wanted = [negative, False, False, False, positive, False]
            assert outputs(backend, "is_inf", [X], **flags)[0].tolist() == wanted
    whole = np.array([1, 2])
    assert not outputs(backend, "is_nan", [whole])[0].any()
    assert not outputs(backend, "is_inf", [whole])[0].any()


def test_where_keeps_the_dtype(backend: Backend) -> None:
    condition = np.array([[True], [False]])
    x, y = np.array([16_777_217, 1], np.int32), np.array([2, 3], np.int32)
    (got,) = outputs(backend, "where", [condition, x, y])
    assert got.dtype == np.int32
    assert got.tolist() == [[16_777_217, 1], [2, 3]]
    with pytest.raises(DtypeError, match="where: got a condition of int64, expected bool"):
        ops.where(np.array([1]), x, y)


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("int8", [-128, -1, 0, 1, 1, 127, 127, 0]),
        ("uint8", [0, 0, 0, 1, 1, 200, 255, 0]),
        ("int32", [-(2**31), -1, 0, 1, 1, 200, 2**31 - 1, 0]),
        ("bool", [True, True, False, True, True, True, True, True]),
    ],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floating_numbers_are_cut_off_and_held(
    backend: Backend, dtype: str, to: str, wanted: list[Any]
) -> None:
    x = np.array([-np.inf, -1.9, 0.0, 1.0, 1.9, 200.0, np.inf, np.nan], dtype)
    (got,) = outputs(backend, "cast", [x], to=to)
    assert got.dtype == np.dtype(to)
    assert got.tolist() == wanted


def test_the_ends_of_int32_are_exact(backend: Backend) -> None:
    x = np.array([2.0**31, 2.0**31 - 128, -(2.0**31), -(2.0**31) - 256], np.float32)
    (got,) = outputs(backend, "cast", [x], to="int32")
    assert got.tolist() == [2**31 - 1, 2**31 - 128, -(2**31), -(2**31)]


def test_what_float16_cannot_hold_is_infinite(backend: Backend) -> None:
    x = np.array([65504.0, 65519.9, 65520.0, -1e30], np.float32)
    (got,) = outputs(backend, "cast", [x], to="float16")
    assert got.tolist() == [65504, 65504, np.inf, -np.inf]
    whole = np.array([65504, 65519, 65520, 2**30], np.int32)
    (got,) = outputs(backend, "cast", [whole], to="float16")
    assert got.tolist() == [65504, 65504, np.inf, np.inf]


def test_a_cast_to_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(GraphError, match="cast: got 'float3', expected did you mean 'float32'"):
        ops.cast(np.ones(2), to="float3")
    with pytest.raises(DtypeError, match=r"^cast: got an array of complex"):
        ops.cast(np.ones(2, complex), to="float32")


def test_cast_like(backend: Backend) -> None:
    (got,) = outputs(backend, "cast_like", [X[1:4], np.array(0, np.int32)])
    assert got.dtype == np.int32
    assert got.tolist() == [-1, 0, 1]
