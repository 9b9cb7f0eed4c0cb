from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import arraynet

Run = Callable[..., Result]
RunJson = Callable[..., dict[str, Any]]


def test_offline_without_the_files(run: Run, tmp_path: Path) -> None:
    result = run("fetch", "mnist", tmp_path, "--offline", status=1)
    assert "train-images-idx3-ubyte.gz" in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_offline_with_the_files(run: Run, run_json: RunJson, test_data: Path) -> None:
    folder = test_data / "mnist"
    text = run("fetch", "mnist", folder, "--offline").stdout
    assert f"MNIST is in {folder}\n" in text
    assert f"--images {folder / 't10k-images-idx3-ubyte.gz'}" in text
    result = run_json("fetch", "mnist", folder, "--offline")
    assert result["folder"] == str(folder)
    assert len(result["files"]) == 4


def test_the_cache_folder_of_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path / "cache"))
    result = run("fetch", "mnist", "--offline", status=1)
    assert str(tmp_path / "cache" / "mnist") in result.stderr


def test_a_mirror_that_may_not_be_used(run: Run, tmp_path: Path) -> None:
    result = run("fetch", "mnist", tmp_path, "--mirror", "ftp://localhost/", status=1)
    assert "not https" in result.stderr


@pytest.mark.parametrize(
    ("reports", "bars", "steps"),
    [
        ([(0, 0)], [], []),
        ([(0, 10), (6, 10), (2, 10), (10, 10)], [10], [0, 6, -4, 8]),
    ],
)
def test_what_the_download_reports_moves_the_bar(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reports: list[tuple[int, int]],
    bars: list[int],
    steps: list[int],
) -> None:
    shown: list[int] = []
    moved: list[int] = []

    def fetch_mnist(folder: str, *, progress: Callable[[int, int], None], **_: Any) -> Path:
        for report in reports:
            progress(*report)
        return Path(folder)

    @contextmanager
    def bar(description: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        shown.append(total)
        yield moved.append

    monkeypatch.setattr(arraynet.datasets, "fetch_mnist", fetch_mnist)
    monkeypatch.setattr("arraynet.cli.files.bar", bar)
    run("fetch", "mnist", tmp_path)
    assert (shown, moved) == (bars, steps)


def test_fetch_alone_lists_what_there_is(run: Run) -> None:
    assert "mnist" in run("fetch", "--help").stdout


@pytest.mark.parametrize("name", ["a\x1b[31m", "b\nc", "d\u202ee"])
def test_names_do_not_steer_the_terminal(
    run: Run, test_data: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.symlink_to(test_data / "mnist")
    text = run("fetch", "mnist", folder, "--offline").stdout
    assert all(line.isprintable() for line in text.splitlines())
    assert text.count("\n") == 2
    assert ascii(name)[1:-1] in text


def test_a_name_with_spaces_can_be_pasted(run: Run, test_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my data; ls"
    folder.symlink_to(test_data / "mnist")
    words = shlex.split(run("fetch", "mnist", folder, "--offline").stdout.splitlines()[-1])
    for option, kind in (("--images", "images-idx3"), ("--labels", "labels-idx1")):
        assert Path(words[words.index(option) + 1]) == folder / f"t10k-{kind}-ubyte.gz"


def test_what_is_in_the_cache_needs_no_options(
    run: Run, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path))
    (tmp_path / "mnist").symlink_to(test_data / "mnist")
    text = run("fetch", "mnist", "--offline").stdout
    assert "arraynet evaluate sample_weight.pkl --hidden sigmoid --output softmax" in text
    assert "--images" not in text


def test_a_cache_folder_of_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", "~nosuchuser/x")
    stderr = run("fetch", "mnist", "--offline", status=1).stderr
    assert stderr.startswith("arraynet: ARRAYNET_CACHE: got '~nosuchuser/x', expected a folder")
