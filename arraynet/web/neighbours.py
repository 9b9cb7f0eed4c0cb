"""The test images that are nearest to a drawing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import os

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Neighbour:
    """One test image: its label, its pixels, and how far it is from the drawing."""

    label: int
    distance: float
    pixels: Bytes


@dataclass(frozen=True)
class Neighbours:
    """Labelled test images, to be searched for the nearest.

    Images are uint8 (n, features), from 0 to ``largest``, which a network sees as 1;
    the name is what the set is called.
    """

    images: Bytes
    labels: Bytes
    largest: int
    name: str

    @cached_property
    def _rows(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The images, and their squared lengths."""
        rows = self.images.astype(np.float32)
        return rows, np.einsum("ij,ij->i", rows, rows)

    def nearest(self, image: Bytes, count: int = 10) -> list[Neighbour]:
        """Return the images with the smallest Euclidean distance, the nearest first.

        Distances are those of the network's input, where a pixel is at most 1; the image
        is of bytes, as many as one of the set.

        Examples
        --------
        >>> corners = Neighbours(np.eye(3, dtype=np.uint8), np.arange(3, dtype=np.uint8), 1, "")
        >>> near = corners.nearest(np.array([0, 1, 0], np.uint8), 1)
        >>> near[0].label, near[0].distance
        (1, 0.0)
        """
        drawing = image.ravel()
        # |a - b|² = |a|² - 2 a·b + |b|² is quick, and rounds: it finds the candidates only.
        rows, lengths = self._rows
        rough = lengths - 2 * (rows @ drawing.astype(np.float32))
        kept = min(len(rough), 4 * count)
        candidates = np.sort(np.argpartition(rough, kept - 1)[:kept])
        difference = self.images[candidates].astype(np.int64) - drawing.astype(np.int64)
        squares = (difference**2).sum(axis=1)
        order = np.argsort(squares, kind="stable")[:count]
        return [
            Neighbour(
                int(self.labels[candidates[place]]),
                float(np.sqrt(squares[place])) / self.largest,
                self.images[candidates[place]],
            )
            for place in order
        ]


def embedded_digits() -> Neighbours:
    """Return the 355 embedded test images."""
    from arraynet.datasets.digits import LARGEST, load_digits

    _, (images, labels) = load_digits(normalize=False)
    return Neighbours(images, labels, LARGEST, "the 355 embedded test images")


def mnist(folder: str | os.PathLike[str] | None = None) -> Neighbours:
    """Return MNIST's test images, from where `arraynet.datasets.load_mnist` finds them."""
    from arraynet.datasets.mnist import LARGEST, load_mnist

    images, labels = load_mnist(folder, part="test", normalize=False)
    return Neighbours(images, labels, LARGEST, f"MNIST's {len(images):,} test images")
