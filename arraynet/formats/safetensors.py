"""The safetensors format: a JSON header, then the tensors' bytes without gaps.

References
----------
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from arraynet.errors import DtypeError
from arraynet.formats.json_text import header_bytes, parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import (
    METADATA,
    HostArray,
    Stored,
    check_name,
    check_total,
    checked_size,
    clipped,
)

# The file's name of each element type, and NumPy's.
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "bfloat16",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
    "C64": "<c8",
}

HEADER = "header"


def stored_tensors(source: Source, limits: Limits) -> tuple[list[Stored], dict[str, str]]:
    """Return the tensors of a safetensors file, not yet loaded, and its metadata.

    Raises
    ------
    LoadError
        For a header that is too large, too deep, not JSON, or does not describe the
        rest of the file exactly, without gaps or overlaps.
    """
    length = int.from_bytes(source.read_at(0, 8), "little")
    if length > limits.header_bytes:
        raise source.error(
            f"a header of {length} bytes", f"at most {limits.header_bytes} (Limits.header_bytes)"
        )
    header = parse_json(source.read_at(8, length), limits, source.path, HEADER)
    if not isinstance(header, dict):
        raise source.error("JSON that is no object", "tensors by name", HEADER)
    metadata = _metadata(header.pop(METADATA, {}), source)
    if len(header) > limits.tensors:
        raise source.error(f"{len(header)} tensors", f"at most {limits.tensors} (Limits.tensors)")
    spans = [_tensor(name, entry, 8 + length, source, limits) for name, entry in header.items()]
    _check_cover(spans, 8 + length, source)
    check_total(sum(tensor.nbytes for _, tensor in spans), limits, source.path)
    _check_library(source)
    return [tensor for _, tensor in spans], metadata


def _metadata(value: Any, source: Source) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise source.error(clipped(value), "strings by name", METADATA)


def _tensor(name: str, entry: Any, base: int, source: Source, limits: Limits) -> tuple[int, Stored]:
    """Return where a tensor begins, and the tensor."""
    check_name(name, limits, source.path)
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(begin), int(end)]}:
            whole = all(type(size) is int for size in (*shape, begin, end))
            if not whole or len(entry) > 3:
                raise source.error(clipped(entry), "dtype, shape and data_offsets", name)
        case _:
            raise source.error(clipped(entry), "dtype, shape and data_offsets", name)
    dtype = _dtype(kind, source, name)
    size = checked_size(tuple(shape), dtype, limits, source.path, name)
    if begin < 0 or end - begin != size:
        raise source.error(
            f"data from {begin} to {end}",
            f"{size} bytes for shape {clipped(shape)} of {kind}",
            name,
        )
    fill = functools.partial(source.read_into, base + begin, member=name)
    return base + begin, Stored(name, tuple(shape), dtype, fill, file=source.path)


def _dtype(kind: str, source: Source, name: str) -> np.dtype[Any]:
    if kind not in DTYPES:
        raise source.error(f"dtype {clipped(kind)}", f"one of {', '.join(DTYPES)}", name)
    if kind == "BF16":
        try:
            import ml_dtypes  # noqa: F401 (registers the dtype with NumPy; optional)
        except ImportError:
            raise source.error(
                "dtype BF16", "another one, or the package ml_dtypes (pip install ml_dtypes)", name
            ) from None
    return np.dtype(DTYPES[kind])


def _check_cover(spans: list[tuple[int, Stored]], base: int, source: Source) -> None:
    """Refuse gaps, overlaps and bytes that belong to no tensor."""
    position = base
    for begin, tensor in sorted(spans, key=lambda span: (span[0], span[1].nbytes)):
        if begin != position:
            raise source.error(
                f"data from byte {begin}", f"from {position}, without gap or overlap", tensor.name
            )
        position += tensor.nbytes
    if position != source.size:
        raise source.error(
            f"a file of {source.size} bytes", f"{position}, as its header says (is it truncated?)"
        )


def _check_library(source: Source) -> None:
    """Have the reference implementation check the header too."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source.path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise source.error(clipped(str(error), 200), "a valid safetensors header") from error


def chunks(
    tensors: Mapping[str, HostArray], metadata: Mapping[str, str], limits: Limits
) -> Iterator[bytes | memoryview]:
    """Return the bytes of a safetensors file.

    The same tensors and metadata always give the same bytes.

    Raises
    ------
    ArraynetError
        For a header that would not be read again, or a dtype that the format lacks.
    """
    names = {np.dtype(name).name: kind for kind, name in DTYPES.items() if kind != "BF16"}
    names["bfloat16"] = "BF16"
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    position = 0
    for name, tensor in tensors.items():
        if tensor.dtype.name not in names:
            raise DtypeError(
                f"tensor {name}: got dtype {tensor.dtype}, expected one of {', '.join(names)}"
            )
        offsets = [position, position + tensor.nbytes]
        header[name] = {
            "dtype": names[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": offsets,
        }
        position += tensor.nbytes
    return _chunks(header_bytes(header, limits, 8), tensors)


def _chunks(text: bytes, tensors: Mapping[str, HostArray]) -> Iterator[bytes | memoryview]:
    yield len(text).to_bytes(8, "little") + text
    for tensor in tensors.values():
        little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
        if little.size:
            yield little.reshape(-1).view(np.uint8).data
