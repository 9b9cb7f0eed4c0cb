"""NumPy's archives of arrays (``numpy.savez``), without Python objects."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from arraynet.errors import ArraynetError, DtypeError
from arraynet.formats.json_text import header_bytes, parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.npy import MAGIC, check_length, read_header
from arraynet.formats.source import Source
from arraynet.formats.stored import (
    KINDS,
    METADATA,
    HostArray,
    Stored,
    check_name,
    check_total,
    clipped,
)
from arraynet.formats.zip import Member, check_archive, end, headers, members
from arraynet.formats.zip_data import MemberReader

SUFFIX = ".npy"
"""What a member's name has behind the array's."""

START = len(MAGIC) + 4
"""Bytes of an array's header that are not counted in the length that it states."""

HEADERS = 4
"""How many times `Limits.header_bytes` the headers of all arrays may have together."""


def stored_tensors(source: Source, limits: Limits) -> tuple[list[Stored], dict[str, str]]:
    """Return the arrays of an archive, not yet loaded, and its metadata.

    Raises
    ------
    LoadError
        For an archive or an array that NumPy would not write, for objects,
        duplicate and unexpected members, and for anything beyond the limits.
    """
    tensors, left = [], HEADERS * limits.header_bytes
    for member in members(source, limits):
        tensor, header = _tensor(member, source, limits)
        tensors.append(tensor)
        left -= header
        if left < 0:
            raise source.error(
                f"headers of more than {HEADERS * limits.header_bytes} bytes",
                f"at most {HEADERS} times Limits.header_bytes together",
            )
    check_total(sum(tensor.nbytes for tensor in tensors), limits, source.path)
    metadata: dict[str, str] = {}
    for tensor in tensors:
        if tensor.name == METADATA:
            metadata = _metadata(tensor, source, limits)
    return [tensor for tensor in tensors if tensor.name != METADATA], metadata


def _tensor(member: Member, source: Source, limits: Limits) -> tuple[Stored, int]:
    """Return the array of a member, and the length of its header."""
    name = member.name.removesuffix(SUFFIX)
    if name == member.name:
        raise source.error("an unexpected member", "arrays (NAME.npy)", clipped(member.name))
    if name != METADATA:
        check_name(name, limits, source.path)
    header = read_header(MemberReader(source, member).read, source, limits, name)
    check_length(header, member.size, source, name)
    fill = functools.partial(_fill, source, member, header.length)
    tensor = Stored(name, header.shape, header.dtype, fill, header.fortran, file=source.path)
    return tensor, header.length


def _fill(source: Source, member: Member, skipped: int, buffer: memoryview) -> None:
    reader = MemberReader(source, member)
    reader.read(skipped)
    reader.read_into(buffer)
    reader.finish()


def _metadata(tensor: Stored, source: Source, limits: Limits) -> dict[str, str]:
    if tensor.dtype.name != "uint8" or len(tensor.shape) != 1:
        raise source.error(f"an array of {tensor.dtype.name}", "bytes of JSON", METADATA)
    if tensor.nbytes > limits.header_bytes:
        raise source.error(f"{tensor.nbytes} bytes", f"at most {limits.header_bytes}", METADATA)
    value: Any = parse_json(tensor.load().tobytes(), limits, source.path, METADATA)
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise source.error(clipped(value), "strings by name", METADATA)


def chunks(
    tensors: Mapping[str, HostArray], metadata: Mapping[str, str], limits: Limits
) -> Iterator[bytes | memoryview]:
    """Return the bytes of an archive, which ``numpy.load`` reads too.

    The same tensors and metadata always give the same bytes.

    Raises
    ------
    ArraynetError
        For an archive that would be too large for its own directory, or whose arrays have
        longer headers than the limits allow.
    """
    arrays = dict(tensors)
    if metadata:
        # Its name for them is that of an array of bytes: their JSON.
        arrays[METADATA] = np.frombuffer(header_bytes(dict(metadata), limits), np.uint8)
    check_archive({name: array.nbytes for name, array in arrays.items()}, SUFFIX, limits)
    for name, array in arrays.items():
        _check_kind(name, array)
    _check_headers([len(_npy_header(array)) for array in arrays.values()], limits)
    return _chunks(arrays)


def _chunks(arrays: Mapping[str, HostArray]) -> Iterator[bytes | memoryview]:
    directory: list[bytes] = []
    position = 0
    for name, array in arrays.items():
        head, data = _npy_header(array), _npy_data(array)
        crc = zlib.crc32(data, zlib.crc32(head))
        local, entry = headers(name + SUFFIX, crc, len(head) + len(data), position)
        directory.append(entry)
        position += len(local) + len(head) + len(data)
        yield from (local, head, data)
    yield from directory
    yield end(len(directory), sum(map(len, directory)), position)


def _check_kind(name: str, array: HostArray) -> None:
    if array.dtype.str[1:] not in KINDS:
        raise DtypeError(
            f"tensor {name}: got dtype {array.dtype}, expected one of NumPy's own "
            f"number types (save as .safetensors)"
        )


def _check_headers(lengths: list[int], limits: Limits) -> None:
    """Refuse headers that would not be read again, alone or together."""
    for found, most, what in (
        (max(lengths) - START, limits.header_bytes, "an array"),
        (sum(lengths), HEADERS * limits.header_bytes, "all arrays"),
    ):
        if found > most:
            raise ArraynetError(
                f"tensors: got {found} bytes for the header of {what}, expected at most {most}, "
                f"which is what is read again (Limits.header_bytes)"
            )


def _npy_header(array: HostArray) -> bytes:
    """Return what stands before one array's data in NumPy's own format."""
    fortran = _is_fortran(array)
    text = str({"descr": array.dtype.str, "fortran_order": fortran, "shape": array.shape})
    length = len(text) + 1 + -(len(text) + 1 + 10) % 64
    return MAGIC + b"\1\0" + length.to_bytes(2, "little") + text.encode().ljust(length - 1) + b"\n"


def _npy_data(array: HostArray) -> memoryview:
    """Return one array's data, its first axis varying fastest if the header says so."""
    flat = np.ascontiguousarray(array.T if _is_fortran(array) else array).reshape(-1)
    return flat.view(np.uint8).data if flat.size else memoryview(b"")


def _is_fortran(array: HostArray) -> bool:
    return array.flags.f_contiguous and not array.flags.c_contiguous
