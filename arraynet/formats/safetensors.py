"""The safetensors format: a JSON header, then the tensors' bytes without gaps.

References
----------
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from arraynet.errors import DtypeError, clipped, shortened
from arraynet.formats.json_text import json_bytes, parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import (
    METADATA,
    HostArray,
    Stored,
    check_name,
    check_total,
    checked_size,
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
    _check_library(source)
    metadata = header.pop(METADATA, None) or {}
    if len(header) > limits.tensors:
        raise source.error(f"{len(header)} tensors", f"at most {limits.tensors} (Limits.tensors)")
    tensors = [_tensor(name, entry, 8 + length, source, limits) for name, entry in header.items()]
    check_total(sum(tensor.nbytes for tensor in tensors), limits, source.path)
    return tensors, metadata


def _check_library(source: Source) -> None:
    """Have the reference implementation check all that the header says of the rest."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source.path, framework="numpy"):
            pass
    except SafetensorError as error:
        truncated = "IncompleteBuffer" in str(error)
        raise source.error(
            clipped(str(error), 200),
            f"a valid safetensors file{' (is it truncated?)' if truncated else ''}",
            HEADER,
        ) from error


def _tensor(name: str, entry: Any, base: int, source: Source, limits: Limits) -> Stored:
    """Return the tensor of an entry that the reference implementation has checked."""
    check_name(name, limits, source.path)
    dtype, shape = _dtype(entry["dtype"], source, name), tuple(entry["shape"])
    checked_size(shape, dtype, limits, source.path, name)
    into = functools.partial(source.read_into, base + entry["data_offsets"][0], member=name)
    return Stored(name, shape, dtype, into, file=source.path)


def _dtype(kind: str, source: Source, name: str) -> np.dtype[Any]:
    if kind not in DTYPES:
        raise source.error(f"dtype {shortened(kind)}", f"one of {', '.join(DTYPES)}", name)
    if kind == "BF16":
        try:
            import ml_dtypes  # noqa: F401 (registers the dtype with NumPy; optional)
        except ImportError:
            raise source.error(
                "dtype BF16", "another one, or the package ml_dtypes (pip install ml_dtypes)", name
            ) from None
    return np.dtype(DTYPES[kind])


def write_tensors(
    file: IO[bytes],
    tensors: Mapping[str, HostArray],
    metadata: Mapping[str, str],
    limits: Limits,
) -> None:
    """Write a safetensors file.

    The same tensors and metadata always give the same bytes.

    Raises
    ------
    ArraynetError
        For a header that would not be read again.
    DtypeError
        For a dtype that the format lacks.
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
        header[name] = {
            "dtype": names[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [position, position + tensor.nbytes],
        }
        position += tensor.nbytes
    text = json_bytes(header, limits, 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for tensor in tensors.values():
        little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
        if little.size:
            file.write(little.reshape(-1).view(np.uint8).data)
