"""Graphs that are well formed and mean harm: slow, greedy, or with names that collide."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import arraynet
from arraynet import LoadError, Network
from tests.effort import assert_light

Row = tuple[str, str, list[str | None], dict[str, Any]]


def graph(nodes: list[Row], shape: tuple[Any, ...] = ("batch", 3)) -> dict[str, Any]:
    """Return a graph as it stands in a file, from (name, op, inputs, attributes)."""
    return {
        "version": 1,
        "inputs": [{"name": "x", "shape": list(shape)}],
        "outputs": [nodes[-1][0]],
        "nodes": [
            {"op": op, "inputs": inputs, "outputs": [name], "attributes": attributes}
            for name, op, inputs, attributes in nodes
        ],
    }


def written(folder: Path, tensors: dict[str, Any], content: dict[str, Any] | str) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path = folder / "attack.safetensors"
    save_file(tensors, path, {"arraynet.graph": text})
    return path


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def test_a_weight_that_many_layers_share_stays_one(tmp_path: Path) -> None:
    size, layers = 1024, 30
    nodes: list[Row] = []
    source = "x"
    for number in range(layers):
        nodes.append((f"a{number}", "affine", [source, "W", "b"], {}))
        nodes.append((f"s{number}", "sigmoid", [f"a{number}"], {}))
        source = f"s{number}"
    tensors = {"W": np.eye(size, dtype="f4"), "b": np.zeros(size, "f4")}
    path = written(tmp_path, tensors, graph(nodes, ("batch", size)))
    tracemalloc.start()
    try:
        network = arraynet.load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{layers} layers of one weight: {peak / 2**20:.0f} MB")
    assert peak < 8 * 4 * size * size
    x = ones(1, size)
    np.testing.assert_allclose(network(x), np.full((1, size), 0.6591), atol=1e-3)


def test_large_linear_layers_are_not_multiplied_while_loading(tmp_path: Path) -> None:
    size = 1200
    nodes: list[Row] = [("a", "matmul", ["x", "W"], {}), ("c", "matmul", ["a", "V"], {})]
    tensors = {"W": np.eye(size, dtype="f4"), "V": np.eye(size, dtype="f4")}
    network = arraynet.load(written(tmp_path, tensors, graph(nodes, ("batch", size))))
    assert [row.op for row in network.summary(optimized=True).rows] == ["matmul", "matmul"]


def test_a_thousand_layers_load_soon(tmp_path: Path) -> None:
    nodes: list[Row] = []
    tensors = {}
    source = "x"
    for number in range(999):
        nodes.append((f"a{number}", "affine", [source, f"W{number}", f"b{number}"], {}))
        tensors |= {f"W{number}": ones(1, 1), f"b{number}": ones(1)}
        source = f"a{number}"
    path = written(tmp_path, tensors, graph(nodes, ("batch", 1)))
    assert_light(lambda: arraynet.load(path))
    network = arraynet.load(path)
    np.testing.assert_allclose(network(ones(1, 1)), [[1000.0]])


def test_names_that_the_passes_would_give_are_the_file_s(tmp_path: Path) -> None:
    nodes: list[Row] = [
        ("s", "scale_shift", ["x", "k", "z"], {}),
        ("a", "affine", ["s", "W", "b"], {}),
        ("d", "affine", ["a", "a/weight", "b"], {}),
        ("t", "tanh", ["d"], {}),
        ("u", "matmul", ["t", "a/weight"], {}),
    ]
    weight, other = np.arange(9, dtype="f4").reshape(3, 3) / 100, np.full((3, 3), 0.5, "f4")
    tensors = {"k": np.float32([2, 2, 2]), "z": np.zeros(3, "f4"), "W": weight}
    tensors |= {"b": np.zeros(3, "f4"), "a/weight": other}
    path = written(tmp_path, tensors, graph(nodes))
    expected = np.tanh(2 * ones(2, 3) @ weight @ other) @ other
    for optimize in (True, False):
        np.testing.assert_allclose(
            arraynet.load(path, optimize=optimize)(ones(2, 3)), expected, rtol=1e-5
        )


def test_names_that_a_program_would_give_are_the_file_s(tmp_path: Path) -> None:
    nodes: list[Row] = [
        ("a", "affine", ["x", "W", "b"], {}),
        ("a/matmul", "relu", ["x"], {}),
        ("r", "matmul", ["a", "W"], {}),
        ("c", "add", ["r", "a/matmul"], {}),
    ]
    path = written(tmp_path, {"W": ones(3, 3), "b": ones(3)}, graph(nodes))
    for optimize in (True, False):
        result = arraynet.load(path, optimize=optimize)(ones(2, 3))
        np.testing.assert_allclose(result, np.full((2, 3), 13.0))


MALFORMED: dict[str, tuple[list[Row], dict[str, Any], str]] = {
    "no array to add to": ([("a", "add", [None, "w"], {})], {"w": ones(3)}, "no x"),
    "no bias": ([("a", "affine", ["x", "W", None], {})], {"W": ones(3, 2)}, "no bias"),
    "no shift": ([("a", "scale_shift", ["x", "s", None], {})], {"s": ones(3)}, "no shift"),
    "a word": (
        [("a", "add", ["x", "w"], {}), ("g", "gelu", ["a"], {"approximate": "foo"})],
        {"w": ones(3)},
        "approximate='foo'",
    ),
    "too large for float32": (
        [("a", "add", ["x", "w"], {}), ("e", "elu", ["a"], {"alpha": 1e39})],
        {"w": ones(3)},
        "a finite number in float32",
    ),
    "too large for float16": (
        [("a", "add", ["x", "w"], {}), ("e", "elu", ["a"], {"alpha": 70000.0})],
        {"w": np.ones(3, np.float16)},
        "a finite number in float16",
    ),
}


@pytest.mark.parametrize("name", list(MALFORMED))
def test_what_an_op_does_not_take_is_refused_when_it_is_loaded(name: str, tmp_path: Path) -> None:
    nodes, tensors, found = MALFORMED[name]
    with pytest.raises(LoadError, match=found):
        arraynet.load(written(tmp_path, tensors, graph(nodes)))


def test_an_attribute_that_json_makes_infinite_is_refused(tmp_path: Path) -> None:
    nodes: list[Row] = [("a", "add", ["x", "w"], {}), ("e", "elu", ["a"], {"alpha": 777})]
    text = json.dumps(graph(nodes)).replace("777", "1e999")
    with pytest.raises(LoadError, match=r"elu|inf|1e999"):
        arraynet.load(written(tmp_path, {"w": ones(3)}, text))


def test_an_input_without_axes_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"w": ones(1)}, graph([("a", "add", ["x", "w"], {})], ()))
    with pytest.raises(LoadError, match="input x: got a number"):
        arraynet.load(path)


def test_a_layer_without_features_is_refused(tmp_path: Path) -> None:
    nodes: list[Row] = [("a", "affine", ["x", "W", "b"], {}), ("m", "softmax", ["a"], {"axis": 0})]
    path = written(tmp_path, {"W": ones(3, 0), "b": ones(0)}, graph(nodes))
    with pytest.raises(LoadError, match=r"W: got shape \(3, 0\), expected no axis of size 0"):
        arraynet.load(path)


def test_a_reduction_over_the_last_axis_by_its_number_loads(tmp_path: Path) -> None:
    nodes: list[Row] = [("a", "add", ["x", "w"], {}), ("e", "logsumexp", ["a"], {"axis": 1})]
    network: Network = arraynet.load(written(tmp_path, {"w": ones(3)}, graph(nodes)))
    network.save(tmp_path / "again.npz")
    again = arraynet.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again(ones(2, 3)), network(ones(2, 3)))


def test_overflow_in_folded_weights_is_no_warning(tmp_path: Path) -> None:
    nodes: list[Row] = [("a", "affine", ["x", "W", "b"], {}), ("c", "affine", ["a", "V", "b"], {})]
    huge = np.full((3, 3), 1e300)
    path = written(tmp_path, {"W": huge, "V": huge.copy(), "b": np.zeros(3)}, graph(nodes))
    network = arraynet.load(path)
    assert [row.op for row in network.summary(optimized=True).rows] == ["affine", "affine"]


MOVED: dict[str, tuple[list[Row], tuple[int, ...], tuple[Any, ...]]] = {
    "behind another axis": ([("a", "add", ["x", "w"], {})], (5, 1, 3), ("batch", 3)),
    "reduced over": (
        [
            ("a", "add", ["x", "w"], {}),
            ("s", "softmax", ["a"], {"axis": 1}),
            ("t", "logsumexp", ["s"], {"axis": 1}),
        ],
        (5, 1, 3),
        ("batch", 3),
    ),
    "one of two unknown sizes": ([("a", "add", ["x", "w"], {})], (1,), ("batch", "n")),
}


@pytest.mark.parametrize("name", list(MOVED))
def test_a_batch_that_is_not_the_first_axis_throughout_is_not_cut(
    name: str, tmp_path: Path
) -> None:
    nodes, shape, size = MOVED[name]
    network = arraynet.load(written(tmp_path, {"w": ones(*shape)}, graph(nodes, size)))
    x = np.arange(30, dtype=np.float32).reshape(10, 3)
    expected = network(x)
    for batch_size in (None, 2, 3, 5):
        np.testing.assert_array_equal(network.predict(x, batch_size=batch_size), expected)


def test_labels_need_rows_of_classes(tmp_path: Path) -> None:
    nodes: list[Row] = [
        ("a", "add", ["x", "w"], {}),
        ("e", "logsumexp", ["a"], {}),
        ("f", "logsumexp", ["e"], {"axis": 0}),
    ]
    network = arraynet.load(written(tmp_path, {"w": ones(3)}, graph(nodes)))
    with pytest.raises(arraynet.ShapeError, match="expected \\(batch, classes\\)"):
        network.classify(ones(2, 3))
