"""Images that a person gives to a network: IDX, ``.npy`` or PNG files."""

from __future__ import annotations

import os
from typing import Any

import numpy.typing as npt

from arraynet.datasets.idx import read_idx
from arraynet.datasets.png import MAGIC as PNG_MAGIC
from arraynet.datasets.png import read_png
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.npy import MAGIC as NPY_MAGIC
from arraynet.formats.npy import stored_array
from arraynet.formats.source import Source, open_source


def read_images(path: str | os.PathLike[str], *, limits: Limits | None = None) -> npt.NDArray[Any]:
    """Read images from a file whose first bytes say what it is.

    Parameters
    ----------
    path : path
        An IDX file (gzipped or not), a ``.npy`` file of real numbers, or a PNG image
        where Pillow is installed.
    limits : Limits, optional
        Budgets other than the default ones.

    Returns
    -------
    numpy.ndarray
        What the file holds, in this machine's byte order; a PNG gives grey bytes of
        shape (1, height, width).

    Raises
    ------
    LoadError
        For whatever is wrong with the file; nothing else is raised.

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
    with open_source(path, limits) as source:
        start = source.peek(8)
        if start.startswith(NPY_MAGIC):
            stored = stored_array(source, limits)
            if stored.dtype.kind == "c":
                raise source.error(stored.dtype.name, "real numbers")
            return _with_axes(stored.load(), source)
        if start.startswith(PNG_MAGIC[:4]):
            return read_png(source, limits)
        if start.startswith((b"\0\0", b"\x1f\x8b")):
            return _with_axes(read_idx(path, limits=limits), source)
        raise source.error(f"the first bytes {start!r}", "an IDX, .npy or PNG file")


def _with_axes(array: npt.NDArray[Any], source: Source) -> npt.NDArray[Any]:
    """Refuse a number that is not in an array."""
    if not array.ndim:
        raise source.error("a single number", "an array with at least one axis")
    return array
