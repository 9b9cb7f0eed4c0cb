"""Pictures of graphs: what stands in the boxes, where they stand, and which lines join them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arraynet
from arraynet import plots
from arraynet.graph import Graph, Node, Value

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

CLOSE = 1e-6


def patches(ax: Any, kind: str) -> list[Any]:
    return [patch for patch in ax.patches if type(patch).__name__ == kind]


def boxes(ax: Any) -> list[Any]:
    return patches(ax, "FancyBboxPatch")


def arrows(ax: Any) -> list[Any]:
    return patches(ax, "FancyArrowPatch")


def words(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def titles(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_weight() == "bold"]


def corners(path: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in path.vertices]


def lines(ax: Any) -> list[tuple[list[tuple[float, float]], bool]]:
    """Return the corners of each line, and whether an arrow is at its end."""
    pointed = [(corners(patch._path_original), True) for patch in arrows(ax)]
    return [*pointed, *((corners(patch.get_path()), False) for patch in patches(ax, "PathPatch"))]


def box_at(found: list[Any], point: tuple[float, float], edge: str) -> int | None:
    """Return the box that has a point on its upper or lower edge (y grows downwards)."""
    for index, box in enumerate(found):
        y = box.get_y() + (box.get_height() if edge == "lower" else 0.0)
        if abs(point[1] - y) < CLOSE and box.get_x() < point[0] < box.get_x() + box.get_width():
            return index
    return None


def joined(ax: Any) -> Counter[tuple[str, str]]:
    """Return which boxes the lines join, found by following each arrow back to its start."""
    found, names = boxes(ax), titles(ax)
    passing = [points for points, pointed in lines(ax) if not pointed]
    result: Counter[tuple[str, str]] = Counter()
    for points, pointed in lines(ax):
        if not pointed:
            continue
        reader = box_at(found, points[-1], "upper")
        start, steps = points[0], 0
        while (source := box_at(found, start, "lower")) is None:
            before = [p for p in passing if np.allclose(p[-1], start, atol=CLOSE)]
            assert before, "a line begins nowhere"
            start, steps = before[0][0], steps + 1
            assert steps < 1000
        assert reader is not None
        result[names[source], names[reader]] += 1
    return result


def assert_nothing_overlaps(ax: Any) -> None:
    """Check that boxes are apart, lines cross none, texts are in theirs, and nothing is cut."""
    figure = ax.get_figure()
    figure.draw_without_rendering()
    found = boxes(ax)
    sides = np.array([[b.get_x(), b.get_y(), b.get_x() + b.get_width(),
                       b.get_y() + b.get_height()] for b in found])  # fmt: skip
    for index, (left, top, right, bottom) in enumerate(sides):
        others = np.delete(sides, index, 0)
        apart = (others[:, 0] >= right) | (others[:, 2] <= left)
        apart |= (others[:, 1] >= bottom) | (others[:, 3] <= top)
        assert apart.all()
    inner = sides + np.array([CLOSE, CLOSE, -CLOSE, -CLOSE])
    for points, _ in lines(ax):
        for share in np.linspace(0, 1, 41):
            on = np.array(points[:-1]) * (1 - share) + np.array(points[1:]) * share
            x, y = on[:, :1], on[:, 1:]
            within = (inner[:, 0] < x) & (x < inner[:, 2]) & (inner[:, 1] < y) & (y < inner[:, 3])
            assert not within.any()
    extents = [box.get_window_extent() for box in found]
    slack = 1.5  # of a pixel: letters are put on whole ones
    for text in ax.texts:
        extent = text.get_window_extent()
        around = [
            box for box in extents
            if box.x0 - slack < extent.x0 and extent.x1 < box.x1 + slack
            and box.y0 - slack < extent.y0 and extent.y1 < box.y1 + slack
        ]  # fmt: skip
        overlapped = [box for box in extents if box.overlaps(extent)]
        assert around == overlapped
    tight = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert -0.01 < tight.x0 < tight.x1 < width + 0.01
    assert -0.01 < tight.y0 < tight.y1 < height + 0.01


def test_a_box_for_each_node_with_its_op_its_parameters_and_its_shape(
    net: arraynet.Network,
) -> None:
    ax = plots.graph(net)
    assert len(boxes(ax)) == 7
    assert len(arrows(ax)) == 6
    names = ["x", "affine1", "sigmoid1", "affine2", "sigmoid2", "affine3", "softmax1"]
    assert titles(ax) == names
    found = words(ax)
    for shape in ("input (batch, 64)", "(batch, 50)", "(batch, 100)", "output (batch, 10)"):
        assert shape in found
    # 64·50 + 50, 50·100 + 100, 100·10 + 10
    for count in (
        "affine, 3,250 parameters",
        "affine, 5,100 parameters",
        "affine, 1,010 parameters",
    ):
        assert count in found
    assert ax.get_title() == "9,360 parameters of float32"
    assert joined(ax) == Counter(pairwise(names))


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


def test_a_branch_stands_side_by_side_and_a_value_goes_around() -> None:
    ax = plots.graph(residual())
    relu, sigmoid = boxes(ax)[2:4]
    assert relu.get_y() == sigmoid.get_y()
    assert relu.get_x() + relu.get_width() < sigmoid.get_x()
    edges = [("x", "affine1"), ("affine1", "relu1"), ("affine1", "sigmoid1"), ("relu1", "add1"),
             ("sigmoid1", "add1"), ("add1", "add2"), ("x", "add2")]  # fmt: skip
    assert joined(ax) == Counter(edges)
    assert_nothing_overlaps(ax)


def deep(convolutions: int = 6) -> arraynet.Network:
    """Return a chain as deep as that of the book's chapter 8: conv, relu, every second a pool."""
    nodes, weights, value = [], {}, "x"
    for n in range(convolutions):
        weights[f"W{n}"] = np.zeros((4, 4 if n else 1, 3, 3), "f4")
        pads = {"pads": (1, 1, 1, 1)}
        nodes.append(Node("conv", (value, f"W{n}"), (f"conv{n}",), pads))
        nodes.append(Node("relu", (f"conv{n}",), (f"relu{n}",)))
        value = f"relu{n}"
        if n % 2:
            nodes.append(Node("max_pool", (value,), (f"pool{n}",), {"kernel_shape": (2, 2)}))
            value = f"pool{n}"
    nodes.append(Node("flatten", (value,), ("flat",)))
    nodes.append(Node("softmax", ("flat",), ("y",)))
    graph = Graph((Value("x", ("batch", 1, 28, 28)),), nodes, weights, ("y",))
    return arraynet.Network(graph)


