"""How a plan asks for what a row has in common with its elements, and how for reductions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.backends.numpy.plan import WHOLE, Plan
from arraynet.backends.numpy.products import Layouts
from arraynet.backends.numpy.recording import record
from tests.networks import normal


def centred(x: Any) -> Any:
    """Use one number of each row in three calls, each with all elements of the row."""
    largest = np.max(x, axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    return ((x - largest) * (x + largest)) / (largest + 10.0 + x)


def plan_of(function: Any, x: Any) -> Plan:
    _, tape = record(function, x)
    return Plan(tape, Layouts())


def spread(plan: Plan) -> int:
    """Return how many calls copy one number for each row to its elements."""
    return sum(
        function is np.copyto and arguments[0].shape[1] > arguments[1].shape[1] == 1
        for function, arguments in plan._steps
        if function is np.copyto and getattr(arguments[1], "ndim", 0) == 2
    )


@pytest.mark.parametrize(
    ("columns", "copies"), [(1, 0), (2, 1), (10, 1), (WHOLE, 1), (WHOLE + 1, 0)]
)
@pytest.mark.parametrize("rows", [1, 2, 50])
def test_a_number_of_a_short_row_is_laid_out_once(rows: int, columns: int, copies: int) -> None:
    def function(x: Any) -> Any:
        largest = np.max(x, axis=1, keepdims=True)
        return (x - largest) * (x + largest)

    x = normal(rows, columns)
    plan = plan_of(function, x)
    assert spread(plan) == copies
    for _ in range(2):
        np.testing.assert_array_equal(plan.run(x), function(x))


def test_one_number_is_an_array_too() -> None:
    def function(x: Any) -> Any:
        return np.tanh(np.max(x))

    x = normal(5, 10)
    found = plan_of(function, x).run(x)
    assert type(found) is np.ndarray
    assert found == function(x)


def test_a_number_that_meets_its_row_once_is_not() -> None:
    x = normal(5, 10)
    plan = plan_of(lambda x: x - np.max(x, axis=1, keepdims=True), x)
    assert spread(plan) == 0
    np.testing.assert_array_equal(plan.run(x), x - x.max(axis=1, keepdims=True))


def test_nor_is_one_that_also_meets_numbers_of_other_rows() -> None:
    x = normal(5, 10)
    plan = plan_of(centred, x)
    assert spread(plan) == 0
    np.testing.assert_array_equal(plan.run(x), centred(x))


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"axis": 0},
        {"axis": -1, "keepdims": True},
        {"axis": (0, 1)},
        {"axis": None},
        {"axis": 1, "dtype": "f8"},
        {"axis": 1, "initial": 3.0},
        {"axis": 1, "initial": 0.0, "where": np.arange(10) > 4},
    ],
)
@pytest.mark.parametrize("ufunc", [np.maximum, np.add])
def test_a_reduction_keeps_its_keywords(ufunc: Any, keywords: dict[str, Any]) -> None:
    def function(x: Any) -> Any:
        return ufunc.reduce(x * 2.0, **keywords) + 1.0

    x = normal(5, 10)
    plan = plan_of(function, x)
    found = plan.run(x)
    assert found.dtype == function(x).dtype
    # A sum of each row is a product with ones, which adds in another order.
    np.testing.assert_allclose(found, function(x), rtol=1e-6)
