from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]

BOOK = ("--hidden", "sigmoid", "--output", "softmax")


@pytest.fixture
def book(test_data: Path) -> tuple[Path | str, ...]:
    mnist = test_data / "mnist"
    return (
        test_data / "weights" / "sample_weight.pkl",
        *BOOK,
        "--images",
        mnist / "t10k-images-idx3-ubyte.gz",
        "--labels",
        mnist / "t10k-labels-idx1-ubyte.gz",
    )


def test_the_book_gets_9352_of_10000(run_json: RunJson, book: tuple[Path | str, ...]) -> None:
    result = run_json("evaluate", *book)
    assert (result["correct"], result["total"]) == (9352, 10_000)
    assert result["accuracy"] == 0.9352
    assert result["backend"] == "cpu"


@pytest.mark.parametrize("size", [1, 7, 100, 9999])
def test_the_batch_size_changes_nothing(
    run_json: RunJson, book: tuple[Path | str, ...], size: int
) -> None:
    result = run_json("evaluate", *book, "--limit", 1000, "--batch-size", size)
    assert (result["correct"], result["total"], result["batch_size"]) == (932, 1000, size)


@pytest.mark.parametrize("name", ["array_api_strict", "array_api_strict:device1"])
def test_the_backend_is_chosen_and_named(
    run_json: RunJson, book: tuple[Path | str, ...], name: str
) -> None:
    result = run_json("evaluate", *book, "--limit", 1000, "--backend", name)
    assert (result["correct"], result["backend"]) == (932, name)


@pytest.mark.needs("torch")
def test_torch_gives_the_same_number(run_json: RunJson, book: tuple[Path | str, ...]) -> None:
    pytest.importorskip("torch")
    result = run_json("evaluate", *book, "--backend", "torch")
    assert (result["correct"], result["backend"]) == (9352, "torch")


def test_a_scale_in_the_network_takes_bytes_as_they_are(
    run_json: RunJson, book: tuple[Path | str, ...]
) -> None:
    assert run_json("evaluate", *book, "--scale", "1/255")["correct"] == 9352


def test_without_a_model_the_embedded_network_is_evaluated(run: Run, run_json: RunJson) -> None:
    result = run_json("evaluate")
    assert result["total"] == 355
    assert result["accuracy"] >= 0.96
    assert result["correct"] == sum(row[i] for i, row in enumerate(result["confusion_matrix"]))
    text = run("evaluate").stdout
    assert f"{result['correct']} of 355" in text
    assert f"{100 * result['accuracy']:.2f} %" in text


def test_every_number_of_a_small_evaluation(
    run_json: RunJson, brightest: Path, pixels: Path, labels: Path
) -> None:
    files = ("--images", pixels, "--labels", labels)
    result = run_json("evaluate", brightest, "--output", "softmax", *files)
    assert result == {
        "model": str(brightest),
        "images": str(pixels),
        "accuracy": 0.75,
        "correct": 3,
        "total": 4,
        "backend": "cpu",
        "dtype": "float32",
        "batch_size": 100,
        "confusion_matrix": [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]],
    }


@pytest.mark.parametrize("name", ["a[/b]", "x[bold]", "y[/]", "e\x1b[31mred"])
def test_a_name_is_printed_as_it_is(
    name: str, run: Run, brightest: Path, pixels: Path, labels: Path, tmp_path: Path
) -> None:
    images = tmp_path / f"{name}.npy"
    images.parent.mkdir(exist_ok=True)
    images.write_bytes(pixels.read_bytes())
    files = ("--images", images, "--labels", labels)
    result = run("evaluate", brightest, "--output", "softmax", *files)
    shown = str(images).replace("\x1b", "\\x1b")
    assert result.stdout.splitlines() == [
        f"{brightest} on {shown}:",
        "accuracy 75.00 % (3 of 4 right) on cpu",
    ]


def test_no_images_have_no_accuracy(
    run_json: RunJson, brightest: Path, pixels: Path, labels: Path
) -> None:
    files = ("--images", pixels, "--labels", labels, "--limit", 0)
    result = run_json("evaluate", brightest, "--output", "softmax", *files)
    assert (result["accuracy"], result["total"]) == (None, 0)