def test_a_deep_network_stands_in_columns() -> None:
    net = deep()
    ax = plots.graph(net)
    names = ["x", *(node.name for node in net.graph.nodes)]
    assert titles(ax) == names
    assert joined(ax) == Counter(pairwise(names))
    width, height = ax.get_figure().get_size_inches()
    assert 0.5 < width / height < 2
    assert len({box.get_x() for box in boxes(ax)}) == 3  # columns
    assert_nothing_overlaps(ax)


def test_small_nodes_of_a_large_network_stand_in_the_box_of_the_one_before() -> None:
    ax = plots.graph(deep(14))
    assert titles(ax) == ["x", *(f"conv{n}" for n in range(14)), "y"]
    found = words(ax)
    assert "relu3 (relu)" in found
    assert "pool3 (max_pool)" in found
    assert "(batch, 4, 26, 26)" in found  # of the second pool: a stride of 1
    assert "relu12 (relu)" in found
    last = ["conv13", "conv, 144 parameters", "relu13 (relu)", "pool13 (max_pool)"]
    last += ["flat (flatten)", "(batch, 1764)", "y", "softmax", "output (batch, 1764)"]
    assert found[found.index("conv13") :] == last
    assert_nothing_overlaps(ax)


def test_several_inputs_and_outputs_integers_and_a_value_read_twice() -> None:
    nodes = (
        Node("gather", ("table", "ids"), ("rows",)),
        Node("mul", ("rows", "rows"), ("squares",)),
        Node("where", ("mask", "squares", "rows"), ("chosen",)),
        Node("top_k", ("chosen", "two"), ("most", "places")),
        Node("shape", ("places",), ("sizes",)),
    )
    inputs = (Value("ids", ("batch", 7), "int64"), Value("mask", ("batch", 7, 8), "bool"))
    weights = {"table": np.zeros((50, 8), "f4"), "two": np.array([2])}
    net = arraynet.Network(Graph(inputs, nodes, weights, ("most", "sizes", "squares")))
    ax = plots.graph(net)
    edges = Counter({("rows", "squares"): 2, ("ids", "rows"): 1, ("mask", "chosen"): 1,
                     ("squares", "chosen"): 1, ("rows", "chosen"): 1, ("chosen", "most"): 1,
                     ("most", "sizes"): 1})  # fmt: skip
    assert joined(ax) == edges
    found = words(ax)
    for shape in ("input (batch, 7) int64", "input (batch, 7, 8) bool", "output (batch, 7, 8)"):
        assert shape in found
    for shape in ("output (batch, 7, 2)", "places (batch, 7, 2) int64", "output (3,) int64"):
        assert shape in found
    assert_nothing_overlaps(ax)


