"""PNG images: their chunks are checked here, and Pillow decodes what is left of them.

Pillow sees the header, the palette and the pixels alone: no text, no colour profiles,
no animation, and no length that goes beyond the file.

References
----------
https://www.w3.org/TR/png-3/#5DataRep
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.errors import LoadError
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import clipped

MAGIC = b"\x89PNG\r\n\x1a\n"

KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks that say what the pixels are."""

BLOCK = 1 << 16

SIDE = 1 << 16
"""Pixels along one side: Pillow keeps a pointer for each row, beside the pixels."""

TABLE = 3 * 256
"""Bytes of the largest palette; transparency takes less."""

GREY_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of the kinds of image that become 8-bit grey without loss of range."""


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers for one pixel, by the header's colour type."""

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Where the seven passes of an interlaced image begin (x, y), and their steps."""


def read_png(source: Source, limits: Limits) -> npt.NDArray[np.uint8]:
    """Return a PNG as grey bytes of shape (1, height, width).

    Raises
    ------
    LoadError
        When it is not a whole PNG of at most 8 bits per colour, is beyond the
        limits, or Pillow is not installed.
    """
    width, height, pixel_bytes = _header(source, limits)
    essence = _essence(source, limits, pixel_bytes)
    try:
        from PIL import Image
    except ImportError:
        raise source.error(
            "a PNG image", "Pillow to read it (pip install 'arraynet[png]'), or an .npy file"
        ) from None
    try:
        with Image.open(io.BytesIO(essence), formats=["PNG"]) as image:
            if image.size != (width, height) or image.mode not in GREY_MODES:
                raise source.error(f"a PNG of mode {image.mode}", "8 bits per colour")
            grey: npt.NDArray[Any] = np.array(image.convert("L"))
    except (LoadError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged image
        raise source.error(clipped(str(error), 200), "a whole PNG image") from error
    return grey[np.newaxis]


def _header(source: Source, limits: Limits) -> tuple[int, int, int]:
    """Return width, height, and how many bytes the pixels take before compression."""
    start = source.read_at(0, 29)
    if start[:16] != MAGIC + b"\0\0\0\rIHDR":
        raise source.error("a damaged PNG header", "a PNG image")
    width, height, depth, colour, *methods, interlaced = struct.unpack(">IIBBBBB", start[16:])
    if not 0 < width * height <= limits.pixels:
        raise source.error(f"{width} x {height} pixels", f"at most {limits.pixels} (Limits.pixels)")
    if max(width, height) > SIDE:
        raise source.error(f"{width} x {height} pixels", f"at most {SIDE} along a side")
    if depth not in (1, 2, 4, 8) or colour not in CHANNELS or any(methods) or interlaced > 1:
        raise source.error(
            f"a PNG of {depth} bits, colour type {colour}, methods {[*methods, interlaced]}",
            "at most 8 bits per colour",
        )
    size = 0
    for x, y, step_x, step_y in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -((x - width) // step_x), -((y - height) // step_y)
        if columns > 0:
            size += max(rows, 0) * (1 + (columns * depth * CHANNELS[colour] + 7) // 8)
    return width, height, size


def _essence(source: Source, limits: Limits, pixel_bytes: int) -> bytes:
    """Return the image without the chunks that it does not need."""
    kept = [MAGIC]
    pixels = _Pixels(source, pixel_bytes)
    position = len(MAGIC)
    for _ in range(limits.chunks):
        length, kind = struct.unpack(">I4s", source.read_at(position, 8, "a PNG chunk"))
        start, position = position, position + length + 12
        if position > source.size:
            raise source.error(
                f"a chunk {clipped(kind)} of {length} bytes",
                f"a whole PNG image of {source.size} bytes (is it truncated?)",
            )
        if kind not in KEPT:
            if not kind[:1].islower():  # an upper-case letter: it may not be left out
                raise source.error(f"a chunk {clipped(kind)}", "a PNG image of known chunks")
            continue
        most = pixels.room() if kind == b"IDAT" else TABLE
        if length > most:
            raise source.error(f"a chunk {clipped(kind)} of {length} bytes", f"at most {most}")
        kept.append(_checked(source, start, length, kind))
        if kind == b"IDAT":
            pixels.add(kept[-1][8:-4])
        if kind == b"IEND":
            pixels.finish()
            if position != source.size:
                rest = source.size - position
                raise source.error(f"{rest} bytes after the PNG image", "nothing after it")
            return b"".join(kept)
    raise source.error(f"more than {limits.chunks} chunks", "fewer (Limits.chunks)")


def _checked(source: Source, start: int, length: int, kind: bytes) -> bytes:
    """Return a chunk whose checksum is right."""
    chunk = source.read_at(start, length + 12)
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise source.error(f"a damaged chunk {clipped(kind)}", "a whole PNG image")
    return chunk


class _Pixels:
    """Counts what the pixels decompress to: Pillow is content with less, or more."""

    def __init__(self, source: Source, expected: int) -> None:
        self.source = source
        self.expected = expected
        self.found = 0
        self.compressed = 0
        self.inflater = zlib.decompressobj()

    def room(self) -> int:
        """Return how long the next chunk may be, with ample room for bad compression."""
        return self.expected + self.expected // 8 + BLOCK - self.compressed

    def add(self, data: bytes) -> None:
        """Decompress the data of one chunk, a little at a time."""
        self.compressed += len(data)
        while data and not self.inflater.eof:
            try:
                self.found += len(self.inflater.decompress(data, BLOCK))
            except zlib.error as error:
                raise self.source.error(str(error), "a whole PNG image") from error
            if self.found > self.expected:
                break
            data = self.inflater.unconsumed_tail
        if data or self.inflater.unused_data:
            raise self.source.error(
                "more pixels than it declares", f"{self.expected} bytes of them"
            )

    def finish(self) -> None:
        """Check that this was all of them."""
        if self.found != self.expected or not self.inflater.eof:
            raise self.source.error(
                f"{self.found} bytes of pixels", f"{self.expected} (is it truncated?)"
            )
