"""Layers as they are typed: ``--layers``, and images for networks that take them as images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import arraynet
from arraynet.cli.layers import layers
from tests.cli.conftest import Run

JSON = Callable[..., dict[str, Any]]

TYPED = "conv pads=1, relu, max_pool 2x2 strides=2, flatten, affine, softmax"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu", ["relu"]),
        (" ReLU ,Log-Softmax", ["relu", "log_softmax"]),
        ("conv pads=1 strides=2x1", [("conv", {"pads": 1, "strides": (2, 1)})]),
        ("conv bias=False group=3", [("conv", {"bias": False, "group": 3})]),
        ("max_pool 3", [("max_pool", {"kernel_shape": 3})]),
        ("average_pool kernel_shape=2x2", [("average_pool", {"kernel_shape": (2, 2)})]),
        ("leaky_relu alpha=0.5", [("leaky_relu", {"alpha": 0.5})]),
        ("softmax axis=-1", [("softmax", {"axis": -1})]),
        ("gelu approximate=tanh", [("gelu", {"approximate": "tanh"})]),
        ("batch_normalization epsilon=1e-3", [("batch_normalization", {"epsilon": 1e-3})]),
        ("dense, affine", ["dense", "affine"]),
    ],
)
def test_what_is_typed_is_what_load_takes(text: str, expected: Any) -> None:
    assert layers(text) == expected


def test_a_scale_has_a_factor_and_a_shift() -> None:
    half, pixels = layers("scale 1/2, scale 2 -1")
    assert isinstance(half, arraynet.Scale)
    assert isinstance(pixels, arraynet.Scale)
    assert list(map(float, (half.scale, half.shift))) == [0.5, 0.0]
    assert list(map(float, (pixels.scale, pixels.shift))) == [2.0, -1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected"),
        ("relu,", "expected"),
        ("rellu", "did you mean 'relu'?"),
        ("convv", "did you mean 'conv'?"),
        ("relu 3", "'3' after 'relu' is not NAME=VALUE"),
        ("conv pads=", "is not NAME=VALUE"),
        ("conv pads=1 pads=2", "'pads' is there twice"),
        ("max_pool 2 2", "'2' after 'max_pool'"),
        ("scale", "is not such as 'scale 0.5'"),
        ("scale x", "is not a number"),
        ("scale 1/0", "is not a number"),
    ],
)
def test_what_is_typed_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        layers(text)
    assert message in caught.value.message


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Write weights whose convolution blurs, and whose scores are four sums of pixels."""
    path = tmp_path / "weights.npz"
    random = np.random.default_rng(1)
    np.savez(
        path,
        W1=np.ones((1, 1, 3, 3), "f4"),
        b1=np.zeros(1, "f4"),
        W2=random.standard_normal((4, 4)).astype("f4"),
        b2=np.zeros(4, "f4"),
    )
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(2).random((5, 4, 4), "f4"))
    return path


def exactly(weights: Path, images: Path) -> Any:
    """Return the scores in float64, before the softmax."""
    x = np.pad(np.load(images).astype(float), ((0, 0), (1, 1), (1, 1)))
    blurred = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2)).sum((3, 4))
    largest = blurred.reshape(-1, 2, 2, 2, 2).max((2, 4)).reshape(-1, 4)
    return largest @ np.load(weights)["W2"]


@pytest.mark.parametrize("shape", [(5, 4, 4), (5, 1, 4, 4), (5, 16)])
def test_images_come_in_the_shape_that_the_network_takes(
    shape: tuple[int, ...], weights: Path, images: Path, run_json: JSON
) -> None:
    expected = exactly(weights, images).argmax(axis=1).tolist()
    np.save(images, np.load(images).reshape(shape))
    found = run_json("predict", weights, images, "--layers", TYPED)["predictions"]
    assert [one["label"] for one in found] == expected


def test_every_subcommand_takes_layers(weights: Path, images: Path, run: Run) -> None:
    labels = images.with_name("labels.npy")
    np.save(labels, exactly(weights, images).argmax(axis=1))
    typed = ("--layers", TYPED)
    assert "max_pool1" in run("summary", weights, *typed).stdout
    evaluated = run("evaluate", weights, "--images", images, "--labels", labels, *typed)
    assert "5 of 5" in evaluated.stdout
    run("parity", weights, "--images", images, *typed, "--backends", "cpu,float64")
    run("plot", "graph", weights, *typed, "--out", images.with_suffix(".svg"))
    run("plot", "layers", weights, "--images", images, *typed, "--out", images.with_suffix(".svg"))
    converted = images.with_name("network.safetensors")
    run("convert", weights, converted, *typed)
    network = arraynet.load(converted)
    assert network.input_shape == ("batch", 1, 4, 4)
    np.testing.assert_array_equal(network.classify(np.load(images)[:, None]), np.load(labels))


def test_messages_say_what_to_type(weights: Path, images: Path, run: Run) -> None:
    options = ("--hidden", "relu", "--output", "softmax")
    error = run("predict", weights, images, *options, status=1).stderr
    assert "W1: got a convolution's weight" in error
    assert "--layers lists all layers" in error
    error = run("predict", weights, images, "--layers", TYPED, *options, status=1).stderr
    assert "--hidden relu beside --layers" in error
    error = run("predict", weights, images, "--layers", "conv, affine", status=1).stderr
    assert "before Dense(4 → 4), expected (batch, 4): rows of features ('flatten'" in error
    assert "--layers" in run("predict", weights, images, status=1).stderr
    error = run("summary", "--layers", "relu", status=2).stderr
    assert "--layers, --input-shape" in error


def test_images_of_any_size_for_a_network_that_takes_them(tmp_path: Path, run_json: JSON) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, W1=np.eye(2, dtype="f4").reshape(2, 1, 1, 2)[:, :, :, :1], b1=np.zeros(2, "f4"))
    pictures = tmp_path / "images.npy"
    np.save(pictures, np.array([[[1, 2, 3]], [[-1, -2, 0]]], "f4"))
    typed = ("--layers", "conv, global_max_pool, flatten")
    found = run_json("predict", path, pictures, *typed)["predictions"]
    assert [one["outputs"] for one in found] == [[3.0, 0.0], [0.0, 0.0]]
