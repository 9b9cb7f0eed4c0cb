"""Pixels in every range and dtype that people have: right, or said to be doubtful."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import arraynet
from arraynet.datasets import load_digits, load_mnist, read_idx

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]

RIGHT = 932
"""Of MNIST's first 1,000 test images, the book's network takes so many for what they are."""

DIGITS_RIGHT = 348
"""Of the 355 embedded test images, as divided by 16."""


@pytest.fixture
def book(test_data: Path) -> tuple[Path | str, ...]:
    weights = test_data / "weights" / "sample_weight.pkl"
    return (weights, "--hidden", "sigmoid", "--output", "softmax")


@pytest.fixture
def save(test_data: Path, tmp_path: Path) -> Callable[..., tuple[Path | str, ...]]:
    """Write the first 1,000 test images in a dtype, times a factor; return the options."""

    def saved(dtype: str, factor: float = 1.0) -> tuple[Path | str, ...]:
        mnist = test_data / "mnist"
        images = read_idx(mnist / "t10k-images-idx3-ubyte.gz")[:1000]
        path = tmp_path / "x.npy"
        np.save(path, (images * factor).astype(dtype) if factor != 1 else images.astype(dtype))
        labels = tmp_path / "t.npy"
        np.save(labels, read_idx(mnist / "t10k-labels-idx1-ubyte.gz")[:1000])
        return ("--images", path, "--labels", labels)

    return saved


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "i8", "u8", ">i4"])
def test_integers_from_0_to_255_are_bytes(
    dtype: str, run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    result = run("evaluate", *book, *save(dtype))
    assert f"({RIGHT} of 1000 right)" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_from_0_to_255_are_doubted(
    dtype: str, run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    files = save(dtype)
    result = run("evaluate", *book, *files)
    assert "values up to 255" in result.stderr
    assert "--scale 1/255" in result.stderr
    assert result.stderr.count("\n") == 1
    result = run("evaluate", *book, *files, "--scale", "1/255")
    assert f"({RIGHT} of 1000 right)" in result.stdout
    assert result.stderr == ""


def test_floats_from_0_to_1_are_not(
    run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    result = run("evaluate", *book, *save("f4", 1 / 255))
    assert f"({RIGHT} of 1000 right)" in result.stdout
    assert result.stderr == ""


def test_a_scale_for_what_was_divided_already_is_doubted(
    run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    result = run("evaluate", *book, *save("f4", 1 / 255), "--scale", "1/255")
    assert "values up to 1" in result.stderr
    assert "divided already" in result.stderr
    assert "--scale" in result.stderr


def test_bytes_of_another_range_are_doubted(
    run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    """Images from 0 to 16, as the embedded digits have, for a network that never said so."""
    for dtype in ("u1", "i8"):
        stderr = run("evaluate", *book, *save(dtype, 16 / 255)).stderr
        assert "up to 16" in stderr
        assert "--scale 1/16" in stderr


def test_bytes_with_a_sign_are_doubted(
    run: Run, book: tuple[Any, ...], save: Callable[..., tuple[Any, ...]]
) -> None:
    for options in ((), ("--scale", "1/255")):
        stderr = run("evaluate", *book, *save("i1"), *options).stderr
        assert "values down to -128 of int8 (bytes are uint8)" in stderr


def test_standardised_numbers_are_left_alone(
    run: Run, book: tuple[Any, ...], tmp_path: Path
) -> None:
    x, t = tmp_path / "x.npy", tmp_path / "t.npy"
    np.save(x, np.random.default_rng(0).normal(size=(10, 784)) * 2)
    np.save(t, np.zeros(10, int))
    assert run("evaluate", *book, "--images", x, "--labels", t).stderr == ""


@pytest.mark.parametrize("command", [["predict", "digits"], ["parity", "digits", "--images"],
                                     ["plot", "layers", "digits", "--images"]])  # fmt: skip
def test_every_command_doubts(command: list[str], run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (5, 64)).astype("f4"))
    more = ["--out", tmp_path / "a.svg"] if command[0] == "plot" else []
    assert "--scale 1/255" in run(*command, path, *more).stderr


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8"])
@pytest.mark.parametrize("command", ["evaluate", "plot"])
def test_the_embedded_network_takes_its_own_digits_as_they_are(
    dtype: str, command: str, run: Run, tmp_path: Path
) -> None:
    _, (x, t) = load_digits(normalize=False)
    images, labels = tmp_path / "x.npy", tmp_path / "t.npy"
    np.save(images, x.astype(dtype))
    np.save(labels, t)
    more = ["--out", tmp_path / "a.svg"] if command == "plot" else []
    words = ["plot", "confusion"] if command == "plot" else ["evaluate"]
    result = run(*words, "digits", "--images", images, "--labels", labels, *more)
    assert f"({DIGITS_RIGHT} of 355 right)" in result.stdout
    assert result.stderr == ""


def test_the_limit_does_not_change_the_range(run_json: RunJson, tmp_path: Path) -> None:
    """Of an image's own few grey pixels nothing is concluded where brighter ones follow."""
    weights = tmp_path / "w.npz"
    np.savez(weights, W1=np.eye(4, dtype="f4"), b1=np.zeros(4, "f4"))
    path = tmp_path / "x.npy"
    np.save(path, np.array([[1, 0, 0, 0], [0, 255, 0, 0]]))
    result = run_json("predict", weights, path, "--output", "identity", "--limit", 1)
    assert result["predictions"][0]["outputs"][0] == pytest.approx(1 / 255)


def test_evaluate_in_python_doubts_too(test_data: Path) -> None:
    weights = test_data / "weights" / "sample_weight.pkl"
    network = arraynet.load(weights, hidden="sigmoid", output="softmax")
    x, t = load_mnist(test_data / "mnist", part="test", normalize=False)
    for pixels in (x, x.astype(int), x.astype("f4"), x.tolist()[:100]):
        with pytest.warns(UserWarning, match=r"values up to 255.*scale=1/255"):
            network.evaluate(pixels, t[: len(pixels)])
    network.evaluate(x[:1000] / np.float32(255), t[:1000])  # warnings are errors
    scaled = arraynet.load(weights, hidden="sigmoid", output="softmax", scale=1 / 255)
    assert scaled.evaluate(x[:1000], t[:1000]).correct == RIGHT
    with pytest.warns(UserWarning, match="divided already"):
        scaled.evaluate(x[:100] / np.float32(255), t[:100])
