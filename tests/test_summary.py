"""The table of what is inside a network: several inputs, branches, sizes, what is read back."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

from arraynet import Network, Sequential
from arraynet.errors import ArraynetError, ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.summary import summarize
from tests.engine.test_control import branching, counting
from tests.networks import dense, mlp
from tests.rows import registered, two_in_three_out

FLOAT = "float32"


def lines(network: Network, **options: Any) -> list[str]:
    return str(network.summary(**options)).splitlines()


def test_several_inputs_and_outputs_are_listed() -> None:
    network = Network(two_in_three_out())
    assert lines(network)[:6] == [
        "float32 on cpu",
        "input a (batch, 5) float32",
        "input b (batch, 4) float32",
        "output sum (batch, 4) float32",
        "output positive (batch, 4) float32",
        "output product (batch, 4) float32",
    ]
    summary = network.summary()
    assert summary.multiply_adds == 5 * 4
    assert summary.inputs == network.inputs
    assert summary.outputs == network.outputs
    found = json.loads(json.dumps(summary.to_dict()))
    assert found["inputs"][1] == {"name": "b", "shape": ["batch", 4], "dtype": "float32"}
    assert found["rows"][0]["multiply_adds"] == 20


def sequences() -> Graph:
    """Return (batch, seq, 6) @ W, of any batch and length."""
    nodes = (Node("affine", ("x", "W", "b"), ("y",)), Node("softmax", ("y",), ("p",)))
    weights = {"W": np.ones((6, 3), FLOAT), "b": np.zeros(3, FLOAT)}
    return Graph((Value("x", ("batch", "seq", 6), FLOAT),), nodes, weights, ("p",))


def test_multiply_adds_are_counted_for_the_sizes_that_are_given() -> None:
    network = Network(sequences())
    assert network.summary().multiply_adds == 18
    assert network.summary(sizes={"seq": 128}).multiply_adds == 128 * 18
    assert network.summary(sizes={"batch": 4, "seq": 128}).multiply_adds == 4 * 128 * 18
    assert lines(network, sizes={"seq": 128})[-1] == "multiply-adds: for batch = 1, seq = 128"
    assert lines(network)[-1] == "multiply-adds: for batch = 1, seq = 1"
    assert "multiply-adds:" not in str(mlp(6, 5, 3).summary())
    assert mlp(6, 5, 3).summary(sizes={"batch": 100}).multiply_adds == 100 * 45


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ({"sequence": 3}, ArraynetError, "got a size of 'sequence', expected .* seq"),
        ({"Seq": 3}, ArraynetError, "did you mean 'seq'"),
        ({"seq": -1}, ShapeError, r"sizes\['seq'\]: got -1, expected a whole number"),
        ({"seq": "long"}, ShapeError, r"sizes\['seq'\]: got 'long'"),
    ],
)
def test_other_sizes_are_refused(sizes: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Network(sequences()).summary(sizes=sizes)


def pieces(x: Any, *, xp: Any = None) -> Any:
    """Return two parts of x."""
    return x[:, :2], x[:, 2:]


def only_a_run_tells(x: Any, *, xp: Any = None) -> Any:
    """Return what is above 0."""
    return x[x > 0]


def test_what_only_a_run_can_tell_is_a_question_mark() -> None:
    with registered(only_a_run_tells, dtypes=("any",)):
        nodes = (Node("only_a_run_tells", ("x",), ("y",)), Node("relu", ("y",), ("z",)))
        graph = Graph((Value("x", ("batch", 3), FLOAT),), nodes, {}, ("z",))
        network = Network(graph)
        summary = network.summary()
        assert [row.shape for row in summary.rows] == [("…",), ("…",)]
        assert str(summary).splitlines()[2].split()[:3] == ["y", "only_a_run_tells", "(…,)"]
        assert network.output_shape == ("…",)
        assert repr(network).startswith("<arraynet network 3, ")


def test_a_graph_that_does_not_fit_at_one_has_no_cost() -> None:
    def windows(x: Any, *, xp: Any = None) -> Any:
        """Return windows of three rows."""
        if x.shape[0] < 3:
            raise ShapeError("too few rows for a window")
        return x[2:] @ x[:-2].mT

    with registered(windows):
        graph = Graph(
            (Value("x", ("n", 4), FLOAT),), (Node("windows", ("x",), ("y",)),), {}, ("y",)
        )
        network = Network(graph)
        assert network.summary().rows[0].multiply_adds is None
        assert network.summary().multiply_adds is None
        assert [line.split()[-1] for line in lines(network)[2:4]] == ["?", "?"]
        assert network.summary(sizes={"n": 10}).multiply_adds == 8 * 8 * 4
        with pytest.raises(ShapeError, match="too few rows"):
            network.summary(sizes={"n": 2})


def test_a_node_of_several_outputs_has_a_line_for_each() -> None:
    with registered(pieces, outputs=2, dtypes=("any",)):
        nodes = (Node("pieces", ("x",), ("low", "high")), Node("relu", ("high",), ("y",)))
        graph = Graph((Value("x", ("batch", 5), FLOAT),), nodes, {}, ("y", "low"))
        summary = Network(graph).summary()
        assert summary.rows[0].shape == ("batch", 2)
        assert summary.rows[0].others == (Value("high", ("batch", 3), FLOAT),)
        assert any(line.split() == ["high", "(batch,", "3)"] for line in str(summary).split("\n"))


def test_branches_and_loops_are_indented_and_what_is_read_back_is_said() -> None:
    network = Network(branching(), optimize=False)
    summary = network.summary()
    assert [(row.name, row.depth) for row in summary.rows] == [
        ("h", 0), ("y", 0), ("r", 1), ("t", 1), ("s", 1), ("z", 0),
    ]  # fmt: skip
    text = str(summary)
    assert "\n  r " in text
    assert "\n  s " in text
    assert text.endswith("\nread back to the host: flag, for y")
    page = ElementTree.fromstring(f"<div>{network._repr_html_()}</div>")
    assert page.findtext("p") == "read back to the host: flag, for y"
    names = [row.findtext("td") for row in page.iter("tr")]
    assert names[1:] == ["h", "y", "\u2003r", "\u2003t", "\u2003s", "z", "total"]
    assert Network(two_in_three_out()).summary().fetched == {}


def test_parameters_inside_a_loop_are_counted() -> None:
    nodes = [Node("matmul", ("s", "W"), ("v",)), Node("add", ("v", "b"), ("t",))]
    graph = counting(nodes, ["yes", "t"], 1, {"yes": np.array(True), "W": np.ones((3, 3), FLOAT)})
    summary = summarize(graph, backend="cpu")
    inside = {row.name: row for row in summary.rows if row.depth}
    assert (inside["v"].parameters, inside["v"].multiply_adds) == (9, 9)
    assert summary.parameters == 9
    assert summary.fetched == {"m": "out0"}


def test_the_line_of_a_network() -> None:
    assert repr(mlp(784, 50, 10)) == "<arraynet network 784 → 50 → 10, float32 on cpu>"
    assert repr(Network(two_in_three_out())) == (
        "<arraynet network a 5, b 4 → 4 nodes → sum 4, positive 4, product 4, float32 on cpu>"
    )
    images = Graph((Value("x", ("batch", 1, 28, 28), FLOAT),), (Node("relu", ("x",), ("y",)),),
                   {}, ("y",))  # fmt: skip
    assert repr(Network(images)) == "<arraynet network 1×28×28, float32 on cpu>"
    assert "seq×6" in repr(Network(sequences()))
    assert repr(Sequential(dense(6, 3), "logsumexp")).startswith("<arraynet network 6 → 3")
