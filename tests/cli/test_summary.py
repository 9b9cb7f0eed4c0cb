from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


def test_the_layers_of_the_embedded_network(run: Run) -> None:
    text = run("summary").stdout
    # 64·50 + 50 + 50·100 + 100 + 100·10 + 10 parameters of four bytes
    for fact in ("(batch, 64)", "(batch, 100)", "sigmoid", "softmax", "9,360", "37,440", "9,200"):
        assert fact in text


def test_the_same_as_json(run_json: RunJson) -> None:
    result = run_json("summary")
    assert [row["op"] for row in result["rows"]][-2:] == ["affine", "softmax"]
    assert (result["parameters"], result["bytes"], result["dtype"]) == (9360, 37_440, "float32")
    assert result["rows"][0]["shape"] == ["batch", 50]


def test_weights_from_a_file(run: Run, brightest: Path) -> None:
    text = run("summary", brightest, "--output", "hardmax", "--dtype", "float64").stdout
    assert "hardmax" in text
    assert "float64" in text
    assert "160" in text  # 4·4 + 4 numbers of eight bytes


def test_the_whole_error_is_one_line(run: Run, brightest: Path) -> None:
    result = run("summary", brightest, status=1)
    assert result.stderr.startswith(f"arraynet: {brightest}: got weights without a graph, ")
    assert result.stderr.count("\n") == 1
