"""Convolutions, pooling and normalisation as layers, in Python and of files of weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import arraynet
from arraynet import (
    AveragePool,
    Backend,
    BatchNormalization,
    Conv,
    Flatten,
    MaxPool,
    Scale,
    Sequential,
)
from arraynet.errors import DtypeError, GraphError, LoadError, ShapeError
from arraynet.layers import sequential_graph
from tests.networks import dense

POOL = ("max_pool", {"kernel_shape": (2, 2), "strides": (2, 2)})


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype("f4")


def convolved(x: Any, weight: Any, bias: Any, strides: Any, pads: Any, dilations: Any) -> Any:
    """Return a convolution with two spatial axes in float64, one window after the other."""
    top, left, bottom, right = pads
    x = np.pad(x.astype(float), ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, strides, strict=True)]
    result = np.zeros((len(x), len(weight), *counts))
    groups = x.shape[1] // weight.shape[1]
    each = len(weight) // groups
    for out in range(len(weight)):
        first = out // each * weight.shape[1]
        part = x[:, first : first + weight.shape[1]]
        for i in range(counts[0]):
            for j in range(counts[1]):
                y, z = i * strides[0], j * strides[1]
                window = part[
                    :, :, y : y + reach[0] : dilations[0], z : z + reach[1] : dilations[1]
                ]
                result[:, out, i, j] = (window * weight[out]).sum((1, 2, 3)) + bias[out]
    return result


@pytest.mark.parametrize(
    ("options", "strides", "pads", "dilations", "group"),
    [
        ({}, (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ({"strides": 2, "pads": 1}, (2, 2), (1, 1, 1, 1), (1, 1), 1),
        ({"strides": (1, 2), "pads": (0, 1, 2, 3)}, (1, 2), (0, 1, 2, 3), (1, 1), 1),
        ({"dilations": 2, "group": 2}, (1, 1), (0, 0, 0, 0), (2, 2), 2),
    ],
)
def test_a_convolution_is_a_layer(
    options: Any, strides: Any, pads: Any, dilations: Any, group: int, backend: Backend
) -> None:
    weight, bias = normal(6, 4 // group, 3, 2), normal(6)
    layer = Conv(weight, bias, **options)
    network = Sequential(layer, "relu", backend=backend)
    assert network.input_shape == ("batch", 4, "height", "width")
    x = normal(2, 4, 7, 9)
    expected = np.maximum(convolved(x, weight, bias, strides, pads, dilations), 0)
    np.testing.assert_allclose(network.predict(x), expected, rtol=1e-4, atol=1e-5)


def test_all_layers_of_images_one_after_the_other(backend: Backend) -> None:
    weight, bias, last = normal(5, 2, 3, 3), normal(5), dense(5 * 2 * 3, 4)
    four = [np.abs(normal(5, seed=n)) + 0.5 for n in range(4)]
    network = Sequential(
        Scale([0.5, 2.0], [1.0, -1.0]),
        Conv(weight, bias),
        BatchNormalization(*four, epsilon=1e-3),
        MaxPool(2, strides=1),
        AveragePool((2, 2), strides=(2, 2)),
        Flatten(),
        last,
        Scale(0.5),
        input_shape=(2, 7, 9),
        backend=backend,
    )
    assert list(network.weights) == [
        *("scale", "shift", "W1", "b1", "gamma1", "beta1", "mean1", "variance1"),
        *("W2", "b2", "scale2", "shift2"),
    ]
    x = normal(3, 2, 7, 9)
    y = x.astype(float) * [[[0.5]], [[2.0]]] + [[[1.0]], [[-1.0]]]
    y = convolved(y, weight, bias, (1, 1), (0, 0, 0, 0), (1, 1))
    gamma, beta, mean, variance = (v.astype(float)[:, None, None] for v in four)
    y = gamma * (y - mean) / np.sqrt(variance + 1e-3) + beta
    y = np.lib.stride_tricks.sliding_window_view(y, (2, 2), axis=(2, 3)).max((4, 5))
    y = np.lib.stride_tricks.sliding_window_view(y, (2, 2), axis=(2, 3))[:, :, ::2, ::2]
    y = y.mean((4, 5)).reshape(3, -1) @ last.weight.astype(float) + last.bias
    np.testing.assert_allclose(network.predict(x), y * 0.5, rtol=1e-4, atol=1e-4)


NORMALIZED = BatchNormalization(*[normal(3, seed=n) ** 2 for n in range(4)])


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ((Conv(normal(3, 2, 3)),), (2, "length")),
        ((Conv(normal(3, 2, 3, 3, 3)),), (2, "depth", "height", "width")),
        ((MaxPool((2, 2)), Conv(normal(3, 2, 1, 1))), (2, "height", "width")),
        ((NORMALIZED, Conv(normal(3, 3, 1, 1))), (3, "height", "width")),
        ((NORMALIZED, dense(3, 2)), (3,)),
        ((Scale([1.0, 2.0]), Conv(normal(3, 2, 1, 1))), (2, "height", "width")),
        ((Conv(normal(4, 1, 3, 3), group=2), "global_average_pool", "flatten", dense(4, 2)),
         (2, "height", "width")),
    ],
)  # fmt: skip
def test_what_the_first_layers_tell_of_the_input(layers: Any, shape: Any) -> None:
    assert sequential_graph(*layers).inputs[0].shape == ("batch", *shape)


@pytest.mark.parametrize("side", [5, 6, 11, 28, 64])
@pytest.mark.parametrize("pads", [0, 2])
def test_a_dense_layer_tells_the_size_of_square_images(side: int, pads: int) -> None:
    after = (side + 2 * pads - 2 - 2) // 2 + 1
    layers = (Conv(normal(3, 1, 3, 3), pads=pads), POOL, "flatten", dense(3 * after**2, 2))
    found = Sequential(*layers).input_shape
    least = 2 * (after - 1) + 2 + 2 - 2 * pads
    assert found == ("batch", 1, least, least)
    assert least in (side, side - 1)
    network = Sequential(*layers, input_shape=(1, side, side))
    assert network.predict(normal(2, 1, side, side)).shape == (2, 2)


def test_a_dense_layer_needs_rows() -> None:
    for layers in ((Conv(normal(3, 1, 3, 3)), dense(4, 2)), (MaxPool(2), dense(27, 2))):
        with pytest.raises(ShapeError, match=r"expected \(batch, .*'flatten' between them"):
            Sequential(*layers, input_shape=(1, 5, 5))
    with pytest.raises(ShapeError, match=r"conv1 \(batch, 3, height-2, width-2\) before Dense"):
        Sequential(Conv(normal(3, 1, 3, 3)), dense(4, 2))
    with pytest.raises(ShapeError, match=r"got 13 features .*expected .*input_shape="):
        Sequential(Conv(normal(3, 1, 3, 3)), "flatten", dense(13, 2))
    with pytest.raises(ShapeError, match=r"got flatten1 \(.*, 27\), W2 \(4, 2\)"):
        Sequential(Conv(normal(3, 1, 3, 3)), "flatten", dense(4, 2), input_shape=(1, 5, 5))


def test_rows_of_features_need_no_flatten() -> None:
    network = Sequential(dense(4, 2), input_shape=("time", 4))
    assert network.predict(normal(3, 5, 4)).shape == (3, 5, 2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Conv(np.ones((2, 3))), ShapeError, r"Conv: got W of shape \(2, 3\), expected"),
        (lambda: Conv(np.ones((2, 3, 1)), np.ones(3)), ShapeError, r"expected \(2,\)"),
        (lambda: Conv(np.ones((2, 3, 1)), np.ones(2, "f4")), DtypeError, "expected one dtype"),
        (lambda: Conv(np.ones((3, 1, 1, 1)), group=2), ShapeError, "group=2, .* divides 3"),
        (lambda: Conv(np.ones((3, 1, 1, 1)), group=0), ShapeError, "group=0"),
        (lambda: Conv(np.ones((1, 1, 1, 1)), pads=-1), ShapeError, r"Conv: got pads=\(-1, -1"),
        (lambda: Conv(np.ones((1, 1, 1, 1)), strides=(1,)), ShapeError, r"strides=\(1,\), .* 2 "),
        (lambda: Conv(np.ones((1, 1, 1)), pads=(1, 1, 1, 1)), ShapeError, "pads=.* 2 whole"),
        (lambda: MaxPool(0), ShapeError, "MaxPool: got kernel_shape="),
        (lambda: MaxPool((2, 2), strides=(2,)), ShapeError, r"MaxPool: got strides=\(2,\)"),
        (lambda: MaxPool("ab"), ShapeError, "kernel_shape='ab'"),  # type: ignore[arg-type]
        (lambda: AveragePool(True), ShapeError, "kernel_shape=True"),
        (
            lambda: BatchNormalization(np.ones(2), np.ones(2), np.ones(2), np.ones(3)),
            ShapeError,
            r"got var of shape \(3,\)",
        ),
        (
            lambda: BatchNormalization(np.ones(2), np.ones(2), np.ones(2), np.ones(2, "f4")),
            DtypeError,
            "got var of float32 beside scale of float64",
        ),
        (lambda: Sequential("conv"), GraphError, r"got layer 'conv', .*arraynet.Conv\("),
        (lambda: Sequential("flatten"), GraphError, "got no Dense or Conv layer"),
        (lambda: Sequential(dense(2, 2), input_shape="784"), ShapeError, "input_shape='784'"),
        (lambda: Sequential(dense(2, 2), input_shape=(0,)), ShapeError, "input_shape="),
        (lambda: Sequential(dense(2, 2), input_shape=()), ShapeError, "input_shape="),
        (lambda: Sequential(dense(2, 2), input_shape=("a b",)), ShapeError, "input_shape="),
        (lambda: Sequential(Flatten(2.0), dense(2, 2)), GraphError, "axis=2.0"),  # type: ignore[arg-type]
        (
            lambda: Sequential(dense(2, 2), ("max_pool", {"kernel_shape": 2, "stride": 2})),
            GraphError,
            "did you mean 'strides'",
        ),
    ],
)
def test_what_does_not_fit_is_told(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        make()
    assert len(str(caught.value).splitlines()) == 1


def test_a_network_of_images_is_saved_and_is_the_same(tmp_path: Path) -> None:
    layers = (Conv(normal(3, 1, 3, 3), pads=1), "relu", POOL, "flatten", dense(3 * 25, 2))
    network = Sequential(*layers, input_shape=(1, 10, 10))
    network.save(tmp_path / "network.safetensors")
    x = normal(2, 1, 10, 10)
    again = arraynet.load(tmp_path / "network.safetensors")
    np.testing.assert_array_equal(again.predict(x), network.predict(x))


# Files of weights alone.


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.npz"
    tensors = {"W1": normal(3, 1, 3, 3), "b1": normal(3), "W2": normal(12, 2), "b2": normal(2)}
    np.savez(path, **tensors)
    return path


def test_pytorch_s_network_of_images_is_read(tmp_path: Path, backend: Backend) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    nn = torch.nn
    theirs = nn.Sequential(
        *(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Conv2d(6, 4, 3, groups=2, stride=2), nn.Sigmoid()),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 2 * 2, 3), nn.Softmax(dim=-1)),
    )
    theirs(torch.randn(64, 2, 20, 20) * 3 + 1)  # which sets the means and variances
    path = tmp_path / "model.safetensors"
    save_file({k: v.numpy() for k, v in theirs.state_dict().items()}, path)
    network = arraynet.load(
        path,
        layers=[
            *(("conv", {"pads": 1, "bias": False}), "batch_normalization", "relu"),
            *(POOL, ("conv", {"group": 2, "strides": 2}), "sigmoid"),
            *(AveragePool(2, strides=2), "flatten", "affine", "softmax"),
        ],
        input_shape=(2, 20, 20),  # those of 18 to 21 pixels would do, and the least is taken
        backend=backend,
    )
    x = normal(3, 2, 20, 20)
    expected = theirs.eval().double()(torch.from_numpy(x).double()).detach().numpy()
    np.testing.assert_allclose(network.predict(x), expected, atol=1e-5)


def test_hidden_and_output_are_short_for_layers(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, W1=normal(4, 3), b1=normal(3), W2=normal(3, 2), b2=normal(2))
    short = arraynet.load(path, hidden="relu", output="softmax", scale=0.5).graph
    layers = ["affine", "relu", "dense", "softmax"]
    assert arraynet.load(path, layers=layers, scale=0.5).graph.nodes == short.nodes


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["affine", "softmax"], r"got 2 layers with weights \(the last is W2\), expected 1, "),
        (
            ["conv", "conv", "affine"],
            "got 2 layers with weights .*expected 3, .*conv, conv, affine",
        ),
        (["affine", "affine"], r"W1: got shape \(3, 1, 3, 3\) for the layer 'affine'"),
        (["conv", "conv"], r"W2: got shape \(12, 2\) for the layer 'conv', expected \(out, in"),
        (["conv", "batch_normalization"], "W2: got no names of a mean and a variance"),
        (["conv", "affine"], r"layers: got conv1 .* before Dense\(12 → 2\), expected .*'flatten'"),
        (["conv", "flatten", ("affine", {"axis": 1})], "W2: got 'axis': 1 for the layer 'affine'"),
        ([("conv", {"pad": 1}), "flatten", "affine"], "did you mean 'pads'"),
        ([("conv", {"pads": -1}), "flatten", "affine"], r"W1, for Conv: got pads="),
        ([("conv", {"bias": False}), "flatten", "affine"], "b1: got the bias of a layer without"),
        ([("conv", {"bias": 3}), "flatten", "affine"], "'bias': 3 for the layer 'conv'"),
        (["conv", "flaten", "affine"], "layers: got layer 'flaten', .*did you mean 'flatten'"),
        (["conv", "glu", "flatten", "affine"], "glu1"),
        (["conv", 3, "affine"], "layers: got layer 3"),
        ([], r"layers=\[\], expected a list of layers"),
        ("conv, affine", "layers='conv, affine', expected a list"),
        (["relu"], "got 2 layers with weights .*expected 0, as layers= names them: none"),
    ],
)
def test_errors_name_the_layer_and_the_tensor(layers: Any, message: str, weights: Path) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        arraynet.load(weights, layers=layers)
    assert str(caught.value).startswith(str(weights))
    assert len(str(caught.value).splitlines()) == 1


def test_other_options_beside_layers(weights: Path, tmp_path: Path) -> None:
    layers = ["conv", "relu", "flatten", "affine"]
    with pytest.raises(LoadError, match="hidden='relu' beside layers=, expected one or the other"):
        arraynet.load(weights, layers=layers, hidden="relu")
    with pytest.raises(LoadError, match=r"W2, for affine1 .*x has 48 features"):
        arraynet.load(weights, layers=layers, input_shape=(1, 6, 6))
    arraynet.convert(weights, tmp_path / "network.npz", layers=layers)
    for option in ({"layers": layers}, {"input_shape": (1, 4, 4)}):
        with pytest.raises(LoadError, match=f"expected no {next(iter(option))}="):
            arraynet.load(tmp_path / "network.npz", **option)
    network = arraynet.load(weights, layers=layers, dtype="float64", scale=1 / 255)
    assert (network.dtype, network.layers[0].op) == ("float64", "scale_shift")


def test_kernels_with_channels_last_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keras.npz"
    np.savez(path, **{"conv2d/kernel:0": normal(3, 3, 1, 4), "conv2d/bias:0": normal(4)})
    with pytest.raises(LoadError, match="kernels have channels last"):
        arraynet.load(path, layers=["conv"])


def test_a_mean_is_not_left_out(tmp_path: Path) -> None:
    path = tmp_path / "torch.safetensors"
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = {f"0.{name}": np.ones(3, "f4") for name in names}
    save_file(tensors, path)
    with pytest.raises(LoadError, match="got the mean of batch normalisation, for affine"):
        arraynet.load(path, output="relu")
    save_file(tensors | {"0.running_mean": np.ones(2, "f4")}, path)
    with pytest.raises(LoadError, match=r"0.running_mean: got shape \(2,\)"):
        arraynet.load(path, layers=["batch_normalization"])
