"""MNIST, from its four IDX files in a local folder, or where downloads are kept."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from arraynet.datasets.digits import Part, present
from arraynet.datasets.idx import read_idx
from arraynet.errors import ArraynetError, LoadError, choices_text, shortened
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.source import path_text
from arraynet.formats.stored import check_expansion, checked_size
from arraynet.node import is_one_of

LARGEST = 255
"""The largest pixel."""

PARTS = {"train": "train", "test": "t10k"}
"""The parts, and what the names of their files begin with."""

KINDS = ("images-idx3", "labels-idx1")

BELOW = ("MNIST/raw", "raw")
"""Where torchvision keeps the files, below the folder that it is given."""


@overload
def load_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    part: None = None,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    limits: Limits | None = None,
) -> tuple[Part, Part]: ...


@overload
def load_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    part: Literal["train", "test"],
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    limits: Limits | None = None,
) -> Part: ...


def load_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    part: Literal["train", "test"] | None = None,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    limits: Limits | None = None,
) -> tuple[Part, Part] | Part:
    """Return MNIST's training and test images from local IDX files.

    The files may be gzipped (``train-images-idx3-ubyte.gz``) or not, and named with a
    hyphen or a dot (``train-images.idx3-ubyte``). Nothing is downloaded: `fetch_mnist` does
    that.

    Parameters
    ----------
    folder : str or os.PathLike, optional
        The folder that holds the four files, or in which torchvision keeps them in
        ``MNIST/raw``. None: where `fetch_mnist` and ``arraynet fetch mnist`` put them.
    part : {"train", "test"}, optional
        Return only this part, of which alone the files must be there. None: both.
    normalize : bool
        Divide the pixels by 255: float32 from 0 to 1. Otherwise uint8.
    flatten : bool
        Give images as (n, 784); otherwise (n, 1, 28, 28).
    one_hot_label : bool
        Give labels as (n, 10) float32 rows; otherwise (n,) uint8.
    limits : Limits, optional
        Budgets other than the default ones, of each file and of each array returned.

    Returns
    -------
    tuple
        ``(x_train, t_train), (x_test, t_test)``: 60,000 and 10,000 examples; or the
        ``(x, t)`` of one part.

    Raises
    ------
    LoadError
        A file is missing, is not a good IDX file, does not fit its partner, or is
        beyond the limits, as it is stored or in the form that was asked for.
    ArraynetError
        The part or the limits are of another kind, or there is no cache folder.

    Examples
    --------
    >>> load_mnist("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    arraynet.errors.LoadError: nowhere: got no such folder, expected ...
    """
    limits = limits_or_default(limits)
    if part is not None and not is_one_of(part, PARTS):
        raise ArraynetError(
            f"load_mnist: got part={shortened(part)}, expected {choices_text(part, PARTS)}"
        )
    place = _folder(folder)
    wanted = [_files(place, name) for name in ([part] if part else PARTS)]
    stored = sum(status.st_size for pair in wanted for path in pair if (status := _status(path)))
    read = [_read(*pair, limits) for pair in wanted]
    returned = 0
    for paths, (images, labels) in zip(wanted, read, strict=True):
        rows = (len(labels), 10) if one_hot_label else labels.shape
        shapes = (images.shape, normalize), (rows, one_hot_label)
        for path, (shape, floats) in zip(paths, shapes, strict=True):
            dtype: np.dtype[Any] = np.dtype(np.float32 if floats else np.uint8)
            returned += checked_size(shape, dtype, limits, str(path), None)
    # MNIST, with all that may be asked for, takes 3.31 times the floor, however it is packed.
    enough = replace(limits, expansion_floor=limits.expansion_floor * 7 // 2)
    check_expansion(returned, stored, enough, str(place))
    form = {"normalize": normalize, "flatten": flatten, "one_hot_label": one_hot_label}
    found = [present(images, labels, largest=LARGEST, **form) for images, labels in read]
    return found[0] if part else (found[0], found[1])


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    """Return the folder with the files: the one that was named, or one inside it."""
    place = mnist_folder() if folder is None else Path(path_text(folder))
    status = _status(place)
    if status is None or not stat.S_ISDIR(status.st_mode):
        raise LoadError(
            place, "no such folder", f"a folder with MNIST's four IDX files ({_remedy(place)})"
        )
    for below in (place, *(place / name for name in BELOW)):
        if any(_found(below, part, kind) for part in PARTS for kind in KINDS):
            return below
    return place


def _remedy(place: Path) -> str:
    """Return what brings MNIST to this very folder."""
    with contextlib.suppress(ArraynetError):
        if place == mnist_folder():
            return "'arraynet fetch mnist', or arraynet.datasets.fetch_mnist(), downloads them"
    return f"arraynet.datasets.fetch_mnist({str(place)!r}) downloads them there"


def _status(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file or folder; None where there is none."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise LoadError(path, reason, "a readable folder") from error


def _names(part: str, kind: str) -> list[str]:
    """Return the names that a file may have."""
    stem = f"{PARTS[part]}-{kind}-ubyte"
    return [f"{name}{end}" for name in (stem, stem.replace("-idx", ".idx")) for end in (".gz", "")]


def _found(folder: Path, part: str, kind: str) -> Path | None:
    """Return the first of the names that a file may have that is there."""
    for path in (folder / name for name in _names(part, kind)):
        if (status := _status(path)) and stat.S_ISREG(status.st_mode):
            return path
    return None


def _files(folder: Path, part: str) -> tuple[Path, Path]:
    """Return the files of the images and of the labels of one part."""
    images, labels = (_found(folder, part, kind) for kind in KINDS)
    if images and labels:
        return images, labels
    (other,) = (name for name in PARTS if name != part)
    advice = _remedy(folder)
    if all(_found(folder, other, kind) for kind in KINDS):
        advice = f"load_mnist(folder, part={other!r}) takes the part that is there; {advice}"
    missing = _names(part, KINDS[1] if images else KINDS[0])
    raise LoadError(folder, f"none of {', '.join(missing)}", f"one of them ({advice})")


def _read(
    images_path: Path, labels_path: Path, limits: Limits
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Read the images and the labels of one part, and check that they belong together."""
    images = _bytes(images_path, 3, "images (n, height, width)", limits)
    height, width = images.shape[1:]
    if not height * width:
        raise LoadError(images_path, f"images of {height} × {width} pixels", "at least one pixel")
    labels = _bytes(labels_path, 1, "labels (n,)", limits)
    if len(images) != len(labels):
        wanted = f"{len(images)}, one for each image in {images_path.name}"
        raise LoadError(labels_path, f"{len(labels)} labels", wanted)
    if labels.max(initial=0) > 9:
        raise LoadError(labels_path, f"a label of {labels.max()}", "labels from 0 to 9")
    return images, labels


def _bytes(path: Path, rank: int, what: str, limits: Limits) -> npt.NDArray[np.uint8]:
    """Read an IDX file that must hold bytes, of that rank."""
    array: npt.NDArray[Any] = read_idx(path, limits=limits)
    if array.dtype != np.uint8 or array.ndim != rank:
        raise LoadError(path, f"{array.dtype} of shape {array.shape}", f"uint8 {what}")
    return array


def mnist_folder() -> Path:
    """Return the folder of MNIST's files in the cache: what fetching fills, loading looks into."""
    return cache_folder() / "mnist"


def cache_folder() -> Path:
    """Return the folder of what was downloaded: ``ARRAYNET_CACHE``, or the user's cache.

    Raises
    ------
    ArraynetError
        The variable names the home of nobody, or there is no home folder.
    """
    chosen = os.environ.get("ARRAYNET_CACHE")
    try:
        return Path(chosen).expanduser() if chosen else _users_cache()
    except RuntimeError as problem:
        raise ArraynetError(
            f"ARRAYNET_CACHE: got {shortened(chosen)}, expected a folder "
            f"({shortened(str(problem).rstrip('.'))}: set ARRAYNET_CACHE to one that can be)"
        ) from problem


def _users_cache() -> Path:
    """Return this user's cache folder, where platformdirs would have it."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "arraynet" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "arraynet"
    chosen = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(chosen) if chosen else Path.home() / ".cache") / "arraynet"
