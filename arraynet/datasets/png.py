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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from arraynet.errors import LoadError
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import clipped

MAGIC = b"\x89PNG\r\n\x1a\n"

KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks that say what the pixels are."""

ONCE = KEPT[:3]
"""Those that stand before the pixels, at most once."""

BLOCK = 1 << 16

SIDE = 1 << 16
"""Pixels along one side: Pillow keeps a pointer for each row, beside the pixels."""

TABLE = 3 * 256
"""Bytes of the largest palette; transparency takes less."""

GREY_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of the kinds of image that become 8-bit grey without loss of range."""


CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Numbers for one pixel, by the header's colour type."""

PALETTE = 3
"""The colour type whose pixels are places in a palette."""

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
"""Where the seven passes of an interlaced image begin (x, y), and their steps."""


def read_png(source: Source, limits: Limits) -> npt.NDArray[np.uint8]:
    """Return a PNG as grey bytes of shape (1, height, width).

    Raises
    ------
    LoadError
        When it is not a whole PNG of at most 8 bits per colour, with its chunks in
        order, is beyond the limits, or Pillow is not installed.
    """
    header = _header(source, limits)
    essence, colours = _essence(source, limits, header)
    try:
        from PIL import Image
    except ImportError:
        raise source.error(
            "a PNG image", "Pillow to read it (pip install 'arraynet[png]'), or an .npy file"
        ) from None
    try:
        with Image.open(io.BytesIO(essence), formats=["PNG"]) as image:
            if image.size != (header.width, header.height) or image.mode not in GREY_MODES:
                raise source.error(f"a PNG of mode {image.mode}", "8 bits per colour")
            if header.colour == PALETTE and (largest := int(np.array(image).max())) >= colours:
                raise source.error(
                    f"the colour {largest} in a pixel", f"one from 0 to {colours - 1}"
                )
            grey: npt.NDArray[Any] = np.array(image.convert("L"))
    except (LoadError, MemoryError):
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged image
        raise source.error(clipped(str(error), 200), "a whole PNG image") from error
    return grey[np.newaxis]


class _Header(NamedTuple):
    """What the first chunk says, and how many bytes the pixels take before compression."""

    width: int
    height: int
    colour: int
    pixel_bytes: int


def _header(source: Source, limits: Limits) -> _Header:
    """Return what the first chunk says, once it is known to be a good one."""
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
    return _Header(width, height, colour, size)


def _essence(source: Source, limits: Limits, header: _Header) -> tuple[bytes, int]:
    """Return the image without the chunks that it does not need, and its palette's length."""
    kept = [MAGIC]  # without b"tRNS": grey takes no notice of it, and Pillow warns of some
    order = _Order(source, header)
    pixels = _Pixels(source, header.pixel_bytes)
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
            if not (kind.isalpha() and kind[:1].islower()):  # in upper case it may not be left out
                raise source.error(f"a chunk {clipped(kind)}", "a PNG image of known chunks")
            order.last = kind
            continue
        most = pixels.room() if kind == b"IDAT" else TABLE
        if length > most:
            raise source.error(f"a chunk {clipped(kind)} of {length} bytes", f"at most {most}")
        order.add(kind, length)
        chunk = _checked(source, start, length, kind)
        if kind != b"tRNS":
            kept.append(chunk)
        if kind == b"IDAT":
            pixels.add(chunk[8:-4])
        if kind == b"IEND":
            pixels.finish()
            if position != source.size:
                rest = source.size - position
                raise source.error(f"{rest} bytes after the PNG image", "nothing after it")
            return b"".join(kept), order.colours
    raise source.error(f"more than {limits.chunks} chunks", "fewer (Limits.chunks)")


def _checked(source: Source, start: int, length: int, kind: bytes) -> bytes:
    """Return a chunk whose checksum is right."""
    chunk = source.read_at(start, length + 12)
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise source.error(f"a damaged chunk {clipped(kind)}", "a whole PNG image")
    return chunk


class _Order:
    """Checks that each chunk stands where it may: Pillow lets the last of several count."""

    def __init__(self, source: Source, header: _Header) -> None:
        self.source = source
        self.header = header
        self.seen: set[bytes] = set()
        self.last = b""
        self.colours = 0

    def add(self, kind: bytes, length: int) -> None:
        """Take the next chunk, or refuse it."""
        if kind in ONCE and kind in self.seen:
            raise self.source.error(f"a second chunk {kind!r}", "one")
        if kind in ONCE and b"IDAT" in self.seen:
            raise self.source.error(f"a chunk {kind!r} after the pixels", "it before them")
        if kind == b"PLTE":
            self._add_palette(length)
        if kind == b"IDAT":
            self._add_pixels()
        self.seen.add(kind)
        self.last = kind

    def _add_palette(self, length: int) -> None:
        """Count the colours, three bytes each."""
        self.colours, rest = divmod(length, 3)
        if rest or not self.colours:
            raise self.source.error(f"a palette of {length} bytes", "3 for each colour")

    def _add_pixels(self) -> None:
        """Check that the pixels are in one place, and that they have the colours they name."""
        if b"IDAT" in self.seen and self.last != b"IDAT":
            raise self.source.error("pixels in two places", "chunks b'IDAT' one after the other")
        if self.header.colour == PALETTE and not self.colours:
            raise self.source.error("no palette (b'PLTE')", "one for colour type 3")


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
        for start in range(0, len(data), BLOCK):  # zlib copies what it has left of a piece
            if self._rest(data[start : start + BLOCK]) or self.inflater.unused_data:
                raise self.source.error(
                    "more pixels than it declares", f"{self.expected} bytes of them"
                )

    def _rest(self, data: bytes) -> bytes:
        """Decompress a piece; return what is left of it when the pixels are complete."""
        while data and not self.inflater.eof:
            try:
                self.found += len(self.inflater.decompress(data, BLOCK))
            except zlib.error as error:
                raise self.source.error(str(error), "a whole PNG image") from error
            if self.found > self.expected:
                break
            data = self.inflater.unconsumed_tail
        return data

    def finish(self) -> None:
        """Check that this was all of them."""
        if self.found != self.expected or not self.inflater.eof:
            raise self.source.error(
                f"{self.found} bytes of pixels", f"{self.expected} (is it truncated?)"
            )
