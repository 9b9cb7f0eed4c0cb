"""From a file to a network and back: every format, every option, bit for bit."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import arraynet
from arraynet import Backend, Network, load, load_pretrained
from arraynet.errors import (
    ArraynetError,
    BackendUnavailableError,
    DtypeError,
    GraphError,
    LoadError,
)
from arraynet.formats import Limits
from arraynet.graph import Graph
from tests.networks import mlp, normal, seven_layers
from tests.reference import assert_right, forward

SIZES = (12, 9, 7, 3)


def weights(dtype: str = "float32") -> dict[str, Any]:
    graph = mlp(*SIZES).graph
    return {name: np.array(weight, dtype) for name, weight in graph.weights.items()}


def torch_style() -> dict[str, Any]:
    own = weights()
    named = {}
    for number in (1, 2, 3):
        named[f"{2 * number - 2}.weight"] = np.ascontiguousarray(own[f"W{number}"].T)
        named[f"{2 * number - 2}.bias"] = own[f"b{number}"]
    return named


def write(path: Path, tensors: dict[str, Any]) -> Path:
    """Write a file of weights alone, with each format's own library."""
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(tensors))
    elif path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        save_file(tensors, path)
    return path


def same_graph(found: Graph, expected: Graph) -> None:
    """Assert that two graphs are equal to the last bit of every weight."""
    assert found.inputs == expected.inputs
    assert found.outputs == expected.outputs
    assert [(n.op, n.inputs, n.outputs, dict(n.attributes)) for n in found.nodes] == [
        (n.op, n.inputs, n.outputs, dict(n.attributes)) for n in expected.nodes
    ]
    assert set(found.weights) == set(expected.weights)
    for name, weight in expected.weights.items():
        assert (found.weights[name].dtype, found.weights[name].shape) == (
            weight.dtype,
            weight.shape,
        )
        assert np.ascontiguousarray(found.weights[name]).tobytes() == (
            np.ascontiguousarray(weight).tobytes()
        )


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
def test_weights_alone_become_a_network(suffix: str, tmp_path: Path, backend: Backend) -> None:
    path = write(tmp_path / f"weights{suffix}", weights())
    for name in (path, str(path)):
        network = load(name, hidden="sigmoid", output="softmax", backend=backend)
        same_graph(network.graph, mlp(*SIZES).graph)
        x = normal(20, 12)
        assert_right(network.predict(x), forward(network.graph, x), "float32")


def test_torch_s_names_mean_the_other_layout(tmp_path: Path) -> None:
    path = write(tmp_path / "torch.safetensors", torch_style())
    network = load(path, hidden="sigmoid", output="softmax")
    own = weights()
    for number in (1, 2, 3):
        np.testing.assert_array_equal(network.graph.weights[f"W{number}"], own[f"W{number}"])
    x = normal(20, 12)
    assert_right(network.predict(x), forward(mlp(*SIZES).graph, x), "float32")


def test_the_layout_can_be_said(tmp_path: Path) -> None:
    turned = {n: w.T if w.ndim == 2 else w for n, w in weights().items()}
    path = write(tmp_path / "weights.npz", turned)
    network = load(path, hidden="sigmoid", output="softmax", layout="out_in")
    same_graph(network.graph, mlp(*SIZES).graph)
    with pytest.raises(LoadError, match=r"\(or layout='out_in', in which all fit\)"):
        load(path, hidden="sigmoid", output="softmax")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "hidden= and output="),
        ({"hidden": "sigmoid"}, "output="),
        ({"output": "softmax"}, "hidden="),
    ],
)
def test_weights_alone_need_their_activations(
    given: dict[str, str], missing: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "weights.pkl", weights())
    with pytest.raises(LoadError) as caught:
        load(path, **given)
    assert str(path) in str(caught.value)
    assert missing in str(caught.value)
    assert "sigmoid" in str(caught.value)
    with pytest.raises(LoadError, match="no_such_op"):
        load(path, hidden="no_such_op", output="softmax")


