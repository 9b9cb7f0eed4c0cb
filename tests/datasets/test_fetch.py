"""Downloading MNIST from mirrors of every kind, all of them on the loopback address."""

from __future__ import annotations

import errno
import gzip
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from arraynet.datasets import fetch, fetch_mnist, load_mnist
from arraynet.errors import LoadError
from tests.datasets.mirror import Mirror, publish

RANDOM = np.random.default_rng(3)
FILES = {
    published.name: RANDOM.bytes(size)
    for published, size in zip(fetch.FILES, (200_000, 3_000, 20_000, 500), strict=True)
}
FIRST = next(iter(FILES))
TOTAL = sum(map(len, FILES.values()))
TIMEOUT = 1
"""Seconds: much more than a good mirror takes, and less than a bad one would."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve small files under MNIST's names, and let them be what is published."""
    with publish(FILES, monkeypatch) as server:
        yield server


def check_whole(folder: Path) -> None:
    """Check that the folder holds the files, and nothing else."""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


def get(folder: Path, mirror: Mirror, *behaviours: str) -> None:
    """Fetch from one mirror after the other; the folder must be whole then."""
    urls = [mirror.url(behaviour) for behaviour in behaviours]
    assert fetch_mnist(folder, mirrors=urls, timeout=TIMEOUT) == folder
    check_whole(folder)


@pytest.mark.parametrize("behaviour", ["good", "chunked", "redirect"])
def test_a_good_mirror(tmp_path: Path, mirror: Mirror, behaviour: str) -> None:
    get(tmp_path / "new" / "folder", mirror, behaviour)


BAD = {
    "status_403": "HTTP status 403",
    "status_404": "HTTP status 404",
    "status_416": "HTTP status 416",
    "status_500": "HTTP status 500",
    "status_503": "HTTP status 503",
    "status_204": "HTTP status 204",
    "truncated": "the end after 100000 of 200000 bytes",
    "wrong_bytes": "other bytes than the published SHA-256 says",
    "page": "a file of 26 bytes instead of 200000",
    "endless": "more than the 200000 bytes that were due",
    "silent": "no answer in time",
    "slow": "too slow",
    "interim": "no answer in time",
    "trailers": "no answer in time",
    "late_trailers": "199999 bytes, and then no answer in time",
    "slow_header": "no answer in time",
    "slow_status": "no answer in time",
    "slow_extension": "0 bytes, and then no answer in time",
    "garbage": "BadStatusLine",
    "hung_up": "RemoteDisconnected|Remote end closed",
    "redirect_in_a_circle": "HTTP status 302",
    "redirect_to_http": "an address that is not https",
    "redirect_to_a_file": "HTTP status 302|an address that is not https",
}


@pytest.mark.parametrize("behaviour", BAD)
def test_a_bad_mirror_is_named_with_what_it_did(
    tmp_path: Path, mirror: Mirror, behaviour: str
) -> None:
    with pytest.raises(LoadError, match=BAD[behaviour]) as caught:
        fetch_mnist(tmp_path, mirrors=mirror.url(behaviour), timeout=TIMEOUT)
    assert f"{mirror.url(behaviour)}{FIRST}" in str(caught.value)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


SOON = [
    *(name for name, said in BAD.items() if "time" not in said and "slow" not in said),
    "silent",
]
"""Those that need not be waited for, and one that is."""


@pytest.mark.parametrize("behaviour", SOON)
def test_after_a_bad_mirror_comes_the_next(
    tmp_path: Path, mirror: Mirror, behaviour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "FILES", fetch.FILES[:1])
    urls = [mirror.url(behaviour), mirror.url("good")]
    fetch_mnist(tmp_path, mirrors=urls, timeout=TIMEOUT)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {FIRST: FILES[FIRST]}


def test_a_bad_file_is_replaced_and_a_good_one_is_kept(tmp_path: Path, mirror: Mirror) -> None:
    get(tmp_path, mirror, "good")
    (tmp_path / FIRST).write_bytes(FILES[FIRST][:-1] + b"?")
    mirror.requests.clear()
    get(tmp_path, mirror, "good")
    assert [name for _, name in mirror.requests] == [FIRST]


