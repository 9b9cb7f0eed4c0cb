"""Data sets: MNIST from local files, the embedded digits, any IDX file, pictures."""

from __future__ import annotations

from arraynet.datasets.digits import load_digits
from arraynet.datasets.fetch import fetch_mnist
from arraynet.datasets.idx import read_idx
from arraynet.datasets.images import read_images
from arraynet.datasets.mnist import load_mnist
from arraynet.datasets.preprocess import to_digits, to_mnist

__all__ = [
    "fetch_mnist", "load_digits", "load_mnist", "read_idx", "read_images", "to_digits", "to_mnist"
]  # fmt: skip
