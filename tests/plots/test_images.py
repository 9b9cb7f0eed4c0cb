from __future__ import annotations

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.errors import DtypeError, GraphError, ShapeError

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

RNG = np.random.default_rng(0)


def tiles(ax: object, count: int, height: int, width: int) -> np.ndarray:
    """Cut a sheet back into its images, by the frames around them, or by its gaps."""
    (picture,) = ax.get_images()
    mosaic = picture.get_array().filled(np.nan)
    rows = np.flatnonzero(~np.isnan(mosaic).all(axis=1)).reshape(-1, height)
    columns = np.flatnonzero(~np.isnan(mosaic).all(axis=0)).reshape(-1, width)
    cut = [mosaic[np.ix_(row, column)] for row in rows for column in columns]
    assert all(np.isnan(rest).all() for rest in cut[count:])
    return np.stack(cut[:count])


def texts(ax: object) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("shape", [(12, 64), (12, 8, 8), (12, 1, 8, 8)])
@pytest.mark.parametrize("columns", [None, 1, 5, 12])
def test_the_pixels_drawn_are_those_given(shape: tuple[int, ...], columns: int | None) -> None:
    x = RNG.random(shape)
    ax = plots.images(x, columns=columns)
    np.testing.assert_array_equal(tiles(ax, 12, 8, 8), x.reshape(12, 8, 8))
    assert ax.get_title() == "12 images of 8 × 8 pixels"


def test_labels_stand_above_their_images() -> None:
    ax = plots.images(RNG.random((7, 4, 6)), list("abcdefg"), columns=3)
    assert texts(ax) == list("abcdefg")
    places = np.array([text.get_position() for text in ax.texts])
    (frames,) = ax.collections
    boxes = [path.get_extents() for path in frames.get_paths()]
    for (across, down), box in zip(places, boxes, strict=True):
        assert across == pytest.approx((box.x0 + box.x1) / 2)
        assert down < box.y0
        assert box.width == 6
        assert box.height == 4
    ax.get_figure().draw_without_rendering()
    extents = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a in extents for b in extents if a is not b)


@pytest.mark.parametrize("labels", [[2, 0, 1], np.array([2, 0, 1], "uint8"), np.eye(3)[[2, 0, 1]]])
def test_labels_are_numbers_or_one_hot(labels: object) -> None:
    assert texts(plots.images(RNG.random((3, 16)), labels)) == ["2", "0", "1"]


def test_labels_may_be_empty() -> None:
    assert texts(plots.images(RNG.random((3, 4)), ["", "", ""])) == ["", "", ""]


def test_one_image_and_images_that_are_not_square() -> None:
    assert plots.images(RNG.random(784)).get_title() == "1 image of 28 × 28 pixels"
    x = RNG.integers(0, 255, (2, 12), "uint8")
    ax = plots.images(x, shape=(3, 4))
    np.testing.assert_array_equal(tiles(ax, 2, 3, 4), x.reshape(2, 3, 4))
    assert ax.get_images()[0].get_clim() == (0, x.max())


