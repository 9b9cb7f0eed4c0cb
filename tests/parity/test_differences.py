"""The differences of two arrays, against NumPy's own spacing and worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.parity.comparison import largest_differences

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [1.0, 1.5, 0.1, 1000.0, 6e-8, 0.0])
def test_neighbours_are_one_ulp_apart(dtype: str, value: float) -> None:
    a = np.array([value], dtype)
    b = np.nextafter(a, np.array([INF], dtype))
    absolute, relative, ulps = largest_differences(a, b, dtype)
    assert absolute == float(b[0]) - float(a[0])
    assert relative == pytest.approx(absolute / float(b[0]))
    assert ulps == 1.0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulps_are_counted_at_the_larger_number(dtype: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 200)).astype(dtype)
    larger = np.maximum(abs(a), abs(b))
    expected = abs(a.astype("float64") - b.astype("float64")) / np.spacing(larger)
    assert largest_differences(a, b, dtype)[2] == expected.max()
    assert largest_differences(b, a, dtype) == largest_differences(a, b, dtype)


def test_bfloat16() -> None:
    # 8 bits of precision: the neighbours of 1 are 2**-7 above it
    assert largest_differences(np.array([1.0]), np.array([1 + 2**-7]), "bfloat16")[2] == 1.0


def test_each_is_the_largest_of_its_kind() -> None:
    a = np.array([100.0, 1.0, 0.0])
    b = np.array([101.0, 1.5, 0.0])
    absolute, relative, ulps = largest_differences(a, b, "float64")
    assert absolute == 1.0
    assert relative == pytest.approx(1 / 3)
    assert ulps == 0.5 / np.spacing(1.5)


def test_a_number_against_zero() -> None:
    assert largest_differences(np.array([0.0]), np.array([-1e-30]), "float32")[:2] == (1e-30, 1.0)


@pytest.mark.parametrize(("a", "b"), [(NAN, NAN), (INF, INF), (-INF, -INF), (0.0, -0.0)])
def test_what_is_the_same_does_not_differ(a: float, b: float) -> None:
    assert largest_differences(np.array([a, 1.0]), np.array([b, 1.0]), "float32") == (0, 0, 0)


@pytest.mark.parametrize(("a", "b"), [(NAN, 1.0), (1.0, NAN), (INF, 1.0), (INF, -INF), (NAN, INF)])
def test_what_is_no_number_differs_infinitely(a: float, b: float) -> None:
    assert largest_differences(np.array([a]), np.array([b]), "float32") == (INF, INF, INF)


def test_of_nothing() -> None:
    assert largest_differences(np.zeros((0, 3)), np.zeros((0, 3)), "float32") == (0, 0, 0)
