"""Graphs of several inputs and outputs, of any dtypes, with graphs in their nodes, as files."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import arraynet
from arraynet import Backend, Dense, GraphError, LoadError, Network, Scale, Sequential, formats
from arraynet.formats import Limits
from arraynet.formats.graph_json import KEY
from arraynet.graph import Graph, Node, Value
from tests.formats.attack import attack

# Written by arraynet before there was a version 2, and compressed.
BEFORE = (
    b"c-obeOK!q25QbTF(PLCzy9gTuhz+cI1r{WVCg3ztLlVVK1&ShZl-{I0TE{jtjq;$iV)-%i{o`M;{P-|3"
    b"tt6gz6bcTY!1KteB#`HDPJ|l2=8%PCMM{Ufi(E!&;*b@i4vCViP!bnA3?*<BICaR$AsCY(WO}`Gh!1KX"
    b";wE=17b8h}5H~2z3?las3r~hopbT6K|H$c#tFXz^N@=0$yk8p3hC!)3@(X3El~qOSf)E5zB3iYY8W`N#"
    b"!Dk%>t;YRYv4FR;my5V))oVyJ#A~Rt0IuUK1e{LB>@Ut5dfFJb#(1wWe%F{x19gN`kE<@_E751^6zSPB"
    b"8X6)iQc?S-^esK8bA}W0GUbHYTZe#4iMhyW5J;gU?o8;+)tvsf{Ty$DGs?Iow`>5T(>BO(cdki)fb8I="
    b"b2?j^ihO{hT}NHgg*mIw|7CH(>2l&$)e|;+3f801Wo=&tGj8z1e!>2M{cB@$O#HLXz2#rlzxTcY?!8)v"
)


def test_what_was_written_before_is_read_and_written_byte_for_byte(tmp_path: Path) -> None:
    data = zlib.decompress(base64.b85decode(BEFORE))
    path, again = tmp_path / "before.safetensors", tmp_path / "again.safetensors"
    path.write_bytes(data)
    network = arraynet.load(path)
    network.save(again)
    assert again.read_bytes() == data
    layers = (
        *(
            Scale(0.5, [1, 0]),
            Dense(np.array([[1, 2, 3], [4, 5, 6]], "f4"), np.array([0.5, 0, -1], "f4")),
        ),
        *(("leaky_relu", {"alpha": 0.1}), Dense(np.array([[1, 0], [0, 1], [1, 1]], "f4"))),
        ("softmax", {"axis": -1}),
    )
    Sequential(*layers).save(again)
    assert again.read_bytes() == data


FLOAT = "float32"
LARGE = 2**53  # what no float holds one more than
STEP = np.array([0.5, -1.0, 2.0], "f4")


def _graph(inputs: Any, nodes: Any, outputs: Any, weights: Any = None) -> Graph:
    return Graph(tuple(inputs), tuple(nodes), weights or {}, tuple(outputs))


def turning() -> Graph:
    """Return s, x → s + step, (s + step) * factor, and the turn's number twice over."""
    state = [Value("i", (), "int64"), Value("go", (), "bool"), Value("s", ("n", 3), FLOAT)]
    nodes = [Node("add", ("s", "step"), ("t",)), Node("mul", ("t", "factor"), ("c",))]
    return _graph(state, nodes, ["go", "t", "c"], {"step": STEP, "factor": np.float32(2.0)})


