"""Accuracy, top-k accuracy and the confusion matrix, against counts made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arraynet import metrics
from arraynet.errors import DeviceMismatchError, DtypeError, ShapeError

PREDICTED = np.array([0, 2, 2, -1, 1, 0])
TRUTH = np.array([0, 2, 1, 0, 1, 2])
ONE_HOT = np.eye(3)[TRUTH]
MATRIX = [[1, 0, 0], [0, 1, 1], [1, 0, 1]]


@pytest.mark.parametrize("t", [TRUTH, TRUTH.astype(np.uint8), TRUTH.tolist(), ONE_HOT, ONE_HOT > 0])
def test_labels_and_one_hot_rows_count_alike(t: object) -> None:
    assert metrics.correct_count(PREDICTED, t) == 3
    assert metrics.accuracy(PREDICTED, t) == 0.5
    assert metrics.confusion_matrix(PREDICTED, t).tolist() == MATRIX
    assert metrics.labels_of(t).tolist() == TRUTH.tolist()
    assert metrics.labels_of(t).dtype == np.int64


def test_no_answer_is_never_right_and_never_class_0() -> None:
    nothing = np.full(1000, -1)
    zeros = np.zeros(1000, int)
    assert metrics.correct_count(nothing, zeros) == 0
    assert metrics.accuracy(nothing, zeros) == 0.0
    assert metrics.confusion_matrix(nothing, zeros, 3).tolist() == [[0] * 3] * 3


def test_of_nothing() -> None:
    assert math.isnan(metrics.accuracy([], []))
    assert metrics.correct_count([], []) == 0
    assert math.isnan(metrics.top_k_accuracy(np.zeros((0, 4)), [], k=2))
    assert metrics.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]
    assert metrics.confusion_matrix([], []).shape == (0, 0)
    assert metrics.confusion_matrix([], np.zeros((0, 3))).shape == (3, 3)


def test_the_matrix_is_as_wide_as_its_widest_label() -> None:
    assert metrics.confusion_matrix([4], [1]).shape == (5, 5)
    assert metrics.confusion_matrix([1], [4]).shape == (5, 5)
    assert metrics.confusion_matrix([1], [1], classes=7).shape == (7, 7)
    assert metrics.confusion_matrix([1], np.eye(6)[[1]]).shape == (6, 6)


@pytest.mark.parametrize(("k", "right"), [(1, 1), (2, 2), (3, 4), (4, 5)])
def test_top_k(k: int, right: int) -> None:
    scores = np.array(
        [
            [0.1, 0.6, 0.2, 0.1],  # class 1 is first
            [0.3, 0.4, 0.2, 0.1],  # class 0 is second
            [0.3, 0.4, 0.2, 0.1],  # class 2 is third
            [0.3, 0.4, 0.2, 0.1],  # class 3 is last
            [0.4, 0.2, 0.2, 0.2],  # of three equals, class 2 is second: third in all
            [0.4, math.nan, 0.1, 0.1],  # no answer
        ]
    )
    t = [1, 0, 2, 3, 2, 0]
    assert metrics.top_k_accuracy(scores, t, k) == right / 6
    assert metrics.top_k_accuracy(scores, np.eye(4)[t], k) == right / 6
    assert metrics.top_k_accuracy(np.log(scores), t, k) == right / 6


def test_top_k_of_infinite_scores() -> None:
    assert metrics.top_k_accuracy([[-math.inf, math.inf, 0.0]], [0], 2) == 0.0
    assert metrics.top_k_accuracy([[-math.inf, math.inf, 0.0]], [0], 3) == 1.0


@pytest.mark.parametrize(
    ("predicted", "t", "classes", "said"),
    [
        ([0, 1], [0, 1, 1], None, "predicted: got 2 of them for 3 labels"),
        ([0, 1], [0, -1], None, "t: got label -1 at index 1, expected 0 or more"),
        ([0, -2], [0, 1], None, "predicted: got label -2 at index 1, expected -1 or more"),
        ([0, 1], [0, 3], 3, "t: got label 3 at index 1, expected 0 to 2"),
        ([7, 1], [0, 1], 3, "predicted: got label 7 at index 0, expected -1 to 2"),
        ([7], np.eye(3)[[0]], None, "predicted: got label 7 at index 0, expected -1 to 2"),
        ([0], np.eye(3)[[0]], 4, "t: got one-hot rows of 3 classes, expected 4 classes"),
        ([0, 0], [[1, 0], [1, 1]], None, "t: got row 1 = .*expected a single 1"),
        ([0], [[0, 0]], None, "t: got row 0"),
        ([0], [[0, 0.5]], None, "t: got row 0"),
        ([0], [[math.nan, 1]], None, "t: got row 0"),
        ([[0.2, 0.8]], [1], None, r"predicted: got shape \(1, 2\).*argmax"),
        ([0], np.zeros((1, 1, 1)), None, r"t: got shape \(1, 1, 1\)"),
        ([0], 3, None, r"t: got shape \(\)"),
        ([0], [[1], [1, 2]], None, "t: got rows of different lengths"),
        ([0], [10**9], None, "got 1000000001 classes, expected at most 10000"),
        ([0], np.array([2**63], np.uint64), None, "t: got label 9223372036854775808"),
    ],
)
def test_shapes_and_ranges_that_are_refused(
    predicted: object, t: object, classes: int | None, said: str
) -> None:
    with pytest.raises(ShapeError, match=said):
        metrics.confusion_matrix(predicted, t, classes)


@pytest.mark.parametrize(
    ("predicted", "t", "name"),
    [([0.0], [0], "predicted"), ([0], [0.0], "t"), ([0], ["a"], "t"), ([None], [0], "predicted")],
)
def test_labels_that_are_not_integers(predicted: object, t: object, name: str) -> None:
    with pytest.raises(DtypeError, match=f"^{name}: got .*expected integer labels"):
        metrics.accuracy(predicted, t)


@pytest.mark.parametrize(
    ("scores", "k", "said"),
    [
        ([0.1, 0.9], 1, r"scores: got shape \(2,\)"),
        ([[0.1, 0.9]], 0, "k: got 0, expected 1 to 2"),
        ([[0.1, 0.9]], 3, "k: got 3, expected 1 to 2"),
        ([[0.1, 0.9]] * 2, 1, "scores: got 2 of them for 1 labels"),
    ],
)
def test_top_k_refuses(scores: object, k: int, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        metrics.top_k_accuracy(scores, [1], k)


def test_top_k_refuses_words() -> None:
    with pytest.raises(DtypeError, match="scores: got list of <U1, expected real numbers"):
        metrics.top_k_accuracy([["a", "b"]], [1], 1)


def test_an_array_on_a_device_is_named() -> None:
    class OnDevice:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            raise TypeError("not on the host")

    with pytest.raises(DeviceMismatchError, match=r"OnDevice .*on a device.*net\.classify"):
        metrics.accuracy(OnDevice(), [0])


def test_arguments_are_left_alone() -> None:
    predicted, t = PREDICTED.copy(), ONE_HOT.copy()
    predicted.setflags(write=False)
    t.setflags(write=False)
    metrics.confusion_matrix(predicted, t)
    assert np.array_equal(predicted, PREDICTED)
    assert np.array_equal(t, ONE_HOT)


@pytest.mark.parametrize("count", [2.0, "2", [2], np.zeros((2, 2)), -1])
def test_counts_that_are_none(count: object) -> None:
    calls = {
        "classes": [
            lambda: metrics.labels_of([0, 1], count),
            lambda: metrics.confusion_matrix([0, 1], [0, 1], count),
            lambda: metrics.Evaluation.of([0, 1], [0, 1], classes=count),
        ],
        "k": [lambda: metrics.top_k_accuracy(np.eye(2), [0, 1], count)],
    }
    for name, functions in calls.items():
        for call in functions:
            with pytest.raises(ShapeError, match=f"^{name}: got") as caught:
                call()
            assert len(str(caught.value).splitlines()) == 1
