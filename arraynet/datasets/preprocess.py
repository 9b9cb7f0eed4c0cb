"""Drawings brought into the form of a data set's images.

Both functions take one picture of one digit, bright ink on a dark ground, of any size,
and repeat what was done to the data set's scans. NumPy on the host. Dark ink on paper is
``to_mnist(255 - read_images("seven.jpg", ground=255)[0])``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import real_array
from arraynet.errors import DtypeError, ShapeError

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Bitmap = npt.NDArray[np.bool_]

FAINT = 0.1
"""Ink below this share of the brightest is ground."""

INK = (256, 412)
"""How many of a 32 × 32 bitmap's points are ink, after the strokes are normalised."""


def to_digits(image: npt.ArrayLike) -> Bytes:
    """Return a drawing as an 8 × 8 image like those of `load_digits`.

    The steps are those of NIST's form reader [1]_, which made the data set's bitmaps,
    and the data set's own block count [2]_: crop to the ink; scale it to 32 points high
    and squeeze it to at most 20 wide, in the middle of 32 × 32 points, black or white;
    thicken or thin the strokes until 256 to 412 points are ink; shear until the left
    edges of the top and of the bottom row are above each other; count the ink in each
    block of 4 × 4. NIST also widens narrow digits to 20 points; here a stroke straight
    down stays narrow, and stays a 1.

    Parameters
    ----------
    image : array_like
        (height, width) real and finite, ink brighter than the ground.

    Returns
    -------
    numpy.ndarray
        (8, 8) uint8, from 0 to 16; all 0 for an image without ink.

    Raises
    ------
    ShapeError
        The image is not a matrix.
    DtypeError
        The image is not of real, finite numbers.

    References
    ----------
    .. [1] M. D. Garris et al., NIST Form-Based Handprint Recognition System,
       NISTIR 5469, 1994.
    .. [2] E. Alpaydin, C. Kaynak, Cascading Classifiers, Kybernetika 34, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> canvas = np.zeros((28, 28))
    >>> canvas[4:24, 12:17] = 1.0
    >>> to_digits(canvas)[0]
    array([ 0,  0,  0, 16, 16,  0,  0,  0], dtype=uint8)
    """
    ink = _cropped(image)
    if ink is None:
        return np.zeros((8, 8), np.uint8)
    height, width = ink.shape
    columns = min(20, max(1, round(32 * width / height)))
    scaled = _resize(ink, 32, columns)
    bitmap = np.zeros((32, 32), np.bool_)
    left = (32 - columns) // 2
    bitmap[:, left : left + columns] = scaled >= 0.5 * scaled.max()
    upright = _upright(_stroke_normalized(bitmap))
    counts: Bytes = upright.reshape(8, 4, 8, 4).sum(axis=(1, 3), dtype=np.uint8)
    return counts


def to_mnist(image: npt.ArrayLike) -> Bytes:
    """Return a drawing as a 28 × 28 image like those of `load_mnist`.

    As MNIST's authors describe it [1]_: the ink's box is scaled to fit 20 × 20, keeping
    its proportions, with grey edges from the interpolation, and put into 28 × 28 so that
    its centre of mass is in the middle.

    Parameters
    ----------
    image : array_like
        (height, width) real and finite, ink brighter than the ground.

    Returns
    -------
    numpy.ndarray
        (28, 28) uint8, from 0 to 255; all 0 for an image without ink.

    Raises
    ------
    ShapeError, DtypeError
        As for `to_digits`.

    References
    ----------
    .. [1] Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten
       digits, http://yann.lecun.com/exdb/mnist/.

    Examples
    --------
    >>> import numpy as np
    >>> canvas = np.zeros((50, 90))
    >>> canvas[5:45, 10:14] = 1.0
    >>> np.argwhere(to_mnist(canvas)).min(axis=0), np.argwhere(to_mnist(canvas)).max(axis=0)
    (array([ 4, 13]), array([23, 14]))
    """
    ink = _cropped(image)
    canvas = np.zeros((28, 28), np.uint8)
    if ink is None:
        return canvas
    scale = 20 / max(ink.shape)
    rows, columns = (max(1, round(size * scale)) for size in ink.shape)
    scaled = _resize(ink, rows, columns)
    scaled /= scaled.max()
    top = _centred(scaled.sum(axis=1))
    left = _centred(scaled.sum(axis=0))
    canvas[top : top + rows, left : left + columns] = np.rint(255 * scaled)
    return canvas