def test_a_scale_takes_bytes(tmp_path: Path, backend: Backend) -> None:
    path = write(tmp_path / "weights.npz", weights())
    network = load(path, hidden="sigmoid", output="softmax", scale=1 / 255, backend=backend)
    assert network.graph.nodes[0].op == "scale_shift"
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)
    plain = load(path, hidden="sigmoid", output="softmax")
    divided = (pixels / 255).astype("f4")
    assert_right(network.predict(pixels), forward(network.graph, pixels), "float32")
    np.testing.assert_allclose(network.predict(pixels), plain.predict(divided), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_dtype_can_be_asked_for(dtype: str, tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", weights("float64"))
    assert load(path, hidden="relu", output="identity").dtype == "float64"
    network = load(path, hidden="relu", output="identity", dtype=dtype)
    assert network.dtype == dtype
    assert str(network.predict(normal(2, 12)).dtype) == dtype
    for wrong in ("int8", np.array(["float32", "x"]), np.int64):
        with pytest.raises(DtypeError, match=r"astype: got .*, expected one of float16"):
            load(path, hidden="relu", output="identity", dtype=wrong)  # type: ignore[arg-type]


def test_passes_can_be_switched_off(tmp_path: Path) -> None:
    path = write(tmp_path / "weights.npz", weights())
    for optimize in (True, False):
        network = load(path, hidden="sigmoid", output="softmax", optimize=optimize)
        ops = [row.op for row in network.summary(optimized=True).rows]
        assert ("tanh" in ops) is optimize
        assert [row.op for row in network.summary().rows].count("sigmoid") == 2


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_was_saved_loads_again_bit_for_bit(
    suffix: str, dtype: str, tmp_path: Path, backend: Backend
) -> None:
    path = tmp_path / f"network{suffix}"
    network = Network(seven_layers().astype(dtype), "cpu")
    network.save(path)
    same_graph(load(path).graph, network.graph)
    try:
        backend.dtype(dtype)
    except DtypeError:
        return
    again = load(path, backend=backend)
    assert again.backend is backend
    again.save(tmp_path / f"again{suffix}")
    same_graph(load(tmp_path / f"again{suffix}").graph, network.graph)
    x = normal(5, 16, dtype=dtype)
    np.testing.assert_array_equal(load(path).predict(x), network.predict(x))
    assert_right(again.predict(x), forward(network.graph, x), dtype)


def test_bfloat16_is_saved_too(tmp_path: Path) -> None:
    network = mlp(*SIZES).astype("bfloat16")
    network.save(tmp_path / "network.safetensors")
    same_graph(load(tmp_path / "network.safetensors").graph, network.graph)


def test_weights_out_of_order_in_memory_are_saved_right(tmp_path: Path) -> None:
    """Views, transposes and Fortran order, which safetensors cannot hold as they lie."""
    base = normal(9, 12)
    layers = [arraynet.Dense(base.T), "relu", arraynet.Dense(np.asfortranarray(normal(9, 3)))]
    network = arraynet.Sequential(*layers)
    for suffix in (".safetensors", ".npz"):
        network.save(tmp_path / f"n{suffix}")
        same_graph(load(tmp_path / f"n{suffix}").graph, network.graph)


def test_a_saved_network_takes_no_activations(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    mlp(*SIZES).save(path)
    for options in ({"hidden": "relu"}, {"output": "softmax"}, {"layout": "in_out"}):
        with pytest.raises(LoadError):
            load(path, **options)


@pytest.mark.parametrize("name", ["network.pkl", "network.pt", "network", "network.onnx"])
def test_a_network_is_saved_in_two_formats_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match="safetensors"):
        mlp(*SIZES).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_saving_where_there_is_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises((ArraynetError, OSError)) as caught:
        mlp(*SIZES).save(tmp_path / "nowhere" / "n.safetensors")
    assert "nowhere" in str(caught.value)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    mlp(*SIZES).save(path)
    before = path.read_bytes()
    graph = mlp(*SIZES).graph
    node = graph.nodes[-1]
    odd = type(node)(node.op, node.inputs, node.outputs, {"axis": np.int64(1)})
    broken = Graph(graph.inputs, (*graph.nodes[:-1], odd), graph.weights, graph.outputs)
    network = mlp(*SIZES)
    object.__setattr__(network, "_graph", broken)
    with pytest.raises(GraphError, match="JSON"):
        network.save(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["network.safetensors"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.pkl", None),
        ("empty.npz", b""),
        ("text.safetensors", b"hello, this is no network at all"),
        ("zip.pkl", b"PK\x03\x04" + bytes(40)),
        ("network.txt", b"W1"),
    ],
)
def test_a_file_that_is_no_network_is_told(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoadError) as caught:
        load(path, hidden="relu", output="softmax")
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_layers_without_end_are_refused(tmp_path: Path) -> None:
    deep = {f"W{n}": np.ones((2, 2), "f4") for n in range(1, 502)}
    deep |= {f"b{n}": np.ones(2, "f4") for n in range(1, 502)}
    path = write(tmp_path / "deep.npz", deep)
    with pytest.raises(LoadError, match=r"1002 nodes.*Limits\.nodes"):
        load(path, hidden="relu", output="softmax")
    limits = Limits(nodes=1002)
    assert len(load(path, hidden="relu", output="softmax", limits=limits).graph.nodes) == 1002


def test_memory_that_runs_out_while_a_network_is_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "weights.npz", weights())

    def no_memory(*arguments: Any, **keywords: Any) -> Network:
        raise MemoryError

    monkeypatch.setattr("arraynet.loading.Network", no_memory)
    with pytest.raises(LoadError, match=r"weights.npz: got not enough memory"):
        load(path, hidden="relu", output="softmax")


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
def test_weights_that_are_not_finite_are_refused_unless_allowed(
    suffix: str, tmp_path: Path
) -> None:
    bad = weights()
    bad["W2"][3, 4] = np.nan
    path = write(tmp_path / f"weights{suffix}", bad)
    with pytest.raises(LoadError, match=r"W2: got nan at index \(3, 4\)"):
        load(path, hidden="relu", output="softmax")
    network = load(path, hidden="relu", output="softmax", allow_nonfinite=True)
    assert network.classify(normal(3, 12)).tolist() == [-1, -1, -1]


def test_the_pretrained_network(backend: Backend) -> None:
    network = load_pretrained(backend=backend)
    assert repr(network).startswith("<arraynet network 64 → 50 → 100 → 10, float32 on")
    _, (x, t) = arraynet.datasets.load_digits()
    scores = forward(network.graph, x)
    assert_right(network.predict(x), scores, "float32")
    right = int((scores.value.argmax(axis=1) == t).sum())
    assert network.evaluate(x, t).correct == right
    assert right / len(t) >= 0.96


def test_other_pretrained_networks_do_not_exist() -> None:
    with pytest.raises(ArraynetError, match="got 'mnist', expected one of 'digits'"):
        load_pretrained("mnist")
    with pytest.raises(BackendUnavailableError, match="tpu"):
        load_pretrained(backend="tpu")


LOADING = """
import json
import sys
import arraynet

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

arraynet.load_pretrained()
before = peak()
network = arraynet.load(sys.argv[1], **json.loads(sys.argv[2]))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors", "with its graph"])
@pytest.mark.parametrize("layout", ["in_out", "out_in"])
def test_a_large_network_is_held_once_while_it_is_loaded(
    suffix: str, layout: str, tmp_path: Path
) -> None:
    size = 4096
    tensors = {"W1": np.ones((size, size), "f4"), "b1": np.zeros(size, "f4")}
    options = {"output": "relu", "layout": layout}
    if suffix == "with its graph":
        path, options = tmp_path / "large.safetensors", {}
        arraynet.Sequential(arraynet.Dense(*tensors.values()), "relu").save(path)
    else:
        path = write(tmp_path / f"large{suffix}", tensors)
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(path), json.dumps(options)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    held = int(done.stdout) / tensors["W1"].nbytes
    print(f"{suffix}, {layout}: {held:.2f} times the weights")
    assert held < 1.4
