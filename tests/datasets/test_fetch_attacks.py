"""Folders, arguments and names that somebody prepared for `fetch_mnist`."""

from __future__ import annotations

import gzip
import hashlib
import os
import ssl
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.datasets import fetch, fetch_mnist, load_mnist
from arraynet.datasets.fetch import Published
from arraynet.errors import ArraynetError, LoadError
from tests.datasets.mirror import Mirror, publish, serve
from tests.effort import assert_light

NAME = "labels.gz"
CONTENT = np.random.default_rng(4).bytes(5_000)
PUBLISHED = Published(NAME, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve one small file, and let it be what is published."""
    with publish({NAME: CONTENT}, monkeypatch) as server:
        yield server


def check_fetched(folder: Path, mirror: Mirror) -> None:
    """Fetch into the folder; it holds a plain file of its own then."""
    fetch_mnist(folder, mirrors=mirror.url("good"))
    assert (folder / NAME).read_bytes() == CONTENT
    assert stat.S_ISREG((folder / NAME).lstat().st_mode)
    assert os.listdir(folder) == [NAME]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_that_is_a_link_costs_no_other_file(
    link: Any, tmp_path: Path, mirror: Mirror
) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_bytes(b"precious")
    folder.mkdir()
    link(victim, folder / NAME)
    check_fetched(folder, mirror)
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_there_and_no_file(make: Any, tmp_path: Path, mirror: Mirror) -> None:
    make(tmp_path / NAME)
    with pytest.raises(ArraynetError, match="a folder, a pipe or a device there"):
        fetch_mnist(tmp_path, mirrors=mirror.url("good"))


def test_two_downloads_at_once_leave_whole_files(tmp_path: Path, mirror: Mirror) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [
            pool.submit(fetch_mnist, tmp_path, mirrors=mirror.url("good")) for _ in range(8)
        ]:
            assert done.result() == tmp_path
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {NAME: CONTENT}


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(gzip.compress(b""))
        file.truncate(1 << 40)


HOSTILE = {
    "1 TiB": sparse,
    "zero padding": lambda path: path.write_bytes(gzip.compress(b"") + bytes(9_900_000)),
    "empty members": lambda path: path.write_bytes(gzip.compress(b"") * 450_000),
    "a long name": lambda path: path.write_bytes(
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"a" * 9_900_000
    ),
    "zeros": lambda path: path.write_bytes(gzip.compress(bytes(47_040_016))),
    "a pipe": os.mkfifo,
    "a link to zeros": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": os.mkdir,
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_file_that_is_not_mnists_is_seen_soon(hostile: str, tmp_path: Path) -> None:
    images = fetch.FILES[0]
    HOSTILE[hostile](tmp_path / images.name)

    def refusal() -> None:
        with pytest.raises(LoadError, match=f"no good {images.name}"):
            fetch_mnist(tmp_path, offline=True)

    assert_light(refusal)


@pytest.mark.parametrize("folder", [3, [1], "a\0b", "\ud800", 1.5])
def test_a_folder_that_is_no_path(folder: Any) -> None:
    for offline in (True, False):
        with pytest.raises(LoadError, match="expected a path") as caught:
            fetch_mnist(folder, mirrors=[], offline=offline)
        assert str(caught.value).isprintable()


def test_a_folder_in_bytes(tmp_path: Path, mirror: Mirror) -> None:
    fetch_mnist(os.fsencode(tmp_path), mirrors=mirror.url("good"))  # type: ignore[arg-type]
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("mirrors", [None, 3, [3], [None], [b"http://127.0.0.1/"], b"http", {1: 2}])
def test_mirrors_that_are_no_text(mirrors: Any, tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match=r"mirrors: got .*, expected addresses"):
        fetch_mnist(tmp_path, mirrors=mirrors)


@pytest.mark.parametrize(
    "timeout", ["x", None, 0, -1, float("nan"), float("inf"), 1e30, 10**400, [], "1"]
)
def test_a_timeout_that_is_none(timeout: Any, tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match=r"timeout: got .*, expected seconds"):
        fetch_mnist(tmp_path, timeout=timeout)


def test_a_progress_that_cannot_be_called(tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match="progress: got 3, expected a function"):
        fetch_mnist(tmp_path, progress=3)  # type: ignore[arg-type]


ADDRESSES = [
    "http://127.0.0.1\n:9/", "https://\ud800/", "http://127.0.0.1:9/\ud800/", "\x00", "//127.0.0.1",
    "http://127.0.0.1:abc/", "http://127.0.0.1:9\\@example.invalid/", "http://127.0.0.1:9/\x1b[31m",
    "http://127.0.0.1:99999/",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_that_lead_nowhere(address: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError) as caught:
        fetch_mnist(tmp_path, mirrors=address, timeout=1)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"\x1b[31m", "\u202e".encode()])
def test_a_folder_whose_name_steers_the_terminal(name: bytes, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    for call in (lambda: fetch_mnist(folder, offline=True), lambda: load_mnist(folder)):
        with pytest.raises(LoadError) as caught:
            call()
        assert str(caught.value).isprintable()
        assert str(caught.value).encode()
        assert caught.value.file.startswith(str(tmp_path))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate for this machine, and the key behind it."""
    path = tmp_path / "localhost.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", str(path.with_suffix(".key")), "-out", str(path)],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("the command openssl, which makes a certificate, is not installed")
    return path


def test_https(
    tmp_path: Path, mirror: Mirror, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror whose certificate is trusted is read; any other one is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    folder = tmp_path / "folder"
    with serve({NAME: CONTENT}, context) as secure:
        with pytest.raises(LoadError, match="certificate"):
            fetch_mnist(folder, mirrors=secure.url("good"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for behaviour in ("slow_header", "trailers", "silent"):
            with pytest.raises(LoadError, match="no answer in time"):
                fetch_mnist(folder, mirrors=secure.url(behaviour), timeout=1)
        fetch_mnist(folder, mirrors=[secure.url("truncated"), secure.url("redirect")])
    assert (folder / NAME).read_bytes() == CONTENT
