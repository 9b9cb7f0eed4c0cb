"""What constants and sizes decide is computed before a run, and nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.graph import Graph, Node, Value
from arraynet.ops import OPS, op
from arraynet.passes import fold_constants, optimize
from arraynet.passes.draft import ROOM
from tests.passes.helpers import ops

X = Value("x", ("batch", 3, 4), "float32")


def graph(*nodes: Node, outputs: Any = ("y",), inputs: Any = (X,), **constants: Any) -> Graph:
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    return Graph(inputs, nodes, arrays, outputs).validated()


def folded(before: Graph) -> Graph:
    after = fold_constants(before).validated()
    assert after.values["y"] == before.values["y"]
    return after


def test_integers_stay_exact() -> None:
    after = folded(
        graph(
            Node("add", ("a", "one"), ("b",)),
            Node("mul", ("k", "b"), ("y",)),
            inputs=(Value("k", ("batch",), "int64"),),
            a=2**53,
            one=1,
        )
    )
    assert ops(after) == ["mul"]
    assert after.weights["b"] == 2**53 + 1
    assert after.weights["b"].dtype == np.int64
    assert set(after.weights) == {"b"}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_floating_numbers_are_rounded_as_a_run_rounds_them(dtype: str) -> None:
    """(1 + eps/2) is 1 in this dtype, and would not be in a wider one."""
    eps = np.finfo(dtype).eps
    parts: dict[str, Any] = {"a": np.array(1, dtype), "e": np.array(eps / 2, dtype)}
    after = folded(
        graph(
            Node("add", ("a", "e"), ("b",)),
            Node("add", ("b", "e"), ("c",)),
            Node("add", ("x", "c"), ("y",)),
            inputs=(Value("x", ("batch", 3), dtype),),
            **parts,
        )
    )
    assert after.weights["c"] == 1.0
    assert after.weights["c"].dtype == dtype


SHAPE = (Node("shape", ("x",), ("s",)), Node("gather", ("s", "place"), ("size",), {"axis": 0}))


@pytest.mark.parametrize(("place", "size"), [(1, 3), (2, 4), (-1, 4), (0, None)])
def test_sizes_that_are_numbers_are_known(place: int, size: int | None) -> None:
    after = folded(
        graph(
            *SHAPE,
            Node("cast", ("size",), ("f",), {"to": "float32"}),
            Node("mul", ("x", "f"), ("y",)),
            place=place,
        )
    )
    if size is None:
        assert ops(after) == ["shape", "gather", "cast", "mul"]
    else:
        assert ops(after) == ["mul"]
        assert after.weights["f"] == np.float32(size)


def test_what_is_computed_from_a_size_that_is_unknown_is_left_to_the_run() -> None:
    """Of [batch, 3, 4] * 2 the last two are known; and batch == 8 is no, but for one batch."""
    nodes = (
        Node("shape", ("x",), ("s",)),
        Node("mul", ("s", "two"), ("twice",)),
        Node("equal", ("s", "eight"), ("same",)),
        Node("gather", ("twice", "last"), ("known",), {"axis": 0}),
        Node("gather", ("same", "first"), ("unknown",), {"axis": 0}),
        Node("where", ("unknown", "x", "x"), ("z",)),
        Node("cast", ("known",), ("f",), {"to": "float32"}),
        Node("mul", ("z", "f"), ("y",)),
    )
    after = folded(graph(*nodes, two=2, eight=8, last=2, first=0))
    assert ops(after) == ["shape", "equal", "gather", "where", "mul"]
    assert after.weights["f"] == 8.0


@pytest.mark.parametrize("size", ["batch", "100 of them at most"])
def test_a_size_that_looks_like_a_number_only_for_large_batches_is_left(size: str) -> None:
    """At 257 rows, and at 321, x[:100] has 100."""
    first = Node("slice", ("x", "none", "hundred", "none"), ("part",))
    source = ("x",) if size == "batch" else ("part",)
    before = graph(
        *([first] if source == ("part",) else []),
        Node("shape", source, ("s",)),
        Node("gather", ("s", "none"), ("size",), {"axis": 0}),
        Node("cast", ("size",), ("f",), {"to": "float32"}),
        Node("mul", ("x", "f"), ("y",)),
        **({"none": [0], "hundred": [100]} if source == ("part",) else {"none": [0]}),
    )
    assert ops(folded(before)) == ops(before)


def test_a_reshaping_as_exporters_write_it_reads_nothing_at_a_run() -> None:
    after = folded(
        graph(
            *SHAPE,
            Node("gather", ("s", "last"), ("width",), {"axis": 0}),
            Node("mul", ("size", "width"), ("both",)),
            Node("concat", ("rest", "both"), ("wanted",), {"axis": 0}),
            Node("reshape", ("x", "wanted"), ("y",)),
            place=[1],
            last=[2],
            rest=[-1],
        )
    )
    assert ops(after) == ["reshape"]
    np.testing.assert_array_equal(after.weights["wanted"], [-1, 12])


def test_an_output_keeps_its_node_and_several_results_are_folded() -> None:
    before = graph(
        Node("split", ("c", "sizes"), (None, "two"), {"axis": 0}),
        Node("add", ("x", "two"), ("y",)),
        Node("neg", ("c",), ("z",)),
        outputs=("y", "z"),
        c=np.arange(5, dtype=np.float32),
        sizes=[1, 4],
    )
    after = folded(before)
    assert ops(after) == ["add", "neg"]
    np.testing.assert_array_equal(after.weights["two"], [1, 2, 3, 4])
    assert set(after.weights) == {"c", "two"}


@pytest.mark.parametrize(
    ("op_name", "arrays", "attributes"),
    [
        ("constant_of_shape", {"c": [1 << 20]}, {"value": 1.0}),
        ("expand", {"c": np.float32(1), "d": [1 << 20, 2]}, {}),
        ("tile", {"c": np.ones(3, np.float32), "d": [1 << 20]}, {}),
        ("constant_of_shape", {"c": [1 << 30, 1 << 20]}, {"value": 1.0}),
    ],
)
def test_a_few_numbers_do_not_become_many(op_name: str, arrays: Any, attributes: Any) -> None:
    """The last is a petabyte, which nothing here may ask for."""
    before = graph(
        Node(op_name, tuple(arrays), ("large",), attributes),
        Node("reduce_sum", ("large",), ("total",)),
        Node("add", ("x", "total"), ("y",)),
        **arrays,
    )
    after = folded(before)
    assert ops(after) == ops(before)
    assert sum(array.nbytes for array in after.weights.values()) < ROOM


def test_what_a_node_lets_go_makes_room() -> None:
    """Each of a hundred nodes reads a constant alone, and gives as large a one."""
    constants = {f"c{n}": np.full((64, 64), n, np.float32) for n in range(300)}
    nodes = [
        part
        for n in range(300)
        for part in (
            Node("neg", (f"c{n}",), (f"n{n}",)),
            Node("add", (f"v{n - 1}" if n else "x", f"n{n}"), (f"v{n}",)),
        )
    ]
    wide = (Value("x", ("batch", 64, 64), "float32"),)
    after = fold_constants(graph(*nodes, outputs=("v299",), inputs=wide, **constants))
    assert ops(after) == ["add"] * 300
    assert sum(array.nbytes for array in after.weights.values()) == 300 * 64 * 64 * 4


def test_a_node_that_fails_is_left_to_the_run() -> None:
    before = graph(
        Node("gather", ("c", "far"), ("g",), {"axis": 0}),
        Node("add", ("x", "g"), ("y",)),
        c=np.ones(2000, np.float32),
        far=5000,
    )
    assert ops(fold_constants(before)) == ops(before)


def test_numbers_drawn_at_random_are_drawn_at_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arraynet.ops.registry.OPS", known := dict(OPS))
    for name, random in (("drawn", True), ("made", False)):

        def formula(x: Any, *, xp: Any = None) -> Any:
            return xp.exp(x)

        op(elementwise=True, random=random, name=name)(formula)
        monkeypatch.setitem(OPS, name, known[name])
        before = graph(Node(name, ("c",), ("d",)), Node("add", ("x", "d"), ("y",)), c=np.float32(1))
        assert ops(fold_constants(before)) == ([name, "add"] if random else ["add"])


def test_constants_inside_a_branch_are_folded() -> None:
    inner = Graph(
        (X,),
        (Node("add", ("a", "a"), ("b",)), Node("mul", ("x", "b"), ("z",))),
        {"a": np.float32(1.5)},
        ("z",),
    )
    other = Graph((X,), (Node("neg", ("x",), ("z",)),), {}, ("z",))
    branches = {"then_branch": inner, "else_branch": other}
    before = graph(
        Node("if", ("flag", "x"), ("y",), branches), inputs=(X, Value("flag", (), "bool"))
    )
    after = optimize(before).validated()
    then = after.nodes[0].attributes["then_branch"]
    assert ops(then) == ["mul"]
    assert then.weights["b"] == 3.0
    assert after.nodes[0].attributes["else_branch"] is other
    assert ops(before.nodes[0].attributes["then_branch"]) == ["add", "mul"]