def test_zero_is_the_page_in_both_styles() -> None:
    from matplotlib import style

    for name, page in (("default", (1, 1, 1)), ("dark_background", (0, 0, 0))):
        with style.context(name):
            (picture,) = plots.images(np.array([[0.0, 1.0, 0.5, 0.25]])).get_images()
        assert picture.cmap(picture.norm(0.0))[:3] == page
        assert picture.cmap(picture.norm(1.0))[:3] == tuple(1 - side for side in page)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (np.zeros((2, 63)), None, "rows of 63 pixels, expected a square"),
        (np.zeros((401, 4)), None, r"got shape \(401, 4\).*n from 1 to 400"),
        (np.zeros((0, 4)), None, "got shape"),
        (np.zeros((2, 3, 4, 4)), None, "got shape"),
        (np.zeros((2, 4)), [1], "got 1 for 2 images"),
    ],
)
def test_what_is_no_sheet_of_images(x: np.ndarray, labels: object, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        plots.images(x, labels)


def test_other_arguments_that_are_wrong() -> None:
    with pytest.raises(ShapeError, match="expected 3 × 3"):
        plots.images(np.zeros((2, 4)), shape=(3, 3))
    with pytest.raises(ShapeError, match="columns: got 0"):
        plots.images(np.zeros((2, 4)), columns=0)
    with pytest.raises(DtypeError, match="complex"):
        plots.images(np.zeros((2, 4), complex))


@pytest.fixture
def four() -> arraynet.Network:
    """Give a network of four inputs whose outputs are their softmax."""
    return arraynet.Sequential(arraynet.Dense(np.eye(4), np.zeros(4)), "softmax")


# The predictions are 0, 1, 2, 3; the confidence grows with the largest number.
ROWS = np.array([[1.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 3, 0], [0, 0, 0, 2]])


def softmax_of(best: float) -> str:
    return f"{100 * np.exp(best) / (np.exp(best) + 3):.1f} %"


def test_mistakes_come_with_the_most_confident_first(four: arraynet.Network) -> None:
    ax = plots.misclassified(four, ROWS, [1, 1, 0, 0])
    assert texts(ax) == [
        f"0 → 2\n{softmax_of(3)}",
        f"0 → 3\n{softmax_of(2)}",
        f"1 → 0\n{softmax_of(1)}",
    ]
    np.testing.assert_array_equal(tiles(ax, 3, 2, 2), ROWS[[2, 3, 0]].reshape(3, 2, 2))
    assert ax.get_title() == "3 of 4 misclassified\ntrue → predicted, with its probability"


def test_one_hot_rows_and_a_count(four: arraynet.Network) -> None:
    ax = plots.misclassified(four, ROWS, np.eye(4)[[1, 1, 0, 0]], count=1)
    assert texts(ax) == [f"0 → 2\n{softmax_of(3)}"]
    assert "3 of 4 misclassified, the 1 worst" in ax.get_title()


def test_no_answer_comes_first(four: arraynet.Network) -> None:
    rows = ROWS.copy()
    rows[3, 0] = np.nan
    ax = plots.misclassified(four, rows, [1, 1, 2, 3])
    assert texts(ax) == ["3 → ?\nno answer", f"1 → 0\n{softmax_of(1)}"]


def test_outputs_that_are_no_probabilities_are_not_shown_as_such() -> None:
    net = arraynet.Sequential(arraynet.Dense(np.eye(4), np.zeros(4)))
    ax = plots.misclassified(net, ROWS, [0, 0, 2, 3])
    assert texts(ax) == ["0 → 1\n4"]
    assert ax.get_title().endswith("with its output")


def test_no_mistake_is_a_sentence(four: arraynet.Network) -> None:
    ax = plots.misclassified(four, ROWS, [0, 1, 2, 3])
    assert texts(ax) == ["No mistake in 4 images"]
    assert ax.get_images() == []


def test_counts_of_images_and_labels_must_agree(four: arraynet.Network) -> None:
    with pytest.raises(ShapeError, match="4 images and 3 labels"):
        plots.misclassified(four, ROWS, [0, 1, 2])


def test_the_mistakes_of_the_embedded_network(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    ax = plots.misclassified(net, *digits)
    result = net.evaluate(*digits)
    assert len(ax.texts) == result.total - result.correct > 0


def test_weights_are_the_columns_of_the_first_matrix(net: arraynet.Network) -> None:
    ax = plots.weights(net)
    w = net.graph.weights["W1"]
    np.testing.assert_array_equal(tiles(ax, 50, 8, 8), w.T.reshape(50, 8, 8))
    low, high = ax.get_images()[0].get_clim()
    assert high == -low == pytest.approx(abs(w).max())
    assert ax.child_axes[0].get_ylabel() == "weight"
    assert ax.get_title() == "Weights W1\n64 inputs to each of 50 outputs"


@pytest.mark.parametrize("name", ["default", "dark_background"])
def test_the_signs_of_weights_are_two_colours_and_zero_is_the_page(
    net: arraynet.Network, name: str
) -> None:
    from matplotlib import style
    from matplotlib.colors import to_rgb

    with style.context(name):
        (drawn,) = plots.weights(net).get_images()
        expected = [to_rgb("C0"), to_rgb("white" if name == "default" else "black"), to_rgb("C1")]
    largest = drawn.get_clim()[1]
    found = [drawn.to_rgba(value)[:3] for value in (-largest, 0.0, largest)]
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_weights_of_a_network_with_a_scale_before_it() -> None:
    dense = arraynet.Dense(RNG.random((4, 3)), np.zeros(3))
    scaled = arraynet.Sequential(arraynet.Scale(0.5), dense, "softmax")
    ax = plots.weights(scaled, count=2)
    np.testing.assert_array_equal(tiles(ax, 2, 2, 2), dense.weight.T[:2].reshape(2, 2, 2))
    assert ax.get_title().endswith("3 outputs, the first 2")


def test_a_network_without_a_matrix_has_no_weights_to_draw() -> None:
    from arraynet.graph import Graph, Node, Value

    graph = Graph((Value("x", ("batch", 4)),), (Node("relu", ("x",), ("relu1",)),), {}, ("relu1",))
    with pytest.raises(GraphError, match="without a matrix"):
        plots.weights(arraynet.Network(graph))


def test_mistakes_of_a_network_that_says_no_or_yes() -> None:
    """Its confidence is in what it says, be that no."""
    gate = arraynet.Sequential(arraynet.Dense([[1.0], [0], [0], [0]]), "sigmoid")
    x = np.zeros((3, 4))
    x[:, 0] = [-np.log(9), np.log(3), 1.0]  # yes at 0.1, 0.75 and e / (e + 1)
    ax = plots.misclassified(gate, x, [1, 0, 1])
    assert ax.get_title().startswith("2 of 3 misclassified")
    assert texts(ax) == ["1 → 0\n90.0 %", "0 → 1\n75.0 %"]
    with pytest.raises(ShapeError, match=r"misclassified: got a network with one output"):
        plots.misclassified(arraynet.Sequential(arraynet.Dense(np.ones((4, 1)))), x, [1, 0, 1])
