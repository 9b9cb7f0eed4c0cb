from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


def test_the_embedded_network(run: Run) -> None:
    text = run("parity").stdout
    assert "the embedded test images" in text
    assert "355 rows in float32, largest differences from cpu:" in text
    assert "labels: 355 of 355 agree" in text
    for name in ("affine1", "sigmoid2", "softmax1", "output"):
        assert f"\n{name} " in text


def test_the_same_as_json(run_json: RunJson) -> None:
    result = run_json("parity", "--backends", "float64, array_api_strict", "--tolerance", "1e-5")
    assert result["backends"] == ["float64", "array_api_strict"]
    assert (result["passed"], result["tolerance"], result["labels_agree"]) == (True, 1e-5, 1.0)
    assert len(result["nodes"]) == 6
    assert 0 < result["outputs"][0]["absolute"] < 1e-5


def test_a_tolerance_that_is_passed_is_status_1(run: Run) -> None:
    result = run("parity", "--tolerance", "1e-12", status=1)
    assert "not passed: an output differs by more than 1e-12" in result.stdout


def test_labels_that_differ_are_status_1(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "tie.npz"
    np.savez(weights, W1=np.float32([[1, 1], [0, 1]]), b1=np.zeros(2, "float32"))
    images = tmp_path / "rows.npy"
    np.save(images, np.float32([[1, 0.5], [1, 1e-9]]))
    arguments = (
        "parity",
        weights,
        "--images",
        images,
        "--output",
        "linear",
        "--backends",
        "float64,cpu",
    )
    result = run(*arguments, status=1)
    assert "labels: 1 of 2 agree (not rows 1)" in result.stdout
    assert "not passed: labels differ" in result.stdout
    assert "agree" in run(*arguments, "--limit", "1").stdout


def test_weights_without_images_get_random_rows(run: Run, brightest: Path) -> None:
    text = run("parity", brightest, "--output", "softmax").stdout
    assert "1,000 random rows" in text
    assert text == run("parity", brightest, "--output", "softmax").stdout


def test_a_backend_that_is_named_twice_is_one_line(run: Run) -> None:
    result = run("parity", "--backends", "cpu,cpu", status=1)
    assert result.stderr.startswith("arraynet: ")
    assert result.stderr.count("\n") == 1
