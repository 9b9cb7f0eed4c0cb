"""The command as a whole, on the smallest workloads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arraynet.backends import get_backend
from arraynet.errors import BackendUnavailableError
from bench.command import main
from bench.process import ROOT

SMALL = ["--quick", "--rounds", "3", "--threads", "1", "--contestants", "products,arraynet"]


def test_a_run_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert main([*SMALL, "--workloads", "mnist-1,mixed-1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines() if "arraynet  " in line]
    assert [row[:3] for row in rows[1:]] == [["MNIST", "network,", "1"], ["mixed", "network,", "1"]]
    assert [row[-2] for row in rows[1:]] == ["1.00", "1.00"]
    text = file.read_text("utf-8")
    assert str(ROOT) not in text
    facts = json.loads(text)
    assert facts["format"] == "arraynet bench 1"
    assert {"date", "processor", "cores", "python", "environment", "mnist_weights"} <= set(facts)
    assert "OPENBLAS_CORETYPE" in facts["environment"]
    assert facts["plan"]["rounds"] == 3
    assert facts["contestants"]["arraynet"]["arraynet"]
    assert facts["blas"]["arraynet"][0]["num_threads"] == 1
    found = {(one["workload"], one["contestant"]): one for one in facts["measurements"]}
    assert set(found) == {(w, c) for w in ("mnist-1", "mixed-1") for c in ("arraynet", "products")}
    for one in found.values():
        assert len(one["samples"]) == 3
        assert sorted(one["samples"])[1] == one["median"] > 0
        assert one["difference"] < 5e-6


def test_markdown_is_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--workloads", "mixed-1", "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert "| 1 thread | arraynet | bare products |\n| --- | ---: | ---: |\n" in printed


def test_the_list_names_workloads_and_contestants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    words = capsys.readouterr().out.split()
    assert {"mnist-10000-uint8", "batch-100000", "width-4096", "arraynet-gpu"} <= set(words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workloads", "narrow"], "got 'narrow', expected some of mnist-1"),
        (["--contestants", "abacus"], "got 'abacus', expected some of arraynet"),
        (["--threads", "0"], "got '0', expected numbers such as 1,2"),
        (["--threads", "many"], "got 'many', expected numbers such as 1,2"),
        (["--rounds", "0"], "got 0, expected at least 1"),
        (["--draw", "curves.jpg"], "expected a name that ends with .png or .svg"),
        (["--draw", "curves.png", "--workloads", "mnist-1"], "got no growth curve"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_picture_needs_matplotlib(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.command.can_draw", lambda: False)
    with pytest.raises(SystemExit):
        main(["--draw", "curves.png"])
    assert "pip install matplotlib" in capsys.readouterr().err


def test_the_gpu_report_without_a_gpu_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        get_backend("gpu")
    except BackendUnavailableError as error:
        reason = str(error)
    else:
        pytest.skip("this machine has a GPU")
    monkeypatch.chdir(tmp_path)
    assert main(["--gpu-report"]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"bench: --gpu-report: {reason}\n"
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
