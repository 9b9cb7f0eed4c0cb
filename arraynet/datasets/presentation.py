"""The forms that every image data set is given in: ``normalize``, ``flatten``, one-hot."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Part: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""The images and the labels of the training or of the test part."""


def present(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    *,
    largest: int,
    normalize: bool,
    flatten: bool,
    one_hot_label: bool,
) -> Part:
    """Return new arrays of images and labels in the form that was asked for.

    The images are (n, height, width) uint8 up to ``largest``, which `normalize` divides by,
    and the labels (n,) uint8 up to 9. For the other parameters see `load_mnist`.
    """
    count, height, width = images.shape
    shape = (count, height * width) if flatten else (count, 1, height, width)
    x = images.reshape(shape)
    pixels = np.divide(x, np.float32(largest), dtype=np.float32) if normalize else x.copy()
    return pixels, np.eye(10, dtype=np.float32)[labels] if one_hot_label else labels.copy()
