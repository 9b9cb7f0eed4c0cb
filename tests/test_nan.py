"""NaN in a row stays in its row, and is no class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Network, Sequential
from arraynet.labels import labels_from_scores
from tests.networks import dense, mlp, normal, seven_layers
from tests.strategies import ACTIVATIONS

ROWS = 1000
BATCH_SIZES = (None, 1, 7, 100, 9999)


def with_nan(rows: int, columns: int) -> tuple[Any, Any, Any]:
    """Return a clean batch, the same with NaN in some rows, and which rows those are."""
    clean = normal(rows, columns)
    random = np.random.default_rng(4)
    spoiled = random.random(rows) < 0.1
    x = clean.copy()
    x[spoiled, random.integers(0, columns, rows)[spoiled]] = np.nan
    return clean, x, spoiled


def assert_nan_stays(network: Network, columns: int, batch_size: int | None, rows: int) -> None:
    clean, x, spoiled = with_nan(rows, columns)
    expected = network.predict(clean, batch_size=batch_size)
    found = network.predict(x, batch_size=batch_size)
    assert np.isfinite(expected).all()
    assert np.isnan(found[spoiled]).all()
    np.testing.assert_allclose(found[~spoiled], expected[~spoiled], rtol=4e-7, atol=1e-7)
    labels = network.classify(x, batch_size)
    np.testing.assert_array_equal(labels[spoiled], -1)
    np.testing.assert_array_equal(labels[~spoiled], expected[~spoiled].argmax(axis=1))


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@pytest.mark.parametrize("optimize", [True, False])
def test_nan_stays_in_its_row_of_mixed_layers(batch_size: int | None, optimize: bool) -> None:
    assert_nan_stays(Network(seven_layers(), optimize=optimize), 16, batch_size, ROWS)


@pytest.mark.parametrize(
    ("activation", "attributes"), [a for a in ACTIVATIONS if a[0] not in ("hardmax", "step")]
)
def test_nan_stays_in_its_row_after_any_activation(
    activation: str, attributes: dict[str, Any]
) -> None:
    hidden = (activation, attributes)
    network = Sequential(dense(6, 8), hidden, dense(8, 5), hidden, dense(5, 3), "softmax")
    for batch_size in (None, 7):
        assert_nan_stays(network, 6, batch_size, ROWS)


@pytest.mark.parametrize("activation", ["step", "hardmax"])
def test_nan_stays_in_its_row_after_jumps(activation: str) -> None:
    network = Sequential(dense(6, 8), activation, dense(8, 3), "softmax")
    assert_nan_stays(network, 6, None, ROWS)


@pytest.mark.parametrize("output", ["softmax", "log_softmax", "softmin", "sparsemax", "hardmax"])
def test_nan_stays_in_its_row_of_any_output(output: str, backend: Backend) -> None:
    network = mlp(6, 8, 3, output=output, backend=backend)
    if output in ("log_softmax", "softmin"):
        assert_nan_stays(network, 6, 100, 200)
    for batch_size in (None, 1, 7):
        assert_nan_stays(network, 6, batch_size, 100)


def test_a_large_network_on_threads() -> None:
    """Rows enough for several blocks and threads, columns that BLAS takes in parts."""
    assert_nan_stays(mlp(784, 50, 100, 10), 784, None, 5000)


def test_evaluate_counts_no_answer_as_wrong_and_as_no_class() -> None:
    network = mlp(6, 8, 3)
    clean, x, spoiled = with_nan(ROWS, 6)
    truth = network.classify(clean)
    for batch_size in BATCH_SIZES:
        result = network.evaluate(x, truth, batch_size)
        assert (result.correct, result.total) == (ROWS - spoiled.sum(), ROWS)
        assert result.unanswered == spoiled.sum()
        counts = np.bincount(truth[~spoiled], minlength=3)
        np.testing.assert_array_equal(result.confusion_matrix, np.diag(counts))


def test_a_network_whose_weights_are_nan_answers_nothing(backend: Backend) -> None:
    graph = mlp(6, 3).graph
    weights = {name: np.full_like(weight, np.nan) for name, weight in graph.weights.items()}
    network = Network(type(graph)(graph.inputs, graph.nodes, weights, graph.outputs), backend)
    x = normal(5, 6)
    assert np.isnan(network.predict(x)).all()
    assert network.classify(x).tolist() == [-1] * 5
    assert network.evaluate(x, [0] * 5).correct == 0


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([[0.1, 0.9], [0.9, 0.1]], [1, 0]),
        ([[0.5, 0.5]], [0]),
        ([[np.nan, 1.0], [1.0, np.nan], [np.nan, np.nan]], [-1, -1, -1]),
        ([[-np.inf, np.inf], [-np.inf, -np.inf]], [1, 0]),
        (np.zeros((0, 3)), []),
        (np.zeros((2, 0)), [-1, -1]),
        ([[3.0], [0.5], [np.nan]], [1, 0, -1]),
    ],
)
def test_the_label_is_the_largest_score(scores: Any, labels: list[int]) -> None:
    found = labels_from_scores(np.asarray(scores, "f4"))
    assert found.tolist() == labels
    assert found.dtype == np.int64
