"""IDX files: the format of MNIST, for any element type and number of dimensions.

References
----------
"The IDX file format" at the end of http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.datasets.gzip_data import GzipReader
from arraynet.errors import LoadError
from arraynet.formats import recognition
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.recognition import HEAD, recognize
from arraynet.formats.source import Source, open_source
from arraynet.formats.stored import Stored, check_expansion, checked_size, clipped

TYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's names of the element types, by the third byte of a file."""

OF_WEIGHTS = (recognition.TORCH, recognition.KERAS, recognition.SKLEARN, recognition.SAVEZ)
"""What is advised for files of weights."""

ARRAYS = ("npz", "npy", "pickle", "text pickle", "safetensors")

GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], *, limits: Limits | None = None) -> npt.NDArray[Any]:
    """Read an IDX file, gzipped or not, whatever it is called.

    Parameters
    ----------
    path : path
    limits : Limits, optional
        Budgets other than the default ones.

    Returns
    -------
    numpy.ndarray
        In this machine's byte order: uint8, int8, int16, int32, float32 or float64,
        of the shape that the file states.

    Raises
    ------
    LoadError
        When the file is not of that format, or not exactly as long as its
        dimensions say, or is beyond the limits; nothing else is raised.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "labels-idx1-ubyte")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    >>> folder.cleanup()
    """
    limits = limits_or_default(limits)
    with open_source(path, limits) as source:
        compressed = source.peek(2) == GZIP_MAGIC
        reader = GzipReader(source) if compressed else _PlainReader(source)
        shape, dtype, length = _header(reader, source, limits)
        size = checked_size(shape, dtype, limits, source.path, None)
        if compressed:
            check_expansion(length + size, source.size, limits, source.path)
        if reader.expected != length + size:
            # Without its end, a gzipped file ends with four bytes that are no length.
            raise source.error(
                f"{reader.expected} as the length at gzip's end"
                if compressed
                else f"{reader.expected} bytes",
                f"{length + size} for shape {clipped(shape)} of {dtype.name} "
                f"(is it truncated or damaged?)",
            )
        array = Stored("", shape, dtype, reader.read_into, file=source.path).load()
        reader.finish()
        return array


def _header(
    reader: _PlainReader | GzipReader, source: Source, limits: Limits
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return the shape, the element type, and how many bytes say so."""
    magic = reader.read(4)
    if magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise unusable(source, magic, "an IDX file, such as MNIST's")
    rank = magic[3]
    if rank > limits.dimensions:
        raise source.error(f"{rank} dimensions", f"at most {limits.dimensions} (Limits.dimensions)")
    sizes = reader.read(4 * rank)
    return tuple(np.frombuffer(sizes, ">u4").tolist()), np.dtype(TYPES[magic[2]]), 4 + 4 * rank


def unusable(source: Source, start: bytes, expected: str) -> LoadError:
    """Return the error for a file of another kind: what it is, and what helps."""
    found = recognize(source.peek(HEAD), source.path)
    if found is None or found.kind in ("idx", "labels") or found.what == "a gzip file":
        return source.error(f"the first bytes {start[:8]!r}", expected)
    advice = found.advice
    if advice == recognition.IMAGE:
        advice = "arraynet.datasets.read_images reads PNG, JPEG, BMP and WebP"
    elif advice in OF_WEIGHTS or found.kind in ARRAYS:
        advice = "save the images as one array: numpy.save('images.npy', images)"
    return source.error(found.what, f"{expected} ({advice})" if advice else expected)


class _PlainReader:
    """The bytes of a file that is not compressed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.position = 0
        self.expected = source.size

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        data = self.source.read_at(self.position, count)
        self.position += count
        return data

    def read_into(self, buffer: memoryview) -> None:
        """Fill ``buffer``."""
        self.source.read_into(self.position, buffer)

    def finish(self) -> None:
        """Do nothing: the length was compared before."""
