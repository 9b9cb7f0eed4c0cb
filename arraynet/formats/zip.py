"""A strict reader of zip archives: what NumPy writes, and nothing that hides something.

Every byte of the archive must belong to a member or to the directory; the directory
and the members' own headers must agree. Encryption, other compression than deflate,
several disks, comments and zip64 directories are refused.

References
----------
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (APPNOTE 6.3.10)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from arraynet.errors import ArraynetError
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import check_expansion, clipped

STORED, DEFLATED = 0, 8
DESCRIPTOR, UTF8 = 0x0008, 0x0800
KNOWN_FLAGS = 0x0006 | DESCRIPTOR | UTF8
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
ZIP64 = 1  # the kind of extra field
EXTRA = 256  # bytes of extra fields of a member: NumPy writes 20, other tools a little more
HEADER = 1024  # bytes of a member's own header, at most
VERSION = 45  # of the format, times ten: the first that knows zip64

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64 = struct.Struct("<HHQQ")


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive: sizes in bytes, ``start`` of its data in the archive."""

    name: str
    method: int
    crc: int
    compressed: int
    size: int
    start: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the directory says of a member."""

    name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int


def members(source: Source, limits: Limits) -> list[Member]:
    """Return the members of an archive, after checking how it is built.

    Raises
    ------
    LoadError
        For anything that NumPy would not write.
    """
    entries, directory = _directory(source, limits)
    found: dict[str, Member] = {}
    position = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        member = _member(entry, source)
        if member.name in found:
            raise source.error("a duplicate member", "each name once", member.name)
        gap = entry.offset - position
        if gap:
            raise source.error(
                f"a member at byte {entry.offset}",
                f"at {position}, without gap or overlap",
                member.name,
            )
        position = _end(member, entry, source)
        found[member.name] = member
    if position != directory:
        raise source.error(f"{directory - position} bytes of no member", "none (is it damaged?)")
    check_expansion(sum(m.size for m in found.values()), source.size, limits, source.path)
    return [found[_name(entry, source)] for entry in entries]


def _directory(source: Source, limits: Limits) -> tuple[list[_Entry], int]:
    """Return the directory's entries, and where it begins."""
    if source.size < _END.size:
        raise source.error(f"{source.size} bytes", "a zip archive (is it truncated?)")
    end = source.size - _END.size
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
    data = source.read_at(offset, size)
    entries, position = [], 0
    for _ in range(count):
        entry, position = _entry(data, position, source)
        entries.append(entry)
    if position != size:
        raise source.error(f"{size - position} bytes more in the directory", "none")
    return entries, offset


def _entry(data: bytes, position: int, source: Source) -> tuple[_Entry, int]:
    """Return one entry of the directory, and where the next one begins."""
    after = position + _ENTRY.size
    if after > len(data):
        raise source.error("a directory that ends early", "an entry for each member")
    (magic, _, version, flags, method, _, _, crc, compressed, size, name, extra, comment, disk, _,
     _, offset) = _ENTRY.unpack_from(data, position)  # fmt: skip
    end = after + name + extra + comment
    if magic != b"PK\x01\x02" or end > len(data) or disk:
        raise source.error("a damaged directory", "an entry for each member")
    entry = _Entry(data[after : after + name], flags, method, crc, compressed, size, offset)
    shown = clipped(entry.name)
    if version > VERSION:
        raise source.error(f"a member of zip version {version}", f"at most {VERSION}", shown)
    if flags & ~KNOWN_FLAGS:
        raise source.error(f"flags {flags:#06x}", "a member that is not encrypted", shown)
    if method not in (STORED, DEFLATED):
        raise source.error(f"compression method {method}", "none (0) or deflate (8)", shown)
    kinds = _extra_kinds(data[after + name : end - comment], source, shown)
    if FULL32 in (compressed, size, offset) or ZIP64 in kinds:
        raise source.error("zip64 sizes", "a member below 4 GiB (save as .safetensors)", shown)
    return entry, end


