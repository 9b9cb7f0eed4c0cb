"""What the viewer says of a drawing, against formulas written out here."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import arraynet
from arraynet.backends import Backend
from arraynet.datasets import load_digits
from arraynet.datasets.preprocess import to_digits, to_mnist
from arraynet.errors import BackendUnavailableError, LoadError, ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.web.neighbours import Neighbours, embedded_digits, mnist
from arraynet.web.viewer import Viewer
from tests.drawings import VARIANTS, draw
from tests.web.conftest import drawing

WEIGHTS = Path(arraynet.__file__).parent / "datasets" / "digits_mlp.safetensors"


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def textbook(x: np.ndarray) -> list[np.ndarray]:
    """Return every intermediate of the embedded network, in float64."""
    w = {name: value.astype(np.float64) for name, value in load_file(WEIGHTS).items()}
    a1 = x @ w["W1"] + w["b1"]
    a2 = sigmoid(a1) @ w["W2"] + w["b2"]
    a3 = sigmoid(a2) @ w["W3"] + w["b3"]
    e = np.exp(a3 - a3.max())
    return [a1, sigmoid(a1), a2, sigmoid(a2), a3, e / e.sum()]


@pytest.mark.parametrize("digit", range(10))
def test_outputs_and_layers(viewer: Viewer, digit: int) -> None:
    seen = viewer.look(drawing(digit))
    image = to_digits(drawing(digit))
    expected = textbook(image.ravel() / 16)
    assert seen["ink"]
    assert seen["probable"]
    assert seen["label"] == digit
    assert seen["image"] == {
        "rows": 8,
        "columns": 8,
        "largest": 16,
        "pixels": image.ravel().tolist(),
    }
    ops = ["affine", "sigmoid", "affine", "sigmoid", "affine", "softmax"]
    assert [layer["op"] for layer in seen["layers"]] == ops
    for layer, values in zip(seen["layers"], expected, strict=True):
        assert layer["size"] == len(values)
        np.testing.assert_allclose(layer["values"], values, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(seen["outputs"], expected[-1], rtol=1e-4, atol=1e-6)


def test_every_backend_sees_the_same(viewer: Viewer, backend: Backend) -> None:
    elsewhere = Viewer(arraynet.load_pretrained("digits", backend=backend), "", neighbours=None)
    seen, expected = elsewhere.look(drawing(7)), viewer.look(drawing(7))
    assert seen["backend"] == backend.name
    assert seen["label"] == expected["label"] == 7
    np.testing.assert_allclose(seen["outputs"], expected["outputs"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("digit", [0, 4, 7])
def test_the_nearest_embedded_images(viewer: Viewer, digit: int) -> None:
    _, (x, t) = load_digits()
    image = to_digits(drawing(digit)).ravel() / 16
    distances = np.linalg.norm(x.astype(np.float64) - image, axis=1)
    order = np.argsort(distances, kind="stable")[:10]
    near = viewer.look(drawing(digit))["nearest"]
    assert [item["label"] for item in near] == t[order].tolist()
    np.testing.assert_allclose([item["distance"] for item in near], distances[order], atol=5e-4)
    assert near[0]["image"]["pixels"] == (x[order[0]] * 16).astype(int).tolist()


def test_nearest_of_bright_images_are_exact() -> None:
    # Squares of 784 bytes go beyond what float32 counts exactly.
    images = np.random.default_rng(0).integers(0, 256, (500, 784)).astype(np.uint8)
    images[250:] = images[:250]
    images[250:, 0] ^= 1
    found = Neighbours(images, np.arange(500) % 10, 255, "").nearest(images[300])
    distances = ((images.astype(int) - images[300].astype(int)) ** 2).sum(axis=1)
    order = np.argsort(distances, kind="stable")[:10]
    assert order[:2].tolist() == [300, 50]
    assert [near.label for near in found] == (order % 10).tolist()
    np.testing.assert_allclose([n.distance * 255 for n in found], np.sqrt(distances[order]))


def test_fewer_images_than_are_asked_for() -> None:
    few = Neighbours(np.eye(3, dtype=np.uint8), np.arange(3, dtype=np.uint8), 1, "")
    found = few.nearest(np.array([0, 1, 0], np.uint8), 10)
    assert [near.label for near in found] == [1, 0, 2]
    assert [near.distance for near in found] == [0.0, math.sqrt(2), math.sqrt(2)]


def test_no_ink(viewer: Viewer) -> None:
    seen = viewer.look(np.zeros((140, 140), np.uint8))
    assert seen == {
        "backend": "cpu",
        "image": {"rows": 8, "columns": 8, "largest": 16, "pixels": [0] * 64},
        "ink": False,
    }


def test_a_time_is_of_the_backend_that_was_asked_for(viewer: Viewer) -> None:
    for name in ("cpu", "array_api_strict"):
        time = viewer.times(drawing(1), name)
        assert time["backend"] == name
        assert time["microseconds"] > 0
        assert time["runs"] >= 3


def test_backends_are_listed_with_the_reason_where_they_fail(viewer: Viewer) -> None:
    listed = {entry["name"]: entry for entry in viewer.backends()}
    assert next(iter(listed)) == "cpu"
    assert listed["cpu"]["error"] == ""
    assert np.__version__ in listed["cpu"]["text"]
    assert "array_api_strict" in listed
    for name, entry in listed.items():
        assert bool(entry["text"]) is not bool(entry["error"]), name
        if not entry["error"]:
            assert viewer.look(drawing(7), name)["label"] == 7


def test_a_backend_without_the_networks_dtype_is_not_offered() -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    wide = Viewer(arraynet.load_pretrained("digits").astype("float64"), "")
    listed = {entry["name"]: entry["error"] for entry in wide.backends()}
    assert "float64" in listed["jax"]
    assert listed["cpu"] == listed["array_api_strict"] == ""


def test_an_unknown_backend(viewer: Viewer) -> None:
    with pytest.raises(BackendUnavailableError, match="got 'abacus', expected one of cpu, gpu"):
        viewer.look(drawing(1), "abacus")


def linear(inputs: int, outputs: int = 10, last: str = "identity") -> arraynet.Network:
    """Return a network of one layer with random weights."""
    random = np.random.default_rng(0)
    W = random.standard_normal((inputs, outputs)).astype(np.float32)
    return arraynet.Sequential(arraynet.Dense(W, np.zeros(outputs, np.float32)), last)


def test_mnists_preparation_and_outputs_that_are_no_probabilities() -> None:
    network = linear(784)
    seen = Viewer(network, "").look(drawing(7))
    image = to_mnist(drawing(7))
    (W,) = (w for w in network.graph.weights.values() if w.ndim == 2)
    expected = (image.ravel() / 255) @ W.astype(np.float64)
    np.testing.assert_allclose(seen["outputs"], expected, rtol=1e-4, atol=1e-5)
    assert seen["image"]["pixels"] == image.ravel().tolist()
    assert not seen["probable"]
    assert seen["nearest"] == []


def test_a_network_that_scales_bytes_itself() -> None:
    plain = linear(784, last="softmax")
    weights = {w.ndim: w for w in plain.graph.weights.values()}
    scaling = arraynet.Sequential(
        arraynet.Scale(1 / 255), arraynet.Dense(weights[2], weights[1]), "softmax"
    )
    expected = Viewer(plain, "").look(drawing(3))["outputs"]
    found = Viewer(scaling, "", scaled=True).look(drawing(3))["outputs"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_outputs_that_are_no_numbers() -> None:
    W = np.full((64, 10), 1e38, np.float32)
    W[:, 5] = -1e38
    network = arraynet.Sequential(arraynet.Dense(W, np.zeros(10, np.float32)), "softmax")
    seen = Viewer(network, "").look(np.full((140, 140), 255, np.uint8))
    assert None in seen["layers"][0]["values"]
    json.dumps(seen, allow_nan=False)


def test_a_wide_layer_is_shown_in_part() -> None:
    random = np.random.default_rng(0)
    first = arraynet.Dense(random.standard_normal((64, 1500)), np.zeros(1500))
    second = arraynet.Dense(random.standard_normal((1500, 10)), np.zeros(10))
    seen = Viewer(arraynet.Sequential(first, "relu", second), "").look(drawing(2))
    assert [(one["size"], len(one["values"])) for one in seen["layers"]] == [
        (1500, 1024),
        (1500, 1024),
        (10, 10),
    ]


def convolutional(channels: int = 20, size: float = 1.0) -> arraynet.Network:
    """Return images → feature maps → rectified → the largest of each map → digits."""
    random = np.random.default_rng(0)
    weights = {
        "K": size * random.standard_normal((channels, 1, 5, 5)).astype("f4"),
        "W": random.standard_normal((channels, 10)).astype("f4"),
        "b": np.zeros(10, "f4"),
    }
    nodes = (
        Node("conv", ("x", "K"), ("conv1",)),
        Node("relu", ("conv1",), ("relu1",)),
        Node("global_max_pool", ("relu1",), ("pool1",)),
        Node("flatten", ("pool1",), ("flatten1",)),
        Node("affine", ("flatten1", "W", "b"), ("affine1",)),
    )
    graph = Graph((Value("x", ("batch", 1, 28, 28)),), nodes, weights, ("affine1",))
    return arraynet.Network(graph)


def test_feature_maps_are_images_and_a_bounded_number_of_them() -> None:
    network = convolutional()
    viewer = Viewer(network, "")
    seen = viewer.look(drawing(4))
    image = to_mnist(drawing(4)) / 255
    assert seen["image"]["pixels"] == to_mnist(drawing(4)).ravel().tolist()
    windows = np.lib.stride_tricks.sliding_window_view(image, (5, 5))
    kernels = network.graph.weights["K"][:, 0].astype(np.float64)
    maps = np.einsum("ijkl,ckl->cij", windows, kernels)
    conv, relu, pool, flatten, affine = seen["layers"]
    for layer, expected in ((conv, maps), (relu, np.maximum(maps, 0))):
        assert (layer["size"], layer["shown"]) == (20 * 24 * 24, 16 * 24 * 24)
        assert layer["maps"] == {"count": 20, "rows": 24, "columns": 24}
        shown = expected[:16]
        largest = np.abs(shown).max()
        np.testing.assert_allclose(layer["range"], [shown.min(), shown.max()], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer["values"], 127 * shown.ravel() / largest, atol=0.51)
    for layer in (pool, flatten):
        assert layer["maps"] is None
        np.testing.assert_allclose(layer["values"], np.maximum(maps, 0).max((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(seen["outputs"], affine["values"])
    said = [{key: layer[key] for key in ("name", "op", "size", "shown", "maps")}
            for layer in seen["layers"]]  # fmt: skip
    assert viewer.describe()["layers"] == said  # everything has its place before


def test_feature_maps_that_hold_no_numbers() -> None:
    network = convolutional(size=8e37)
    conv = Viewer(network, "").look(np.full((140, 140), 255, np.uint8))["layers"][0]
    assert {-128, 0} < set(conv["values"])
    json.dumps(conv, allow_nan=False)


def test_of_many_layers_the_first_are_shown() -> None:
    random = np.random.default_rng(0)
    dense = arraynet.Dense(random.standard_normal((64, 10)).astype("f4"), np.zeros(10, "f4"))
    viewer = Viewer(arraynet.Sequential(dense, *["relu"] * 60, "softmax"), "")
    seen = viewer.look(drawing(2))
    assert len(seen["layers"]) == len(viewer.describe()["layers"]) == 40
    assert viewer.describe()["more"] == 22
    assert sum(seen["outputs"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([("batch", 1, "height", "width")],
         r"takes \(batch, 1, height, width\), expected numbers after the first axis"),
        ([("batch", 2, 8, 8), ("batch", 64)], "with 2 inputs, expected one"),
    ],
)  # fmt: skip
def test_networks_whose_input_is_no_drawing(inputs: list[tuple[int | str, ...]], said: str) -> None:
    values = tuple(Value(f"x{n}", shape) for n, shape in enumerate(inputs))
    nodes = (
        Node("global_max_pool", ("x0",), ("top",)),
        Node("flatten", ("top",), ("flat",)),
        Node("affine", ("flat", "W", "b"), ("y",)),
    )
    weights = {"W": np.zeros((len(inputs), 10)), "b": np.zeros(10)}
    graph = Graph(values, nodes, weights, ("y",))
    with pytest.raises(arraynet.ArraynetError, match=said):
        Viewer(arraynet.Network(graph), "")


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        (100, 10, r"got a network with 100 inputs, expected 64 \(8 × 8 pixels\) or 784"),
        (64, 26, "got a network with 26 outputs, expected 10, one for each digit"),
    ],
)
def test_networks_that_see_no_digits(inputs: int, outputs: int, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        Viewer(linear(inputs, outputs), "")


def test_mnists_test_images(test_data: Path) -> None:
    found = mnist(test_data / "mnist")
    assert found.images.shape == (10_000, 784)
    near = found.nearest(found.images[17], 3)
    assert near[0].distance == 0
    assert near[0].label == found.labels[17]


def test_mnist_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LoadError):
        mnist(tmp_path)


def test_the_embedded_test_images() -> None:
    assert embedded_digits().images.shape == (355, 64)


def test_drawings_of_the_pages_size_are_recognised(viewer: Viewer) -> None:
    """The page sends 140 × 140 pixels; at least 27 of 30 drawings must be right."""
    right = 0
    for digit in range(10):
        for variant in VARIANTS:
            canvas = np.rint(255 * draw(digit, variant, 140)).astype(np.uint8)
            right += viewer.look(canvas)["label"] == digit
    print(f"drawings of 140 × 140, embedded network: {right} of 30 right")
    assert right >= 27
