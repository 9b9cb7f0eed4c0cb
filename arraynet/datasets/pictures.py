"""Pictures, as Pillow decodes them, turned into grey bytes.

What a file may ask for is bounded before: its bytes, its pixels, how often its decoder
reads, and the scans of a JPEG. Of PNG the pixels are counted too, for Pillow is content
with fewer.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arraynet.errors import LoadError, clipped
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = {"png": "PNG", "jpeg": "JPEG", "bmp": "BMP", "webp": "WEBP"}
"""Pillow's names of the formats that it may read, by ours of `arraynet.formats.recognition`."""

GREY_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
"""Pillow's names of the kinds of image that become 8-bit grey without loss of range."""

SIDE = 1 << 16
"""Pixels along one side: Pillow keeps a pointer for each row, beside the pixels."""

SCANS = 64
"""Passes of a JPEG over all of its pixels; a camera's has at most ten or so."""

MAGIC = b"\x89PNG\r\n\x1a\n"

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers for one pixel, by a PNG's colour type."""

BLOCK = 1 << 16


def read_picture(source: Source, kind: str, limits: Limits, ground: int) -> npt.NDArray[np.uint8]:
    """Return a picture as grey bytes of shape (1, height, width).

    Parameters
    ----------
    source : Source
    kind : str
        One of `FORMATS`.
    limits : Limits
    ground : int
        The grey, from 0 to 255, that lies behind what is transparent.

    Raises
    ------
    LoadError
        When it is not whole, has more than 8 bits per colour, is beyond the limits, or
        Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise source.error(
            f"a {FORMATS[kind]} image",
            "Pillow to read it (python -m pip install 'arraynet[png]'), or an .npy file",
        ) from None
    most = 4 * limits.pixels + (1 << 20)
    if source.size > most:
        raise source.error(f"a picture of {source.size} bytes", f"at most {most} (Limits.pixels)")
    data = source.read_at(0, source.size)
    if kind == "jpeg" and data.count(b"\xff\xda") > SCANS:
        raise source.error(f"a JPEG of {data.count(bytes([255, 218]))} scans", f"at most {SCANS}")
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
        raise source.error(
            clipped(str(error) or type(error).__name__), f"a whole {FORMATS[kind]} image"
        ) from error


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
    found, position, kind, inflater = 0, len(MAGIC), b"", zlib.decompressobj()
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
        raise source.error(
            f"{found} of {expected} bytes of pixels, {len(data)} in the file",
            "a whole PNG image (is it truncated?)",
        )


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
    hidden = ImageChops.invert(colours.getchannel("A"))
    result.paste(ground, mask=hidden)
    return result