def _extra_kinds(extra: bytes, source: Source, shown: str) -> set[int]:
    """Return the kinds of extra fields, which must fill their room exactly."""
    if len(extra) > EXTRA:
        raise source.error(f"{len(extra)} bytes of extra fields", f"at most {EXTRA}", shown)
    kinds = set()
    position = 0
    while position < len(extra):
        field = extra[position : position + 4]
        position += 4 + int.from_bytes(field[2:], "little")
        if len(field) < 4 or position > len(extra):
            raise source.error("a damaged extra field", "well-formed ones or none", shown)
        kinds.add(int.from_bytes(field[:2], "little"))
    return kinds


def _name(entry: _Entry, source: Source) -> str:
    try:
        name = entry.name.decode("utf-8" if entry.flags & UTF8 else "ascii")
    except UnicodeDecodeError:
        raise source.error(f"the name {clipped(entry.name)}", "a name in UTF-8") from None
    if not name.isprintable():
        raise source.error(f"the name {clipped(name)}", "a printable one")
    return name


def _member(entry: _Entry, source: Source) -> Member:
    """Compare an entry with the header that stands before the member's data."""
    name = _name(entry, source)
    magic, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack(
        source.read_at(entry.offset, _LOCAL.size, name)
    )
    after = entry.offset + _LOCAL.size
    rest = source.read_at(after, name_length + extra_length, name)
    extra = rest[name_length:]
    if ZIP64 in _extra_kinds(extra, source, name):
        # NumPy reserves room for large sizes in every member's own header.
        if not compressed == size == FULL32 or len(extra) != _ZIP64.size:
            raise source.error("zip64 sizes beside others", "one kind of them", name)
        _, _, size, compressed = _ZIP64.unpack(extra)
    told = (crc, compressed, size)
    later = entry.flags & DESCRIPTOR and told == (0, 0, 0)
    if (
        magic != b"PK\x03\x04"
        or (flags, method, rest[:name_length]) != (entry.flags, entry.method, entry.name)
        or not (later or told == (entry.crc, entry.compressed, entry.size))
    ):
        raise source.error("a header that differs from the directory", "the same in both", name)
    if entry.method == STORED and entry.compressed != entry.size:
        raise source.error(
            f"{entry.compressed} bytes stored", f"{entry.size}, as it is not compressed", name
        )
    start = after + name_length + extra_length
    return Member(name, entry.method, entry.crc, entry.compressed, entry.size, start)


def _end(member: Member, entry: _Entry, source: Source) -> int:
    """Return where a member ends: after its data, and its descriptor if it has one."""
    end = member.start + member.compressed
    if not entry.flags & DESCRIPTOR:
        return end
    for form in ("<4sLLL", "<4sLQQ"):
        length = struct.calcsize(form)
        if end + length <= source.size:
            found = struct.unpack(form, source.read_at(end, length))
            if found == (b"PK\x07\x08", member.crc, member.compressed, member.size):
                return end + length
    raise source.error("no matching data descriptor", "one after the data", member.name)


def check_archive(sizes: Mapping[str, int], suffix: str, limits: Limits) -> None:
    """Refuse members, with a header before their bytes, that `members` would not read."""
    names = [len(name.encode()) + len(suffix) for name in sizes]
    directory = sum(names) + len(names) * _ENTRY.size
    total = sum(sizes.values()) + 2 * directory + len(names) * HEADER + _END.size
    for found, most, what in (
        (len(names), min(limits.tensors, FULL16 - 1), "members of an archive"),
        (directory, limits.header_bytes, "bytes of an archive's directory"),
        (total, FULL32 - 1, "bytes of an archive"),
    ):
        if found > most:
            raise ArraynetError(
                f"tensors: got {found} {what}, expected at most {most} (save as .safetensors)"
            )


def headers(name: str, crc: int, size: int, offset: int) -> tuple[bytes, bytes]:
    """Return a member's own header and its directory entry, stored without compression."""
    encoded = name.encode()
    flags = 0 if name.isascii() else UTF8
    day = (1 << 5) | 1  # 1 January 1980: the same tensors always give the same bytes
    shared = (20, flags, STORED, 0, day, crc, size, size, len(encoded), 0)
    local = _LOCAL.pack(b"PK\x03\x04", *shared) + encoded
    entry = _ENTRY.pack(b"PK\x01\x02", 20, *shared, 0, 0, 0, 0o600 << 16, offset) + encoded
    return local, entry


def end(count: int, size: int, offset: int) -> bytes:
    """Return the end of an archive with a directory of that place and size."""
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)
