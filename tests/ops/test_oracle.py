"""The oracle itself, against published values, and its ruler."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp, mpf

from tests import oracle
from tests.oracle import ELEMENTWISE, Exact, exact, exact_rows, ulps

PUBLISHED = [
    # NIST Digital Library of Mathematical Functions and Abramowitz and Stegun, table 7.1
    ("erf", 0.5, "0.52049987781304653768"),
    ("erf", 1.0, "0.84270079294971486934"),
    ("erf", 2.0, "0.99532226501895273416"),
    ("erfc", 2.0, "0.00467773498104726584"),
    ("erfc", 10.0, "2.0884875837625447570e-45"),
    # OEIS A092042 / A091925 and their kin: tanh(1), 1/(1+e), log(2)
    ("tanh", 1.0, "0.76159415595576488812"),
    ("sigmoid", -1.0, "0.26894142136999512075"),
    ("softplus", 0.0, "0.69314718055994530942"),
    ("log_sigmoid", 0.0, "-0.69314718055994530942"),
    # the normal distribution function at 1 and 2
    ("gelu", 1.0, "0.84134474606854294859"),
    ("gelu", -2.0, "-0.04550026389635841440"),
    ("silu", 1.0, "0.73105857863000487925"),
    ("squareplus", 1.5, "2"),
    ("elu", -1.0, "-0.63212055882855767840"),
]


@pytest.mark.parametrize(("name", "x", "wanted"), PUBLISHED)
def test_published_values(name: str, x: float, wanted: str) -> None:
    got = exact(name, np.array([x]))
    with mp.workdps(30):
        number = mp.ldexp(mpf(float(got.high[0])) + mpf(float(got.low[0])), int(got.exponent[0]))
        assert abs(number / mpf(wanted) - 1) < mpf(10) ** -18


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_more_digits_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([-1e300, -700.3, -37.7, -13.9, -0.3, -1e-150, 1e-9, 0.7, 21.3, 700.7, 1e300])
    few = exact(name, x)
    monkeypatch.setattr(oracle, "_digits", lambda x: 2500)
    monkeypatch.setattr(oracle, "_elementwise", oracle._elementwise.__wrapped__)
    many = exact(name, x)
    np.testing.assert_array_equal(few.rounded, many.rounded)


def test_rows_of_known_values() -> None:
    rows = np.array([[0.0, np.log(2.0), np.log(5.0)]])
    np.testing.assert_allclose(exact_rows("softmax", rows).rounded, [1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(exact_rows("softmin", rows).rounded, [10 / 17, 5 / 17, 2 / 17])
    np.testing.assert_allclose(exact_rows("logsumexp", rows).rounded, [np.log(8)])
    np.testing.assert_allclose(
        exact_rows("log_softmax", rows).rounded, np.log([1 / 8, 1 / 4, 5 / 8])
    )
    np.testing.assert_allclose(
        exact_rows("sparsemax", np.array([[0.5, 0.3, -1.0]])).rounded, [0.6, 0.4, 0.0]
    )
    np.testing.assert_array_equal(
        exact_rows("hardmax", np.array([[1.0, 3.0, 3.0]])).rounded, [0, 1, 0]
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ruler(dtype: str) -> None:
    kind = np.finfo(dtype)
    x = np.array(
        [1.0, 1.5, -3.0, kind.max, kind.smallest_subnormal, kind.smallest_normal, 0], dtype
    )
    wanted = exact("identity", x)
    np.testing.assert_array_equal(ulps(x, wanted), np.zeros(7))
    above = np.nextafter(x, np.array(-np.inf, dtype))
    # Below a power of two the spacing is half as large.
    np.testing.assert_array_equal(ulps(above, wanted), [0.5, 1, 1, 1, 1, 1, 1])
    missing = np.full(7, np.nan, dtype)
    np.testing.assert_array_equal(ulps(missing, wanted), np.full(7, np.inf))


def test_the_ruler_sees_what_float64_cannot_hold() -> None:
    third = Exact(np.array([2 / 3]), np.array([2 / 3 * 2.0**-54]), np.array([-1]))
    (distance,) = ulps(np.array([1 / 3]), third)
    assert 0 < distance < 0.5
