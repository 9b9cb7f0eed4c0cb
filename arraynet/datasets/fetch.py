"""MNIST's four files from the internet into a folder, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from arraynet.datasets.idx import unpack
from arraynet.datasets.mnist import mnist_folder
from arraynet.errors import ArraynetError, LoadError, shortened
from arraynet.formats.limits import Limits
from arraynet.formats.source import open_source, path_text
from arraynet.formats.writing import replace_file

LONGEST = 86_400
"""The longest timeout, in seconds: a day."""

Progress = Callable[[int, int], object]
"""Told how many bytes are there, and how many there will be."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
"""Where the files are: PyTorch's, TensorFlow's and a university group's copy."""


@dataclass(frozen=True)
class Published:
    """What is known about a file beforehand: its name, bytes and SHA-256, also unpacked."""

    name: str
    size: int
    sha256: str
    unpacked_size: int = 0
    unpacked_sha256: str = ""


FILES = (
    Published(
        "train-images-idx3-ubyte.gz",
        9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    Published(
        "train-labels-idx1-ubyte.gz",
        28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    Published(
        "t10k-images-idx3-ubyte.gz",
        1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    Published(
        "t10k-labels-idx1-ubyte.gz",
        4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)  # fmt: skip
"""The files as published: with PyTorch's MD5 sums, and these SHA-256 sums. One that somebody
packed anew has the same content, and is kept."""


def fetch_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    mirrors: str | Iterable[str] = MIRRORS,
    offline: bool = False,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download MNIST's four files, those that are not there yet, and return their folder.

    Every file is checked against its published SHA-256 before it is written, and gets its
    name when it is whole, even if several programs download it at once.

    Parameters
    ----------
    folder : str or os.PathLike, optional
        Where the files go. None: ``$ARRAYNET_CACHE/mnist`` where that is set, else
        this user's cache folder.
    mirrors : str or iterable of str
        Addresses of folders, tried in this order; https, or http on the loopback
        address.
    offline : bool
        Connect to nothing: only check that good files are there.
    progress : callable, optional
        Called as ``progress(bytes_done, bytes_in_all)``, now and then; both are 0
        when nothing has to be downloaded.
    timeout : float
        Seconds to wait for a connection, for an answer, and then for pauses in all: each
        1,000 bytes of the file give a second back, and what a mirror sends besides none.

    Returns
    -------
    pathlib.Path
        The folder, for `load_mnist`.

    Raises
    ------
    LoadError
        No mirror gave a good file (it says what each did), the folder cannot be
        written to, or, offline, a file is missing or not MNIST's.
    ArraynetError
        An argument is of another kind, or ``ARRAYNET_CACHE`` names no folder.

    Examples
    --------
    >>> fetch_mnist("nowhere", offline=True)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    arraynet.errors.LoadError: nowhere: got no good train-images-idx3-ubyte.gz, ...
    """
    place = Path(path_text(mnist_folder() if folder is None else folder))
    addresses, seconds = _addresses(mirrors), _seconds(timeout)
    if progress is not None and not callable(progress):
        raise ArraynetError(f"progress: got {shortened(progress)}, expected a function or None")
    missing = [published for published in FILES if not is_good(place, published)]
    if offline and missing:
        names = ", ".join(published.name for published in missing)
        raise LoadError(place, f"no good {names}", "all of MNIST's files (go online once)")
    done, total = 0, sum(published.size for published in missing)

    def report(received: int) -> None:
        if progress is not None:
            progress(done + received, total)

    report(0)
    for published in missing:
        _write(place / published.name, _fetched(place, published, addresses, seconds, report))
        done += published.size
        report(0)
    return place


def _fetched(
    folder: Path,
    published: Published,
    mirrors: list[str],
    timeout: float,
    report: Callable[[int], object],
) -> bytes:
    """Return a file from the first mirror that gives it."""
    from arraynet.datasets.download import MirrorError, download  # slow to import

    size, sha256 = published.size, published.sha256
    reasons = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{published.name}"
        try:
            return download(url, size, sha256, timeout=timeout, report=report)
        except MirrorError as problem:
            reasons.append(f"{url}: {problem}")
    found = "; ".join(reasons) or "no mirrors"
    advice = "one mirror with the file (or put it there yourself)"
    raise LoadError(folder / published.name, found, advice)


def _write(path: Path, content: bytes) -> None:
    """Give a file its content, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():  # what somebody made it lead to is left alone
            path.unlink()
        replace_file(str(path), [content])
    except OSError as problem:
        found = str(problem.strerror or problem)
        raise LoadError(path.parent, found, "a folder with room, to write to") from problem


def _addresses(mirrors: object) -> list[str]:
    """Return the addresses of the mirrors, once they are known to be text."""
    found = [mirrors] if isinstance(mirrors, str) else mirrors
    if isinstance(found, Iterable) and not isinstance(found, bytes):
        found = list(found)
        if all(isinstance(address, str) for address in found):
            return found
    raise ArraynetError(f"mirrors: got {shortened(mirrors)}, expected addresses (str) of folders")


def _seconds(timeout: object) -> float:
    """Return the timeout, once it is known to be one."""
    if isinstance(timeout, int | float) and 0 < timeout <= LONGEST:
        return float(timeout)
    wanted = f"seconds, above 0 and at most {LONGEST}"
    raise ArraynetError(f"timeout: got {shortened(timeout)}, expected {wanted}")


def is_good(folder: Path, published: Published) -> bool:
    """Return whether a folder has the published file, or its content packed anew."""
    # Packed without compression it is a little longer than its content.
    most = max(published.size, published.unpacked_size * 101 // 100 + 1024)
    try:
        with open_source(folder / published.name, Limits(file_bytes=most)) as source:
            content = source.peek(most)
            if hashlib.sha256(content).hexdigest() == published.sha256:
                return True
            unpacked = unpack(source, published.unpacked_size)
            return hashlib.sha256(unpacked).hexdigest() == published.unpacked_sha256
    except LoadError:  # none, no regular file, too long a one, no gzip
        return False
