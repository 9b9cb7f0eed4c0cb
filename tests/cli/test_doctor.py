from __future__ import annotations

from collections.abc import Callable
from typing import Any

from click.testing import Result

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


def test_a_line_for_each_backend_and_status_0_whatever_fails(run: Run) -> None:
    lines = run("doctor").stdout.splitlines()
    verdicts = {line.split()[1]: line.split()[0] for line in lines if line[:4] in ("PASS", "FAIL")}
    assert set(verdicts) == {"cpu", "gpu", "torch", "jax", "array_api_strict"}
    assert verdicts["cpu"] == "PASS"


def test_one_backend_as_json(run_json: RunJson) -> None:
    result = run_json("doctor", "--backend", "cpu")
    assert list(result["backends"]) == ["cpu"]
    assert result["backends"]["cpu"]["status"] == "PASS"
    assert result["failed"] == []


def test_a_backend_that_was_asked_for_and_fails_is_status_1(run: Run) -> None:
    result = run("doctor", "--backend", "cpu", "--backend", "abacus", status=1)
    assert "FAIL  abacus" in result.stdout
    assert "PASS  cpu" in result.stdout
