"""NumPy's archives of arrays (``numpy.savez``), without Python objects.

`zipfile` reads the archive, under budgets that come before it does.

References
----------
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (APPNOTE 6.3.10)
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from arraynet.errors import ArraynetError, DtypeError, LoadError, clipped, shortened
from arraynet.formats.json_text import json_bytes, parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.npy import MAGIC, check_length, read_header
from arraynet.formats.source import Source, fill
from arraynet.formats.stored import KINDS, METADATA, HostArray, Stored, check_expansion, check_name

SUFFIX = ".npy"  # what a member's name has behind the array's
START = len(MAGIC) + 4  # bytes of an array's header that its own length does not count
HEADERS = 4  # how many times `Limits.header_bytes` the headers of all arrays may have together
ENTRY = 46  # bytes of a member's entry in the directory, beside its name

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others' decompressors ask for more memory
ENCRYPTED = 0x0001
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF

_END = struct.Struct("<4s4H2LH")


def stored_tensors(source: Source) -> tuple[list[Stored], dict[str, str]]:
    """Return the arrays of an archive, not yet loaded, and its metadata.

    LoadError for an archive or an array that NumPy would not write, for objects, duplicate
    and unexpected members, and for anything beyond the limits.
    """
    tensors, headers, most = [], 0, HEADERS * source.limits.header_bytes
    archive = _opened(source)
    for member in archive.infolist():
        tensor, header = _tensor(archive, member, source)
        tensors.append(tensor)
        headers += header
        if headers > most:
            raise source.error(
                f"headers of more than {most} bytes",
                f"at most {HEADERS} times Limits.header_bytes together",
            )
    arrays = [tensor for tensor in tensors if tensor.name != METADATA]
    texts = [_metadata(tensor, source) for tensor in tensors if tensor.name == METADATA]
    return arrays, texts[0] if texts else {}


def _opened(source: Source) -> zipfile.ZipFile:
    """Return an archive whose members keep to the limits together.

    That their sizes do is what makes members that share data harmless.
    """
    _check_directory(source)
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
    check_expansion(total, source.size, source.limits, source.path)
    return archive


def _check_directory(source: Source) -> None:
    """Refuse a directory that is not small and at the end: `zipfile` reads all of it at once."""
    end = source.size - _END.size
    if end < 0:
        raise source.error(f"{source.size} bytes", "a zip archive (is it truncated?)")
    magic, disk, first_disk, here, count, size, offset, comment = _END.unpack(
        source.read_at(end, _END.size)
    )
    if magic != b"PK\x05\x06" or comment:
        expected = "one, without a comment, at the end (is it truncated?)"
        raise source.error("no end of a zip archive", expected)
    zip64 = end >= 20 and source.read_at(end - 20, 4) == b"PK\x06\x07"
    if zip64 or FULL16 in (here, count) or FULL32 in (size, offset):
        raise source.error("a zip64 directory", "an ordinary one (save as .safetensors)")
    if disk or first_disk or here != count or offset + size != end:
        raise source.error("a directory that does not fit", "one just before the end")
    source.check("tensors", count, f"{count} members")
    source.check("header_bytes", size, f"a directory of {size} bytes")


@contextmanager
def _refusing(source: Source, name: str | None) -> Iterator[None]:
    """Raise LoadError for what `zipfile` raises: the archive is damaged or made up."""
    try:
        yield
    except LoadError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        text = clipped(str(error) or type(error).__name__, 100)
        if "CRC" in text:
            text = "data of another checksum"
        raise source.error(text, "a whole zip archive (is it damaged?)", name) from error


def _tensor(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: Source
) -> tuple[Stored, int]:
    """Return the array of a member, and the length of its header."""
    name = member.filename.removesuffix(SUFFIX)
    if name == member.filename:
        raise source.error("an unexpected member", "arrays (NAME.npy)", shortened(member.filename))
    if name != METADATA:
        check_name(name, source.limits, source.path)
    where = clipped(member.filename)
    with _refusing(source, where), archive.open(member) as file:
        header = read_header(file, source, name)
    check_length(header, member.file_size, source, name)

    def into(buffer: memoryview) -> None:
        with _refusing(source, where), archive.open(member) as file:
            file.read(header.length)
            if not fill(file, buffer) or file.read(1):  # which also compares the checksum
                raise source.error("data of another length", f"{member.file_size} bytes", where)

    tensor = Stored(name, header.shape, header.dtype, into, header.fortran, file=source.path)
    return tensor, header.length


def _metadata(tensor: Stored, source: Source) -> dict[str, str]:
    if tensor.dtype.name != "uint8" or len(tensor.shape) != 1:
        raise source.error(f"an array of {tensor.dtype.name}", "bytes of JSON", METADATA)
    source.check("header_bytes", tensor.nbytes, f"{tensor.nbytes} bytes", METADATA)
    value: Any = parse_json(tensor.load().tobytes(), source.limits, source.path, METADATA)
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise source.error(shortened(value), "strings by name", METADATA)


def write_tensors(
    file: IO[bytes], tensors: Mapping[str, HostArray], metadata: Mapping[str, str], limits: Limits
) -> None:
    """Write an archive, which ``numpy.load`` reads too.

    The same tensors and metadata always give the same bytes. DtypeError for arrays that are
    not of NumPy's own numbers, ArraynetError for what would not be read under the limits.
    """
    arrays = dict(tensors)
    for name, array in arrays.items():
        if array.dtype.str[1:] not in KINDS:
            raise DtypeError(
                f"tensor {name}: got dtype {array.dtype}, expected one of NumPy's own "
                f"number types (save as .safetensors)"
            )
    if metadata:  # they are an array too, of the bytes of their JSON
        arrays[METADATA] = np.frombuffer(json_bytes(dict(metadata), limits), np.uint8)
    headers = {name: _header_bytes(array) for name, array in arrays.items()}
    _check_sizes(arrays, headers, limits)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(name + SUFFIX)  # of 1 January 1980
            member.create_system = 3  # the same on every system
            member.file_size = headers[name] + array.nbytes
            with archive.open(member, "w") as written:
                np.lib.format.write_array(written, array, (1, 0), allow_pickle=False)


def _check_sizes(
    arrays: Mapping[str, HostArray], headers: Mapping[str, int], limits: Limits
) -> None:
    directory = sum(ENTRY + len((name + SUFFIX).encode()) for name in arrays)
    total = 2 * directory + sum(headers.values()) + sum(array.nbytes for array in arrays.values())
    for found, most, what in (
        (len(arrays), min(limits.tensors, FULL16 - 1), "members of an archive"),
        (directory, limits.header_bytes, "bytes of an archive's directory"),
        (total, FULL32 - 1, "bytes of an archive"),
        (max(headers.values()) - START, limits.header_bytes, "bytes of an array's header"),
        (sum(headers.values()), HEADERS * limits.header_bytes, "bytes of all arrays' headers"),
    ):
        if found > most:
            raise ArraynetError(
                f"tensors: got {found} {what}, expected at most {most}, which is what is read "
                f"again (save as .safetensors)"
            )


def _header_bytes(array: HostArray) -> int:
    """Return how many bytes stand before one array's data in NumPy's own format."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    return file.tell()
