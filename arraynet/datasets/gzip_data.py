"""The data of a gzipped file, decompressed no further than is asked for."""

from __future__ import annotations

import zlib

from arraynet.formats.source import Source

GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect gzip's header, checksum and length
BLOCK = 1 << 16


class GzipReader:
    """The decompressed bytes of a gzipped file, never more than are asked for.

    zlib compares the checksum and the length at the end. ``expected`` is that length, as
    the file's last four bytes state it, for who knows a length to compare it with before.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.position = 0
        self.inflater = zlib.decompressobj(GZIP)
        self.expected = int.from_bytes(source.read_at(max(source.size - 4, 0), 4), "little")

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        buffer = bytearray(count)
        self.read_into(memoryview(buffer))
        return bytes(buffer)

    def read_into(self, buffer: memoryview) -> None:
        """Fill ``buffer``."""
        filled = 0
        while filled < len(buffer):
            data = self._inflate(min(BLOCK, len(buffer) - filled))
            if not data:
                raise self.source.error(
                    f"data that ends {len(buffer) - filled} bytes early",
                    "as much as its content says that it has",
                )
            buffer[filled : filled + len(data)] = data
            filled += len(data)

    def finish(self) -> None:
        """Check that nothing follows, neither in the gzip stream nor after it."""
        if self._inflate(1):
            raise self.source.error("more data", "as much as its content says that it has")
        rest = self.source.size - self.position + len(self.inflater.unused_data)
        if rest:
            raise self.source.error(f"{rest} bytes after the gzip stream", "nothing after it")

    def _inflate(self, wanted: int) -> bytes:
        """Return up to ``wanted`` bytes; none only at the end of the stream."""
        inflater = self.inflater
        while not inflater.eof:
            data = inflater.unconsumed_tail
            if not data:
                count = min(BLOCK, self.source.size - self.position)
                data = self.source.read_at(self.position, count)
                self.position += count
            try:
                result = inflater.decompress(data, wanted)
            except zlib.error as error:
                raise self.source.error(str(error), "a whole gzip stream") from error
            if result:
                return result
            if not data and not inflater.eof:
                raise self.source.error(
                    "a gzip stream without its end", "a whole file (is it truncated?)"
                )
        return b""
