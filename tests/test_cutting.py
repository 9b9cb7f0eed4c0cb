"""Which batches may be cut, and into which blocks: by bytes and by work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Network, blocks
from arraynet.backends import get_backend
from arraynet.blocks import LARGEST_BLOCK, THREAD_WORK, Blocks, Cost
from arraynet.cutting import whole_because
from arraynet.errors import ShapeError
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp, normal, single
from tests.rows import registered, two_in_three_out

FLOAT = "float32"


@pytest.mark.parametrize(
    ("op", "attributes", "may_be_cut"),
    [
        ("softmax", {}, True),
        ("softmax", {"axis": 1}, True),
        ("softmax", {"axis": 0}, False),
        ("softmax", {"axis": -2}, False),
        ("logsumexp", {}, True),
        ("logsumexp", {"axis": 1}, True),
        ("logsumexp", {"axis": -2}, False),
        ("logsumexp", {"axis": -2, "keepdims": True}, False),
        ("hardmax", {"axis": 0}, False),
        ("glu", {}, True),
        ("relu", {}, True),
        ("affine", {}, True),
    ],
)
def test_a_batch_is_cut_only_where_rows_do_not_meet(
    op: str, attributes: dict[str, Any], may_be_cut: bool
) -> None:
    assert (whole_because(single(op, **attributes)) == "") is may_be_cut


def test_a_batch_of_a_fixed_size_is_not_cut() -> None:
    fixed = replace(single("relu"), inputs=(Value("x", (4, 8)),))
    assert "share no first axis" in whole_because(fixed)


def moved_reshape(x: Any, shape: Any, *, xp: Any = None) -> Any:
    """Reshape."""
    return xp.reshape(x, tuple(int(size) for size in shape))


def moved_axes(x: Any, *, perm: Any = None, xp: Any = None) -> Any:
    """Transpose."""
    return xp.permute_dims(x, perm)


def moved_part(x: Any, *, start: int = 0, step: int = 1, axis: int = 0, xp: Any = None) -> Any:
    """Slice along an axis."""
    return x[(*(slice(None),) * axis, slice(start or None, None, step))]


def moved_together(*arrays: Any, axis: int = 0, xp: Any = None) -> Any:
    """Concatenate."""
    return xp.concat(list(arrays), axis=axis)


def moved_choice(x: Any, indices: Any, *, axis: int = 0, xp: Any = None) -> Any:
    """Take along an axis."""
    return xp.take(x, indices, axis=axis)


def moved_mask(x: Any, condition: Any, *, xp: Any = None) -> Any:
    """Keep the elements where the condition holds, in their order; fill up with zeros."""
    kept = x[condition != 0]
    return xp.concat([kept, xp.zeros(x.size - kept.size, dtype=x.dtype)]).reshape(x.shape)


def size_of(x: Any, *, xp: Any = None) -> Any:
    """Return the shape, on the host."""
    return np.array(x.shape, np.int64)


def with_size(x: Any, n: Any, *, xp: Any = None) -> Any:
    """Put a size before the others of a shape: -1 for each row's elements."""
    return np.stack([n[0], np.asarray(-1)])


MOVING = (moved_reshape, moved_axes, moved_part, moved_together, moved_choice, moved_mask)


@pytest.fixture(autouse=True)
def moving() -> Iterator[None]:
    """Register ops that move elements, and declare nothing about rows."""
    with ExitStack() as stack:
        for formula in MOVING:
            host = ("shape",) if formula is moved_reshape else ()
            stack.enter_context(registered(formula, dtypes=("any",), host=host))
        stack.enter_context(registered(size_of, dtypes=("any",), gives_host=True))
        stack.enter_context(registered(with_size, dtypes=("any",), host=("n",)))
        yield


IMAGES = Value("x", ("batch", 2, 3, 4), FLOAT)


def moved(op: str, *reads: str, weights: Any = None, inputs: Any = (IMAGES,), **attributes: Any):
    return Graph(inputs, (Node(op, reads or ("x",), ("y",), attributes),), weights or {}, ("y",))


