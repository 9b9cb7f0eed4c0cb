"""Networks on several backends: what is found, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet.backends import Backend
from arraynet.errors import ArraynetError, BackendUnavailableError, ShapeError
from arraynet.parity import compare
from tests.networks import dense, normal

# In float64 the second class wins by 1e-9; float32 sees a tie, and takes the first.
TIE = np.array([[1.0, 1.0], [0.0, 1.0]])
ROWS = np.array([[1.0, 0.5], [1.0, 1e-9], [0.25, 0.25]])


@pytest.fixture
def digits() -> arraynet.Network:
    return arraynet.load_pretrained("digits")


@pytest.fixture
def images() -> np.ndarray:
    return arraynet.datasets.load_digits()[1][0]


@pytest.fixture
def tied() -> arraynet.Network:
    """Give a network whose float32 and float64 disagree on row 1 of ``ROWS``."""
    return arraynet.Sequential(arraynet.Dense(TIE.astype("float32"), np.zeros(2, "float32")))


def test_a_backend_agrees_with_float64(
    digits: arraynet.Network, images: np.ndarray, backend: Backend
) -> None:
    report = compare(digits, images, ("float64", backend.name))
    assert report.backends == ("float64", backend.name)
    assert [found.name for found in report.nodes] == [node.name for node in digits.graph.nodes]
    assert {found.backend for found in (*report.nodes, *report.outputs)} == {backend.name}
    assert report.labels_agree == 1.0
    assert report.passed(1e-5)
    # float32 cannot be float64: a comparison that reports nothing compares nothing.
    assert all(0 < found.absolute < 1e-4 for found in (*report.nodes, *report.outputs))
    assert not report.passed(1e-12)


def test_the_differences_are_those_of_the_activations(
    digits: arraynet.Network, images: np.ndarray
) -> None:
    report = compare(digits, images, ("float64", "cpu"), batch_size=100)
    wide = {name: weight.astype("float64") for name, weight in digits.graph.weights.items()}
    hidden = images.astype("float64") @ wide["W1"] + wide["b1"]
    mine = digits.activations(images[:100])["affine1"]
    assert report.nodes[0].absolute >= abs(mine - hidden[:100]).max()
    assert report.nodes[0].absolute == pytest.approx(
        max(
            abs(digits.activations(images[i : i + 100])["affine1"] - hidden[i : i + 100]).max()
            for i in range(0, len(images), 100)
        ),
        rel=1e-6,
    )


def test_several_backends(digits: arraynet.Network, images: np.ndarray) -> None:
    report = compare(digits, images, ("cpu", "array_api_strict", "float64"))
    assert len(report.nodes) == 2 * len(digits.graph.nodes)
    assert [found.backend for found in report.outputs] == ["array_api_strict", "float64"]


def test_labels_that_differ(tied: arraynet.Network) -> None:
    report = compare(tied, np.float32(ROWS), ("float64", "cpu"))
    assert report.differing == (1,)
    assert report.labels_agree == pytest.approx(2 / 3)
    assert not report.passed()
    assert "labels: 2 of 3 agree (not rows 1)" in str(report)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_rows_are_counted_over_all_blocks(tied: arraynet.Network, batch_size: int) -> None:
    rows = np.float32(np.concatenate([ROWS, ROWS]))
    report = compare(tied, rows, ("float64", "cpu"), batch_size=batch_size)
    assert report.differing == (1, 4)
    assert report.rows == 6
    assert report.margin_row == 1
    assert report.margin == pytest.approx(1e-9, rel=1e-6)


def test_the_reference_starts_from_the_rounded_input() -> None:
    net = arraynet.Sequential(arraynet.Dense(np.eye(2, dtype="float32"), np.zeros(2, "float32")))
    report = compare(net, np.array([[0.1, 0.2]]), ("float64", "cpu"))
    assert report.nodes[0].absolute == 0.0


def test_the_margin_is_that_of_the_scores_before_softmax() -> None:
    dense = arraynet.Dense(np.eye(3), np.zeros(3))
    x = np.array([[5.0, 1.0, 0.0], [0.0, 2.0, 2.5]])
    soft = compare(arraynet.Sequential(dense, "softmax"), x, ("cpu", "array_api_strict"))
    assert (soft.margin, soft.margin_at, soft.margin_row) == (0.5, "affine1", 1)
    # The largest input of softmin is its smallest output: its own margin counts.
    least = compare(arraynet.Sequential(dense, "softmin"), x, ("cpu", "array_api_strict"))
    assert (least.margin_at, least.margin_row) == ("output", 0)
    p = np.exp(-x[0]) / np.exp(-x[0]).sum()
    assert least.margin == pytest.approx(p[2] - p[1])


def test_a_single_output_has_no_margin() -> None:
    net = arraynet.perceptron([1.0, 1.0], -0.5)
    report = compare(net, np.array([[0.0, 0.0], [1.0, 0.0]]), ("cpu", "array_api_strict"))
    assert math.isnan(report.margin)
    assert report.margin_row == -1
    assert "margin" not in str(report)
    assert report.passed(0.0)


def test_a_single_output_on_two_sides_of_a_half_disagrees() -> None:
    net = arraynet.perceptron(np.float32([1.0, 1.0]), -1.0).astype("float32")
    report = compare(net, np.float32([[1.0, 1e-9]]), ("float64", "cpu"))
    assert report.differing == (0,)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_an_overflow_is_an_infinite_difference() -> None:
    net = arraynet.Sequential(
        arraynet.Dense(np.full((1, 2), 300, "float16"), np.zeros(2, "float16")), "relu"
    )
    report = compare(net, np.array([[1000.0]]), ("float64", "cpu"))
    assert report.nodes[0].absolute == math.inf
    assert not report.passed(1e9)


def test_no_answer_on_both_backends_agrees(tied: arraynet.Network) -> None:
    report = compare(tied, np.full((2, 2), np.nan, "float32"), ("cpu", "array_api_strict"))
    assert report.differing == ()
    assert report.nodes[0].absolute == 0.0


def test_no_rows(tied: arraynet.Network) -> None:
    report = compare(tied, np.zeros((0, 2), "float32"))
    assert (report.rows, report.differing, report.margin_row) == (0, (), -1)
    assert math.isnan(report.labels_agree)


def test_a_file(tied: arraynet.Network, tmp_path: Path) -> None:
    path = tmp_path / "tied.npz"
    np.savez(path, **tied.graph.weights)
    report = compare(path, np.float32(ROWS), ("float64", "cpu"), output="softmax")
    assert report.outputs[0].op == "softmax"
    assert report.differing == (1,)


def test_to_dict_holds_what_the_report_holds(tied: arraynet.Network) -> None:
    report = compare(tied, np.float32(ROWS), ("float64", "cpu"))
    found = json.loads(json.dumps(report.to_dict()))
    assert found["differing"] == [1]
    assert found["nodes"][0]["name"] == "affine1"
    assert found["nodes"][0]["absolute"] == report.nodes[0].absolute


@pytest.mark.parametrize("backends", [("cpu",), (), "cpu"])
def test_one_backend_is_refused(tied: arraynet.Network, backends: tuple[str, ...]) -> None:
    with pytest.raises(ArraynetError, match="expected two or more names"):
        compare(tied, ROWS, backends)


@pytest.mark.parametrize("names", [("cpu", "cpu"), ("array_api_strict", "float64", "float64")])
def test_a_backend_named_twice_is_refused(tied: arraynet.Network, names: tuple[str, ...]) -> None:
    with pytest.raises(ArraynetError, match=f"got '{names[-1]}' twice"):
        compare(tied, ROWS, names)


def test_an_unknown_backend_is_refused(tied: arraynet.Network) -> None:
    with pytest.raises(BackendUnavailableError, match="'abacus'"):
        compare(tied, ROWS, ("cpu", "abacus"))


@pytest.mark.parametrize("shape", [(2, 3), (2,), ()])
def test_another_shape_is_refused(tied: arraynet.Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(batch, 2\)"):
        compare(tied, np.zeros(shape))


def test_mnist(test_data: Path) -> None:
    _, (x, _) = arraynet.datasets.load_mnist(test_data / "mnist")
    weights = test_data / "weights" / "sample_weight.pkl"
    report = compare(weights, x, ("float64", "cpu"), hidden="sigmoid", output="softmax")
    assert report.passed(2e-6)
    assert report.rows == 10_000
    assert report.margin == pytest.approx(0.0028, abs=5e-5)


@pytest.mark.parametrize("backends", [None, 3, "cpu", ("cpu",), ("cpu", None), ("cpu", 3)])
def test_what_is_no_list_of_names_is_refused(
    backends: Any, digits: arraynet.Network, images: np.ndarray
) -> None:
    with pytest.raises(ArraynetError, match=r"^parity: got backends .*, expected two or more"):
        compare(digits, images, backends)


@pytest.mark.parametrize("batch_size", [None, 0, 2.5, "7"])
def test_a_batch_size_is_a_whole_number(
    batch_size: Any, digits: arraynet.Network, images: np.ndarray
) -> None:
    with pytest.raises(ShapeError, match=r"^batch_size: got .* whole number of at least 1"):
        compare(digits, images, batch_size=batch_size)


def test_an_output_of_one_number_a_row_is_compared() -> None:
    network = arraynet.Sequential(dense(6, 3), "logsumexp")
    report = compare(network, normal(20, 6))
    assert report.rows == 20
    assert report.outputs[0].absolute < 1e-5
    scores = network.astype("float64").predict(normal(20, 6))
    near = np.abs(scores - 0.5) < 1e-4
    assert set(report.differing) <= set(np.flatnonzero(near))
    assert report.margin_row == -1
