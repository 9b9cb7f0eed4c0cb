"""Images that a person gives to a network: IDX, ``.npy`` or picture files.

Pictures are decoded by Pillow, and turned into grey bytes. What a file may ask for is
bounded before: its bytes, its pixels, how often its decoder reads, and the scans of a JPEG.
Of PNG the pixels are counted too, for Pillow is content with fewer.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet.datasets.idx import read_idx, unusable
from arraynet.errors import ArraynetError, LoadError, clipped, shortened
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.npy import MAGIC as NPY_MAGIC
from arraynet.formats.npy import stored_array
from arraynet.formats.recognition import HEAD, recognize
from arraynet.formats.source import Source, open_source

if TYPE_CHECKING:
    from PIL.Image import Image

GREYS = range(256)

FORMATS = {"png": "PNG", "jpeg": "JPEG", "bmp": "BMP", "webp": "WEBP"}
"""Pillow's names of the formats that it may read, by ours of `arraynet.formats.recognition`."""

GREY_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
"""Pillow's names of the kinds of image that become 8-bit grey without loss of range."""

SIDE = 1 << 16
"""Pixels along one side: Pillow keeps a pointer for each row, beside the pixels."""

SCANS = 64
"""Passes of a JPEG over all of its pixels; a camera's has at most ten or so."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers for one pixel, by a PNG's colour type."""

BLOCK = 1 << 16


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
            stored = stored_array(source, limits)
            if stored.dtype.kind == "c":
                raise source.error(stored.dtype.name, "real numbers")
            return _with_axes(stored.load(), source)
        if start.startswith((b"\0\0", b"\x1f\x8b")):
            return _with_axes(read_idx(path, limits=limits), source)
        found = recognize(start, "")
        if found and found.kind in FORMATS:
            return _read_picture(source, found.kind, limits, ground)
        raise unusable(source, start, "an IDX, .npy, PNG or JPEG file")


def _with_axes(array: npt.NDArray[Any], source: Source) -> npt.NDArray[Any]:
    """Refuse a number that is not in an array."""
    if not array.ndim:
        raise source.error("a single number", "an array with at least one axis")
    return array


def _read_picture(source: Source, kind: str, limits: Limits, ground: int) -> npt.NDArray[np.uint8]:
    """Return a picture, of one of `FORMATS`, as grey bytes of shape (1, height, width)."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        advice = "Pillow to read it (python -m pip install 'arraynet[png]'), or an .npy file"
        raise source.error(f"a {FORMATS[kind]} image", advice) from None
    most = 4 * limits.pixels + (1 << 20)
    if source.size > most:
        raise source.error(f"a picture of {source.size} bytes", f"at most {most} (Limits.pixels)")
    data = source.read_at(0, source.size)
    if kind == "jpeg" and (scans := data.count(b"\xff\xda")) > SCANS:
        raise source.error(f"a JPEG of {scans} scans", f"at most {SCANS}")
    try:
        # Pillow warns of sizes, which are refused here, and of metadata, which is not read.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(_Counted(data, 4 * limits.chunks), formats=[FORMATS[kind]]) as image,
        ):
            _check(image, source, limits)
            if kind == "png":
                _check_pixels(data, image, source, limits)
            if image.mode == "P":
                _check_colours(image, source)
            ImageOps.exif_transpose(image, in_place=True)
            return np.array(_grey(image, ground))[np.newaxis]
    except (LoadError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise source.error(f"a damaged {FORMATS[kind]} header", "a whole image") from None
    except Exception as error:  # Pillow raises many kinds for a damaged image
        found = clipped(str(error) or type(error).__name__)
        raise source.error(found, f"a whole {FORMATS[kind]} image") from error


class _Counted(io.BytesIO):
    """Bytes that may be read so many times: decoders loop over what a file says."""

    def __init__(self, data: bytes, reads: int) -> None:
        super().__init__(data)
        self.reads = reads

    def read(self, count: int | None = -1, /) -> bytes:
        """Read, if that was not done too often."""
        self.reads -= 1
        if self.reads < 0:
            raise ValueError("too many pieces (Limits.chunks)")
        return super().read(count)


def _check(image: Image, source: Source, limits: Limits) -> None:
    """Refuse a size or a kind of pixels before they are decoded."""
    width, height = image.size
    if not 0 < width * height <= limits.pixels:
        raise source.error(f"{width} x {height} pixels", f"at most {limits.pixels} (Limits.pixels)")
    if max(width, height) > SIDE:
        raise source.error(f"{width} x {height} pixels", f"at most {SIDE} along a side")
    if image.mode not in GREY_MODES:
        raise source.error(f"a picture of mode {image.mode}", "8 bits per colour")


def _check_pixels(data: bytes, image: Image, source: Source, limits: Limits) -> None:
    """Refuse a PNG that ends before its pixels do: Pillow leaves the others black."""
    width, height, depth, colour, *_, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if (width, height) != image.size:
        raise source.error(f"{image.size} and {width, height} as its size", "one size")
    row = width * depth * CHANNELS[colour]
    # Seven passes have more rows, that are shorter: never fewer bits than the pixels have.
    expected = row * height // 8 if interlaced else height * (1 + -(-row // 8))
    found, position, kind, inflater = 0, 8, b"", zlib.decompressobj()
    for _ in range(limits.chunks):
        if kind == b"IEND" or position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        start, position = position + 8, position + 12 + length
        for place in range(start, start + length, BLOCK) if kind == b"IDAT" else ():
            piece = data[place : min(place + BLOCK, start + length)]
            while piece and found < expected:
                found += len(inflater.decompress(piece, BLOCK))
                piece = inflater.unconsumed_tail
    if found < expected or kind != b"IEND" or position > len(data):
        counts = f"{found} of {expected} bytes of pixels, {len(data)} in the file"
        raise source.error(counts, "a whole PNG image (is it truncated?)")


def _check_colours(image: Image, source: Source) -> None:
    """Refuse a pixel that is beyond the palette: Pillow makes it black."""
    colours = 0 if image.palette is None else len(image.palette.palette) // 3
    largest = int(np.array(image).max())
    if largest >= colours:
        raise source.error(f"the colour {largest} in a pixel", f"one of the palette's {colours}")


def _grey(image: Image, ground: int) -> Image:
    """Return a picture in grey, with its transparent parts on the ground."""
    from PIL import ImageChops

    if not image.has_transparency_data:
        return image.convert("L")
    colours = image.convert("RGBA")
    result = colours.convert("L")
    result.paste(ground, mask=ImageChops.invert(colours.getchannel("A")))
    return result
