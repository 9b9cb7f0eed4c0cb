"""Zip archives: `zipfile` reads them, under budgets that come before it does.

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

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others' decompressors ask for more memory
ENCRYPTED = 0x0001
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF

_END = struct.Struct("<4s4H2LH")

Failures = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError)
"""What `zipfile` raises for an archive that is damaged or made up."""


def opened(source: Source, limits: Limits) -> zipfile.ZipFile:
    """Return an archive whose members keep to the limits together.

    That their sizes do is what makes members that share data harmless.

    Raises
    ------
    LoadError
        For what `zipfile` does not read, other compression than deflate, and anything
        beyond the limits.
    """
    _check_directory(source, limits)
    with _refusing(source, None):
        archive = zipfile.ZipFile(source.file)
    names: set[str] = set()
    for member in archive.infolist():
        name = member.orig_filename
        if not name.isprintable():
            raise source.error(f"the name {shortened(name)}", "a printable one")
        if name in names:
            raise source.error("a duplicate member", "each name once", clipped(name))
        names.add(name)
        if member.flag_bits & ENCRYPTED:
            raise source.error("encrypted data", "a member without a password", clipped(name))
        if member.compress_type not in METHODS:
            found = f"compression method {member.compress_type}"
            raise source.error(found, "none (0) or deflate (8)", clipped(name))
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


def _check_directory(source: Source, limits: Limits) -> None:
    """Refuse a directory that is not small and at the end: `zipfile` reads all of it at once."""
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
    zip64 = end >= 20 and source.read_at(end - 20, 4) == b"PK\x06\x07"
    if zip64 or FULL16 in (here, count) or FULL32 in (size, offset):
        raise source.error("a zip64 directory", "an ordinary one (save as .safetensors)")
    if disk or first_disk or here != count or offset + size != end:
        raise source.error("a directory that does not fit", "one just before the end")
    if count > limits.tensors:
        raise source.error(f"{count} members", f"at most {limits.tensors} (Limits.tensors)")
    if size > limits.header_bytes:
        raise source.error(
            f"a directory of {size} bytes", f"at most {limits.header_bytes} (Limits.header_bytes)"
        )
