"""The embedded digits: 1,797 handwritten images of 8 × 8 pixels.

They are UCI's *Optical Recognition of Handwritten Digits* (its test set), by
E. Alpaydin and C. Kaynak, CC BY 4.0; digits.LICENSE.md beside this file has the source.

The split is arraynet's, and stratified: of each digit's images, in the data set's order,
the fifth, tenth, fifteenth … are test images. That gives 1,442 and 355. A writer's
images may be in both parts.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

Part: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""The images and the labels of the training or of the test part."""

LARGEST = 16
"""The largest pixel: all 16 points of a 4 × 4 block are set."""


def load_digits(
    *, normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> tuple[Part, Part]:
    """Return the embedded 8 × 8 digits, in the form of `load_mnist`.

    Parameters
    ----------
    normalize : bool
        Divide the pixels, 0 to 16, by 16: float32 from 0 to 1. Otherwise uint8.
    flatten : bool
        Give images as (n, 64); otherwise (n, 1, 8, 8).
    one_hot_label : bool
        Give labels as (n, 10) float32 rows; otherwise (n,) uint8.

    Returns
    -------
    tuple
        ``(x_train, t_train), (x_test, t_test)``: 1,442 and 355 examples, new arrays.

    Examples
    --------
    >>> (x_train, t_train), (x_test, t_test) = load_digits()
    >>> x_train.shape, x_test.shape, x_test.dtype.name
    ((1442, 64), (355, 64), 'float32')
    """
    images, labels = _stored()
    test = is_test(labels)
    form = {"normalize": normalize, "flatten": flatten, "one_hot_label": one_hot_label}
    train, tested = (
        present(images[mask], labels[mask], largest=LARGEST, **form) for mask in (~test, test)
    )
    return train, tested


def is_test(labels: Bytes) -> npt.NDArray[np.bool_]:
    """Return which examples are test examples: every fifth of its class, in order."""
    test = np.zeros(len(labels), np.bool_)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[4::5]] = True
    return test


@functools.cache
def _stored() -> tuple[Bytes, Bytes]:
    """Return the images (1797, 8, 8) and labels (1797,) of the embedded archive."""
    archive = resources.files("arraynet.datasets") / "digits.npz"
    with archive.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"]


def present(
    images: Bytes,
    labels: Bytes,
    *,
    largest: int,
    normalize: bool,
    flatten: bool,
    one_hot_label: bool,
) -> Part:
    """Return new arrays of images (n, height, width) and labels in the form asked for."""
    count, height, width = images.shape
    x = images.reshape((count, height * width) if flatten else (count, 1, height, width))
    pixels = np.divide(x, np.float32(largest), dtype=np.float32) if normalize else x.copy()
    return pixels, np.eye(10, dtype=np.float32)[labels] if one_hot_label else labels.copy()
