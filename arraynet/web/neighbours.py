"""The test images that are nearest to a drawing."""

from __future__ import annotations

from dataclasses import dataclass, field
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

    Parameters
    ----------
    images : numpy.ndarray, shape (n, features)
        uint8, from 0 to ``largest``.
    labels : numpy.ndarray, shape (n,)
    largest : int
        The pixel that a network sees as 1.
    name : str
        What the set is called.
    """

    images: Bytes
    labels: Bytes
    largest: int
    name: str
    _rows: npt.NDArray[np.float32] = field(init=False, repr=False)
    _squares: npt.NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = self.images.astype(np.float32)
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_squares", np.einsum("ij,ij->i", rows, rows))

    def nearest(self, image: Bytes, count: int = 10) -> list[Neighbour]:
        """Return the images with the smallest Euclidean distance, the nearest first.

        Distances are those of the network's input, where a pixel is at most 1.

        Parameters
        ----------
        image : numpy.ndarray
            uint8, of as many pixels as an image of the set.
        count : int

        Examples
        --------
        >>> corners = Neighbours(np.eye(3, dtype=np.uint8), np.arange(3, dtype=np.uint8), 1, "")
        >>> near = corners.nearest(np.array([0, 1, 0], np.uint8), 1)
        >>> near[0].label, near[0].distance
        (1, 0.0)
        """
        drawing = image.ravel()
        # |a - b|² = |a|² - 2 a·b + |b|² is quick, and rounds: it finds the candidates only.
        rough = self._squares - 2 * (self._rows @ drawing.astype(np.float32))
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
    """Return MNIST's test images, from where `arraynet.datasets.load_mnist` finds them.

    Raises
    ------
    LoadError
        There are none, or a file is not good.
    """
    from arraynet.datasets.mnist import LARGEST, load_mnist

    images, labels = load_mnist(folder, part="test", normalize=False)
    return Neighbours(images, labels, LARGEST, f"MNIST's {len(images):,} test images")
