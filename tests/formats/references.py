"""Readers that owe nothing to arraynet, to compare with on files that it loads."""

from __future__ import annotations

import collections
import gzip
import pickle
import struct
import zlib
from typing import Any

import numpy as np
import safetensors.numpy

Arrays = dict[str, np.ndarray[Any, Any]]

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("builtins", "bytearray"),
    ("__builtin__", "bytearray"),
    ("builtins", "bytes"),
    ("__builtin__", "bytes"),
    ("collections", "OrderedDict"),
}


class RestrictedUnpickler(pickle.Unpickler):
    """Python's own machine, for files that name nothing but NumPy's functions."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickle(path: str) -> Arrays:
    with open(path, "rb") as file:
        value = RestrictedUnpickler(file, encoding="latin1").load()
        rest = file.read()
    if type(value) in (list, tuple):
        value = {f"arr_{number}": item for number, item in enumerate(value)}
    if rest or type(value) not in (dict, collections.OrderedDict):
        raise ValueError("neither one dict nor one list")
    return {key: np.asarray(item) for key, item in value.items()}


def read_carelessly(path: str) -> Arrays:
    with open(path, "rb") as file:
        pickle.load(file)  # on a file that the tests themselves wrote, and that is harmless
    return {}


def read_npz(path: str) -> Arrays:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name != "__metadata__"}


def read_safetensors(path: str) -> Arrays:
    with open(path, "rb") as file:
        return safetensors.numpy.load(file.read())


def read_idx(path: str) -> Arrays:
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    zero, kind, rank = struct.unpack_from(">HBB", data)
    shape = struct.unpack_from(f">{rank}I", data, 4)
    letter = {8: "B", 9: "b", 11: "h", 12: "i", 13: "f", 14: "d"}[kind]
    array = np.frombuffer(data, np.dtype(f">{letter}"), offset=4 + 4 * rank)
    if zero:
        raise ValueError("not an IDX file")
    return {"": array.reshape(shape)}


def read_images(path: str) -> Arrays | None:
    """Return None where this reader has no opinion."""
    with open(path, "rb") as file:
        start = file.read(8)
    if start.startswith(b"\x93NUMPY"):
        return {"": np.load(path, allow_pickle=False)}
    if start.startswith(b"\x89PNG"):
        with open(path, "rb") as file:
            return _read_grey_png(file.read())
    if start.startswith((b"\xff\xd8", b"BM", b"RIFF")):
        return None
    return read_idx(path)


def _read_grey_png(data: bytes) -> Arrays | None:
    """Decode a PNG of grey bytes; None for other kinds."""
    width, height, depth, colour, *_, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    if (depth, colour, interlaced) != (8, 0, 0):
        return None
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += length + 12
    lines = zlib.decompressobj().decompress(packed, (width + 1) * height)
    rows = [bytes(width)]
    for start in range(0, (width + 1) * height, width + 1):
        rows.append(_unfiltered(lines[start], lines[start + 1 : start + 1 + width], rows[-1]))
    return {"": np.frombuffer(b"".join(rows[1:]), "u1").reshape(1, height, width)}


def _unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    """Undo one of the five filters of a line of bytes."""
    row = bytearray()
    for x, value in enumerate(line):
        left = row[x - 1] if x else 0
        up, corner = above[x], above[x - 1] if x else 0
        paeth = min((left, up, corner), key=lambda near: abs(left + up - corner - near))
        row.append((value + (0, left, up, (left + up) // 2, paeth)[kind]) % 256)
    return bytes(row)
