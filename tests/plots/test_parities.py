from __future__ import annotations

import math

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.errors import ShapeError
from arraynet.parity import NodeDifference, Report, compare

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def report(*differences: tuple[str, str, float, float]) -> Report:
    found = tuple(NodeDifference(name, "op", b, a, r, 1.0) for name, b, a, r in differences)
    return Report(("float64", "cpu"), found, labels_agree=0.995, rows=200)


def points(ax: object) -> dict[str, list[float]]:
    return {
        line.get_label(): list(line.get_xdata())
        for line in ax.get_lines()
        if not line.get_label().startswith("_")
    }


def test_the_marks_are_the_differences() -> None:
    ax = plots.parity(report(("a", "cpu", 1e-7, 1e-5), ("b", "cpu", 3e-6, 2e-3)))
    assert points(ax) == {"cpu, absolute": [1e-7, 3e-6], "cpu, relative": [1e-5, 2e-3]}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    assert low < 1e-7
    assert high > 2e-3
    assert ax.get_title() == "Differences from float64: 200 rows, 99.5 % of labels agree"


def test_none_is_at_the_left_edge_and_infinity_at_the_right() -> None:
    ax = plots.parity(report(("a", "cpu", 0.0, 1e-5), ("b", "cpu", math.inf, 1e-3)))
    assert tuple(points(ax)["cpu, absolute"]) == ax.get_xlim()


def test_no_difference_at_all() -> None:
    ax = plots.parity(report(("a", "cpu", 0.0, 0.0)))
    assert points(ax)["cpu, absolute"] == [ax.get_xlim()[0]]


def test_backends_are_told_apart_without_colours() -> None:
    ax = plots.parity(report(("a", "cpu", 1e-7, 1e-5), ("a", "torch", 1e-7, 1e-5)))
    lines = [line for line in ax.get_lines() if "," in line.get_label()]
    marks = {(line.get_marker(), line.get_markerfacecolor() == "none") for line in lines}
    assert len(marks) == 4
    heights = [line.get_ydata()[0] for line in lines]
    assert heights[0] != heights[2]


def test_a_real_report(net: arraynet.Network, digits: tuple[np.ndarray, np.ndarray]) -> None:
    found = compare(net, digits[0], ("float64", "cpu"))
    ax = plots.parity(found)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [*(node.name for node in net.graph.nodes), "output"]
    expected = [each.absolute for each in (*found.nodes, *found.outputs)]
    assert points(ax)["cpu, absolute"] == expected


def test_a_report_of_nothing() -> None:
    with pytest.raises(ShapeError, match="without nodes"):
        plots.parity(report())
