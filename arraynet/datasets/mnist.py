"""MNIST, from its four IDX files in a local folder."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.datasets.idx import read_idx
from arraynet.datasets.presentation import Part, present
from arraynet.errors import LoadError
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.source import path_text
from arraynet.formats.stored import check_expansion, checked_size

LARGEST = 255
"""The largest pixel."""


def load_mnist(
    folder: str | os.PathLike[str],
    *,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    limits: Limits | None = None,
) -> tuple[Part, Part]:
    """Return MNIST's training and test images from local IDX files.

    The files may be gzipped (``train-images-idx3-ubyte.gz``) or not, and named with a
    hyphen or a dot (``train-images.idx3-ubyte``). Nothing is downloaded: `fetch_mnist` does
    that.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder that holds the four files.
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
        ``(x_train, t_train), (x_test, t_test)``: 60,000 and 10,000 examples.

    Raises
    ------
    LoadError
        A file is missing, is not a good IDX file, does not fit its partner, or is
        beyond the limits, as it is stored or in the form that was asked for.

    Examples
    --------
    >>> load_mnist("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    arraynet.errors.LoadError: nowhere: got no such folder, expected ...
    """
    limits = limits_or_default(limits)
    place = _folder(folder)
    options = {"normalize": normalize, "flatten": flatten, "one_hot_label": one_hot_label}
    train, test = (
        [_find(place, part, kind) for kind in ("images-idx3", "labels-idx1")]
        for part in ("train", "t10k")
    )
    stored = sum(status.st_size for path in (*train, *test) if (status := _status(path)))
    first, taken = _part(train, options, limits, stored, 0)
    second, _ = _part(test, options, limits, stored, taken)
    return first, second


def _folder(folder: str | os.PathLike[str]) -> Path:
    """Return the folder, once it is known to be one."""
    place = Path(path_text(folder))
    status = _status(place)
    if status is None or not stat.S_ISDIR(status.st_mode):
        raise LoadError(
            place,
            "no such folder",
            "a folder with MNIST's four IDX files (arraynet.datasets.fetch_mnist() downloads them)",
        )
    return place


def _status(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file or folder; None where there is none."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise LoadError(path, reason, "a readable folder") from error


def _find(folder: Path, part: str, kind: str) -> Path:
    """Return the first of the names that a file may have that is there."""
    stem = f"{part}-{kind}-ubyte"
    dotted = stem.replace("-idx", ".idx")
    names = [f"{name}{suffix}" for name in (stem, dotted) for suffix in (".gz", "")]
    for name in names:
        status = _status(folder / name)
        if status is not None and stat.S_ISREG(status.st_mode):
            return folder / name
    raise LoadError(
        folder,
        f"none of {', '.join(names)}",
        "one of them (arraynet.datasets.fetch_mnist() downloads MNIST)",
    )


def _part(
    paths: list[Path], options: dict[str, bool], limits: Limits, stored: int, taken: int
) -> tuple[Part, int]:
    """Read, check and present the images and labels of one part.

    All that is returned, of which ``taken`` bytes are there already, must be within what
    all the files, of ``stored`` bytes, may grow to, or 3.5 times `Limits.expansion_floor`:
    MNIST, with all that may be asked for, takes 3.31 times that, however it is packed.
    Returns the new sum too.
    """
    images_path, labels_path = paths
    images = _bytes(images_path, 3, "images (n, height, width)", limits)
    height, width = images.shape[1:]
    if not height * width:
        raise LoadError(images_path, f"images of {height} × {width} pixels", "at least one pixel")
    labels = _bytes(labels_path, 1, "labels (n,)", limits)
    if len(images) != len(labels):
        raise LoadError(
            labels_path,
            f"{len(labels)} labels",
            f"{len(images)}, one for each image in {images_path.name}",
        )
    if labels.max(initial=0) > 9:
        raise LoadError(labels_path, f"a label of {labels.max()}", "labels from 0 to 9")
    taken += _size(images.shape, options["normalize"], images_path, limits)
    rows = (len(labels), 10) if options["one_hot_label"] else labels.shape
    taken += _size(rows, options["one_hot_label"], labels_path, limits)
    floats = replace(limits, expansion_floor=limits.expansion_floor * 7 // 2)
    check_expansion(taken, stored, floats, str(images_path.parent))
    return present(images, labels, largest=LARGEST, **options), taken


def _size(shape: tuple[int, ...], floats: bool, path: Path, limits: Limits) -> int:
    """Return the bytes of an array that is to be returned, once they are within the limits."""
    dtype: np.dtype[Any] = np.dtype(np.float32 if floats else np.uint8)
    return checked_size(shape, dtype, limits, str(path), None)


def _bytes(path: Path, rank: int, what: str, limits: Limits) -> npt.NDArray[np.uint8]:
    """Read an IDX file that must hold bytes, of that rank."""
    array: npt.NDArray[Any] = read_idx(path, limits=limits)
    if array.dtype != np.uint8 or array.ndim != rank:
        raise LoadError(path, f"{array.dtype} of shape {array.shape}", f"uint8 {what}")
    return array