def ints(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


PAIR = (IMAGES, Value("z", ("batch", 2, 3, 4), FLOAT))

GRAPHS: dict[str, tuple[Any, bool]] = {
    "flatten": (lambda: moved("moved_reshape", "x", "s", weights={"s": ints(-1, 24)}), True),
    "a reshape within rows": (
        lambda: moved("moved_reshape", "x", "s", weights={"s": ints(-1, 4, 3, 2)}),
        True,
    ),
    "a reshape that cuts rows": (
        lambda: moved("moved_reshape", "x", "s", weights={"s": ints(-1, 12)}),
        False,
    ),
    "a reshape that joins rows": (
        lambda: moved("moved_reshape", "x", "s", weights={"s": ints(1, -1)}),
        False,
    ),
    "a transpose of rows": (lambda: moved("moved_axes", perm=(0, 3, 1, 2)), True),
    "a transpose of the batch": (lambda: moved("moved_axes", perm=(1, 0, 2, 3)), False),
    "a part of each row": (lambda: moved("moved_part", axis=1, start=1), True),
    "the rows backwards": (lambda: moved("moved_part", axis=0, step=-1), False),
    "each row backwards": (lambda: moved("moved_part", axis=3, step=-1), True),
    "every second row": (lambda: moved("moved_part", axis=0, step=2), False),
    "rows beside rows": (lambda: moved("moved_together", "x", "z", axis=1, inputs=PAIR), True),
    "rows after rows": (lambda: moved("moved_together", "x", "z", axis=0, inputs=PAIR), False),
    "columns by constants": (
        lambda: moved("moved_choice", "x", "i", weights={"i": ints(1, 0)}, axis=1),
        True,
    ),
    "rows by constants": (
        lambda: moved("moved_choice", "x", "i", weights={"i": ints(1, 0, 2)}, axis=0),
        False,
    ),
    "elements by a mask": (lambda: moved("moved_mask", "x", "z", inputs=PAIR), False),
}


@pytest.mark.parametrize("what", list(GRAPHS))
def test_what_moves_elements_is_tried(what: str) -> None:
    make, may_be_cut = GRAPHS[what]
    graph = make()
    assert (whole_because(graph) == "") is may_be_cut
    arrays = [np.random.default_rng(n).normal(size=(5, 2, 3, 4)).astype(FLOAT)
              for n in range(len(graph.inputs))]  # fmt: skip
    network = Network(graph, optimize=False)
    whole = network(*arrays)
    # Rows by themselves give the same, which is what cutting needs; others are taken whole.
    np.testing.assert_array_equal(network.predict(*arrays, batch_size=2), whole)


def test_a_shape_that_is_computed_from_the_batch() -> None:
    """X → reshape(x, (its own number of rows, -1)), as exporters write flatten."""
    nodes = [
        Node("size_of", ("x",), ("n",)),
        Node("with_size", ("x", "n"), ("s",)),
        Node("moved_reshape", ("x", "s"), ("y",)),
    ]
    graph = Graph((IMAGES,), tuple(nodes), {}, ("y",))
    assert whole_because(graph) == ""
    network = Network(graph, optimize=False)
    x = normal(50, 24).reshape(50, 2, 3, 4)
    np.testing.assert_array_equal(network.predict(x, batch_size=7), x.reshape(50, 24))


def test_what_depends_on_the_number_of_rows_is_not_cut() -> None:
    def by_size(x: Any, n: Any, *, xp: Any = None) -> Any:
        """Divide by how many rows there are."""
        return x / float(n[0])

    with registered(by_size, dtypes=("any",), host=("n",), elementwise=True):
        nodes = (Node("size_of", ("x",), ("n",)), Node("by_size", ("x", "n"), ("y",)))
        graph = Graph((IMAGES,), nodes, {}, ("y",))
        assert "rows meet in y (by_size)" in whole_because(graph)


@pytest.mark.parametrize(
    ("inputs", "nodes", "why"),
    [
        ([("a", ("batch", 3)), ("b", ("other", 3))], [("add", "a", "b")], "share no first axis"),
        ([("a", ("batch", 3)), ("b", (3,))], [("add", "a", "b")], "share no first axis"),
        ([("a", ("n", "n"))], [("relu", "a")], "share no first axis"),
        ([("a", ("batch", 4, 3)), ("b", ("batch", 3))], [("add", "a", "b")], "does not take|meet"),
        ([("a", ("batch", 3)), ("b", ("batch", 3))], [("matmul", "a", "b")], "take|meet"),
        ([], [], "share no first axis"),
    ],
)
def test_why_rows_stay_together(inputs: Any, nodes: Any, why: str) -> None:
    made = [Node(op, tuple(reads), (f"y{i}",)) for i, (op, *reads) in enumerate(nodes)]
    values = tuple(Value(name, shape, FLOAT) for name, shape in inputs)
    graph = Graph(values, tuple(made), {}, tuple(node.name for node in made))

    assert re.search(why, whole_because(graph))


def test_other_sizes_may_be_symbols(backend: Backend) -> None:
    """Sequences of any length are cut along the batch, and costs follow the length."""
    inputs = (Value("x", ("batch", "seq", 3), FLOAT), Value("m", ("batch", "seq", 1), FLOAT))
    nodes = (Node("add", ("x", "m"), ("s",)), Node("softmax", ("s",), ("y",)))
    graph = Graph(inputs, nodes, {}, ("y", "s"))
    network = Network(graph, backend)
    for rows, length in ((7, 5), (2, 9), (0, 4), (7, 5)):
        x = np.random.default_rng(length).normal(size=(rows, length, 3)).astype(FLOAT)
        m = np.ones((rows, length, 1), FLOAT)
        found = network.predict(x, m, batch_size=2)
        exponential = np.exp(x.astype(float))
        wanted = exponential / exponential.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(found["y"], wanted, rtol=1e-5)
        assert found["s"].shape == x.shape
    with pytest.raises(ShapeError, match=r"input m: got shape \(7, 4, 1\), expected seq = 5"):
        network.predict(np.ones((7, 5, 3), FLOAT), np.ones((7, 4, 1), FLOAT), batch_size=2)


def sizes(rows: int, cost: Cost, constants: int, workers: int = 1) -> int:
    made = Blocks(two_in_three_out(), get_backend("cpu"))
    vars(made)["_constants"] = constants
    return made.size(rows, cost, workers)


def test_a_block_of_large_rows_is_small() -> None:
    """512 rows of 100 MB were one block of 50 GB."""
    for constants, work in ((0, 0), (10**6, 10**6), (10**8, 10**8)):
        assert sizes(512, Cost(100 << 20, work, ()), constants) == 1
    for constants in (10**3, 10**6, 10**9):
        size = sizes(10_000, Cost(1 << 20, constants, ()), constants)
        assert size << 20 <= LARGEST_BLOCK


def test_a_dense_layer_wants_company_and_a_convolution_does_not() -> None:
    few_bytes = Cost(4096, 1 << 20, ())
    assert sizes(4096, few_bytes, 1 << 20) == 512  # each weight once
    assert sizes(4096, few_bytes, 1 << 10) < 200  # each weight a thousand times
    assert sizes(4096, Cost(4096, 1 << 30, ()), 1 << 30) < 200  # a row that is work enough


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("rows", [0, 1, 7, 8, 4099])
def test_blocks_are_of_one_size_and_cover_all(rows: int, workers: int) -> None:
    for cost in (Cost(1, 1, ()), Cost(10**5, 10**6, ()), Cost(10**9, 10**10, ())):
        size = sizes(rows, cost, 10**4, workers)
        assert 1 <= size <= max(rows, 1)


def test_a_row_of_much_work_is_worth_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight images of 4 G multiply-adds got one thread."""
    monkeypatch.setattr(blocks, "cores", lambda: 4)

    def workers(rows: int, work: int, constants: int, threads: int | None = None) -> int:
        made = Blocks(two_in_three_out(), get_backend("cpu"))
        vars(made)["_constants"] = constants
        return made.workers(rows, Cost(1 << 24, work, ()), threads)

    assert workers(8, 4 << 30, 25_000_000) == 4
    assert workers(2, 4 << 30, 25_000_000) == 2
    assert workers(1, 4 << 30, 25_000_000) == 1
    assert workers(8, 4 << 30, 25_000_000, threads=3) == 3
    assert workers(8, THREAD_WORK // 16, 100) == 1  # too little work
    assert workers(449, 1 << 20, 1 << 20) == 1  # dense rows want company
    assert workers(900, 1 << 20, 1 << 20) == 2
    assert workers(10_000, 0, 0) == 1


def test_the_costs_of_the_textbook_network() -> None:
    made = Blocks(mlp(784, 50, 100, 10).graph, get_backend("cpu"))
    cost = made.cost([np.zeros((1, 784), FLOAT)])
    assert cost == Cost(4 * (50 + 50 + 100 + 100 + 10 + 10), 45200, (((10,), FLOAT),))
    device = Blocks(mlp(784, 50, 100, 10).graph, get_backend("array_api_strict"))
    assert device.cost([np.zeros((1, 784), FLOAT)]).bytes == cost.bytes + 4 * 784
