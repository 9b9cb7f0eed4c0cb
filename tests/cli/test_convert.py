from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_the_new_file_needs_no_activations(
    run: Run, run_json: RunJson, brightest: Path, pixels: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"network.{suffix}"
    text = run("convert", brightest, target, "--output", "softmax").stdout
    assert text == f"{target}: affine1, softmax1; 20 parameters of float32\n"
    rows = run_json("predict", target, pixels)["predictions"]
    assert [row["label"] for row in rows] == [0, 1, 2, 3]


def test_what_was_written_as_json(run_json: RunJson, brightest: Path, tmp_path: Path) -> None:
    target = tmp_path / "network.npz"
    assert run_json("convert", brightest, target, "--output", "identity", "--scale", "1/255") == {
        "file": str(target),
        "source": str(brightest),
        "nodes": ["scale_shift1", "affine1", "identity1"],
        "parameters": 22,
        "dtype": "float32",
    }


def test_weights_that_are_not_finite_only_when_asked(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "infinite.npz", tmp_path / "network.npz"
    np.savez(source, W1=np.full((1, 1), np.inf), b1=np.zeros(1))
    arguments = ("convert", source, target, "--output", "identity")
    assert "W1" in run(*arguments, status=1).stderr
    assert not target.exists()
    run(*arguments, "--allow-nonfinite")
    assert target.exists()


@pytest.mark.parametrize("name", ["network.pkl", "network"])
def test_other_formats_are_not_written(
    run: Run, brightest: Path, tmp_path: Path, name: str
) -> None:
    result = run("convert", brightest, tmp_path / name, "--output", "identity", status=1)
    assert ".safetensors" in result.stderr
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_not_there(run: Run, brightest: Path, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "network.npz"
    result = run("convert", brightest, target, "--output", "identity", status=1)
    assert result.stderr == f"arraynet: {target}: No such file or directory\n"
