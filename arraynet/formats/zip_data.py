"""The data of a zip archive's members, decompressed no further than they declare."""

from __future__ import annotations

import zlib

from arraynet.formats.source import Source
from arraynet.formats.zip import DEFLATED, Member

BLOCK = 1 << 16


class MemberReader:
    """The decompressed bytes of one member, in order, under its declared size."""

    def __init__(self, source: Source, member: Member) -> None:
        self.source = source
        self.member = member
        self.position = member.start
        self.end = member.start + member.compressed
        self.done = 0
        self.crc = 0
        self.inflater = zlib.decompressobj(-15) if member.method == DEFLATED else None

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes, a small number."""
        buffer = bytearray(count)
        self.read_into(memoryview(buffer))
        return bytes(buffer)

    def read_into(self, buffer: memoryview) -> None:
        """Fill ``buffer``, or raise LoadError."""
        filled = 0
        while filled < len(buffer):
            wanted = min(len(buffer) - filled, BLOCK)
            data = self._inflate(wanted) if self.inflater else self._copy(wanted)
            if not data:
                raise self.source.error(
                    f"data that ends after {self.done} bytes",
                    f"{self.member.size} bytes",
                    self.member.name,
                )
            buffer[filled : filled + len(data)] = data
            filled += len(data)
            self.done += len(data)
            self.crc = zlib.crc32(data, self.crc)

    def _copy(self, wanted: int) -> bytes:
        count = min(wanted, self.end - self.position)
        data = self.source.read_at(self.position, count, self.member.name)
        self.position += count
        return data

    def _inflate(self, wanted: int) -> bytes:
        """Return up to ``wanted`` bytes, none of them only at the end of the data."""
        inflater = self.inflater
        assert inflater is not None
        while not inflater.eof:
            data = inflater.unconsumed_tail or self._copy(BLOCK)
            try:
                result = inflater.decompress(data, wanted)
            except zlib.error as error:
                raise self.source.error(
                    str(error), "deflated data (is it damaged?)", self.member.name
                ) from error
            if result or not data:
                return result
        return b""

    def finish(self) -> None:
        """Check that this was all of the member, and that nothing in it was damaged."""
        more = self._inflate(1) if self.inflater else b""
        rest = self.end - self.position
        if self.inflater is not None:
            rest += len(self.inflater.unused_data) + len(self.inflater.unconsumed_tail)
            if not self.inflater.eof:
                raise self.source.error("data without its end", "a whole member", self.member.name)
        if more or rest or self.done != self.member.size:
            raise self.source.error(
                "more data than it declares", f"{self.member.size} bytes", self.member.name
            )
        if self.crc != self.member.crc:
            raise self.source.error(
                f"checksum {self.crc:08x}",
                f"{self.member.crc:08x} (is it damaged?)",
                self.member.name,
            )