def test_a_row_of_nan_is_no_answer(
    run: Run, run_json: RunJson, tmp_path: Path, brightest: Path
) -> None:
    images, truth = tmp_path / "x.npy", tmp_path / "t.npy"
    np.save(images, np.array([[1, 0, 0, 0], [math.nan, 0, 0, 0]], np.float32))
    np.save(truth, np.array([0, 0]))
    arguments = (brightest, "--output", "softmax", "--images", images, "--labels", truth)
    assert run_json("evaluate", *arguments)["correct"] == 1
    assert "1 without an answer" in run("evaluate", *arguments).stdout


def test_the_dtype_is_chosen(run_json: RunJson) -> None:
    result = run_json("evaluate", "--dtype", "float64")
    assert (result["dtype"], result["total"]) == ("float64", 355)


def test_as_many_labels_as_images(
    run: Run, brightest: Path, pixels: Path, labels: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.npy"
    np.save(short, np.load(labels)[:3])
    files = ("--images", pixels, "--labels", short)
    result = run("evaluate", brightest, "--output", "softmax", *files, status=1)
    assert f"{short}: got 3 labels, expected 4" in result.stderr


def test_images_of_another_size(run: Run, pixels: Path, labels: Path) -> None:
    result = run("evaluate", "digits", "--images", pixels, "--labels", labels, status=1)
    assert result.stderr == (
        f"arraynet: {pixels}: got images of 2 × 2 values, expected 64 values, "
        f"as the network takes\n"
    )


def test_weights_alone_ask_for_their_activations(
    run: Run, brightest: Path, pixels: Path, labels: Path
) -> None:
    result = run("evaluate", brightest, "--images", pixels, "--labels", labels, status=1)
    assert "--output" in result.stderr
    assert "output=" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_auto_says_what_it_chose(run: Run) -> None:
    result = run("evaluate", "--backend", "auto", "--json")
    chosen = json.loads(result.stdout)["backend"]
    assert result.stderr.startswith(f"arraynet: backend auto: chose {chosen}")


def test_a_backend_that_is_not_there(run: Run) -> None:
    assert "abacus" in run("evaluate", "--backend", "abacus", status=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--images", "x.npy"),
        ("model.npz", "--labels", "t.npy"),
        ("--hidden", "relu"),
        ("digits", "--output", "softmax"),
        ("--batch-size", "0"),
        ("--limit", "-1"),
        ("--scale", "1/0"),
        ("--scale", "little"),
        ("--unknown",),
        ("one.npz", "two.npz"),
    ],
)
def test_wrong_usage_is_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("evaluate", *arguments, status=2)
    assert "Try 'arraynet evaluate -" in result.stderr
    assert not result.stdout


def test_a_network_that_is_not_for_mnist_needs_images(run: Run, brightest: Path) -> None:
    for words in (["evaluate"], ["plot", "confusion"]):
        stderr = run(*words, brightest, "--output", "softmax", status=2).stderr
        assert "(batch, 4)" in stderr
        assert "--images FILE --labels FILE" in stderr


def test_the_book_needs_no_files_after_fetch(
    run: Run, run_json: RunJson, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fetch brought is the default, and its absence names what brings it."""
    weights = (test_data / "weights" / "sample_weight.pkl", *BOOK)
    result = run("evaluate", *weights, status=1)
    assert "arraynet fetch mnist" in result.stderr
    assert "--images FILE --labels FILE" in result.stderr
    assert str(tmp_path / "no cache" / "mnist") in result.stderr
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mnist").symlink_to(test_data / "mnist")
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path / "cache"))
    result = run_json("evaluate", *weights)
    assert (result["correct"], result["total"]) == (9352, 10_000)
    assert result["images"] == "MNIST's 10,000 test images"
    assert run_json("evaluate", *weights, "--scale", "1/255")["correct"] == 9352
    picture = ("--out", tmp_path / "a.svg")
    assert "(932 of 1000" in run("plot", "confusion", *weights, "--limit", 1000, *picture).stdout
    assert run_json("parity", *weights, "--limit", 10)["images"] == result["images"]


def test_a_dtype_whose_package_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    result = run("evaluate", "--dtype", "bfloat16", status=1)
    assert "python -m pip install ml_dtypes" in result.stderr
