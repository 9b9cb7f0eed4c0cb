from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from arraynet import backends

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


VERDICT = re.compile(r"(PASS|FAIL|not installed) +(\w+)  ")


def test_a_line_for_each_backend_and_status_1_where_one_fails(run: Run) -> None:
    result = run("doctor", status=None)
    verdicts = {name: verdict for verdict, name in VERDICT.findall(result.stdout)}
    assert set(verdicts) == {"cpu", "gpu", "torch", "jax", "array_api_strict"}
    assert verdicts["cpu"] == "PASS"
    assert result.exit_code == ("FAIL" in verdicts.values())


def test_what_is_not_installed_is_a_failure_only_where_it_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cupy", "torch", "jax", "array_api_strict"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(backends, "_made", {})
    lines = run("doctor").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("not installed  jax ")]
    assert line.split("→ ")[1] == "python -m pip install jax"
    assert not any(line.startswith("FAIL") for line in lines)
    assert "FAIL  jax" in run("doctor", "--backend", "jax", status=1).stdout


def test_one_backend_as_json(run_json: RunJson) -> None:
    result = run_json("doctor", "--backend", "cpu")
    assert list(result["backends"]) == ["cpu"]
    assert result["backends"]["cpu"]["status"] == "PASS"
    assert result["failed"] == []


def test_a_backend_that_was_asked_for_and_fails_is_status_1(run: Run) -> None:
    result = run("doctor", "--backend", "cpu", "--backend", "gpu:99", status=1)
    assert "FAIL  gpu:99" in result.stdout
    assert "PASS  cpu" in result.stdout
