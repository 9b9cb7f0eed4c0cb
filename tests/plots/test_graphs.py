from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.graph import Graph, Node, Value

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def boxes(ax: Any) -> list[Any]:
    return [patch for patch in ax.patches if type(patch).__name__ == "FancyBboxPatch"]


def arrows(ax: Any) -> list[Any]:
    return [patch for patch in ax.patches if type(patch).__name__ == "FancyArrowPatch"]


def words(ax: Any) -> list[str]:
    return [text.get_text().strip() for text in ax.texts]


def test_a_box_for_each_node_and_a_shape_for_each_value(net: arraynet.Network) -> None:
    ax = plots.graph(net)
    assert len(boxes(ax)) == 7
    assert len(arrows(ax)) == 6
    found = words(ax)
    for name in ("x", "affine1", "sigmoid1", "affine2", "sigmoid2", "affine3", "softmax1"):
        assert found.count(name) == 1
    for shape in ("(batch, 64)", "(batch, 50)", "(batch, 100)", "(batch, 10)"):
        assert shape in found
    # 64·50 + 50, 50·100 + 100, 100·10 + 10
    for count in ("3,250 parameters", "5,100 parameters", "1,010 parameters"):
        assert count in found
    assert ax.get_title() == "9,360 parameters of float32"


def test_nodes_with_parameters_have_thicker_frames(net: arraynet.Network) -> None:
    widths = [box.get_linewidth() for box in boxes(plots.graph(net))]
    assert widths[1] > widths[2]
    assert widths[1::2] == [widths[1]] * 3


def residual() -> arraynet.Network:
    """Return a network with a branch, and with a value that skips levels."""
    nodes = (
        Node("affine", ("x", "W", "b"), ("affine1",)),
        Node("relu", ("affine1",), ("relu1",)),
        Node("sigmoid", ("affine1",), ("sigmoid1",)),
        Node("add", ("relu1", "sigmoid1"), ("add1",)),
        Node("add", ("add1", "x"), ("add2",)),
    )
    weights = {"W": np.eye(4), "b": np.zeros(4)}
    return arraynet.Network(Graph((Value("x", ("batch", 4)),), nodes, weights, ("add2",)))


def test_a_branch_stands_side_by_side_and_no_line_crosses_a_box() -> None:
    ax = plots.graph(residual())
    found = boxes(ax)
    assert len(found) == 6
    assert len(arrows(ax)) == 7
    relu, sigmoid = found[2], found[3]
    assert relu.get_y() == sigmoid.get_y()
    assert relu.get_x() + relu.get_width() < sigmoid.get_x()
    detour = arrows(ax)[-1].get_path()
    corners = detour.vertices[:4]
    right = max(box.get_x() + box.get_width() for box in found)
    assert corners[1][0] == corners[2][0] > right
    assert ax.get_xlim()[1] > corners[1][0]


def test_texts_fit_into_their_boxes(net: arraynet.Network) -> None:
    ax = plots.graph(net)
    ax.get_figure().draw_without_rendering()
    first, detail = ax.texts[6:8]  # after the shapes of six values
    box = boxes(ax)[0].get_window_extent()
    for text in (first, detail):
        extent = text.get_window_extent()
        assert box.x0 < extent.x0 < extent.x1 < box.x1
        assert box.y0 - 2 < extent.y0 < extent.y1 < box.y1 + 2
