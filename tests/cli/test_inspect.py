from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result
from safetensors.numpy import save_file

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


def test_tensors_are_listed(run: Run, brightest: Path) -> None:
    lines = run("inspect", brightest).stdout.splitlines()
    assert lines[0] == f"{brightest}: npz, {brightest.stat().st_size:,} bytes"
    assert [line.split() for line in lines[1:4]] == [
        ["tensor", "dtype", "shape", "bytes"],
        ["W1", "float32", "(4,", "4)", "64"],
        ["b1", "float32", "(4,)", "16"],
    ]
    assert "no graph" in lines[4]


def test_the_graph_is_listed(run: Run, brightest: Path, tmp_path: Path) -> None:
    target = tmp_path / "network.safetensors"
    run("convert", brightest, target, "--output", "softmax")
    text = run("inspect", target).stdout
    assert "node affine1 = affine(x, W1, b1)\nnode softmax1 = softmax(affine1)\n" in text


def test_the_same_as_json(run_json: RunJson, brightest: Path) -> None:
    result = run_json("inspect", brightest)
    assert result["format"] == "npz"
    assert result["tensors"][1] == {"name": "b1", "shape": [4], "dtype": "float32", "bytes": 16}
    assert result["nodes"] == []


def test_a_file_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"W": np.zeros(1)}, path, {"note": "\x1b]0;title\x07" + "long " * 1000})
    text = run("inspect", path).stdout
    assert "\\x1b]0;title\\x07long" in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text) < 1000


def test_nor_can_the_name_of_a_file(run: Run, brightest: Path, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\nb.safetensors"
    for text in (
        run("convert", brightest, path, "--output", "softmax").stdout,
        run("inspect", path).stdout,
    ):
        assert "a\\x1b[31m\\nb.safetensors: " in text
        assert "\x1b" not in text


def test_many_metadata_are_counted(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    save_file({"W": np.zeros(1)}, path, {f"key {number}": "" for number in range(1000)})
    lines = run("inspect", path).stdout.splitlines()
    assert sum(line.startswith("metadata key") for line in lines) == 100
    assert "metadata: 900 more" in lines
    assert len(run_json("inspect", path)["metadata"]) == 1000


def test_nor_can_what_is_said_of_a_refused_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"W\x1b[2J": np.zeros(1)}, path)
    text = run("inspect", path, status=1).stderr
    assert "W\\x1b[2J" in text
    assert "\x1b" not in text


def test_a_file_of_another_kind(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"no archive")
    assert run("inspect", path, status=1).stderr.startswith(f"arraynet: {path}: got ")
