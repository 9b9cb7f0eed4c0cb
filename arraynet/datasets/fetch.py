"""MNIST's four files from the internet into a folder, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arraynet.datasets.cache import mnist_folder
from arraynet.datasets.download import MirrorError, Published, digest, download
from arraynet.datasets.gzip_data import GzipReader
from arraynet.datasets.part import Part, open_part
from arraynet.errors import ArraynetError, LoadError
from arraynet.formats.limits import Limits
from arraynet.formats.source import open_source, path_text
from arraynet.formats.stored import clipped

LONGEST = 86_400
"""The longest timeout, in seconds: a day."""

BLOCK = 1 << 16

Progress = Callable[[int, int], object]
"""Told how many bytes are there, and how many there will be."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
"""Where the files are: PyTorch's, TensorFlow's and a university group's copy."""

TRIES = 3
"""How often one mirror is asked for one file, as long as each try brings bytes."""

FILES = (
    Published(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    Published(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    Published(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    Published(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)
"""The files as published: with PyTorch's MD5 sums, and these SHA-256 sums."""

UNPACKED: Mapping[str, Published] = {
    "train-images-idx3-ubyte.gz": Published(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte.gz": Published(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte.gz": Published(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte.gz": Published(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
"""What is in them. A file that somebody packed anew has this content, and is kept."""


def fetch_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    mirrors: str | Iterable[str] = MIRRORS,
    offline: bool = False,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download MNIST's four files, those that are not there yet, and return their folder.

    Every file is checked against its published SHA-256. It is written under another
    name first, so that a file under its own name is always whole, even if several
    programs download it at once. What an interrupted download has brought is kept, and
    continued the next time; but not that of a second one at the same time, nor in a
    folder on a system without file locks.

    Parameters
    ----------
    folder : str or os.PathLike, optional
        Where the files go. None: ``$ARRAYNET_CACHE/mnist`` where that is set, else
        this user's cache folder (needs platformdirs).
    mirrors : str or iterable of str
        Addresses of folders, tried in this order; https, or http on the loopback
        address.
    offline : bool
        Connect to nothing: only check that good files are there.
    progress : callable, optional
        Called as ``progress(bytes_done, bytes_in_all)``, now and then; both are 0
        when nothing has to be downloaded.
    timeout : float
        Seconds to wait for the first bytes of a file, and as many again for pauses after
        them. What a mirror sends besides gains it no time, and below 1,000 bytes a second
        it pauses: only each 1,000 bytes of the file give a second back.

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
        No folder was given, and there is no platformdirs to choose one; or an argument
        is of another kind.

    Examples
    --------
    >>> fetch_mnist("nowhere", offline=True)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    arraynet.errors.LoadError: nowhere: got no good train-images-idx3-ubyte.gz, ...
    """
    place = Path(path_text(folder)) if folder is not None else mnist_folder()
    job = _Job(place, _addresses(mirrors), _seconds(timeout))
    if progress is not None and not callable(progress):
        raise ArraynetError(f"progress: got {clipped(progress)}, expected a function or None")
    try:
        _complete(job, offline, progress)
    except OSError as problem:
        found = str(problem.strerror or problem)
        raise LoadError(place, found, "a folder with room, to write to") from problem
    return place


def _addresses(mirrors: object) -> list[str]:
    """Return the addresses of the mirrors, once they are known to be text."""
    found = [mirrors] if isinstance(mirrors, str) else mirrors
    if isinstance(found, Iterable) and not isinstance(found, bytes):
        found = list(found)
        if all(isinstance(address, str) for address in found):
            return found
    raise ArraynetError(f"mirrors: got {clipped(mirrors)}, expected addresses (str) of folders")


def _seconds(timeout: object) -> float:
    """Return the timeout, once it is known to be one."""
    if isinstance(timeout, int | float) and 0 < timeout <= LONGEST:
        return float(timeout)
    raise ArraynetError(
        f"timeout: got {clipped(timeout)}, expected seconds, above 0 and at most {LONGEST}"
    )


def _complete(job: _Job, offline: bool, progress: Progress | None) -> None:
    """Get the files that the job's folder lacks."""
    missing = [published for published in FILES if not is_good(job.folder, published)]
    if offline and missing:
        names = ", ".join(published.name for published in missing)
        raise LoadError(job.folder, f"no good {names}", "all of MNIST's files (go online once)")
    tally = _Tally(progress, sum(published.size for published in missing))
    tally.report(0)
    for published in missing:
        job.folder.mkdir(parents=True, exist_ok=True)
        if not is_good(job.folder, published):  # another download may have brought it
            job.fetch(published, tally)
        tally.add(published.size)


def is_good(folder: Path, published: Published) -> bool:
    """Return whether a folder has the published file, or its content packed anew."""
    path = folder / published.name
    content = UNPACKED.get(published.name)
    # Packed without compression it is a little longer than its content.
    most = published.size if content is None else content.size + content.size // 100 + 1024
    try:
        with open_source(path, Limits(file_bytes=most)) as source:
            if source.size == published.size and digest(source.file) == published.sha256:
                return True
            return content is not None and _holds(GzipReader(source), content)
    except LoadError:  # none, no regular file, too long a one, no gzip
        return False


def _holds(reader: GzipReader, content: Published) -> bool:
    """Return whether a gzip file holds that content, never unpacking more than it."""
    checksum, left = hashlib.sha256(), content.size
    while left:
        chunk = reader.read(min(left, BLOCK))
        checksum.update(chunk)
        left -= len(chunk)
    reader.finish()
    return checksum.hexdigest() == content.sha256


@dataclass
class _Tally:
    """Adds up what the files bring, for the caller's progress."""

    progress: Progress | None
    total: int
    before: int = 0

    def report(self, received: int) -> None:
        """Tell that so many bytes of the present file are there."""
        if self.progress is not None:
            self.progress(self.before + received, self.total)

    def add(self, size: int) -> None:
        """Tell that a whole file of that size is there."""
        self.before += size
        self.report(0)


@dataclass(frozen=True)
class _Job:
    """Where the files come from and go to."""

    folder: Path
    mirrors: list[str]
    timeout: float

    def fetch(self, published: Published, tally: _Tally) -> None:
        """Get one file from the first mirror that gives it."""
        final = self.folder / published.name
        with open_part(final) as part:
            reasons = self._try_mirrors(part, published, tally)
            if reasons is None:
                part.publish(final)
                return
        if is_good(self.folder, published):  # another download has brought it meanwhile
            return
        raise LoadError(
            final,
            "; ".join(reasons) or "no mirrors",
            "one mirror with the file (or put it there yourself)",
        )

    def _try_mirrors(self, part: Part, published: Published, tally: _Tally) -> list[str] | None:
        """Complete a partial file; otherwise return what each mirror did."""
        reasons = []
        for mirror in self.mirrors:
            url = f"{mirror.rstrip('/')}/{published.name}"
            for _ in range(TRIES):
                try:
                    download(url, part, published, timeout=self.timeout, report=tally.report)
                except MirrorError as problem:
                    reasons.append(f"{url}: {problem}")
                    if not problem.again:
                        break
                else:
                    return None
        return reasons