def branching() -> Graph:
    """Return two inputs, three outputs, a path of integers, a branch, and a loop in one."""
    taken = _graph(
        [Value("h", ("n", 3), FLOAT)],
        [
            Node(
                "loop",
                ("turns", None, "h"),
                ("s", "all"),
                {"body": turning(), "carried": 1},
            ),
            Node("transpose", ("all",), ("moved",), {"perm": (1, 0, 2)}),
            Node("reduce_sum", ("moved", "axis"), ("sum",), {"keepdims": False}),
        ],
        ["sum"],
        {"turns": np.array(3), "axis": np.array([1])},
    )
    other = _graph(
        [Value("h", ("n", 3), FLOAT)],
        [Node("add", ("h", "step"), ("r",))],
        ["r"],
        {"step": -STEP},
    )
    return _graph(
        [Value("x", ("batch", 4), FLOAT), Value("ids", ("batch",), "int64")],
        [
            Node("split", ("x",), (None, "half"), {"axis": 1, "num_outputs": 2}),
            Node("add", ("ids", "large"), ("moved",)),
            Node("gather", ("table", "ids"), ("row",)),
            Node("reduce_max", ("ids",), ("most",), {"keepdims": False}),
            Node("greater", ("most", "two"), ("flag",)),
            Node("if", ("flag", "row"), ("y",), {"then_branch": taken, "else_branch": other}),
        ],
        ["moved", "y", "half"],
        {
            "large": np.array(LARGE),
            "table": np.arange(12, dtype=FLOAT).reshape(4, 3),
            "two": np.array(2),
        },
    ).validated()


def exactly(x: Any, ids: Any) -> dict[str, Any]:
    """Return what that graph gives, in float64."""
    row = np.arange(12.0).reshape(4, 3)[ids]
    if ids.max() > 2:
        y = np.sum([2.0 * (row + turn * STEP) for turn in (1, 2, 3)], axis=0)
    else:
        y = row - STEP
    return {"moved": [int(i) + LARGE for i in ids], "y": y, "half": x[:, 2:]}


@pytest.fixture
def whole(backend: Backend) -> Iterator[None]:
    """Let JAX compute with 64 bits, which it does only where it is told to."""
    if not backend.name.startswith("jax"):
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_graph_of_all_kinds_is_saved_and_runs(
    suffix: str, tmp_path: Path, backend: Backend
) -> None:
    path = tmp_path / f"network{suffix}"
    Network(branching()).save(path)
    network = arraynet.load(path, backend=backend)
    assert [(v.name, v.shape, v.dtype) for v in network.inputs] == [
        ("x", ("batch", 4), FLOAT),
        ("ids", ("batch",), "int64"),
    ]
    x = np.linspace(-1, 1, 8, dtype=FLOAT).reshape(2, 4)
    for ids in ([1, 3], [0, 2]):
        found = network.predict(x, np.array(ids))
        expected = exactly(x, np.array(ids))
        assert list(found) == list(expected)
        assert found["moved"].tolist() == expected["moved"]
        assert found["moved"].dtype == np.int64
        for name in ("y", "half"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)


def same(found: Graph, expected: Graph) -> None:
    """Assert that two graphs are equal, and those in their nodes."""
    assert found.inputs == expected.inputs
    assert found.outputs == expected.outputs
    assert set(found.weights) == set(expected.weights)
    for name, weight in expected.weights.items():
        np.testing.assert_array_equal(found.weights[name], weight, strict=True)
    for one, other in zip(found.nodes, expected.nodes, strict=True):
        assert (one.op, one.inputs, one.outputs) == (other.op, other.inputs, other.outputs)
        assert set(one.attributes) == set(other.attributes)
        for name, value in other.attributes.items():
            if isinstance(value, Graph):
                same(one.attributes[name], value)
            elif isinstance(value, np.ndarray):
                np.testing.assert_array_equal(one.attributes[name], value, strict=True)
            else:
                assert one.attributes[name] == value
                assert type(one.attributes[name]) is type(value)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_all_of_a_graph_comes_back(suffix: str, tmp_path: Path) -> None:
    path, again = tmp_path / f"network{suffix}", tmp_path / f"again{suffix}"
    Network(branching()).save(path)
    found = arraynet.load(path).graph
    same(found, branching())
    arraynet.convert(path, again)
    assert again.read_bytes() == path.read_bytes()
    assert [node.op for node in formats.inspect(path).nodes] == [n.op for n in found.nodes]


