"""The header of NumPy's own format for one array, parsed without evaluating it.

References
----------
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
from typing import IO, Any, NamedTuple

import numpy as np

from arraynet.errors import shortened
from arraynet.formats.source import Source
from arraynet.formats.stored import KINDS, Stored, checked_size, is_numeric

MAGIC = b"\x93NUMPY"

# As NumPy writes it, and all who write for NumPy. Nothing in it is tried twice: a megabyte of
# spaces would take hours.
_SIZE = r"(?:0|[1-9][0-9]{0,18}+)L?+"  # Python 2 wrote some with an L
_HEADER = re.compile(
    r"\{ *+'descr': *+'(?P<descr>[^']*+)', *+'fortran_order': *+(?P<fortran>True|False), *+"
    rf"'shape': *+\((?P<shape>(?:{_SIZE}, *+)*+(?:{_SIZE})?+)\),? *+\}}[ \n]*+"
)


class Header(NamedTuple):
    """What stands before an array's data, and how many bytes that takes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    length: int


def read_header(file: IO[bytes], source: Source, member: str | None) -> Header:
    """Parse the header at the place in a file where an array begins.

    LoadError for one that NumPy would not write for an array of numbers, or beyond the limits.
    """
    start = file.read(8)
    if start[:6] != MAGIC or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise source.error(shortened(start), "an array in NumPy's format 1.0, 2.0 or 3.0", member)
    size = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(size), "little")
    source.check("header_bytes", length, f"a header of {length} bytes", member)
    text = file.read(length).decode("latin-1")
    items = _HEADER.fullmatch(text)
    if items is None or len(text) != length:
        found = f"the header {shortened(text)}"
        raise source.error(found, "one dtype of numbers, an order and a shape", member)
    shape = tuple(int(size.strip(" L")) for size in items["shape"].split(",") if size.strip())
    descr = items["descr"]
    if not is_numeric(descr[:1], descr[1:]):
        what = " (Python objects, which are never loaded)" if descr[1:] == "O" else ""
        expected = f"a numeric dtype ({', '.join(KINDS)})"
        raise source.error(f"dtype {shortened(descr)}{what}", expected, member)
    dtype = np.dtype(descr)
    checked_size(shape, dtype, source.limits, source.path, member)
    return Header(dtype, shape, items["fortran"] == "True", 8 + size + length)


def stored_array(source: Source) -> Stored:
    """Return the array of an ``.npy`` file, not yet loaded."""
    source.file.seek(0)
    header = read_header(source.file, source, None)
    check_length(header, source.size, source, None)

    def into(buffer: memoryview) -> None:
        source.read_into(header.length, buffer)

    return Stored("array", header.shape, header.dtype, into, header.fortran, file=source.path)


def check_length(header: Header, size: int, source: Source, member: str | None) -> None:
    """Refuse data that is shorter or longer than the header's shape says."""
    expected = math.prod(header.shape) * header.dtype.itemsize
    if size - header.length != expected:
        wanted = f"{expected} for shape {shortened(header.shape)} of {header.dtype.name}"
        raise source.error(f"{size - header.length} bytes of data", wanted, member)
