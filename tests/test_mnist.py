"""The book's network on MNIST's test images: the numbers that must hold.

Every class, probability and count is compared with a float64 computation in NumPy.
"""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import Backend, Network
from arraynet.passes import optimize

ROWS, RIGHT, RIGHT_OF_1000 = 10_000, 9352, 932
BATCH_SIZES = (None, 1, 7, 100, 9999)


@pytest.fixture(scope="session")
def images(test_data: Path) -> Any:
    """Give the 10,000 test images as bytes, read without arraynet."""
    raw = gzip.decompress((test_data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(ROWS, 784)


@pytest.fixture(scope="session")
def labels(test_data: Path) -> Any:
    raw = gzip.decompress((test_data / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=8).astype(np.int64)


@pytest.fixture(scope="session")
def pixels(images: Any) -> Any:
    """Give the images from 0 to 1 in float32."""
    return images.astype(np.float32) / np.float32(255)


@pytest.fixture(scope="session")
def expected(test_data: Path, pixels: Any) -> Any:
    """Give the probabilities in float64, from the book's formulas."""
    with (test_data / "weights" / "sample_weight.pkl").open("rb") as file:
        weights = {k: v.astype(np.float64) for k, v in pickle.load(file).items()}
    x = pixels.astype(np.float64)
    for number in (1, 2):
        x = 1 / (1 + np.exp(-(x @ weights[f"W{number}"] + weights[f"b{number}"])))
    scores = x @ weights["W3"] + weights["b3"]
    exponential = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponential / exponential.sum(axis=1, keepdims=True)


@pytest.fixture
def network(test_data: Path, backend: Backend) -> Network:
    path = test_data / "weights" / "sample_weight.pkl"
    return arraynet.load(path, hidden="sigmoid", output="softmax", backend=backend)


def off(found: Any, expected: Any) -> float:
    """Return the largest difference of a probability."""
    return float(np.abs(found - expected[: len(found)]).max())


def test_the_reference_itself_has_the_book_s_numbers(expected: Any, labels: Any) -> None:
    right = expected.argmax(axis=1) == labels
    assert (right.sum(), right[:1000].sum()) == (RIGHT, RIGHT_OF_1000)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_the_accuracy(batch_size: int | None, network: Network, pixels: Any, labels: Any) -> None:
    result = network.evaluate(pixels, labels, batch_size=batch_size)
    assert (result.correct, result.total) == (RIGHT, ROWS)
    assert result.accuracy == 0.9352
    assert result.confusion_matrix.sum() == ROWS
    first = network.evaluate(pixels[:1000], labels[:1000], batch_size=batch_size)
    assert (first.correct, first.total) == (RIGHT_OF_1000, 1000)


def test_the_label_of_every_image(network: Network, pixels: Any, expected: Any) -> None:
    np.testing.assert_array_equal(network.classify(pixels), expected.argmax(axis=1))


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_probabilities_within_a_millionth(
    batch_size: int | None, network: Network, pixels: Any, expected: Any
) -> None:
    found = network.predict(pixels, batch_size=batch_size)
    largest = off(found, expected)
    print(f"{network.backend.name}, batches of {batch_size}: off by {largest:.1e} at most")
    assert largest < 1e-6
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    np.testing.assert_allclose(found.sum(axis=1, dtype="f8"), 1.0, atol=5e-7)


def test_all_images_in_one_call(network: Network, pixels: Any, expected: Any) -> None:
    there = network.backend.asarray(pixels)
    found = network.backend.to_host(network(there))
    assert off(found, expected) < 1e-6


def test_without_passes(network: Network, pixels: Any, expected: Any, labels: Any) -> None:
    plain = Network(network.graph, network.backend, optimize=False)
    assert off(plain.predict(pixels), expected) < 1.3e-6
    assert plain.evaluate(pixels, labels).correct == RIGHT


@pytest.mark.parametrize("batch_size", [100, None])
def test_bytes_are_scaled_by_the_network(
    batch_size: int | None, network: Network, test_data: Path, images: Any, expected: Any
) -> None:
    scaled = arraynet.load(
        test_data / "weights" / "sample_weight.pkl",
        hidden="sigmoid",
        output="softmax",
        scale=1 / 255,
        backend=network.backend,
    )
    found = scaled.predict(images, batch_size=batch_size)
    assert off(found, expected) < 1.3e-6
    np.testing.assert_array_equal(scaled.classify(images, batch_size), expected.argmax(axis=1))


@pytest.mark.needs("numpy")
@pytest.mark.parametrize("threads", [1, 2])
def test_on_threads(threads: int, test_data: Path, pixels: Any, expected: Any) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    network = arraynet.load(path, hidden="sigmoid", output="softmax")
    for batch_size in (None, 1000):
        found = network.predict(pixels, batch_size=batch_size, threads=threads)
        assert off(found, expected) < 1e-6


@pytest.mark.needs("numpy")
@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-13), ("float16", 0.02)])
def test_in_other_dtypes(
    dtype: str, within: float, test_data: Path, pixels: Any, expected: Any, labels: Any
) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    network = arraynet.load(path, hidden="sigmoid", output="softmax", dtype=dtype)
    rows = ROWS if dtype == "float64" else 1000
    found = network.predict(pixels[:rows])
    assert off(found, expected) < within
    right = int((found.argmax(axis=1) == labels[:rows]).sum())
    assert abs(right - (RIGHT if rows == ROWS else RIGHT_OF_1000)) <= (0 if rows == ROWS else 3)


def test_the_passes_fire_on_it(test_data: Path) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    network = arraynet.load(path, hidden="sigmoid", output="softmax", scale=1 / 255)
    assert [node.op for node in optimize(network.graph).nodes] == [
        *("affine", "tanh", "affine", "tanh", "affine", "unguarded_softmax")
    ]


def test_the_book_s_way_through_the_data_gives_the_same(
    test_data: Path, network: Network, pixels: Any, labels: Any
) -> None:
    _, (x, t) = arraynet.datasets.load_mnist(test_data / "mnist", one_hot_label=True)
    np.testing.assert_array_equal(x, pixels)
    np.testing.assert_array_equal(t.argmax(axis=1), labels)
    assert network.evaluate(x, t).correct == RIGHT
