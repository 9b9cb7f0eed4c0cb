"""NumPy's archives of arrays (``numpy.savez``), without Python objects."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from arraynet.errors import ArraynetError, DtypeError, shortened
from arraynet.formats.json_text import json_bytes, parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.npy import MAGIC, check_length, read_header
from arraynet.formats.source import Source, fill
from arraynet.formats.stored import KINDS, METADATA, HostArray, Stored, check_name, check_total
from arraynet.formats.zip import FULL16, FULL32, opened, opened_member

SUFFIX = ".npy"
"""What a member's name has behind the array's."""

START = len(MAGIC) + 4
"""Bytes of an array's header that are not counted in the length that it states."""

HEADERS = 4
"""How many times `Limits.header_bytes` the headers of all arrays may have together."""

ENTRY = 46
"""Bytes of a member's entry in the directory, beside its name."""


def stored_tensors(source: Source, limits: Limits) -> tuple[list[Stored], dict[str, str]]:
    """Return the arrays of an archive, not yet loaded, and its metadata.

    Raises
    ------
    LoadError
        For an archive or an array that NumPy would not write, for objects,
        duplicate and unexpected members, and for anything beyond the limits.
    """
    tensors, left = [], HEADERS * limits.header_bytes
    archive = opened(source, limits)
    for member in archive.infolist():
        tensor, header = _tensor(archive, member, source, limits)
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


def _tensor(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: Source, limits: Limits
) -> tuple[Stored, int]:
    """Return the array of a member, and the length of its header."""
    name = member.filename.removesuffix(SUFFIX)
    if name == member.filename:
        raise source.error("an unexpected member", "arrays (NAME.npy)", shortened(member.filename))
    if name != METADATA:
        check_name(name, limits, source.path)
    with opened_member(archive, member, source) as file:
        header = read_header(file, source, limits, name)
    check_length(header, member.file_size, source, name)
    into = functools.partial(_fill, archive, member, source, header.length)
    tensor = Stored(name, header.shape, header.dtype, into, header.fortran, file=source.path)
    return tensor, header.length


def _fill(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    source: Source,
    skipped: int,
    buffer: memoryview,
) -> None:
    with opened_member(archive, member, source) as file:
        file.read(skipped)
        if not fill(file, buffer) or file.read(1):  # which also compares the checksum
            raise source.error(
                "data of another length", f"{member.file_size} bytes", member.filename
            )


def _metadata(tensor: Stored, source: Source, limits: Limits) -> dict[str, str]:
    if tensor.dtype.name != "uint8" or len(tensor.shape) != 1:
        raise source.error(f"an array of {tensor.dtype.name}", "bytes of JSON", METADATA)
    if tensor.nbytes > limits.header_bytes:
        raise source.error(f"{tensor.nbytes} bytes", f"at most {limits.header_bytes}", METADATA)
    value: Any = parse_json(tensor.load().tobytes(), limits, source.path, METADATA)
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise source.error(shortened(value), "strings by name", METADATA)


def write_tensors(
    file: IO[bytes],
    tensors: Mapping[str, HostArray],
    metadata: Mapping[str, str],
    limits: Limits,
) -> None:
    """Write an archive, which ``numpy.load`` reads too.

    The same tensors and metadata always give the same bytes.

    Raises
    ------
    ArraynetError
        For an archive that `stored_tensors` would not read under the limits.
    DtypeError
        For arrays that are not of NumPy's own numbers.
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
    headers = {name: len(_npy_header(array)) for name, array in arrays.items()}
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


def _npy_header(array: HostArray) -> bytes:
    """Return what stands before one array's data in NumPy's own format."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    return file.getvalue()
