from __future__ import annotations

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.errors import OutOfMemoryError, ShapeError

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def first_lines(ax: object) -> list[str]:
    return [panel.get_title().splitlines()[0] for panel in ax.child_axes]


def test_a_panel_for_the_input_and_each_node(
    net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    ax = plots.layers(net, digits[0])
    assert first_lines(ax) == ["x", *(node.name for node in net.graph.nodes)]
    assert ax.get_title() == "Values in each layer, for 355 inputs"
    assert ax.child_axes[0].get_ylabel() == "values (%)"
    assert ax.child_axes[-1].get_xlabel() == "value"


def test_the_bars_are_the_shares_of_the_values() -> None:
    net = arraynet.Sequential(arraynet.Dense(np.eye(2), np.zeros(2)), "relu")
    x = np.array([[-1.0, 0.0], [1.0, 3.0]])
    given, _, relu = plots.layers(net, x).child_axes
    for panel, values in ((given, x), (relu, np.maximum(x, 0))):
        heights = np.array([bar.get_height() for bar in panel.patches])
        edges = [bar.get_x() for bar in panel.patches]
        edges.append(panel.patches[-1].get_x() + panel.patches[-1].get_width())
        counts, expected_edges = np.histogram(values, len(heights))
        np.testing.assert_allclose(heights, 100 * counts / 4)
        np.testing.assert_allclose(edges, expected_edges, atol=1e-12)
    assert relu.get_title() == "relu1\n50 % saturated"  # two zeros of four values


def test_saturation_of_a_bounded_activation() -> None:
    net = arraynet.Sequential(arraynet.Dense(np.eye(1), np.zeros(1)), "sigmoid", "tanh")
    x = np.array([[-9.0], [0.0], [9.0], [9.0]])
    _, affine, sigmoid, tanh = plots.layers(net, x).child_axes
    assert affine.get_title() == "affine1"
    assert sigmoid.get_title() == "sigmoid1\n75 % saturated"
    assert tanh.get_title() == "tanh1\n0 % saturated"


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_values_that_are_not_finite_are_counted_not_drawn() -> None:
    net = arraynet.Sequential(arraynet.Dense(np.eye(1), np.zeros(1)))
    given, affine = plots.layers(net, np.array([[np.nan], [np.inf], [1.0], [2.0]])).child_axes
    assert affine.get_title() == "affine1\n2 not finite"
    assert sum(bar.get_height() for bar in affine.patches) == pytest.approx(50)
    assert sum(bar.get_height() for bar in given.patches) == pytest.approx(50)


def test_no_rows_are_refused(net: arraynet.Network) -> None:
    with pytest.raises(ShapeError, match="no rows"):
        plots.layers(net, np.zeros((0, 64), "float32"))


def test_only_what_is_bounded_by_itself_is_saturated() -> None:
    """Most shares of a softmax are near 0, and nothing is lost there."""
    rows = 9.0 * np.eye(3)
    for op in ("softmax", "softmin", "sparsemax", "hardmax"):
        net = arraynet.Sequential(arraynet.Dense(np.eye(3), np.zeros(3)), op)
        assert plots.layers(net, rows).child_axes[-1].get_title() == f"{op}1"


def test_of_many_layers_the_first_are_drawn() -> None:
    net = arraynet.Sequential(*["sigmoid", "tanh"] * 25, arraynet.Dense(np.eye(1), np.zeros(1)))
    ax = plots.layers(net, np.zeros((1, 1)))
    assert len(ax.child_axes) == 40
    assert ax.get_title().endswith("the first 40 of 52")


@pytest.mark.parametrize("sides", [[2**20], [4] * 10])
def test_values_that_no_memory_holds_are_one_error(sides: list[int]) -> None:
    """Small arrays may broadcast to large ones: here 2^20 values each to 2^40."""
    from arraynet.graph import Graph, Node, Value

    ones = [1] * len(sides)
    weights = {"a": np.zeros([1, *sides, *ones]), "b": np.zeros([1, *ones, *sides])}
    nodes = (Node("add", ("x", "a"), ("xa",)), Node("add", ("xa", "b"), ("xab",)))
    graph = Graph((Value("x", ("batch", *ones, *ones)),), nodes, weights, ("xab",))
    with pytest.raises(OutOfMemoryError) as caught:
        plots.layers(arraynet.Network(graph), np.zeros([1, *ones, *ones]))
    assert "\n" not in str(caught.value)
