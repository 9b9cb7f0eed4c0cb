"""The header of NumPy's own format for one array, parsed without evaluating it.

References
----------
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from arraynet.errors import shortened
from arraynet.formats.limits import Limits
from arraynet.formats.source import Source
from arraynet.formats.stored import KINDS, Stored, checked_size

MAGIC = b"\x93NUMPY"

# As NumPy writes it, and all who write for NumPy. Nothing in it is tried twice: a megabyte of
# spaces would take hours.
_SIZE = r"(?:0|[1-9][0-9]{0,18}+)L?+"  # Python 2 wrote some with an L
_HEADER = re.compile(
    r"\{ *+'descr': *+'(?P<descr>[^']*+)', *+'fortran_order': *+(?P<fortran>True|False), *+"
    rf"'shape': *+\((?P<shape>(?:{_SIZE}, *+)*+(?:{_SIZE})?+)\),? *+\}}[ \n]*+"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before an array's data, and how many bytes that takes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    length: int


def read_header(file: IO[bytes], source: Source, limits: Limits, member: str | None) -> Header:
    """Parse the header at the place in a file where an array begins.

    Raises
    ------
    LoadError
        For a header that NumPy would not write for an array of numbers, or one
        that is beyond the limits.
    """
    start = file.read(8)
    if start[:6] != MAGIC or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise source.error(shortened(start), "an array in NumPy's format 1.0, 2.0 or 3.0", member)
    size = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(size), "little")
    if length > limits.header_bytes:
        raise source.error(
            f"a header of {length} bytes",
            f"at most {limits.header_bytes} (Limits.header_bytes)",
            member,
        )
    text = file.read(length).decode("latin-1")
    items = _HEADER.fullmatch(text)
    if items is None or len(text) != length:
        raise source.error(
            f"the header {shortened(text)}", "one dtype of numbers, an order and a shape", member
        )
    shape = tuple(int(size.strip(" L")) for size in items["shape"].split(",") if size.strip())
    dtype = _dtype(items["descr"], source, member)
    checked_size(shape, dtype, limits, source.path, member)
    return Header(dtype, shape, items["fortran"] == "True", 8 + size + length)


def _dtype(descr: str, source: Source, member: str | None) -> np.dtype[Any]:
    order, kind = descr[:1], descr[1:]
    if kind not in KINDS or order not in ("<", ">", "|") or (order == "|") != (kind[1:] == "1"):
        what = " (Python objects, which are never loaded)" if kind == "O" else ""
        raise source.error(
            f"dtype {shortened(descr)}{what}", f"a numeric dtype ({', '.join(KINDS)})", member
        )
    return np.dtype(descr)


def stored_array(source: Source, limits: Limits) -> Stored:
    """Return the array of an ``.npy`` file, not yet loaded."""
    source.file.seek(0)
    header = read_header(source.file, source, limits, None)
    tensor = Stored(
        "array",
        header.shape,
        header.dtype,
        lambda buffer: source.read_into(header.length, buffer),
        fortran=header.fortran,
        file=source.path,
    )
    check_length(header, source.size, source, None)
    return tensor


def check_length(header: Header, size: int, source: Source, member: str | None) -> None:
    """Refuse data that is shorter or longer than the header's shape says."""
    expected = int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize
    if size - header.length != expected:
        raise source.error(
            f"{size - header.length} bytes of data",
            f"{expected} for shape {shortened(header.shape)} of {header.dtype.name}",
            member,
        )
