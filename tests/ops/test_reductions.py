"""Reductions, places and choices against NumPy and Python's own order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import ShapeError
from tests.ops.applied import close, outputs, search

FUNCTIONS: dict[str, Any] = {
    "reduce_sum": lambda x, **k: np.sum(x, **k),
    "reduce_mean": lambda x, **k: np.sum(x, **k) / (x.size / max(np.sum(x, **k).size, 1)),
    "reduce_max": lambda x, **k: np.max(x, initial=-np.inf, **k),
    "reduce_min": lambda x, **k: np.min(x, initial=np.inf, **k),
    "reduce_prod": lambda x, **k: np.prod(x, **k),
    "reduce_l1": lambda x, **k: np.sum(np.abs(x), **k),
    "reduce_l2": lambda x, **k: np.sqrt(np.sum(x**2, **k)),
    "reduce_sum_square": lambda x, **k: np.sum(x**2, **k),
    "reduce_log_sum": lambda x, **k: np.log(np.sum(x, **k)),
    "reduce_log_sum_exp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
}


QUARTERS = st.integers(1, 9).map(lambda n: n / 4)
TABLES = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=4), elements=st.integers(0, 2)
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_reductions(backend: Backend, name: str) -> None:
    @search(backend)
    @given(st.data(), st.booleans())
    def holds(data: Any, keepdims: bool) -> None:
        least = 1 if name == "reduce_mean" else 0
        shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=least, max_side=3))
        x = data.draw(hnp.arrays(np.float32, shape, elements=QUARTERS))
        axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
        signs = data.draw(st.lists(st.booleans(), min_size=len(axes), max_size=len(axes)))
        given_axes = [a - len(shape) if sign else a for a, sign in zip(axes, signs, strict=True)]
        over = tuple(axes) or None
        inputs = [x, np.array(given_axes, np.int64)]
        (got,) = outputs(backend, name, inputs, keepdims=keepdims)
        assert got.dtype == x.dtype
        with np.errstate(divide="ignore"):
            close(got, FUNCTIONS[name](x.astype(float), axis=over, keepdims=keepdims), ulps=32)

    holds()


@pytest.mark.parametrize("name", ["reduce_sum", "reduce_max", "reduce_min", "reduce_prod"])
def test_integers_stay_exact(backend: Backend, name: str) -> None:
    x = np.array([[16_777_217, 1, -5], [3, 2, 1]], np.int32)
    (got,) = outputs(backend, name, [x, np.array([1])], keepdims=False)
    assert got.dtype == np.int32
    functions = {"reduce_sum": sum, "reduce_max": max, "reduce_min": min, "reduce_prod": math.prod}
    np.testing.assert_array_equal(got, [functions[name](row) for row in x.tolist()])


def test_no_axes_are_all_or_none(backend: Backend) -> None:
    x = np.array([[-3.0, 4.0]], np.float32)
    assert outputs(backend, "reduce_sum", [x])[0].tolist() == [[1.0]]
    for name, wanted in [("reduce_sum", x), ("reduce_l1", abs(x)), ("reduce_sum_square", x**2)]:
        (got,) = outputs(backend, name, [x], noop_with_empty_axes=True)
        np.testing.assert_array_equal(got, wanted)


def test_nothing_has_a_sum(backend: Backend) -> None:
    x = np.zeros((2, 0), np.float32)
    for name, wanted in [
        *(("reduce_sum", 0), ("reduce_prod", 1), ("reduce_max", -np.inf), ("reduce_mean", np.nan)),
        *(("reduce_log_sum", -np.inf), ("reduce_log_sum_exp", -np.inf), ("reduce_l2", 0)),
    ]:
        (got,) = outputs(backend, name, [x, np.array([1])])
        np.testing.assert_array_equal(got, np.full((2, 1), wanted))
    with pytest.raises(ShapeError, match="axes 0, 0 name one twice"):
        ops.reduce_sum(np.ones((2, 2)), [0, -2])


def test_log_sum_exp_does_not_overflow(backend: Backend) -> None:
    x = np.array([[1000.0, 1000.0], [-np.inf, -np.inf]], np.float32)
    (got,) = outputs(backend, "reduce_log_sum_exp", [x, np.array([1])], keepdims=False)
    close(got, [1000 + math.log(2), -np.inf])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", ["arg_max", "arg_min"])
def test_places(backend: Backend, name: str, last: bool) -> None:
    @search(backend)
    @given(st.data(), st.booleans())
    def holds(data: Any, keepdims: bool) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
        x = data.draw(hnp.arrays(np.float32, shape, elements=st.integers(-2, 2)))
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        flags = {"axis": axis, "keepdims": keepdims, "select_last_index": last}
        (got,) = outputs(backend, name, [x], **flags)

        def place(row: Any) -> int:
            numbers = list(row)
            best = max(numbers) if name == "arg_max" else min(numbers)
            return len(numbers) - 1 - numbers[::-1].index(best) if last else numbers.index(best)

        wanted = np.apply_along_axis(place, axis, x)
        np.testing.assert_array_equal(got, np.expand_dims(wanted, axis) if keepdims else wanted)

    holds()


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_top_k_is_stable(backend: Backend, largest: bool, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=5))
        x = data.draw(hnp.arrays(dtype, shape, elements=st.integers(-2, 2)))
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        k = data.draw(st.integers(0, shape[axis]))
        values, places = outputs(backend, "top_k", [x, np.array([k])], axis=axis, largest=largest)

        def order(row: Any) -> Any:
            sign = -1 if largest else 1
            return sorted(range(len(row)), key=lambda i: (sign * row[i], i))

        wanted = np.take(np.apply_along_axis(order, axis, x), np.arange(k), axis=axis)
        np.testing.assert_array_equal(places, wanted)
        np.testing.assert_array_equal(values, np.take_along_axis(x, wanted.astype(int), axis))

    holds()


def test_top_k_takes_nan_for_the_largest(backend: Backend) -> None:
    x = np.array([1.0, np.nan, 3.0], np.float32)
    assert outputs(backend, "top_k", [x, np.array(2)])[1].tolist() == [1, 2]
    assert outputs(backend, "top_k", [x, np.array(2)], largest=False)[1].tolist() == [0, 2]
    with pytest.raises(ShapeError, match="4 elements of axis -1, which has 3"):
        ops.top_k(x, 4)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_unique(backend: Backend, axis: int | None, in_order: bool) -> None:
    @search(backend)
    @given(TABLES)
    def holds(x: Any) -> None:
        got = outputs(backend, "unique", [x], axis=axis, sorted=in_order)
        values, first, inverse, counts = np.unique(
            x, axis=axis, return_index=True, return_inverse=True, return_counts=True
        )
        if not in_order:
            order = np.argsort(first)
            values = np.take(values, order, axis=axis or 0)
            first, counts = first[order], counts[order]
            inverse = np.argsort(order)[inverse]
        for one, wanted in zip(got, (values, first, inverse.reshape(-1), counts), strict=True):
            np.testing.assert_array_equal(one, wanted)

    holds()
