"""Graphs: what is well formed, what the shapes are, and how it is told when they do not fit."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from arraynet.errors import DtypeError, GraphError, ShapeError
from arraynet.graph import DTYPES, Graph, Node, Value, seal
from arraynet.weights import FORMATS
from tests.networks import seven_layers, single

X = Value("x", ("batch", 2))
W = np.ones((2, 3), np.float32)
B = np.zeros(3, np.float32)
AFFINE = Node("affine", ("x", "W", "b"), ("y",))


def graph(*nodes: Node, inputs: Any = (X,), weights: Any = None, outputs: Any = ("y",)) -> Graph:
    return Graph(inputs, nodes, {"W": W, "b": B} if weights is None else weights, outputs)


def test_shapes_of_every_value() -> None:
    shapes = seven_layers().shapes
    assert shapes["x"] == ("batch", 16)
    assert shapes["scale"] == ()
    assert shapes["W2"] == (24, 20)
    assert shapes["affine6"] == shapes["identity1"] == ("batch", 10)
    assert shapes["softmax1"] == ("batch", 3)


def test_what_is_read_how_often() -> None:
    shared = graph(
        AFFINE,
        Node("add", ("y", "y"), ("z",)),
        Node("affine", ("x", "W", "b"), ("v",)),
        outputs=("z",),
    ).validated()
    assert (shared.uses["x"], shared.uses["W"], shared.uses["y"], shared.uses["z"]) == (2, 2, 2, 1)
    assert shared.uses["v"] == 0
    assert shared.producers["z"].op == "add"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            graph(Node("afine", ("x", "W", "b"), ("y",))),
            "y: got op 'afine', expected one of the ops: did you mean 'affine'",
        ),
        (graph(Node("affine", ("x", "V", "b"), ("y",))), r"y \(affine\): got input 'V'"),
        (
            graph(Node("relu", ("z",), ("y",)), Node("relu", ("x",), ("z",))),
            r"y \(relu\): got input 'z', expected a graph input, a weight or the output of an ear",
        ),
        (graph(AFFINE, Node("relu", ("y",), ("y",))), "got output 'y', expected a new name"),
        (graph(AFFINE, Node("relu", ("y",), ("W",))), "got output 'W', expected a new name"),
        (
            graph(Node("affine", ("x", "W", "b"), ("y", "z")), outputs=("z",)),
            r"y \(affine\): got 2 outputs, expected 1",
        ),
        (graph(AFFINE, outputs=("z",)), "graph: got output 'z', expected the output of a node"),
        (graph(outputs=("x",)), "graph: got output 'x', expected the output of a node"),
        (graph(outputs=("W",)), "graph: got output 'W', expected the output of a node"),
        (graph(AFFINE, inputs=(X, X)), "graph: got input 'x' twice"),
        (graph(AFFINE, inputs=(X, Value("W", (1,)))), "graph: got input 'W' twice"),
        (graph(Node("affine", ("x", "W"), ("y",))), "got 2 inputs, expected x, weight, bias"),
        (
            graph(Node("leaky_relu", ("x",), ("y",), {"slope": 1.0})),
            r"y \(leaky_relu\): got attribute 'slope', expected one of its attributes: alpha",
        ),
        (
            graph(Node("relu", ("x",), ("y",), {"xp": 1})),
            "got attribute 'xp', expected one of its attributes: it has none",
        ),
        (
            graph(Node("leaky_relu", ("x",), ("y",), {"alpha": "0.1"})),
            r"y \(leaky_relu\): got alpha='0.1', expected a value like 0.01",
        ),
        (graph(Node("softmax", ("x",), ("y",), {"axis": 1.0})), "got axis=1.0, expected a value"),
        (graph(Node("softmax", ("x",), ("y",), {"axis": True})), "got axis=True, expected a val"),
        (graph(Node("logsumexp", ("x",), ("y",), {"keepdims": 1})), "got keepdims=1, expected"),
    ],
)
def test_what_is_not_well_formed_is_refused_by_name(bad: Graph, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        bad.validated()


def test_a_whole_number_is_a_value_like_a_float() -> None:
    assert graph(Node("leaky_relu", ("x",), ("y",), {"alpha": 1})).validated()


def test_layers_that_do_not_fit_are_both_named() -> None:
    weights = {"W": W, "b": B, "V": np.ones((4, 2), np.float32), "c": np.ones(2, np.float32)}
    bad = graph(
        AFFINE,
        Node("relu", ("y",), ("r",)),
        Node("affine", ("r", "V", "c"), ("z",)),
        weights=weights,
        outputs=("z",),
    )
    with pytest.raises(ShapeError) as caught:
        bad.validated()
    text = str(caught.value)
    assert text.startswith(
        "z (affine): got r (batch, 3), V (4, 2), c (2,), expected shapes that fit"
    )
    assert "the layer before it is y (affine)" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (Node("affine", ("x", "W", "W"), ("y",)), "bias"),
        (Node("affine", ("x", "b", "b"), ("y",)), "two axes"),
        (Node("softmax", ("x",), ("y",), {"axis": 2}), "axis 2 does not exist"),
        (Node("add", ("x", "b"), ("y",)), "sizes 2 and 3 do not broadcast"),
        (Node("glu", ("x",), ("y",), {"axis": 0}), "halves need an even number"),
    ],
)
def test_sizes_that_do_not_fit_say_why(node: Node, reason: str) -> None:
    with pytest.raises(ShapeError, match=reason):
        graph(node).validated()


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64", "object", "<U3"])
def test_weights_that_are_not_floating_are_refused(dtype: str) -> None:
    with pytest.raises(DtypeError, match=rf"weight W: got dtype|W of {dtype}.*expected"):
        graph(AFFINE, weights={"W": np.ones((2, 3), dtype), "b": B}).validated()


def test_weights_of_two_dtypes_are_refused() -> None:
    with pytest.raises(DtypeError, match=r"W of float64.*b of float32|b of float32.*W of float64"):
        graph(AFFINE, weights={"W": W.astype("f8"), "b": B}).validated()


def test_a_graph_keeps_its_weights_from_being_written_to() -> None:
    own = np.ones((2, 3), np.float32)
    made = graph(AFFINE, weights={"W": own, "b": B})
    with pytest.raises(ValueError, match="read-only"):
        made.weights["W"][0, 0] = 5
    with pytest.raises(TypeError):
        made.weights["W"] = own  # type: ignore[index]
    own[0, 0] = 2  # the caller's own array stays the caller's


def test_astype_converts_every_weight_and_leaves_the_graph_alone() -> None:
    made = graph(AFFINE).validated()
    for dtype in ("float16", "bfloat16", "float64"):
        assert made.astype(dtype).dtype == dtype
        assert {str(w.dtype) for w in made.astype(dtype).weights.values()} == {dtype}
    assert made.dtype == "float32"
    with pytest.raises(DtypeError, match="astype: got 'int8', expected one of float16"):
        made.astype("int8")


def test_astype_refuses_to_lose_a_weight_to_infinity() -> None:
    large = graph(AFFINE, weights={"W": W * 70000, "b": B})
    with pytest.raises(DtypeError, match=r"weight W: got 70000.0, expected .* float16 can hold"):
        large.astype("float16")
    infinite = graph(AFFINE, weights={"W": W * np.float32("inf"), "b": B})
    assert np.isinf(infinite.astype("float16").weights["W"]).all()


def test_bfloat16_without_its_package_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(DtypeError, match="pip install ml_dtypes"):
        graph(AFFINE).astype("bfloat16")


def test_the_dtype_of_a_graph_without_weights() -> None:
    assert single("relu").dtype == "float32"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_a_graph_can_be_copied_and_pickled(copied: Any) -> None:
    made = graph(AFFINE, Node("leaky_relu", ("y",), ("z",), {"alpha": 0.3}), outputs=("z",))
    _ = made.validated().uses
    other = copied(made)
    assert (other.inputs, other.nodes, other.outputs) == (made.inputs, made.nodes, made.outputs)
    assert all(np.array_equal(other.weights[name], w) for name, w in made.weights.items())
    assert "shapes" not in vars(other)


def test_multiply_adds_of_one_row() -> None:
    made = seven_layers()
    costs = {node.name: made.multiply_adds(node) for node in made.nodes}
    assert costs["affine1"] == 16 * 24
    assert costs["affine7"] == 10 * 3
    assert costs["sigmoid1"] == costs["scale_shift1"] == 0


@pytest.mark.parametrize("view", [False, True])
def test_a_graph_copies_what_somebody_could_still_write_to(view: bool) -> None:
    own = np.ones((2, 3), np.float32)
    given = own.view()
    given.setflags(write=not view)
    made = graph(AFFINE, weights={"W": given, "b": B})
    own[:] = 5
    assert (made.weights["W"] == 1).all()


def test_a_graph_keeps_what_nobody_can_write_to_without_a_copy() -> None:
    own = seal(np.ones((2, 3), np.float32))
    for given in (own, own.base, own.T.T):
        made = graph(AFFINE, weights={"W": given, "b": B})
        assert np.shares_memory(made.weights["W"], own)
        assert replace(made, outputs=("y",)).weights["W"] is made.weights["W"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_weights_cannot_be_made_writable_again(order: Any) -> None:
    frozen = np.ones((2, 3), np.float32)
    frozen.setflags(write=False)
    for given in (np.ones((2, 3), np.float32, order=order), frozen):
        made = graph(AFFINE, weights={"W": given, "b": B})
        for weight in (made.weights["W"], made.astype("float64").weights["W"]):
            with pytest.raises(ValueError, match="WRITEABLE"):
                weight.setflags(write=True)


@pytest.mark.parametrize("bad", [[[1.0]], 1.0, "W", np.ma.masked_array([[1.0]], [[True]])])
def test_weights_that_are_no_plain_arrays_are_refused(bad: Any) -> None:
    with pytest.raises(GraphError, match=r"weight W: got \w+, expected a plain NumPy array"):
        graph(AFFINE, weights={"W": bad, "b": B})


def test_what_a_graph_is_made_of_does_not_change() -> None:
    attributes = {"alpha": 0.5}
    node = Node("leaky_relu", ["y"], ["z"], attributes)  # type: ignore[arg-type]
    nodes, outputs = [AFFINE, node], ["z"]
    made = Graph([X], nodes, {"W": W, "b": B}, outputs).validated()  # type: ignore[arg-type]
    attributes["alpha"] = 9.0
    nodes.clear()
    outputs.clear()
    assert made.nodes == (AFFINE, Node("leaky_relu", ("y",), ("z",), {"alpha": 0.5}))
    assert (made.inputs, made.outputs) == ((Value(X.name, X.shape, "float32"),), ("z",))
    mappings: list[Any] = [made.nodes[1].attributes, made.shapes, made.producers, made.uses]
    for mapping in mappings:
        with pytest.raises(TypeError):
            mapping["alpha"] = 9.0


@pytest.mark.parametrize("value", [10**200, -(10**39), 10**5000, 1e39], ids=range(4))
@pytest.mark.parametrize("op", ["elu", "hard_tanh"])
def test_attributes_that_the_dtype_cannot_hold_are_refused(op: str, value: Any) -> None:
    name = "alpha" if op == "elu" else "upper"
    bad = graph(Node(op, ("x",), ("y",), {name: value}))
    with pytest.raises(GraphError, match=rf"y \({op}\): got {name}=") as caught:
        bad.validated()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("dtype", [np.float16, np.dtype("float16"), np.dtype(">f2"), "float16"])
def test_astype_takes_a_dtype_or_its_name(dtype: Any) -> None:
    assert graph(AFFINE).astype(dtype).weights["W"].dtype == np.dtype("=f2")
    assert graph(AFFINE).astype(ml_dtypes.bfloat16).dtype == "bfloat16"
    assert graph(AFFINE).astype(float).dtype == "float64"


@pytest.mark.parametrize(
    "dtype",
    [
        np.array(["float32", "float16"]),
        np.zeros(2),
        None,
        ["float32"],
        int,
        list,
        np.longdouble,
        "half" * 999,
    ],
)
def test_astype_takes_no_other_dtype(dtype: Any) -> None:
    with pytest.raises(DtypeError, match=r"astype: got .*expected one of float16"):
        graph(AFFINE).astype(dtype)


def test_astype_refuses_to_lose_a_scale_to_zero() -> None:
    scaled = graph(
        Node("scale_shift", ("x", "s", "t"), ("y",)),
        weights={"s": np.float32([1, 1e-8]), "t": np.float32([1e-8, 0])},
    )
    with pytest.raises(DtypeError, match=r"weight s: got 1e-08, expected .* float16 can hold"):
        scaled.astype("float16")
    assert graph(AFFINE, weights={"W": W * 1e-8, "b": B * 1e-8}).astype("float16")


@pytest.mark.parametrize("name", DTYPES)
def test_what_is_known_of_a_format_is_what_it_is(name: str) -> None:
    known, exact = FORMATS[name], ml_dtypes.finfo(name)
    assert (known.bytes, known.bits) == (exact.bits // 8, exact.nmant)
    assert (known.spacing, known.largest) == (float(exact.eps), float(exact.max))
    assert 2.0**known.least == float(exact.tiny)
