"""The book's convolutional networks, of its files of weights alone: the numbers that must hold.

Every label is compared with a float64 computation in NumPy, from the book's formulas.
"""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import arraynet
from arraynet import Backend, Scale
from arraynet.cli.group import commands

POOL = ("max_pool", {"kernel_shape": (2, 2), "strides": (2, 2)})
DEEP_PADS = (1, 1, 1, 2, 1, 1)


def _convolutions() -> list[Any]:
    """Return the six convolutions of chapter 8, with a maximum after every second."""
    layers: list[Any] = []
    for place, pads in enumerate(DEEP_PADS):
        layers += [("conv", {"pads": (pads,) * 4}), "relu", *([POOL] if place % 2 else [])]
    return layers


LAYERS: dict[str, list[Any]] = {
    "params": ["conv", "relu", POOL, "flatten", "affine", "relu", "affine", "softmax"],
    # Dropout multiplies by what was kept: after each dense layer by a half.
    "deep_convnet_params": [
        *(*_convolutions(), "flatten", "affine", "relu", Scale(0.5), "affine", Scale(0.5)),
        "softmax",
    ],
}
TYPED = {
    "params": "conv, relu, max_pool 2x2 strides=2, flatten, affine, relu, affine, softmax",
    "deep_convnet_params": (
        "conv pads=1, relu, conv pads=1, relu, max_pool 2x2 strides=2, conv pads=1, relu, "
        "conv pads=2, relu, max_pool 2 strides=2x2, conv pads=1x1x1x1, relu, conv pads=1, relu, "
        "max_pool 2x2 strides=2, flatten, affine, relu, scale 0.5, affine, scale 1/2, softmax"
    ),
}
RIGHT = {"params": 9600, "deep_convnet_params": 9797}


def _read(path: Path, start: int) -> Any:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=start)


@pytest.fixture(scope="module")
def images(test_data: Path) -> Any:
    """Give the 10,000 test images from 0 to 1 in float32, read without arraynet."""
    raw = _read(test_data / "mnist" / "t10k-images-idx3-ubyte.gz", 16)
    return raw.reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module")
def labels(test_data: Path) -> Any:
    return _read(test_data / "mnist" / "t10k-labels-idx1-ubyte.gz", 8).astype(np.int64)


def _conv(x: Any, weight: Any, bias: Any, pads: int) -> Any:
    x = np.pad(x, ((0, 0), (0, 0), (pads, pads), (pads, pads)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    found = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3)))
    return found.transpose(0, 3, 1, 2) + bias[:, None, None]


def _halved(x: Any) -> Any:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def _scores(name: str, w: dict[str, Any], x: Any) -> Any:
    """Return what the book's formulas give before the softmax."""
    last = 1 if name == "params" else 6
    for k in range(1, last + 1):
        x = np.maximum(_conv(x, w[f"W{k}"], w[f"b{k}"], 0 if last == 1 else DEEP_PADS[k - 1]), 0)
        x = x if last > 1 and k % 2 else _halved(x)
    kept = 1.0 if last == 1 else 0.5
    x = np.maximum(x.reshape(len(x), -1) @ w[f"W{last + 1}"] + w[f"b{last + 1}"], 0) * kept
    return (x @ w[f"W{last + 2}"] + w[f"b{last + 2}"]) * kept


Reference = Callable[[str, int], Any]


@pytest.fixture(scope="module")
def reference(test_data: Path, images: Any) -> Reference:
    """Give a function of a file's name and a number of images, which returns their labels."""
    known: dict[str, Any] = {}

    def answers(name: str, count: int) -> Any:
        if len(known.get(name, ())) < count:
            with (test_data / "weights" / f"{name}.pkl").open("rb") as file:
                weights = {k: np.asarray(v, np.float64) for k, v in pickle.load(file).items()}
            parts = np.split(images[:count].astype(np.float64), range(100, count, 100))
            known[name] = np.concatenate([_scores(name, weights, part) for part in parts])
        return known[name][:count].argmax(axis=1)

    return answers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(LAYERS))
def test_the_accuracy(
    name: str,
    dtype: str,
    backend: Backend,
    test_data: Path,
    images: Any,
    labels: Any,
    reference: Reference,
) -> None:
    count = 10_000 if backend.name == "cpu" else 1_000
    if backend.name == "jax" and dtype == "float64":
        pytest.skip("jax computes in float64 only where it is told to for the whole process")
    network = arraynet.load(
        test_data / "weights" / f"{name}.pkl", layers=LAYERS[name], dtype=dtype, backend=backend
    )
    assert network.input_shape == ("batch", 1, 28, 28)
    found = network.classify(images[:count], batch_size=100)
    np.testing.assert_array_equal(found, reference(name, count))
    if count == 10_000:
        assert int((found == labels).sum()) == RIGHT[name]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(LAYERS))
def test_the_accuracy_by_the_command(
    name: str, dtype: str, test_data: Path, tmp_path: Path
) -> None:
    network = tmp_path / "network.safetensors"
    source = test_data / "weights" / f"{name}.pkl"
    mnist = test_data / "mnist"
    files = ["--images", mnist / "t10k-images-idx3-ubyte.gz"]
    files += ["--labels", mnist / "t10k-labels-idx1-ubyte.gz"]
    typed = ["--layers", TYPED[name]]
    for command in (
        ["convert", source, network, *typed],
        ["evaluate", network, *files, "--dtype", dtype, "--json"],
        ["evaluate", source, *typed, *files, "--dtype", dtype, "--json", "--limit", "1000"],
    ):
        result = CliRunner().invoke(commands, list(map(str, command)))
        assert result.exit_code == 0, result.output
        if command[0] == "evaluate" and "--limit" not in command:
            assert json.loads(result.stdout)["correct"] == RIGHT[name]
    expected = arraynet.load(source, layers=LAYERS[name]).graph
    found = arraynet.load(network).graph
    assert found.nodes == expected.nodes
    assert all((found.weights[n] == w).all() for n, w in expected.weights.items())
