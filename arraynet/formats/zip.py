"""Zip archives: what `zipfile` reads, once what it takes on trust has been checked.

Budgets come before it reads the directory. Every byte of the archive belongs to a member or
to the directory, and the members' own headers agree with that: no entries share data, and no
other reader finds other sizes. Encryption, other compression than deflate, several disks,
comments and zip64 directories are refused.

References
----------
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (APPNOTE 6.3.10)
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from arraynet.errors import LoadError, clipped, shortened
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import check_expansion

DESCRIPTOR = 0x0008
KNOWN_FLAGS = 0x0006 | DESCRIPTOR | 0x0800
DESCRIPTORS: tuple[int, ...] = (
    12,
    16,
    20,
    24,
)  # bytes: with or without a signature and large sizes
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
ZIP64 = 1  # the kind of extra field
EXTRA = 256  # bytes of extra fields of a member: NumPy writes 20, other tools a little more

_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64 = struct.Struct("<HHQQ")

Failures = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError)
"""What `zipfile` raises for an archive that is damaged or made up."""


def opened(source: Source, limits: Limits) -> zipfile.ZipFile:
    """Return an archive, after checking how it is built.

    Raises
    ------
    LoadError
        For what `zipfile` would not read, and for what it would not notice.
    """
    directory = _directory(source, limits)
    with _refusing(source, None):
        archive = zipfile.ZipFile(source.file)
    position = 0
    gaps: tuple[int, ...] = (0,)
    names: set[str] = set()
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        name = member.orig_filename
        if not name.isprintable():
            raise source.error(f"the name {shortened(name)}", "a printable one")
        if name in names:
            raise source.error("a duplicate member", "each name once", clipped(name))
        names.add(name)
        if member.header_offset - position not in gaps:
            raise source.error(
                f"a member at byte {member.header_offset}",
                f"at {position}, without gap or overlap",
                clipped(name),
            )
        position = _end(member, source)
        gaps = DESCRIPTORS if member.flag_bits & DESCRIPTOR else (0,)
    if directory - position not in gaps:
        raise source.error(f"{directory - position} bytes of no member", "none (is it damaged?)")
    total = sum(member.file_size for member in archive.infolist())
    check_expansion(total, source.size, limits, source.path)
    return archive


@contextmanager
def opened_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: Source
) -> Iterator[IO[bytes]]:
    """Open a member for the length of a ``with``; its checksum is compared at its end."""
    with _refusing(source, clipped(member.filename)), archive.open(member) as file:
        yield file


@contextmanager
def _refusing(source: Source, name: str | None) -> Iterator[None]:
    try:
        yield
    except LoadError:
        raise
    except Failures as error:
        text = clipped(str(error) or type(error).__name__, 100)
        if "CRC" in text:
            text = "data of another checksum"
        raise source.error(text, "a whole zip archive (is it damaged?)", name) from error


def _directory(source: Source, limits: Limits) -> int:
    """Return where the directory begins, once it is known to be small and at the end."""
    end = source.size - _END.size
    if end < 0:
        raise source.error(f"{source.size} bytes", "a zip archive (is it truncated?)")
    magic, disk, first_disk, here, count, size, offset, comment = _END.unpack(
        source.read_at(end, _END.size)
    )
    if magic != b"PK\x05\x06" or comment:
        raise source.error(
            "no end of a zip archive", "one, without a comment, at the end (is it truncated?)"
        )
    if FULL16 in (here, count) or FULL32 in (size, offset):
        raise source.error("a zip64 directory", "an ordinary one (save as .safetensors)")
    if disk or first_disk or here != count or offset + size != end:
        raise source.error("a directory that does not fit", "one just before the end")
    if count > limits.tensors:
        raise source.error(f"{count} members", f"at most {limits.tensors} (Limits.tensors)")
    if size > limits.header_bytes:
        raise source.error(
            f"a directory of {size} bytes", f"at most {limits.header_bytes} (Limits.header_bytes)"
        )
    if end >= 20 and source.read_at(end - 20, 4) == b"PK\x06\x07":
        raise source.error("a zip64 directory", "an ordinary one (save as .safetensors)")
    return int(offset)


def _end(member: zipfile.ZipInfo, source: Source) -> int:
    """Return where a member's data end, once its own header says what the directory says."""
    name = clipped(member.orig_filename)
    if member.flag_bits & ~KNOWN_FLAGS:
        raise source.error(f"flags {member.flag_bits:#06x}", "a member that is not encrypted", name)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise source.error(
            f"compression method {member.compress_type}", "none (0) or deflate (8)", name
        )
    if ZIP64 in _kinds(member.extra, source, name):
        raise source.error("zip64 sizes", "a member below 4 GiB (save as .safetensors)", name)
    start = member.header_offset + _LOCAL.size
    magic, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack(
        source.read_at(member.header_offset, _LOCAL.size, name)
    )
    extra = source.read_at(start + name_length, extra_length, name)
    if ZIP64 in _kinds(extra, source, name):
        # NumPy reserves room for large sizes in every member's own header.
        if not compressed == size == FULL32 or len(extra) != _ZIP64.size:
            raise source.error("zip64 sizes beside others", "one kind of them", name)
        _, _, size, compressed = _ZIP64.unpack(extra)
    told = (crc, compressed, size)
    later = flags & DESCRIPTOR and told == (0, 0, 0)
    if (
        (magic, flags, method) != (b"PK\x03\x04", member.flag_bits, member.compress_type)
        or not (later or told == (member.CRC, member.compress_size, member.file_size))
    ):  # fmt: skip
        raise source.error("a header that differs from the directory", "the same in both", name)
    return int(start + name_length + extra_length) + member.compress_size


def _kinds(extra: bytes, source: Source, name: str) -> set[int]:
    """Return the kinds of extra fields, which must fill their room exactly."""
    if len(extra) > EXTRA:
        raise source.error(f"{len(extra)} bytes of extra fields", f"at most {EXTRA}", name)
    kinds = set()
    while extra:
        kinds.add(int.from_bytes(extra[:2], "little"))
        length = 4 + int.from_bytes(extra[2:4], "little")
        if length > len(extra):
            raise source.error("a damaged extra field", "well-formed ones or none", name)
        extra = extra[length:]
    return kinds
