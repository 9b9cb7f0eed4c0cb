"""The times of single ops."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet.backends import get_backend
from arraynet.chains import known_activations
from arraynet.ops import OPS
from bench import ops


def test_every_op_of_a_layer_is_called() -> None:
    tried = {name for name, _ in ops.cases().values()}
    assert tried >= {OPS[name].name for name in known_activations()} - set(ops.PARTIAL)
    assert tried >= {"add", "affine", "matmul", "prelu", "scale_shift"}


def test_every_call_computes() -> None:
    calls = ops.calls(get_backend("cpu"), "float32", 4, 6)
    assert list(calls) == list(ops.cases())
    for title, call in calls.items():
        result = call()
        assert result.dtype == np.float32, title
        assert result.shape[0] == 4, title
        assert np.isfinite(result).all(), title


def test_times_are_medians_for_one_element(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1e-6, 5e-6, 2e-6])
    monkeypatch.setattr(ops, "calls_for", lambda call, target: 7)
    monkeypatch.setattr(ops, "time_calls", lambda call, number: (next(seconds), None))
    found = ops.nanoseconds({"op": lambda: None}, elements=100, rounds=3, seconds=1.0)
    assert found == {"op": pytest.approx(20.0)}


def test_the_table_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ops, "calls_for", lambda call, target: 1)
    assert ops.main(["--rows", "4", "--columns", "6", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "(4, 6) float32 on cpu"
    assert lines[1].split() == ["op", "ns", "an", "element"]
    assert [float(line.split()[-1]) > 0 for line in lines[2:]] == [True] * len(ops.cases())


def test_an_unknown_backend_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["--backend", "abacus"]) == 1
    assert "abacus" in capsys.readouterr().err


def test_wrong_usage_is_explained() -> None:
    with pytest.raises(SystemExit, match="2"):
        ops.main(["--rows", "0"])
