"""MNIST, from its four IDX files in a local folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.datasets.idx import read_idx
from arraynet.datasets.presentation import Part, present
from arraynet.errors import LoadError

LARGEST = 255
"""The largest pixel."""


def load_mnist(
    folder: str | os.PathLike[str],
    *,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
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

    Returns
    -------
    tuple
        ``(x_train, t_train), (x_test, t_test)``: 60,000 and 10,000 examples.

    Raises
    ------
    LoadError
        A file is missing, is not a good IDX file, or does not fit its partner.

    Examples
    --------
    >>> load_mnist("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    arraynet.errors.LoadError: nowhere: got no such folder, expected ...
    """
    place = Path(folder)
    if not place.is_dir():
        raise LoadError(
            place,
            "no such folder",
            "a folder with MNIST's four IDX files (arraynet.datasets.fetch_mnist() downloads them)",
        )
    paths = [
        _find(place, part, kind)
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    options = {"normalize": normalize, "flatten": flatten, "one_hot_label": one_hot_label}
    return _part(paths[0], paths[1], options), _part(paths[2], paths[3], options)


def _find(folder: Path, part: str, kind: str) -> Path:
    """Return the first of the names that a file may have that is there."""
    stem = f"{part}-{kind}-ubyte"
    dotted = stem.replace("-idx", ".idx")
    names = [f"{name}{suffix}" for name in (stem, dotted) for suffix in (".gz", "")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise LoadError(
        folder,
        f"none of {', '.join(names)}",
        "one of them (arraynet.datasets.fetch_mnist() downloads MNIST)",
    )


def _part(images_path: Path, labels_path: Path, options: dict[str, bool]) -> Part:
    """Read, check and present the images and labels of one part."""
    images = _bytes(images_path, 3, "images (n, height, width)")
    labels = _bytes(labels_path, 1, "labels (n,)")
    if len(images) != len(labels):
        raise LoadError(
            labels_path,
            f"{len(labels)} labels",
            f"{len(images)}, one for each image in {images_path.name}",
        )
    if labels.max(initial=0) > 9:
        raise LoadError(labels_path, f"a label of {labels.max()}", "labels from 0 to 9")
    return present(images, labels, largest=LARGEST, **options)


def _bytes(path: Path, rank: int, what: str) -> npt.NDArray[np.uint8]:
    """Read an IDX file that must hold bytes, of that rank."""
    array: npt.NDArray[Any] = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != rank:
        raise LoadError(path, f"{array.dtype} of shape {array.shape}", f"uint8 {what}")
    return array
