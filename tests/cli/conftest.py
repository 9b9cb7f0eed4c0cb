"""A runner of the command in this process, and a tiny network with images for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from arraynet.cli.group import commands

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see what this user has downloaded."""
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path / "no cache"))


@pytest.fixture
def run() -> Run:
    """Run the command with some arguments; check its exit status, if one is expected."""

    def invoke(*arguments: object, status: int | None = 0) -> Result:
        result = CliRunner().invoke(commands, [str(argument) for argument in arguments])
        assert status is None or result.exit_code == status, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict[str, Any]]:
    """Run the command with ``--json`` and return the object that it prints."""

    def invoke(*arguments: object) -> dict[str, Any]:
        result = run(*arguments, "--json")
        value = json.loads(result.stdout, parse_constant=pytest.fail)
        assert isinstance(value, dict)
        return value

    return invoke


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    """Write four 2 × 2 images of bytes: the brightest pixel is 0, 1, 2, 3."""
    path = tmp_path / "pixels.npy"
    np.save(path, (np.eye(4, dtype=np.uint8) * 255).reshape(4, 2, 2))
    return path


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Write their labels, of which the last is wrong."""
    path = tmp_path / "labels.npy"
    np.save(path, np.array([0, 1, 2, 0], np.uint8))
    return path


@pytest.fixture
def brightest(tmp_path: Path) -> Path:
    """Write weights without a graph: the scores of the four classes are the pixels."""
    path = tmp_path / "brightest.npz"
    np.savez(path, W1=np.eye(4, dtype=np.float32), b1=np.zeros(4, np.float32))
    return path
