"""A wrong result is refused."""

from __future__ import annotations

import numpy as np
import pytest

from bench.checking import WrongResultError, check

REFERENCE = np.array([[0.25, 0.75], [0.5, 0.5]])


def test_a_right_result_passes_with_its_difference() -> None:
    result = REFERENCE.astype(np.float32) + np.float32(0.125)
    assert check(result, REFERENCE, 0.125) == 0.125


def test_a_large_result_is_measured_by_its_size() -> None:
    reference = np.array([0.0, -1000.0])
    assert check(np.array([1.0, -1000.0]), reference, 1e-3) == 1e-3
    with pytest.raises(WrongResultError, match=r"1\.0e-03 off"):
        check(np.array([1.0, -1000.0]), reference, 0.9e-3)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (REFERENCE[:1], r"shape \(1, 2\)"),
        (REFERENCE[:, :1], r"shape \(2, 1\)"),  # would broadcast
        (REFERENCE[::-1], r"2\.5e-01 off"),  # rows in another order
        (np.array([[0.25, np.nan], [0.5, 0.5]]), "not finite"),
        (np.array([[0.25, np.inf], [0.5, 0.5]]), "not finite"),
    ],
)
def test_a_wrong_result_is_refused(result: np.ndarray, said: str) -> None:
    with pytest.raises(WrongResultError, match=said):
        check(result, REFERENCE, 1e-6)


def test_no_rows_are_no_difference() -> None:
    assert check(np.empty((0, 2)), np.empty((0, 2)), 0.0) == 0.0
