"""Small files with graphs that describe much work: they load soon, in little memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import arraynet
from tests.effort import calls
from tests.formats.attack import attack
from tests.formats.test_graph_json import GOOD

Layer = tuple[str, list[str]]
"""An op, and the weights that it reads."""


def file_of(
    layers: list[Layer], tensors: dict[str, Any], shape: tuple[Any, ...], *, every: str = ""
) -> bytes:
    """Write a graph of layers one after the other; ``every`` node of that op is an output."""
    nodes = [
        {"op": op, "inputs": [f"v{n - 1}" if n else "x", *weights], "outputs": [f"v{n}"],
         "attributes": {}}
        for n, (op, weights) in enumerate(layers)
    ]  # fmt: skip
    outputs = [node["outputs"][0] for node in nodes if node["op"] == every]
    return written(nodes, tensors, shape, outputs or [f"v{len(nodes) - 1}"])


def written(nodes: list[Any], tensors: dict[str, Any], shape: Any, outputs: list[Any]) -> bytes:
    description = {"version": 1, "inputs": [{"name": "x", "shape": shape}], "nodes": nodes,
                   "outputs": outputs}  # fmt: skip
    return safetensors.numpy.save(tensors, {"arraynet.graph": json.dumps(description)})


def weights_of(op: str, size: int, dtype: str) -> list[Any]:
    shapes = {"affine": [(size, size), (size,)], "scale_shift": [(size,), (size,)]}
    shapes |= {"matmul": [(size, size)], "add": [(size,)]}
    return [
        np.eye(*s, dtype=dtype) if len(s) == 2 else np.ones(s, dtype) for s in shapes.get(op, [])
    ]


def chain(
    *ops: str, times: int, size: int = 2, rank: int = 2, shared: bool = False, dtype: str = "f4"
) -> bytes:
    """Write a graph of these ops, many times over, with shared or separate weights."""
    tensors: dict[str, Any] = {}
    layers = []
    for number, op in itertools.product(range(times), ops):
        names = []
        for part, weight in enumerate(weights_of(op, size, dtype)):
            names.append(f"{op}{part}" if shared else f"{op}{part}.{number}")
            tensors.setdefault(names[-1], weight)
        layers.append((op, names))
    return file_of(layers, tensors, ("batch", *[1] * (rank - 2), size))


def narrow(times: int, *between: Layer, rank: int = 2) -> bytes:
    """Write pairs of products with one row and one column, with layers between them."""
    tensors = {"W": np.ones((1, 16384), "f4"), "V": np.full((16384, 1), 2.0**-14, "f4")}
    if between:
        tensors |= {"k": np.ones((), "f4"), "z": np.zeros((), "f4")}
    layers = [("matmul", ["W"]), *between, ("matmul", ["V"])] * times
    return file_of(layers, tensors, ("batch", *[1] * (rank - 1)))


def fan(readers: int, times: int, dtype: str) -> bytes:
    """Write sigmoids that several layers read, all of one weight."""
    nodes = []

    def node(op: str, name: str, *inputs: str) -> None:
        nodes.append({"op": op, "inputs": inputs, "outputs": [name], "attributes": {}})

    for n in range(times):
        node("matmul", f"a{n}", f"m{n - 1}.0" if n else "x", "W")
        node("sigmoid", f"s{n}", f"a{n}")
        for reader in range(readers):
            node("matmul", f"m{n}.{reader}", f"s{n}", "W")
    last = f"m{times - 1}.0"
    return written(nodes, {"W": np.eye(128, dtype=dtype)}, ("batch", 128), [last])


def wide(*ops: str, count: int = 4_900_000) -> bytes:
    """Write a network with one row of weights: its file has 10 MB, as float64 it has 40."""
    tensors = {"W": np.full((1, count), 0.5, "f2")}
    if "scale_shift" in ops:
        tensors |= {"k": np.full((), 2, "f2"), "z": np.zeros((), "f2")}
    names = {"matmul": ["W"], "scale_shift": ["k", "z"]}
    return file_of([(op, names.get(op, [])) for op in ops], tensors, ("batch", 1))


SCALE: Layer = ("scale_shift", ["k", "z"])


def slow(part: int = 1) -> Iterator[tuple[str, bytes]]:
    """Write graphs of a thousand nodes, or of a part of them."""
    n = 1000 // part
    yield "narrow between wide", narrow(n // 2 - 1)
    yield "narrow, scaled, wide", narrow(3 * n // 10, SCALE)
    yield "narrow, scaled, wide, of rank 32", narrow(n // 3, SCALE, rank=32)
    yield (
        "scales of large shared layers",
        chain("scale_shift", "affine", times=n // 2, size=128, shared=True),
    )
    yield "scales of rank 32", chain("affine", "scale_shift", times=n // 2, rank=32)
    yield "layers, scales", chain("affine", "scale_shift", times=n // 2)
    yield "scales, layers", chain("scale_shift", "affine", times=n // 2)
    yield "scales, layers, sigmoids", chain("scale_shift", "affine", "sigmoid", times=n // 3)
    yield "layers, sigmoids", chain("affine", "sigmoid", times=n // 2, rank=32)
    yield "layers alone", chain("affine", times=n, size=16)
    for dtype in ("f4", "f8"):
        yield f"sigmoids that three layers read, {dtype}", fan(3, n // 5, dtype)


def test_graphs_that_passes_rewrite_throughout() -> None:
    cases = list(slow())
    assert max(len(data) for _, data in cases) < 1 << 20 | 1 << 19
    report = attack(cases, "network", ".safetensors", GOOD)
    report.check()
    assert report.loaded == len(cases)


def test_twice_the_nodes_are_twice_the_calls(tmp_path: Path) -> None:
    """What each node costs does not grow with their number, in no pass and no check."""
    path = tmp_path / "graph.safetensors"

    def calls_for(data: bytes) -> int:
        path.write_bytes(data)
        return calls(lambda: arraynet.load(path))

    calls_for(GOOD)  # what is imported late is imported now
    for (name, half), (_, whole) in zip(slow(8), slow(4), strict=True):
        once, twice = calls_for(half), calls_for(whole)
        print(f"{name}: {once:,} and {twice:,} calls")
        assert twice < 2.5 * once, name


def test_outputs_that_identities_give() -> None:
    layers: list[Layer] = [("add", ["k"]), ("identity", [])] * 500
    data = file_of(layers, {"k": np.ones(3, "f4")}, ("batch", 3), every="identity")
    report = attack([("identities", data)], "network", ".safetensors", GOOD)
    report.check()
    assert "got 1 inputs and 500 outputs, expected one of each" in report.messages["identities"]


def test_graphs_that_would_make_much_of_few_weights() -> None:
    cases = {
        "996 readers of a sigmoid": fan(996, 1, "f8"),
        "scales around a wide layer": wide("scale_shift", "matmul", "scale_shift", "softmax"),
        "bounds of a wide layer": wide("sigmoid", "matmul", "softmax"),
        "all of that": wide("sigmoid", "scale_shift", "matmul", "scale_shift", "softmax"),
    }
    report = attack(cases.items(), "network", ".safetensors", GOOD)
    report.check()
    assert report.loaded == len(cases)


EMPTY: dict[str, list[Layer]] = {
    "bounds": [("matmul", ["V"]), ("sigmoid", []), ("matmul", ["W"]), ("softmax", [])],
    "a scale": [("matmul", ["V"]), ("matmul", ["W"]), ("scale_shift", ["k", "z"])],
}


@pytest.mark.parametrize("name", list(EMPTY))
def test_a_weight_without_numbers_is_refused_whatever_its_size(name: str) -> None:
    tensors = {"V": np.ones((3, 0), "f4"), "W": np.ones((0, 1 << 28), "f4")}
    if name == "a scale":
        tensors |= {"k": np.ones((), "f4"), "z": np.zeros((), "f4")}
    data = file_of(EMPTY[name], tensors, ("batch", 3))
    assert len(data) < 1000
    report = attack([("empty", data)], "network", ".safetensors", GOOD)
    report.check()
    expected = "V: got shape (3, 0), expected no axis of size 0 (no trained network has one)"
    assert report.messages["empty"] == f"FILE: {expected}"