@dataclass(frozen=True)
class Preparation:
    """How a drawing becomes the image that a network sees."""

    prepare: Callable[[npt.ArrayLike], Bytes]
    side: int
    largest: int
    text: str


PREPARATIONS = {
    64: Preparation(to_digits, 8, 16, "upright, 8 × 8 blocks, as the embedded digits were made"),
    784: Preparation(to_mnist, 28, 255, "centred by mass in 28 × 28, as MNIST's images were"),
}
"""By the number of values that the network takes."""


def preparation_for(inputs: int, where: str) -> Preparation:
    """Return how drawings are prepared for a network with so many inputs, or refuse it."""
    if inputs not in PREPARATIONS:
        wanted = "64 (8 × 8 pixels) or 784 (28 × 28)"
        raise ShapeError(f"{where}: got a network with {inputs} inputs, expected {wanted}")
    return PREPARATIONS[inputs]


def border(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the pixels at the edges of images (…, height, width)."""
    edges = (images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1])
    return np.concatenate([edge.ravel() for edge in edges])


def without_ground(image: npt.NDArray[Any]) -> Floats:
    """Return what is brighter than the ground, such as paper, by the median of the border.

    The ground's own noise goes too: four times its robust standard deviation.
    """
    edge = border(image).astype(np.float64)
    ground = np.median(edge)
    noise = 4 * 1.4826 * np.median(np.abs(edge - ground))
    lifted = image - ground
    return np.where(lifted > noise, lifted, 0.0)


def _cropped(image: npt.ArrayLike) -> Floats | None:
    """Return the box of the ink, from 0 (ground) to 1 (brightest); None without ink."""
    host = real_array("image", image)
    if host.ndim != 2:
        raise ShapeError(f"image: got shape {host.shape}, expected (height, width)")
    pixels = host.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise DtypeError("image: got NaN or infinite pixels, expected finite ones")
    largest = pixels.max(initial=0.0)
    if largest <= 0:
        return None
    share: Floats = np.clip(pixels / largest, 0.0, 1.0)
    share[share < FAINT] = 0.0
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    return share[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resize(image: Floats, rows: int, columns: int) -> Floats:
    """Return the image in another size, interpolated linearly and antialiased."""
    result: Floats = _weights(image.shape[0], rows) @ image @ _weights(image.shape[1], columns).T
    return result


def _weights(old: int, new: int) -> Floats:
    """Return (new, old) weights: triangles as wide as the coarser of the two grids."""
    ratio = old / new
    centres = (np.arange(new) + 0.5) * ratio - 0.5
    distance = np.abs(centres[:, np.newaxis] - np.arange(old)) / max(ratio, 1.0)
    triangle: Floats = np.maximum(1.0 - distance, 0.0)
    triangle /= triangle.sum(axis=1, keepdims=True)
    return triangle


def _stroke_normalized(bitmap: Bitmap) -> Bitmap:
    """Thicken or thin the strokes, a point at a time, until the ink is in `INK`."""
    for _ in range(4):
        if bitmap.sum() < INK[0]:
            bitmap = _thickened(bitmap)
        elif bitmap.sum() > INK[1] and (thinned := ~_thickened(~bitmap)).any():
            bitmap = thinned
    return bitmap


def _thickened(bitmap: Bitmap) -> Bitmap:
    """Set every point that has a set neighbour above, below, left or right."""
    result = bitmap.copy()
    result[1:] |= bitmap[:-1]
    result[:-1] |= bitmap[1:]
    result[:, 1:] |= bitmap[:, :-1]
    result[:, :-1] |= bitmap[:, 1:]
    return result


def _upright(bitmap: Bitmap) -> Bitmap:
    """Shear until the left edges of the first and last row of ink are in one column."""
    inked = np.flatnonzero(bitmap.any(axis=1))
    first, last = inked[0], inked[-1]
    if first == last:
        return bitmap
    lean = (int(bitmap[last].argmax()) - int(bitmap[first].argmax())) / (last - first)
    middle = (first + last) / 2
    result = np.zeros_like(bitmap)
    for row in inked:
        columns = np.flatnonzero(bitmap[row]) - round(lean * (row - middle))
        result[row, columns[(columns >= 0) & (columns < 32)]] = True
    return result


def _centred(mass: Floats) -> int:
    """Return where ink with this mass along an axis begins, to be centred in 28."""
    middle = float(mass @ (np.arange(len(mass)) + 0.5)) / float(mass.sum())
    return int(np.clip(round(14 - middle), 0, 28 - len(mass)))
