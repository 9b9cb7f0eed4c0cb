"""Downloads of one file into one folder at the same time."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.datasets import fetch, fetch_mnist
from arraynet.errors import LoadError
from tests.datasets.mirror import BEHAVIOURS, Answer, Mirror, publish

NAME = "labels.gz"
CONTENT = np.random.default_rng(5).bytes(200_000)
PART = f".{NAME}.part"
PATIENCE = 30
"""Seconds after which a test that hangs fails."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve one file, and let it be what is published."""
    with publish({NAME: CONTENT}, monkeypatch) as server:
        yield server


@contextmanager
def halfway(
    folder: Path, mirror: Mirror, second_half: bytes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Future[Path]]:
    """Hold a download in the middle of its file, for the length of a ``with``."""
    begun, go_on = threading.Event(), threading.Event()

    def paused(answer: Answer, content: bytes) -> None:
        answer.head(200, Content_Length=len(content))
        answer.wfile.write(content[: len(content) // 2])
        answer.wfile.flush()
        assert go_on.wait(PATIENCE)
        answer.wfile.write(second_half)

    monkeypatch.setitem(BEHAVIOURS, "paused", paused)

    def seen(received: int, _: int) -> None:
        if received:
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        try:
            url = mirror.url("paused")
            first = pool.submit(fetch_mnist, folder, mirrors=url, timeout=PATIENCE, progress=seen)
            assert begun.wait(PATIENCE)
            yield first
        finally:
            go_on.set()


def check_whole(folder: Path) -> None:
    """Check that the folder holds the file, and nothing else."""
    assert os.listdir(folder) == [NAME]
    assert (folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [True, False])
def test_the_slower_of_two_downloads_leaves_the_finished_file_whole(
    wrong: bool, tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = len(CONTENT) // 2
    rest = bytes(half) if wrong else CONTENT[half:]
    with halfway(tmp_path, mirror, rest, monkeypatch) as slower:
        fetch_mnist(tmp_path, mirrors=mirror.url("good"))
        assert (tmp_path / NAME).read_bytes() == CONTENT
    assert slower.result() == tmp_path  # as all is there now
    check_whole(tmp_path)


def test_a_second_download_that_fails_leaves_the_first_one_its_part(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with halfway(tmp_path, mirror, CONTENT[len(CONTENT) // 2 :], monkeypatch) as first:
        for behaviour in ("wrong_bytes", "truncated", "status_404"):
            with pytest.raises(LoadError):
                fetch_mnist(tmp_path, mirrors=mirror.url(behaviour))
            assert os.listdir(tmp_path) == [PART]
    assert first.result() == tmp_path
    check_whole(tmp_path)


def test_a_file_that_another_download_brought_meanwhile_is_not_asked_for(
    tmp_path: Path, mirror: Mirror
) -> None:
    def bring(received: int, total: int) -> None:
        steps.append((received, total))
        (tmp_path / NAME).write_bytes(CONTENT)

    steps: list[tuple[int, int]] = []
    fetch_mnist(tmp_path, mirrors=mirror.url("good"), progress=bring)
    assert mirror.requests == []
    assert steps == [(0, len(CONTENT)), (len(CONTENT), len(CONTENT))]
    check_whole(tmp_path)


def test_a_part_that_was_renamed_is_not_written_to(tmp_path: Path, mirror: Mirror) -> None:
    """As by a download on another machine, whose locks a network folder does not show."""

    def take(received: int, _: int) -> None:
        if received == len(CONTENT):
            os.replace(tmp_path / PART, tmp_path / "taken")
            (tmp_path / "taken").write_bytes(b"theirs")

    with pytest.raises(LoadError, match="no longer there"):
        fetch_mnist(tmp_path, mirrors=mirror.url("wrong_bytes"), progress=take)
    assert (tmp_path / "taken").read_bytes() == b"theirs"


def test_a_part_in_whose_place_another_file_lies_gets_no_name(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fetch.download

    def swapped(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        (tmp_path / PART).unlink()
        (tmp_path / PART).write_bytes(b"theirs")

    monkeypatch.setattr(fetch, "download", swapped)
    with pytest.raises(LoadError, match="no longer there"):
        fetch_mnist(tmp_path, mirrors=mirror.url("good"))
    assert not (tmp_path / NAME).exists()


def test_a_folder_without_locks(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    (tmp_path / PART).write_bytes(b"perhaps of another download")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(LoadError, match="the end after"):
        fetch_mnist(tmp_path, mirrors=mirror.url("truncated"))
    assert os.listdir(tmp_path) == [PART]
    fetch_mnist(tmp_path, mirrors=mirror.url("good"))
    assert sorted(os.listdir(tmp_path)) == [PART, NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert (tmp_path / PART).read_bytes() == b"perhaps of another download"


def test_the_file_may_be_read_by_whom_the_mask_lets(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    folder = tmp_path / "folder"
    with halfway(folder, mirror, CONTENT[len(CONTENT) // 2 :], monkeypatch):
        fetch_mnist(folder, mirrors=mirror.url("good"))
        assert (folder / NAME).stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("reason", [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES])
def test_a_part_that_cannot_be_opened_just_now_is_kept(
    reason: int, tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / PART).write_bytes(CONTENT[:1000])
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if os.fspath(path).endswith(".part"):
            raise OSError(reason, os.strerror(reason))
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(LoadError, match=os.strerror(reason)):
            fetch_mnist(tmp_path, mirrors=mirror.url("good"))
    fetch_mnist(tmp_path, mirrors=mirror.url("good"))
    assert [where for _, _, where in mirror.requests] == ["bytes=1000-"]


def test_a_linked_part_on_a_system_that_follows_links(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_NOFOLLOW")
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_bytes(b"precious")
    for target in (victim, tmp_path / "new"):
        folder.mkdir()
        (folder / PART).symlink_to(target)
        fetch_mnist(folder, mirrors=mirror.url("good"))
        check_whole(folder)
        (folder / NAME).unlink()
        folder.rmdir()
    assert sorted(os.listdir(tmp_path)) == ["victim"]
    assert victim.read_bytes() == b"precious"