@pytest.mark.parametrize(
    "value",
    [
        (1, 2.5, "word", True, None, (3, ())),
        np.array([[2**53 + 1, -1]]),
        np.array([0.1, 1e-45, 3.4e38], "f4"),
        np.array([1e-320, 0.1]),
        np.array(True),
        np.array([2**64 - 1], "u8"),
        np.zeros((0, 3), "int8"),
    ],
    ids=repr,
)
def test_tuples_and_arrays_come_back_as_attributes(value: Any) -> None:
    from arraynet.formats.graph_reading import parse_graph

    node = Node("relu", ("x",), ("y",), {"given": value})
    graph = _graph([Value("x", ("n",), FLOAT)], [node], ["y"])
    text = formats.graph_to_metadata(graph)[KEY]
    assert json.loads(text)["version"] == 2
    same(parse_graph(text, {}, Limits(), "f"), graph)


@pytest.mark.parametrize(
    "value",
    [
        (np.nan,),
        np.array([np.inf], "f4"),
        np.ones(1025),
        (object(),),
        np.array(["a"]),
        np.ones(2, "c8"),
    ],
    ids=["nan", "inf", "large", "object", "text", "complex"],
)
def test_attributes_that_no_file_holds_are_refused(value: Any) -> None:
    graph = _graph([Value("x", ("n",), FLOAT)], [Node("relu", ("x",), ("y",), {"a": value})], ["y"])
    with pytest.raises(GraphError, match="an attribute that JSON cannot hold"):
        formats.graph_to_metadata(graph)