def test_a_failure_leaves_the_old_file(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / FIRST).write_bytes(b"old")
    with pytest.raises(LoadError):
        fetch_mnist(tmp_path, mirrors=[mirror.url("wrong_bytes")])
    assert (tmp_path / FIRST).read_bytes() == b"old"


def test_offline_connects_to_nothing(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(tmp_path, mirror, "good")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection, offline")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert fetch_mnist(tmp_path, offline=True) == tmp_path
    (tmp_path / FIRST).unlink()
    with pytest.raises(LoadError, match=rf"no good {FIRST}, expected .*go online"):
        fetch_mnist(tmp_path, offline=True)


def test_nobody_listens(tmp_path: Path, mirror: Mirror) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(LoadError, match="refused"):
            fetch_mnist(tmp_path, mirrors=url)
        fetch_mnist(tmp_path, mirrors=[url, mirror.url("good")])


@pytest.mark.parametrize(
    "url",
    ["http://example.invalid/", "ftp://127.0.0.1/", "file:///etc/", "nonsense", "http://[::1/", ""],
)
def test_addresses_that_are_never_asked(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(LoadError, match=r"not https|no URL"):
        fetch_mnist(tmp_path, mirrors=[url])


def test_no_mirrors(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(LoadError, match="got no mirrors"):
        fetch_mnist(tmp_path, mirrors=[])


def test_the_default_mirrors_are_several_and_https() -> None:
    assert len(set(fetch.MIRRORS)) >= 2
    assert all(url.startswith("https://") for url in fetch.MIRRORS)


def test_progress_ends_with_all_bytes(tmp_path: Path, mirror: Mirror) -> None:
    seen: list[tuple[int, int]] = []
    fetch_mnist(tmp_path, mirrors=mirror.url("good"), progress=lambda *now: seen.append(now))
    assert seen[0] == (0, TOTAL)
    assert seen[-1] == (TOTAL, TOTAL)
    assert seen == sorted(seen)
    seen.clear()
    fetch_mnist(tmp_path, mirrors=[], progress=lambda *now: seen.append(now))
    assert seen == [(0, 0)]


def test_a_folder_that_cannot_be(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LoadError, match="expected a folder with room"):
        fetch_mnist(tmp_path / "file" / "folder", mirrors=mirror.url("good"))


def test_a_full_disk(tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoadError, match="No space left on device, expected a folder with room"):
        fetch_mnist(tmp_path, mirrors=[mirror.url("good")])


def test_the_cache_folder_can_be_set(
    tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path))
    assert fetch_mnist(mirrors=mirror.url("good")) == tmp_path / "mnist"
    check_whole(tmp_path / "mnist")


def test_the_real_files_packed_anew_are_good(test_data: Path) -> None:
    assert fetch_mnist(test_data / "mnist", offline=True) == test_data / "mnist"


def test_content_that_differs_is_not_good(test_data: Path, tmp_path: Path) -> None:
    labels = next(published for published in fetch.FILES if "t10k-labels" in published.name)
    content = gzip.decompress((test_data / "mnist" / labels.name).read_bytes())
    for changed, wanted in [
        (content, True),
        (content[:-1], False),
        (content + b"\0", False),
        (content[:-1] + b"\x0b", False),
    ]:
        (tmp_path / labels.name).write_bytes(gzip.compress(changed))
        assert fetch.is_good(tmp_path, labels) is wanted
    for broken in (b"", gzip.compress(content)[:-9], content):
        (tmp_path / labels.name).write_bytes(broken)
        assert not fetch.is_good(tmp_path, labels)


def test_the_real_mnist_through_a_mirror(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {published.name: (test_data / "mnist" / published.name) for published in fetch.FILES}
    contents = {name: path.read_bytes() for name, path in files.items()}
    with publish(contents, monkeypatch) as server:
        folder = fetch_mnist(tmp_path, mirrors=[server.url("status_403"), server.url("good")])
    _, (x_test, t_test) = load_mnist(folder)
    assert x_test.shape == (10_000, 784)
    assert t_test[:5].tolist() == [7, 2, 1, 0, 4]
