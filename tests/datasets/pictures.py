"""PNG images, put together with zlib alone."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int = 3, height: int = 2, pixels: bytes | None = None, *, depth: int = 8,
    colour: int = 0, more: bytes = b"",
) -> bytes:  # fmt: skip
    """Write a PNG with zlib alone."""
    if pixels is None:
        pixels = b"".join(b"\0" + bytes(range(width % 256)) for _ in range(height % 256))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + body + chunk(b"IEND", b"")
