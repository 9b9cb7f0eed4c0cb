"""Whatever is written under limits can be read under them: each refuses what the other does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import ArraynetError, LoadError, formats
from arraynet.formats import Limits

TENSORS: dict[str, Any] = {"W1": np.ones((3, 4), "f4"), "b1": np.ones(4, "f4")}
MANY: dict[str, Any] = {f"a{number}": np.ones(1, "u1") for number in range(9)}
LARGE = Limits(tensors=10**6, header_bytes=1 << 30, name_bytes=4000)

BUDGETS = {
    "header_bytes": range(0, 1300, 5),
    "depth": range(0, 5),
    "tensors": range(0, 12),
    "name_bytes": range(0, 14),
    "dimensions": range(0, 4),
}
CONTENTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "two": (TENSORS, {}),
    "two and metadata": (TENSORS, {"note": "text"}),
    "two and much metadata": (TENSORS, {"note": "é" * 150}),
    "many": (MANY, {}),
    "many axes": ({"W1": np.ones((1,) * 20)}, {}),
}


def outcome(path: Path, tensors: Any, metadata: Any, limits: Limits) -> tuple[bool, bool]:
    """Return whether the limits let the contents be written, and read from a written file."""
    try:
        formats.write(path, tensors, metadata, limits=LARGE)
        formats.read(path, limits=limits)
        readable = True
    except LoadError:
        readable = False
    path.unlink()
    try:
        formats.write(path, tensors, metadata, limits=limits)
        formats.read(path, limits=limits)
        return True, readable
    except LoadError as error:
        raise AssertionError(f"written, and then refused under {limits}: {error}") from error
    except ArraynetError:
        return False, readable


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no disk: there are thousands of files."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_written_is_read(content: str, budget: str, suffix: str, tmp_path: Path) -> None:
    outcomes = {
        value: outcome(tmp_path / f"net{suffix}", *CONTENTS[content], Limits(**{budget: value}))
        for value in BUDGETS[budget]
    }
    assert {value: written for value, (written, _) in outcomes.items()} == {
        value: readable for value, (_, readable) in outcomes.items()
    }
