"""Images that a person gives to a network: IDX, ``.npy`` or picture files."""

from __future__ import annotations

import os
from typing import Any

import numpy.typing as npt

from arraynet.datasets.idx import read_idx, unusable
from arraynet.datasets.pictures import FORMATS, read_picture
from arraynet.errors import ArraynetError, shortened
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.npy import MAGIC as NPY_MAGIC
from arraynet.formats.npy import stored_array
from arraynet.formats.recognition import HEAD, recognize
from arraynet.formats.source import Source, open_source

GREYS = range(256)


def read_images(
    path: str | os.PathLike[str], *, ground: int = 0, limits: Limits | None = None
) -> npt.NDArray[Any]:
    """Read images from a file whose first bytes say what it is.

    Parameters
    ----------
    path : path
        An IDX file (gzipped or not), a ``.npy`` file of real numbers, or, where Pillow is
        installed, a PNG, JPEG, BMP or WebP picture.
    ground : int
        The grey, from 0 to 255, that lies behind the transparent parts of a picture: 0
        (black) for bright ink, 255 for dark ink that is inverted afterwards.
    limits : Limits, optional
        Budgets other than the default ones.

    Returns
    -------
    numpy.ndarray
        What the file holds, in this machine's byte order; a picture gives grey bytes of
        shape (1, height, width), upright as its camera was held.

    Raises
    ------
    LoadError
        For whatever is wrong with the file.
    ArraynetError
        The ground or the limits are of another kind.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "images.npy")
    >>> np.save(path, np.zeros((5, 28, 28), "uint8"))
    >>> read_images(path).shape
    (5, 28, 28)
    >>> folder.cleanup()
    """
    limits = limits_or_default(limits)
    if ground not in GREYS:
        raise ArraynetError(f"ground: got {shortened(ground)}, expected a grey from 0 to 255")
    with open_source(path, limits) as source:
        start = source.peek(HEAD)
        if start.startswith(NPY_MAGIC):
            stored = stored_array(source)
            if stored.dtype.kind == "c":
                raise source.error(stored.dtype.name, "real numbers")
            return _with_axes(stored.load(), source)
        if start.startswith((b"\0\0", b"\x1f\x8b")):
            return _with_axes(read_idx(path, limits=limits), source)
        found = recognize(start, "")
        if found and found.kind in FORMATS:
            return read_picture(source, found.kind, limits, ground)
        raise unusable(source, start, "an IDX, .npy, PNG or JPEG file")


def _with_axes(array: npt.NDArray[Any], source: Source) -> npt.NDArray[Any]:
    """Refuse a number that is not in an array."""
    if not array.ndim:
        raise source.error("a single number", "an array with at least one axis")
    return array
