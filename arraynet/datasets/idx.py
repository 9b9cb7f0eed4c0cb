"""IDX files: the format of MNIST, for any element type and number of dimensions.

References
----------
"The IDX file format" at the end of http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.errors import LoadError, shortened
from arraynet.formats import recognition
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.recognition import HEAD, recognize
from arraynet.formats.source import Source, open_source
from arraynet.formats.stored import Stored, check_expansion, checked_size

TYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's names of the element types, by the third byte of a file."""

KEPT = ("lfs", "html", "mnist", "csv")
"""Files of which `recognize` advises what helps for images too."""

GZIP = 16 + zlib.MAX_WBITS  # tells zlib to expect gzip's header, checksum and length

BLOCK = 1 << 16


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
        packed = source.peek(2) == b"\x1f\x8b"
        most = 4 + 4 * 255
        start = _inflated(source, source.peek(BLOCK), most)[0] if packed else source.peek(most)
        shape, dtype, length = _header(start, source, limits)
        size = checked_size(shape, dtype, limits, source.path, None)
        found = source.size
        if packed:
            check_expansion(length + size, source.size, limits, source.path)
            found = int.from_bytes(source.read_at(max(source.size - 4, 0), 4), "little")
        if found != length + size:
            # Without its end, a gzipped file ends with four bytes that are no length.
            raise source.error(
                f"{found} as the length at gzip's end" if packed else f"{found} bytes",
                f"{length + size} for shape {shortened(shape)} of {dtype.name} "
                f"(is it truncated or damaged?)",
            )

        def fill(buffer: memoryview) -> None:
            if packed:
                buffer[:] = memoryview(unpack(source, length + size))[length:]
            else:
                source.read_into(length, buffer)

        return Stored("", shape, dtype, fill, file=source.path).load()


def _header(
    start: bytes, source: Source, limits: Limits
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return the shape, the element type, and how many bytes say so."""
    if len(start) >= 4 and (start[:2] != b"\0\0" or start[2] not in TYPES):
        raise unusable(source, start, "an IDX file, such as MNIST's")
    rank = start[3] if len(start) >= 4 else 0
    length = 4 + 4 * rank
    if rank > limits.dimensions:
        raise source.error(f"{rank} dimensions", f"at most {limits.dimensions} (Limits.dimensions)")
    if len(start) < length:
        raise source.error(f"{len(start)} bytes of data", f"at least {length} (is it truncated?)")
    return tuple(np.frombuffer(start[4:length], ">u4").tolist()), np.dtype(TYPES[start[2]]), length


def unusable(source: Source, start: bytes, expected: str) -> LoadError:
    """Return the error for a file of another kind: what it is, and what helps."""
    found = recognize(source.peek(HEAD), source.path)
    if found is None or found.kind in ("idx", "labels") or found.what == "a gzip file":
        return source.error(f"the first bytes {start[:4]!r}", expected)
    advice = found.advice
    if advice == recognition.IMAGE:
        advice = "arraynet.datasets.read_images reads PNG, JPEG, BMP and WebP"
    elif found.kind not in KEPT and advice != recognition.UNPACK:
        advice = "save the images as one array: numpy.save('images.npy', images)"
    return source.error(found.what, f"{expected} ({advice})")


def unpack(source: Source, size: int) -> bytes:
    """Return the data of a gzipped file that must hold exactly ``size`` bytes of it."""
    # zlib compares the checksum and the length at the end.
    data, inflater = _inflated(source, source.read_at(0, source.size), size + 1)
    wanted = f"{size} as its content says"
    if len(data) > size:
        raise source.error(f"more than {size} bytes of data", wanted)
    if not inflater.eof:
        raise source.error("a gzip stream without its end", "a whole file (is it truncated?)")
    if len(data) < size:
        raise source.error(f"{len(data)} bytes of data", wanted)
    if rest := len(inflater.unused_data):
        raise source.error(f"{rest} bytes after the gzip stream", "nothing after it")
    return data


def _inflated(source: Source, packed: bytes, most: int) -> tuple[bytes, zlib._Decompress]:
    """Return up to so many bytes of the data, decompressed no further, and what goes on."""
    inflater = zlib.decompressobj(GZIP)
    try:
        return inflater.decompress(packed, most), inflater
    except zlib.error as error:
        raise source.error(str(error), "a whole gzip stream") from error
