"""A graph in the metadata comes back as it was, and only if it fits the tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import strategies as st

import arraynet
from arraynet import ArraynetError, GraphError, LoadError, formats
from arraynet.formats import Limits
from arraynet.formats.graph_json import KEY
from arraynet.graph import Graph, Node, Value
from tests.formats.attack import attack, bit_flips, odd_values, structures

WEIGHTS = {
    "W1": np.arange(6, dtype="f4").reshape(2, 3),
    "b1": np.ones(3, "f4"),
    "W2": np.ones((3, 2), "f4"),
    "b2": np.zeros(2, "f4"),
}

DESCRIPTION = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["batch", 2]}],
    "nodes": [
        {"op": "affine", "inputs": ["x", "W1", "b1"], "outputs": ["affine1"], "attributes": {}},
        {"op": "leaky_relu", "inputs": ["affine1"], "outputs": ["leaky_relu1"],
         "attributes": {"alpha": 0.1}},
        {"op": "affine", "inputs": ["leaky_relu1", "W2", "b2"], "outputs": ["affine2"],
         "attributes": {}},
        {"op": "softmax", "inputs": ["affine2"], "outputs": ["softmax1"],
         "attributes": {"axis": -1}},
    ],
    "outputs": ["softmax1"],
}  # fmt: skip


def graph_of(description: Any, weights: Any = None) -> Graph:
    text = description if isinstance(description, str) else json.dumps(description)
    return formats.graph_from_metadata(
        {KEY: text}, WEIGHTS if weights is None else weights, file="net.safetensors"
    )


def test_a_graph_comes_back() -> None:
    graph = graph_of(DESCRIPTION)
    again = graph_of(formats.graph_to_metadata(graph)[KEY])
    assert again.nodes == graph.nodes
    assert again.inputs == graph.inputs == (Value("x", ("batch", 2)),)
    assert again.outputs == graph.outputs == ("softmax1",)
    assert json.loads(formats.graph_to_metadata(graph)[KEY]) == DESCRIPTION


def test_numbers_come_back_bit_for_bit() -> None:
    for alpha in (0.1, 1e-300, 1 / 3, np.nextafter(1, 2), -0.0):
        node = Node("leaky_relu", ("x",), ("y",), {"alpha": float(alpha)})
        graph = Graph((Value("x", ("batch", 2)),), (node,), {}, ("y",))
        again = formats.graph_from_metadata(formats.graph_to_metadata(graph), {}, file="f")
        assert again.nodes[0].attributes["alpha"].hex() == float(alpha).hex()


@pytest.mark.parametrize("value", [np.nan, np.inf, object(), np.ones(2), {1j}])
def test_attributes_that_json_cannot_hold(value: object) -> None:
    node = Node("leaky_relu", ("x",), ("y",), {"alpha": value})
    graph = Graph((Value("x", ("batch", 2)),), (node,), {}, ("y",))
    with pytest.raises(GraphError, match="an attribute that JSON cannot hold"):
        formats.graph_to_metadata(graph)


def changed(*path: Any, to: Any) -> Any:
    """Return the description with one value replaced (or removed, by ...)."""
    copy = json.loads(json.dumps(DESCRIPTION))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (changed("version", to=2), "version 2 of the graph, expected version 1"),
        (changed("version", to=True), "version True"),
        (changed("version", to=...), "expected the graph's inputs, nodes, outputs, version"),
        (changed("more", to=1), "expected the graph's inputs, nodes, outputs, version"),
        (changed("inputs", to={}), "expected a list of inputs"),
        (changed("inputs", to=[]), "an empty graph"),
        (changed("nodes", to=[]), "an empty graph"),
        (changed("outputs", to=[]), "an empty graph"),
        (changed("outputs", to=["none"]), "output 'none'"),
        (changed("outputs", to=[1]), "expected the names of outputs"),
        (changed("inputs", 0, "shape", to=["batch", -2]), "sizes and symbols"),
        (changed("inputs", 0, "shape", to=["batch", 2.0]), "sizes and symbols"),
        (changed("inputs", 0, "shape", to=["batch", 10**15]), "sizes and symbols"),
        (changed("inputs", 0, "shape", to=["batch", 3]), r"affine1 \(affine\)"),
        (changed("inputs", 0, "name", to=1), "a name and a shape"),
        (changed("inputs", 0, "name", to="W1"), "affine1|W1"),
        (changed("nodes", 0, "op", to="convolve"), "op 'convolve', expected one of"),
        (changed("nodes", 0, "op", to=1), "expected an op, names and attributes"),
        (changed("nodes", 0, "op", to="__import__"), "op '__import__'"),
        (changed("nodes", 0, "inputs", to=["x", "W1", "b9"]), "input 'b9'"),
        (changed("nodes", 0, "inputs", to=["x", "W2", "b2"]), "affine1"),
        (changed("nodes", 0, "inputs", to=["x"]), "1 inputs"),
        (changed("nodes", 0, "inputs", to=["softmax1", "W1", "b1"]), "input 'softmax1'"),
        (changed("nodes", 0, "inputs", to=[[], "W1", "b1"]), "an op, names and attributes"),
        (changed("nodes", 0, "outputs", to=["x"]), "output 'x', expected a new name"),
        (changed("nodes", 0, "outputs", to=[]), "a node with an output"),
        (changed("nodes", 0, "more", to=1), "expected the node's"),
        (changed("nodes", 1, "attributes", to={"alpha": "x"}), "alpha='x', expected a value like"),
        (changed("nodes", 1, "attributes", to={"alpha": True}), "alpha=True"),
        (changed("nodes", 1, "attributes", to={"alpha": [1]}), "alpha="),
        (changed("nodes", 1, "attributes", to={"beta": 1.0}), "attribute 'beta'"),
        (changed("nodes", 1, "attributes", to={"xp": 1.0}), "attribute 'xp'"),
        (changed("nodes", 1, "attributes", to=[]), "an op, names and attributes"),
        (changed("nodes", 3, "attributes", to={"axis": 7}), "axis 7|axis"),
        (changed("nodes", 3, "attributes", to={"axis": 0.5}), "axis=0.5|axis"),
        (changed("nodes", 0, "op", to="a" * 600), r"a name of 600 characters.*Limits.name_bytes"),
        (changed("nodes", 0, "op", to="\x1b[2J"), "a printable name"),
        ("[" * 40 + "]" * 40, r"nested more than 16 deep \(Limits.depth\)"),
        ("[" * 40, "Expecting value"),
        ('{"version": 1, "version": 1}', "the key 'version' twice"),
        ('{"version": NaN}', "NaN, which is not JSON"),
        (changed("version", to=10**50), "version 1000.* of the graph, expected version 1"),
        ('{"version": ' + "9" * 5000 + "}", "4300 digits"),
        ("not JSON", "expected well-formed JSON"),
        ("null", "expected the graph's"),
        ("x" * 2_000_000, "2000000 bytes of JSON, expected at most"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_wrong_graphs(description: Any, message: str) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        graph_of(description)
    assert caught.value.file == "net.safetensors"


PLACES: dict[str, tuple[Any, ...]] = {
    "an input": ("inputs", 0, "name"),
    "a size": ("inputs", 0, "shape", 0),
    "an op": ("nodes", 0, "op"),
    "what a node reads": ("nodes", 0, "inputs", 0),
    "a node": ("nodes", 0, "outputs", 0),
    "an output": ("outputs", 0),
}


@pytest.mark.parametrize("place", [*PLACES, "an attribute"])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("name", ["a" * 513, "a" * 950_000, "\x1b]0;a\x07", "a\nb", "\u202eb", ""])
def test_every_name_in_a_graph_keeps_to_the_limits(
    name: str, place: str, suffix: str, tmp_path: Path
) -> None:
    """Else a name of 950,000 characters makes a summary of a thousand rows of gigabytes."""
    if place == "an attribute":
        description = changed("nodes", 1, "attributes", to={name: 1.0})
    else:
        description = changed(*PLACES[place], to=name)
    path = tmp_path / f"net{suffix}"
    text = json.dumps(description, ensure_ascii=False)
    if suffix == ".npz":
        metadata = np.frombuffer(json.dumps({KEY: text}, ensure_ascii=False).encode(), "u1")
        np.savez(path, **WEIGHTS, __metadata__=metadata)
    else:
        path.write_bytes(file_of(text))
    for function in (arraynet.load, formats.inspect):
        with pytest.raises(LoadError) as caught:
            function(path)
        assert "name" in str(caught.value)
        assert len(str(caught.value)) < 600
        assert str(caught.value).isprintable()
    with pytest.raises(ArraynetError, match="name"):
        formats.write(tmp_path / f"again{suffix}", WEIGHTS, {KEY: text})


def test_a_name_is_as_long_as_the_limits_let_it(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    description = json.dumps(DESCRIPTION).replace('"affine1"', f'"{"a" * 600}"')
    path.write_bytes(file_of(description))
    assert arraynet.load(path, limits=Limits(name_bytes=600)).graph.nodes[0].name == "a" * 600


HUGE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a sum of a column and a row": (
        ["batch", 1, 1], {"a": np.ones((1 << 20, 1), "f4"), "b": np.ones((1, 1 << 20), "f4")}
    ),
    "of rank 32": (
        ["batch", *[1] * 31],
        {n: np.ones([1] * k + [1 << 12] + [1] * (30 - k), "f4") for k, n in enumerate("abcdefg")},
    ),
    "an input of a huge size": (["batch", 1 << 39], {"a": np.ones(1, "f4")}),
}  # fmt: skip


@pytest.mark.parametrize("case", HUGE)
def test_graphs_that_broadcast_to_huge_sizes_are_refused(case: str, tmp_path: Path) -> None:
    """No row of a value may be larger than all tensors of a file: nothing could compute it."""
    shape, weights = HUGE[case]
    names = ["x", *[f"add{n}" for n in range(len(weights))]]
    nodes = [
        {"op": "add", "inputs": [before, weight], "outputs": [name], "attributes": {}}
        for before, weight, name in zip(names, weights, names[1:], strict=False)
    ]
    description = {
        "version": 1, "inputs": [{"name": "x", "shape": shape}], "outputs": names[-1:],
        "nodes": nodes,
    }  # fmt: skip
    path = tmp_path / "net.safetensors"
    path.write_bytes(safetensors.numpy.save(weights, {KEY: json.dumps(description)}))
    assert path.stat().st_size < 10 << 20
    options: dict[str, Any]
    for options in ({}, {"dtype": "float64"}, {"optimize": False}):
        with pytest.raises(LoadError, match=r"got a row of shape .*Limits.array_bytes") as caught:
            arraynet.load(path, **options)
        assert len(str(caught.value)) < 600
    if case != "of rank 32":  # which no limits can let through
        roomy = Limits(array_bytes=1 << 60)
        assert arraynet.load(path, limits=roomy, optimize=False).graph.outputs


def test_tensors_that_do_not_fit() -> None:
    with pytest.raises(LoadError, match="b2"):
        graph_of(DESCRIPTION, {name: w for name, w in WEIGHTS.items() if name != "b2"})
    with pytest.raises(LoadError, match="W9: got a tensor that no node reads"):
        graph_of(DESCRIPTION, WEIGHTS | {"W9": np.ones(2, "f4")})
    with pytest.raises(LoadError, match="W2"):
        graph_of(DESCRIPTION, WEIGHTS | {"W2": np.ones((4, 2), "f4")})
    with pytest.raises(LoadError, match="float64"):
        graph_of(DESCRIPTION, WEIGHTS | {"W2": np.ones((3, 2), "f8")})
    with pytest.raises(LoadError, match="int32"):
        graph_of(DESCRIPTION, {name: w.astype("i4") for name, w in WEIGHTS.items()})
    with pytest.raises(LoadError, match="got no graph"):
        formats.graph_from_metadata({}, WEIGHTS, file="f")


def test_weights_without_numbers_are_neither_read_nor_written() -> None:
    empty = WEIGHTS | {"W1": np.ones((0, 3), "f4")}
    with pytest.raises(LoadError, match=r"W1: got shape \(0, 3\), expected no axis of size 0"):
        graph_of(DESCRIPTION, empty)
    graph = graph_of(DESCRIPTION)
    with pytest.raises(GraphError, match=r"weight W1: got shape \(0, 3\), expected no axis of"):
        formats.graph_to_metadata(Graph(graph.inputs, graph.nodes, empty, graph.outputs))


def file_of(text: str) -> bytes:
    return safetensors.numpy.save(WEIGHTS, {KEY: text})


GOOD = file_of(json.dumps(DESCRIPTION))


def test_bit_flips_of_a_network() -> None:
    report = attack(bit_flips(GOOD, 5_000), "network", ".safetensors", GOOD)
    report.check()
    assert report.loaded > 50


NAMES = st.sampled_from(["x", "W1", "b1", "W2", "b2", "y", "z", "batch", "", None, 1])
OPS = st.sampled_from(
    ["affine", "matmul", "add", "scale_shift", "softmax", "glu", "logsumexp", "prelu", "relu",
     "dropout", "sparsemax", "gelu", "leaky_relu", "hardmax", "celu", "none"]
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["axis", "alpha", "approximate", "keepdims", "ratio", "xp", "lambd"]),
    st.sampled_from([-1, 1, 0, 1.5, 99, "tanh"]) | odd_values(),
    max_size=2,
)


@st.composite
def networks(draw: st.DrawFn) -> bytes:
    description = json.loads(json.dumps(DESCRIPTION))
    if draw(st.booleans()):
        description["nodes"] = [
            {
                "op": draw(OPS),
                "inputs": draw(st.lists(NAMES, max_size=3)),
                "outputs": [f"v{number}"],
                "attributes": draw(ATTRIBUTES),
            }
            for number in range(draw(st.integers(0, 3)))
        ]
        description["outputs"] = draw(st.lists(NAMES | st.just("v0"), max_size=2))
        description["inputs"][0]["shape"] = draw(
            st.lists(st.sampled_from(["batch", "n", 2, 3, 0, -1]) | odd_values(), max_size=3)
        )
    for _ in range(draw(st.integers(0, 2))):
        node = draw(st.integers(0, 3))
        if node < len(description["nodes"]):
            key = draw(st.sampled_from(["op", "inputs", "outputs", "attributes"]))
            values = {"op": OPS, "inputs": st.lists(NAMES, max_size=3),
                      "outputs": st.lists(NAMES, max_size=2), "attributes": ATTRIBUTES}  # fmt: skip
            description["nodes"][node][key] = draw(values[key] | odd_values())
    text = json.dumps(description)
    return file_of(text.replace("\ud800", "?"))


def test_structures() -> None:
    report = attack(structures(networks()), "network", ".safetensors", GOOD)
    report.check()
    assert report.cases >= 600
    assert report.loaded > report.cases / 200


def chain(count: int, shape: list[Any], **changed: Any) -> str:
    """Describe that many nodes, one after the other."""
    nodes = [
        {"op": "relu", "inputs": [f"v{n - 1}" if n else "x"], "outputs": [f"v{n}"],
         "attributes": {}} | changed
        for n in range(count)
    ]  # fmt: skip
    description = {"version": 1, "inputs": [{"name": "x", "shape": shape}], "nodes": nodes,
                   "outputs": [f"v{count - 1}"]}  # fmt: skip
    return json.dumps(description, separators=(",", ":"))


def of_two_features(ops: list[str], **changed: Any) -> bytes:
    """Write a network of these ops, one after the other; all layers share one weight."""
    weights = {"affine": ["W1", "b1"]}
    nodes = [
        {"op": op, "inputs": [f"v{n - 1}" if n else "x", *weights.get(op, [])],
         "outputs": [f"v{n}"], "attributes": {}}
        for n, op in enumerate(ops)
    ]  # fmt: skip
    description = {"version": 1, "inputs": [{"name": "x", "shape": ["batch", 2]}], "nodes": nodes,
                   "outputs": [f"v{len(ops) - 1}"]} | changed  # fmt: skip
    tensors = {"W1": np.ones((2, 2), "f4"), "b1": np.zeros(2, "f4")}
    return safetensors.numpy.save(tensors, {KEY: json.dumps(description)})


def test_as_many_nodes_as_may_be() -> None:
    cases = {
        "relu": of_two_features(["affine", *["relu"] * 999]),
        "identity": of_two_features(["affine", *["identity"] * 999]),
        "layers": of_two_features(["affine", "sigmoid"] * 500),
        "layers alone": of_two_features(["affine"] * 1_000),
    }
    more = {"more": of_two_features(["affine", *["identity"] * 1_000])}
    report = attack([*cases.items(), *more.items()], "network", ".safetensors", GOOD)
    report.check()
    assert report.loaded == len(cases)
    assert "1001 nodes" in report.messages["more"]


def test_graphs_that_no_network_has() -> None:
    two = [{"name": "x", "shape": ["batch", 2]}, {"name": "y", "shape": ["batch", 2]}]
    node = {"op": "affine", "inputs": ["x", "W1", "b1"], "outputs": ["a", "b"], "attributes": {}}
    cases = {
        "two inputs": of_two_features(["affine"], inputs=two),
        "two outputs": of_two_features(["affine", "relu"], outputs=["v0", "v1"]),
        "a node with two outputs": of_two_features([], nodes=[node], outputs=["b"]),
    }
    report = attack(cases.items(), "network", ".safetensors", GOOD)
    report.check()
    assert report.refused == len(cases)


def bombs() -> dict[str, str]:
    many = [{"name": f"x{n}", "shape": []} for n in range(11_000)]
    return {
        "a thousand nodes of 32 axes": chain(1_000, [1] * 32),
        "ten thousand nodes": chain(10_000, ["batch", 4]),
        "an input of 100,000 axes": chain(100, [1] * 100_000),
        "eleven thousand inputs": chain(1, []).replace(
            '[{"name":"x","shape":[]}]', json.dumps(many)
        ),
        "outputs without end": chain(1, []).replace('["v0"]}', json.dumps(["v0"] * 90_000) + "}"),
        "outputs of a node without end": chain(1, [], outputs=[f"o{n}" for n in range(90_000)]),
        "inputs of a node without end": chain(1, [], inputs=["x"] * 90_000),
        "attributes without end": chain(1, [], attributes={f"a{n}": 1 for n in range(60_000)}),
        "a long attribute": chain(1, [], op="gelu", attributes={"approximate": "t" * 900_000}),
        "a long name": chain(1, [], op="r" * 900_000),
        "a deep attribute": chain(1, []).replace("{}}", '{"a":' + "[" * 90_000 + "}}"),
        "a size beyond 64 bits": chain(3, ["batch", 2**70]),
        "2 MB of spaces": " " * 2_000_000 + chain(1, []),
    }


def test_bombs() -> None:
    cases = [(name, safetensors.numpy.save({}, {KEY: text})) for name, text in bombs().items()]
    tensors = {"W1": np.ones(1, "f4")}
    cases += [
        (f"{name}, with a tensor", safetensors.numpy.save(tensors, {KEY: text}))
        for name, text in bombs().items()
    ]
    report = attack(cases, "network", ".safetensors", GOOD)
    report.check()
    assert len(cases) > 12


def test_ten_thousand_layers_without_a_graph() -> None:
    """Names are sorted and looked up in a time that grows with their number, no faster."""
    book = {f"W{n}": np.ones((1, 1), "f4") for n in range(1, 5_000)}
    lonely = {f"layer.{n}.weight": np.ones((1, 1), "f4") for n in range(9_999)}
    cases = [(name, safetensors.numpy.save(t)) for name, t in (("W", book), ("weight", lonely))]
    attack(cases, "network", ".safetensors", GOOD).check()


def test_every_truncation_of_a_network_in_npz(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    graph = graph_of(DESCRIPTION)
    formats.write(path, graph.weights, formats.graph_to_metadata(graph))
    good = path.read_bytes()
    cases = ((f"first {n}", good[:n]) for n in range(0, len(good), 7))
    report = attack(cases, "network", ".npz", good)
    report.check()
    assert report.loaded == 0
