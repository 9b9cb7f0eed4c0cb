"""The data of a gzipped file, decompressed no further than is asked for."""

from __future__ import annotations

import zlib

from arraynet.formats.source import Source

MAGIC = b"\x1f\x8b"

GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect gzip's header, checksum and length

BLOCK = 1 << 16


def unpack_start(source: Source, count: int) -> bytes:
    """Return up to ``count`` bytes from the start of the data, as far as they are good."""
    try:
        return zlib.decompressobj(GZIP).decompress(source.peek(BLOCK), count)
    except zlib.error as error:
        raise source.error(str(error), "a whole gzip stream") from error


def unpack(source: Source, size: int) -> bytes:
    """Return the data of a file that must hold exactly ``size`` bytes of it.

    zlib compares the checksum and the length at the end.
    """
    inflater = zlib.decompressobj(GZIP)
    try:
        data = inflater.decompress(source.read_at(0, source.size), size + 1)
    except zlib.error as error:
        raise source.error(str(error), "a whole gzip stream") from error
    wanted = f"{size} as its content says"
    if len(data) > size:
        raise source.error(f"more than {size} bytes of data", wanted)
    if not inflater.eof:
        raise source.error("a gzip stream without its end", "a whole file (is it truncated?)")
    if len(data) < size:
        raise source.error(f"{len(data)} bytes of data", wanted)
    if inflater.unused_data:
        rest = len(inflater.unused_data)
        raise source.error(f"{rest} bytes after the gzip stream", "nothing after it")
    return data
