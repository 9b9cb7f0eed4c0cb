from __future__ import annotations

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.errors import DtypeError, ShapeError
from arraynet.metrics import Evaluation

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

COUNTS = np.array([[8, 2, 0], [0, 5, 0], [1, 0, 99]])


def test_the_counts_are_written_and_the_shares_drawn() -> None:
    ax = plots.confusion(COUNTS)
    shares = ax.get_images()[0].get_array()
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0], [0, 1, 0], [0.01, 0, 0.99]])
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "8", (1, 0): "2", (1, 1): "5", (0, 2): "1", (2, 2): "99"}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "2"]


def test_the_scale_of_colours_is_another_axes() -> None:
    ax = plots.confusion(COUNTS)
    (bar,) = [other for other in ax.get_figure().axes if other is not ax]
    assert bar.get_ylabel() == "share of the true class (%)"
    assert [label.get_text() for label in bar.get_yticklabels()][::6] == ["0", "100"]


def luminance(color: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("share", [1, 5, 15, 20, 24, 26, 40, 60, 80, 100])
def test_numbers_stand_out_from_their_cells(share: int) -> None:
    from matplotlib.colors import to_rgb

    ax = plots.confusion([[share, 100 - share], [0, 1]])
    (picture,) = ax.get_images()
    cell = luminance(picture.cmap(picture.norm(share / 100)))
    text = luminance(to_rgb(ax.texts[0].get_color()))
    # WCAG 2.2 asks for 4.5 to 1 (1.4.3).
    assert (max(cell, text) + 0.05) / (min(cell, text) + 0.05) > 4.5


def test_an_evaluation_has_its_line_as_title(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    evaluation = net.evaluate(*digits)
    ax = plots.confusion(evaluation)
    assert ax.get_title() == str(evaluation)
    total = sum(int(text.get_text()) for text in ax.texts)
    assert total == 355


def test_names_and_many_classes() -> None:
    ax = plots.confusion(COUNTS, names=["cat", "dog", "bird"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog", "bird"]
    assert not plots.confusion(np.eye(21, dtype=int)).texts
    assert len(plots.confusion(np.eye(20, dtype=int)).texts) == 20


def test_a_class_without_examples() -> None:
    ax = plots.confusion(Evaluation.of([1, 1], [1, 1], classes=2))
    assert ax.get_images()[0].get_array().tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 0)])
def test_what_is_no_confusion_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(classes, classes\)"):
        plots.confusion(np.zeros(shape, int))


def test_names_of_another_number() -> None:
    with pytest.raises(ShapeError, match="got 2 for 3 classes"):
        plots.confusion(COUNTS, names=["a", "b"])


def dense(outputs: int, *activation: str) -> arraynet.Network:
    """Return a network of one input whose outputs are 0, 1, 2 … times that."""
    weight = np.arange(outputs, dtype="float64")[np.newaxis]
    return arraynet.Sequential(arraynet.Dense(weight, np.zeros(outputs)), *activation)


def test_probabilities_are_bars() -> None:
    ax = plots.probabilities(dense(3, "softmax"), np.array([2.0]))
    expected = np.exp([0, 2, 4]) / np.exp([0, 2, 4]).sum()
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], expected)
    assert [text.get_text() for text in ax.texts] == [f"{100 * p:.1f}" for p in expected]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("class", "probability (%)")
    assert ax.get_title() == "Predicted 2"


def test_outputs_that_are_no_probabilities() -> None:
    ax = plots.probabilities(dense(3), [-1.5], names=["a", "b", "c"])
    assert [bar.get_height() for bar in ax.patches] == [0, -1.5, -3]
    assert [text.get_text() for text in ax.texts] == ["0", "-1.5", "-3"]
    assert (ax.get_ylabel(), ax.get_title()) == ("output", "Predicted a")


def test_the_best_of_many_classes() -> None:
    ax = plots.probabilities(dense(30), [1.0])
    assert [bar.get_height() for bar in ax.patches] == list(range(29, 9, -1))
    assert ax.get_xticklabels()[0].get_text() == "29"
    assert ax.get_xlabel() == "the 20 best of 30 classes"


def test_no_answer() -> None:
    ax = plots.probabilities(dense(3, "softmax"), [np.nan])
    assert ax.get_title() == "No answer: the outputs hold NaN"
    assert not any(bar.get_hatch() for bar in ax.patches)


@pytest.mark.parametrize("shape", [(64,), (1, 64), (8, 8), (1, 8, 8)])
def test_an_image_of_any_shape(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]
) -> None:
    ax = plots.probabilities(net, digits[0][3].reshape(shape))
    np.testing.assert_allclose(
        [bar.get_height() for bar in ax.patches], net.predict(digits[0][3:4])[0], rtol=1e-5
    )


def test_the_image_and_its_true_class_are_shown(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    x, t = digits
    wrong = int(np.flatnonzero(net.classify(x) != t)[0])
    ax = plots.probabilities(net, x[wrong], t[wrong])
    guess = int(net.classify(x[wrong : wrong + 1])[0])
    assert ax.get_title() == f"Predicted {guess}, true class {t[wrong]}"
    (panel,) = ax.child_axes
    (picture,) = panel.get_images()
    np.testing.assert_array_equal(picture.get_array(), x[wrong].reshape(8, 8))
    ax.get_figure().draw_without_rendering()
    assert not panel.get_window_extent().overlaps(ax.get_window_extent())


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
def test_the_image_stays_in_the_place_of_the_axes(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray], layout: str | None
) -> None:
    from matplotlib.figure import Figure

    figure = Figure((9, 3), layout=layout)
    left, right = figure.subplots(1, 2)
    plots.probabilities(net, digits[0][0], ax=right)
    figure.draw_without_rendering()
    (panel,) = right.child_axes
    assert left.get_window_extent().x1 < panel.get_window_extent().x0
    assert panel.get_window_extent().x1 < right.get_window_extent().x0


def test_the_image_of_a_shape_and_what_is_no_image() -> None:
    identity = arraynet.Sequential(arraynet.Dense(np.eye(6), np.zeros(6)))
    assert plots.probabilities(identity, np.arange(6.0)).child_axes == []
    (panel,) = plots.probabilities(identity, np.arange(6.0), shape=(2, 3)).child_axes
    assert panel.get_images()[0].get_array().tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ShapeError, match="expected 4 × 4"):
        plots.probabilities(identity, np.arange(6.0), shape=(4, 4))


@pytest.mark.parametrize("label", [-1, 3, 10**30])
def test_a_true_class_that_is_none(label: int) -> None:
    with pytest.raises((ShapeError, DtypeError)):
        plots.probabilities(dense(3), [1.0], label)


def test_several_images_are_refused(net: arraynet.Network) -> None:
    with pytest.raises(ShapeError, match=r"one image of the network's 64 inputs"):
        plots.probabilities(net, np.zeros((2, 64)))


def test_probabilities_of_no_and_yes() -> None:
    gate = arraynet.Sequential(arraynet.Dense([[1.0], [0], [0], [0]]), "sigmoid")
    ax = plots.probabilities(gate, [np.log(3), 0, 0, 0], 0, names=["no", "yes"])
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.25, 0.75])
    assert ax.get_title() == "Predicted yes, true class no"
    with pytest.raises(ShapeError, match=r"probabilities: got a network with one output"):
        plots.probabilities(arraynet.Sequential(arraynet.Dense(np.ones((4, 1)))), [0, 0, 0, 1])