def test_the_graphs_inside_nodes_are_drawn_under_their_names() -> None:
    h = Value("h", ("n", 8), "float32")
    inner = Graph((h,), (Node("relu", ("h",), ("r",)),), {}, ("r",))
    choice = {"then_branch": inner, "else_branch": inner}
    deeper = Graph(
        (Value("flag", (), "bool"), h), (Node("if", ("flag", "h"), ("s",), choice),), {}, ("s",)
    )
    twice = Graph((Value("flag", (), "bool"), h), (Node("add", ("h", "h"), ("t",)),), {}, ("t",))
    nodes = [
        Node("if", ("flag", "flag", "x"), ("y",), {"then_branch": deeper, "else_branch": twice})
    ]
    graph = Graph((Value("flag", (), "bool"), Value("x", ("n", 8), "float32")), nodes, {}, ("y",))
    ax = plots.graph(arraynet.Network(graph.validated()))
    found = words(ax)
    for name in ("y: then_branch", "y: else_branch", "y: then_branch / s: then_branch",
                 "with then_branch, else_branch", "output (n, 8)"):  # fmt: skip
        assert name in found
    assert len(boxes(ax)) == 3 + 3 + 2 + 2 + 3
    assert len(patches(ax, "Rectangle")) == 4
    assert joined(ax)["h", "t"] == 2
    assert_nothing_overlaps(ax)


def test_values_whose_shape_only_a_run_can_tell() -> None:
    nodes = (Node("non_zero", ("x",), ("places",)), Node("transpose", ("places",), ("y",)))
    ax = plots.graph(arraynet.Network(Graph((Value("x", ("n", 4)),), nodes, {}, ("y",))))
    assert "output (…,)" in words(ax)
    assert_nothing_overlaps(ax)


def test_of_more_boxes_than_can_be_read_the_first_are_drawn() -> None:
    nodes = [Node("add", ("x", f"v{n}" if n else "x"), (f"v{n + 1}",)) for n in range(1000)]
    ax = plots.graph(arraynet.Network(Graph((Value("x", ("n", 4)),), nodes, {}, ("v1000",))))
    assert len(boxes(ax)) == 400
    assert ax.get_title() == "0 parameters of float32, 601 more nodes are not drawn"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Return a graph of any form, whose values all have one shape."""
    inputs = draw(st.integers(1, 4))
    names = [f"x{n}" for n in range(inputs)]
    nodes = []
    for n in range(draw(st.integers(1, 45))):
        near = st.integers(max(0, len(names) - 4), len(names) - 1)
        anywhere = st.integers(0, len(names) - 1)
        count = draw(st.sampled_from([1, 1, 1, 2, 2, 5]))
        read = [names[draw(st.one_of(near, near, anywhere))] for _ in range(count)]
        op = {1: "relu", 2: "add"}.get(count, "max")
        nodes.append(Node(op, tuple(read), (f"v{n}",)))
        names.append(f"v{n}")
    outputs = draw(st.lists(st.sampled_from(names[inputs:]), min_size=1, max_size=3, unique=True))
    values = tuple(Value(f"x{n}", ("batch", 4), "float32") for n in range(inputs))
    return Graph(values, tuple(nodes), {}, tuple(outputs)).validated()


@settings(max_examples=15)
@given(graphs())
def test_of_random_graphs_every_line_leads_where_it_should_and_nothing_overlaps(
    graph: Graph,
) -> None:
    ax = plots.graph(arraynet.Network(graph))
    if len(graph.nodes) <= 30:
        edges = Counter((name, node.name) for node in graph.nodes for name in node.reads)
        assert joined(ax) == edges
    else:  # a line for each value that a box reads from another
        listed = words(ax)
        assert all(node.name in listed or f"{node.name} ({node.op})" in listed
                   for node in graph.nodes)  # fmt: skip
        assert set(joined(ax)) <= {(a, b) for a in titles(ax) for b in titles(ax)}
    assert_nothing_overlaps(ax)


def test_a_graph_fits_into_axes_that_are_given() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    ax = plots.graph(deep(), ax=figure.subplots(1, 2)[1])
    assert len(boxes(ax)) == 18
    assert_nothing_overlaps(ax)