KINDS: dict[str, Callable[[], Graph]] = {
    "a scalar of no shape": lambda: _graph(
        [Value("x", (1,), FLOAT)], [Node("reshape", ("x", "shape"), ("y",))], ["y"],
        {"shape": np.zeros(0, "int64")},
    ),
    "an input of integers": lambda: _graph(
        [Value("x", ("n",), "int64")], [Node("cast", ("x",), ("y",), {"to": "float32"}),
                                        Node("add", ("y", "w"), ("z",))], ["z"],
        {"w": np.float32(1)},
    ),
    "bfloat16 beside bool": lambda: _graph(
        [Value("x", ("n", 2), "bfloat16")], [Node("where", ("mask", "x", "w"), ("y",))], ["y"],
        {"mask": np.array([True, False]), "w": arraynet.Dense([[1.0]]).weight.astype("bfloat16")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_constants_of_other_kinds_come_back(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes")
    path = tmp_path / "network.safetensors"
    network = Network(KINDS[kind]())
    network.save(path)
    same(arraynet.load(path).graph, network.graph)


# What somebody who means harm would write.

DESCRIPTION = json.loads(formats.graph_to_metadata(branching())[KEY])
TENSORS = {
    name: np.asarray(tensor) for name, tensor in formats.graph_to_tensors(branching()).items()
}


def file_of(description: Any, tensors: Any = None) -> bytes:
    text = description if isinstance(description, str) else json.dumps(description)
    return safetensors.numpy.save(TENSORS if tensors is None else tensors, {KEY: text})


GOOD = file_of(DESCRIPTION)
LAST = len(DESCRIPTION["graphs"]) - 1
IF = len(DESCRIPTION["graphs"][LAST]["nodes"]) - 1


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


BRANCH = ("graphs", LAST, "nodes", IF, "attributes", "else_branch")
LOOP = ("graphs", 1, "nodes", 0)

WRONG: dict[str, tuple[Any, str]] = {
    "itself": (changed(*BRANCH, to={"graph": LAST}), "the number of a graph before it"),
    "one behind it": (changed(*LOOP, "attributes", "body", to={"graph": 2}), "a graph before it"),
    "one twice": (changed(*BRANCH, to={"graph": 1}), "which no other node names"),
    "a negative one": (changed(*BRANCH, to={"graph": -1}), "a graph before it"),
    "a truth": (changed(*BRANCH, to={"graph": False}), "a graph before it"),
    "no graph": (changed(*BRANCH, to=3), "graph 2, which no node names"),
    "none at all": (changed(*BRANCH, to=...), "graph 2, which no node names"),
    "a tuple of graphs": (changed(*BRANCH, to=[{"graph": 2}]), "expected a graph"),
    "an empty one": (changed("graphs", to=[]), "an empty graph"),
    "no list": (changed("graphs", to={}), "expected a list of graphs"),
    "no version": (changed("version", to=...), "expected the graph's inputs"),
    "version 3": (changed("version", to=3), "expected version 1 or 2"),
    "version true": (changed("version", to=True), "version True|expected the graph's"),
    "a claimed tensor": (
        changed("graphs", 0, "constants", "step", to="factor"), "a tensor that is no other constant"
    ),
    "no such tensor": (
        changed("graphs", 0, "constants", "step", to="W9"), "W9: got no tensor of that name"
    ),
    "a constant unread": (changed("graphs", 0, "nodes", 1, "inputs", to=["t", "t"]), "factor"),
    "constants of numbers": (changed("graphs", 0, "constants", to={"step": 1}), "names of tensors"),
    "a list of constants": (changed("graphs", 0, "constants", to=[]), "names of tensors"),
    "another dtype": (changed("graphs", LAST, "inputs", 1, "dtype", to="int7"), "a dtype among"),
    "no dtype": (changed("graphs", LAST, "inputs", 1, "dtype", to=...), "expected the input's"),
    "a dtype that is a list": (changed("graphs", LAST, "inputs", 1, "dtype", to=[]), "a dtype"),
    "no outputs": (changed(*LOOP, "outputs", to=[None]), "a node with an output"),
    "numbers as outputs": (changed(*LOOP, "outputs", to=["s", 3]), "the names of outputs"),
    "more outputs": (
        changed("graphs", LAST, "nodes", 1, "outputs", to=["moved", "b"]), "2 outputs"
    ),
    "an array of words": (
        changed(*LOOP, "attributes", "carried",
                to={"values": ["a"], "shape": [1], "dtype": "int8"}),
        "numbers of int8",
    ),
    "too large for its dtype": (
        changed(*LOOP, "attributes", "carried",
                to={"values": [300], "shape": [], "dtype": "uint8"}),
        "numbers of uint8",
    ),
    "a huge array": (
        changed(*LOOP, "attributes", "carried",
                to={"values": [], "shape": [0, 2**60], "dtype": "int8"}),
        "an array of small shape",
    ),
    "an array of another length": (
        changed(*LOOP, "attributes", "carried", to={"values": [1], "shape": [2], "dtype": "int8"}),
        "as many numbers",
    ),
    "an object": (changed(*LOOP, "attributes", "carried", to={"py/object": "x"}), "as attribute"),
    "other inputs of a body": (
        changed("graphs", 0, "inputs", to=DESCRIPTION["graphs"][0]["inputs"][:2]),
        "expected 3 inputs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_graphs(case: str, tmp_path: Path) -> None:
    description, message = WRONG[case]
    path = tmp_path / "network.safetensors"
    path.write_bytes(file_of(description))
    with pytest.raises(LoadError, match=message) as caught:
        arraynet.load(path)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 700


def value(name: str, *shape: Any, dtype: str = FLOAT) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "dtype": dtype}


def node(op: str, inputs: list[Any], outputs: list[Any], **attributes: Any) -> dict[str, Any]:
    return {"op": op, "inputs": inputs, "outputs": outputs, "attributes": attributes}


def described(inputs: Any, nodes: Any, outputs: list[str]) -> dict[str, Any]:
    return {"inputs": inputs, "nodes": nodes, "outputs": outputs, "constants": {}}


def of_graphs(*graphs: Any, **tensors: Any) -> bytes:
    text = json.dumps({"version": 2, "graphs": graphs}, separators=(",", ":"))
    return file_of(text, {name: np.asarray(tensor) for name, tensor in tensors.items()})


def nested(depth: int, nodes: int = 1, symbols: int = 0) -> bytes:
    """Describe branches in branches, so deep."""
    inputs = [value("f", dtype="bool"), value("x", "n", *[f"s{n}" for n in range(symbols)])]
    flat = described(inputs, [node("relu", ["x"], ["r"])], ["r"])
    graphs = [flat]
    for _ in range(depth):
        graphs.append(flat)
        places = {
            "then_branch": {"graph": len(graphs) - 2},
            "else_branch": {"graph": len(graphs) - 1},
        }
        names = ["x", *[f"r{n}" for n in range(nodes)]]
        chain = [node("relu", [one], [two]) for one, two in itertools.pairwise(names)]
        branch = node("if", ["f", "f", names[-1]], ["y"], **places)
        graphs.append(described(inputs, [*chain, branch], ["y"]))
    last = {**graphs[-1], "nodes": [*graphs[-1]["nodes"], node("add", ["y", "w"], ["z"])]}
    return of_graphs(*graphs[:-1], {**last, "outputs": ["z"]}, w=np.float32(1))


def endless(*outputs: str) -> bytes:
    """Describe a loop of 2**62 turns, of constants alone."""
    state = [value("i", dtype="int64"), value("go", dtype="bool"), value("s")]
    body = described(
        state, [node("add", ["s", "s"], ["t"])], ["go", "t", *["t"] * (len(outputs) - 1)]
    )
    loop = node("loop", ["m", None, "one"], list(outputs), body={"graph": 0}, carried=1)
    add = node("add", ["x", "last"], ["y"])
    return of_graphs(
        body, described([value("x", "n")], [loop, add], ["y"]), m=np.array(2**62), one=np.float32(1)
    )


def test_graphs_that_ask_for_much() -> None:
    long = changed("graphs", LAST, "inputs", 0, "shape", to=[f"s{n}" for n in range(32)])
    nothing = described([], [], [])
    cases = {
        "16 deep": nested(16, 50),
        "17 deep": nested(17),
        "900 deep": nested(900),
        "many nodes": nested(3, 600),
        "symbols": nested(16, 40, symbols=30),
        "32 symbols": file_of(long),
        "empty graphs": of_graphs(*[nothing] * 5_000, w=np.ones(1)),
        "a loop that never ends": endless("last"),
        "a loop that collects": endless("last", "all"),
        "a deep attribute": file_of(changed(*BRANCH, to=json.loads("[" * 200 + "]" * 200))),
        "a long tuple": file_of(changed(*LOOP, "attributes", "carried", to=[1] * 200_000)),
        "many parts": file_of(
            changed("graphs", LAST, "nodes", 0, "attributes", "num_outputs", to=10**8)
        ),
    }
    report = attack(cases.items(), "network", ".safetensors", GOOD)
    report.check()
    expected = {
        "17 deep": "graphs nested 17 deep in nodes, expected at most 16 (Limits.depth)",
        "900 deep": "Limits.",
        "many nodes": "nodes of the graph, expected at most 1000 (Limits.nodes)",
        "symbols": "symbols as sizes of inputs, expected at most 64",
        "empty graphs": "of the graph, expected at most 1000 (Limits.nodes)",
        "a loop that collects": "Limits.array_bytes",
        "many parts": "100000000 parts of 1 do not make axis 1",
    }
    for name, message in expected.items():
        assert message in report.messages[name]
    assert not {"16 deep", "a loop that never ends"} & set(report.messages)


def test_every_value_in_every_place() -> None:
    odd: list[Any] = [
        None,
        True,
        -1,
        2**70,
        1.5,
        "",
        "x",
        [],
        {},
        [[[]]],
        {"graph": 0},
        {"values": 1},
    ]

    def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
        yield path
        items: Any = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else items
        for key, item in items:
            yield from places(item, (*path, key))

    cases = [
        (f"{path} = {value!r}", file_of(changed(*path, to=value)))
        for path, value in itertools.product(places(DESCRIPTION), odd)
        if path
    ]
    report = attack(cases, "network", ".safetensors", GOOD)
    report.check()
    assert report.loaded < report.cases / 4
