"""Images that a person gives to a network: IDX, ``.npy`` or PNG files."""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.datasets.idx import read_idx
from arraynet.errors import LoadError
from arraynet.formats.limits import DEFAULT, Limits
from arraynet.formats.npy import MAGIC as NPY_MAGIC
from arraynet.formats.npy import stored_array
from arraynet.formats.source import Source, open_source
from arraynet.formats.stored import clipped

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

GREY_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of the kinds of image that become 8-bit grey without loss of range."""


def read_images(path: str | os.PathLike[str], *, limits: Limits | None = None) -> npt.NDArray[Any]:
    """Read images from a file whose first bytes say what it is.

    Parameters
    ----------
    path : path
        An IDX file (gzipped or not), a ``.npy`` file of numbers, or a PNG image
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
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "images.npy")
    >>> np.save(path, np.zeros((5, 28, 28), "uint8"))
    >>> read_images(path).shape
    (5, 28, 28)
    >>> folder.cleanup()
    """
    limits = DEFAULT if limits is None else limits
    with open_source(path, limits) as source:
        start = source.peek(8)
        if start.startswith(NPY_MAGIC):
            return stored_array(source, limits).load()
        if start.startswith(PNG_MAGIC[:4]):
            return _read_png(source, limits)
        if start.startswith((b"\0\0", b"\x1f\x8b")):
            return read_idx(path, limits=limits)
        raise source.error(f"the first bytes {start!r}", "an IDX, .npy or PNG file")


def _read_png(source: Source, limits: Limits) -> npt.NDArray[np.uint8]:
    """Return a PNG as grey bytes of shape (1, height, width)."""
    # The size stands in the first chunk, which is checked before Pillow sees the file.
    header = source.read_at(0, 24)
    if header[:16] != PNG_MAGIC + b"\0\0\0\rIHDR":
        raise source.error("a damaged PNG header", "a PNG image")
    width, height = struct.unpack(">II", header[16:])
    if not 0 < width * height <= limits.pixels:
        raise source.error(f"{width} x {height} pixels", f"at most {limits.pixels} (Limits.pixels)")
    try:
        from PIL import Image
    except ImportError:
        raise source.error(
            "a PNG image", "Pillow to read it (pip install 'arraynet[png]'), or an .npy file"
        ) from None
    source.file.seek(0)
    try:
        with Image.open(source.file, formats=["PNG"]) as image:
            if image.size != (width, height) or image.mode not in GREY_MODES:
                raise source.error(f"a PNG of mode {image.mode}", "8 bits per colour")
            return np.asarray(image.convert("L"))[np.newaxis].copy()
    except (LoadError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged image
        raise source.error(clipped(str(error), 200), "a whole PNG image") from error
