"""Networks with one output: yes above a half, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Dense, Sequential, metrics, perceptron
from arraynet.errors import DtypeError, ShapeError
from arraynet.labels import labels_from_scores
from tests.networks import dense, mlp, normal

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("weights", "bias", "answers"),
    [([0.5, 0.5], -0.7, [0, 0, 0, 1]), ([-0.5, -0.5], 0.7, [1, 1, 1, 0])],
)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_perceptron_classifies(
    weights: Any, bias: float, answers: list[int], batch_size: int | None
) -> None:
    network = perceptron(weights, bias)
    labels = network.classify(CORNERS, batch_size)
    assert (labels.tolist(), labels.dtype) == (answers, np.int64)


@pytest.mark.parametrize(
    "t",
    [
        [0, 0, 0, 1],
        [[0], [0], [0], [1]],
        [[1, 0], [1, 0], [1, 0], [0, 1]],
        [False, False, False, True],
    ],
)
def test_a_perceptron_is_evaluated(t: Any, backend: Backend) -> None:
    gate = Sequential(Dense(np.float32([[0.5], [0.5]]), [-0.2]), "step", backend=backend)
    evaluation = gate.evaluate(CORNERS, t)  # OR, judged as AND
    assert (evaluation.correct, evaluation.total) == (2, 4)
    assert evaluation.confusion_matrix.tolist() == [[1, 2], [0, 1]]
    with pytest.raises(ShapeError, match=r"got label 2 .*expected 0 to 1"):
        gate.evaluate(CORNERS, [0, 1, 2, 0])


@pytest.mark.parametrize(
    "last", [("step",), ("sigmoid",), ("hard_sigmoid",), ("sigmoid", "identity", "dropout")]
)
def test_yes_is_above_a_half_and_nan_is_no_answer(last: Any) -> None:
    layer = Dense(np.float32([[1.0]]))
    network = Sequential(layer, *last)
    x = np.float32([[-3.0], [-0.0], [0.0], [1e-3], [3.0], [np.nan]])
    assert network.classify(x).tolist() == [0, 0, 0, 1, 1, -1]
    evaluation = network.evaluate(x, [0, 0, 0, 1, 1, 1])
    assert (evaluation.correct, evaluation.unanswered) == (5, 1)


@pytest.mark.parametrize("last", [(), ("tanh",), ("relu",), ("softmax",), ("softplus",)])
def test_one_output_that_says_no_yes_is_refused_by_name(last: Any) -> None:
    network = Sequential(dense(6, 1), *last)
    name = network.graph.outputs[0]
    for call in (network.classify, lambda x: network.evaluate(x, [0] * 4)):
        with pytest.raises(ShapeError, match=f"one output, of {name}, .*'sigmoid'") as caught:
            call(normal(4, 6))
        assert len(str(caught.value).splitlines()) == 1


def test_how_many_classes_there_are() -> None:
    assert mlp(6, 5, 3).classes == 3
    assert perceptron([1.0, 2.0], 0.0).classes == 2
    assert Sequential(dense(6, 1)).classes is None
    assert Sequential(dense(6, 3), "logsumexp").classes is None


def test_a_column_of_scores_is_one_answer_a_row() -> None:
    scores = np.array([[0.2], [0.5], [0.51], [np.nan]])
    assert labels_from_scores(scores).tolist() == [0, 0, 1, -1]


def test_a_column_of_labels_is_no_class_0() -> None:
    column = np.array([[1], [0], [1]])
    assert metrics.labels_of(column).tolist() == [1, 0, 1]
    assert metrics.correct_count([1, 1, 1], column) == 2
    assert metrics.accuracy(column > 0, [1, 0, 0]) == 2 / 3
    assert metrics.confusion_matrix([1, 1, 1], column).tolist() == [[0, 1], [0, 2]]
    assert metrics.Evaluation.of([1, 1, 1], column).correct == 2


def test_scores_of_one_output_are_no_labels() -> None:
    with pytest.raises(DtypeError, match=r"predicted: got float64.*net\.classify"):
        metrics.accuracy([[0.2], [0.9]], [0, 1])
    with pytest.raises(ShapeError, match=r"scores: got shape \(2, 1\).*net\.classify"):
        metrics.top_k_accuracy([[0.2], [0.9]], [0, 1], 1)
