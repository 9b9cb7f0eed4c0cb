"""The embedded network: how often it is right, on its test images and on drawings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import arraynet
from arraynet.datasets import load_digits
from arraynet.datasets.preprocess import to_digits, to_mnist
from tests.drawings import VARIANTS, Variant, draw

FILE = Path(arraynet.__file__).parent / "datasets" / "digits_mlp.safetensors"
SCRIPT = Path(__file__).parents[2] / "bench" / "train_digits.py"
RANDOM = np.random.default_rng(0)
SLANTED = [
    Variant(*RANDOM.uniform((-0.1, -0.1, 0.04, 0.4, -0.3), (0.1, 0.1, 0.14, 0.7, 0.3)))
    for _ in range(10)
]


def textbook_scores(x: np.ndarray) -> np.ndarray:
    """Return the scores of the network's last layer, in float64, as a textbook writes it."""
    weights = {name: value.astype(np.float64) for name, value in load_file(FILE).items()}
    for layer in (1, 2):
        x = 1 / (1 + np.exp(-(x @ weights[f"W{layer}"] + weights[f"b{layer}"])))
    return x @ weights["W3"] + weights["b3"]


def drawn(
    net: arraynet.Network,
    prepare: Callable[..., np.ndarray],
    largest: int,
    variants: list[Variant],
    size: int,
) -> list[tuple[int, int]]:
    """Return each drawn digit and what the network takes it for."""
    wanted = [digit for _ in variants for digit in range(10)]
    images = [prepare(draw(digit, v, size)).ravel() for v in variants for digit in range(10)]
    found = net.classify(np.asarray(images, np.float32) / np.float32(largest))
    return list(zip(wanted, found.tolist(), strict=True))


def report(what: str, pairs: list[tuple[int, int]]) -> int:
    """Print how many digits were right, and which were not; return how many were."""
    wrong = [f"{wanted} as {found}" for wanted, found in pairs if wanted != found]
    print(f"{what}: {len(pairs) - len(wrong)} of {len(pairs)} right", *wrong, sep=", ")
    return len(pairs) - len(wrong)


def test_at_least_96_percent_of_the_test_images() -> None:
    _, (x, t) = load_digits()
    expected = textbook_scores(x.astype(np.float64)).argmax(axis=1)
    net = arraynet.load_pretrained("digits")
    evaluation = net.evaluate(x, t)
    print(evaluation)
    assert np.array_equal(net.classify(x), expected)
    assert evaluation.correct == np.count_nonzero(expected == t)
    assert evaluation.accuracy >= 0.96


def test_it_is_the_network_that_is_promised() -> None:
    graph = arraynet.load_pretrained("digits").graph
    shapes = [graph.weights[f"W{layer}"].shape for layer in (1, 2, 3)]
    assert shapes == [(64, 50), (50, 100), (100, 10)]
    assert [node.op for node in graph.nodes] == ["affine", "sigmoid"] * 2 + ["affine", "softmax"]
    assert FILE.stat().st_size < 64 * 1024


@pytest.mark.parametrize("size", [28, 280])
def test_drawings_are_recognised(size: int) -> None:
    net = arraynet.load_pretrained("digits")
    pairs = drawn(net, to_digits, 16, list(VARIANTS), size)
    assert report(f"drawings of {size} × {size}, embedded network", pairs) >= 27


def test_slanted_drawings_are_recognised() -> None:
    net = arraynet.load_pretrained("digits")
    pairs = drawn(net, to_digits, 16, SLANTED, 100)
    assert report("slanted drawings, embedded network", pairs) >= 90


@pytest.mark.parametrize("size", [28, 280])
def test_drawings_are_recognised_by_the_books_network(size: int, test_data: Path) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    net = arraynet.load(path, hidden="sigmoid", output="softmax")
    pairs = drawn(net, to_mnist, 255, list(VARIANTS), size)
    assert report(f"drawings of {size} × {size}, the book's network", pairs) >= 27


def test_training_gives_the_same_bits_with_other_kernels() -> None:
    """OpenBLAS picks its kernels by the processor; a variable picks older ones."""
    code = (
        "import hashlib, runpy, sys\n"
        f"script = runpy.run_path({str(SCRIPT)!r})\n"
        "script['train'].__globals__.update(EPOCHS=4, AVERAGED_EPOCHS=2)\n"
        "print(hashlib.sha256(b''.join(script['train']())).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[1]), **kernels},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for kernels in ({}, {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"})
    }
    assert len(digests) == 1
