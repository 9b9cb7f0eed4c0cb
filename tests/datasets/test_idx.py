"""IDX files of every type and rank are read as an independent reader reads them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import LoadError
from arraynet.datasets import read_idx
from arraynet.formats import Limits

LETTERS = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
NAMES = ("uint8", "int8", "int16", "int32", "float32", "float64")
DTYPES = dict(zip(LETTERS, NAMES, strict=True))


def idx(code: int, shape: tuple[int, ...], values: list[Any], *, packed: bool = False) -> bytes:
    """Write an IDX file with struct alone."""
    data = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    data += struct.pack(f">{len(values)}{LETTERS[code]}", *values)
    return gzip.compress(data) if packed else data


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 2, 3), (1,) * 9, (0,), (3, 0)])
@pytest.mark.parametrize("code", LETTERS)
def test_types_and_ranks(code: int, shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    values = [(7 * number) % 100 for number in range(int(np.prod(shape)))]
    path = tmp_path / "anything.bin"
    path.write_bytes(idx(code, shape, values, packed=packed))
    array = read_idx(path)
    assert array.shape == shape
    assert array.dtype.name == DTYPES[code]
    assert array.dtype.isnative
    assert array.reshape(-1).tolist() == values


def test_a_gzip_name_says_nothing(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    plain.write_bytes(idx(8, (2,), [1, 2]))
    packed.write_bytes(idx(8, (2,), [1, 2], packed=True))
    assert read_idx(plain).tolist() == read_idx(str(packed)).tolist() == [1, 2]


def test_mnist(test_data: Path) -> None:
    images = read_idx(test_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    with gzip.open(test_data / "mnist" / "t10k-images-idx3-ubyte.gz") as file:
        expected = np.frombuffer(file.read()[16:], "u1").reshape(10_000, 28, 28)
    assert (images == expected).all()


THREE = idx(8, (10_000, 2, 2), [1] * 12)


CUT = gzip.compress(idx(8, (9,), range(9)))[:-5]
"""Without its end: its last four bytes are no length."""


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (THREE, "28 bytes, expected 40016 for shape (10000, 2, 2)"),
        (gzip.compress(THREE), "28 as the length at gzip's end, expected 40016 for shape (10000, "),
        (CUT, f"{int.from_bytes(CUT[-4:], 'little')} as the length at gzip's end, expected 17 for"),
        (CUT, "(is it truncated or damaged?)"),
        (gzip.compress(THREE)[:-4] + struct.pack("<I", 40_016), "incorrect length check"),
        (idx(8, (2,), [1, 2]) + b"x", "11 bytes, expected 10"),
        (gzip.compress(idx(8, (2,), [1, 2]) + b"x"), "11 as the length at gzip's end, expected 10"),
        (gzip.compress(idx(8, (2,), [1, 2])) + b"x", "as the length at gzip's end, expected 10"),
        (gzip.compress(idx(8, (2,), [1, 2])) + b"x" + struct.pack("<I", 10), "5 bytes after"),
        (gzip.compress(idx(8, (2,), [1, 2])) * 2, "bytes after the gzip stream"),
        (idx(8, (2,), [1, 2])[:9], "9 bytes, expected 10"),
        (idx(8, (2,), [1, 2])[:6], "6 bytes of data, expected at least 8"),
        (b"\0\0\x08", "3 bytes of data, expected at least 4"),
        (b"\0\0\x0a\1" + bytes(8), "the first bytes b'\\x00\\x00\\n\\x01'"),
        (b"\0\1\x08\1" + bytes(8), "the first bytes"),
        (b"\x89PNG" + bytes(8), "a PNG image, expected an IDX file"),
        (gzip.compress(b"hello, world"), "the first bytes b'hell'"),
        (b"\0\0\x08\xff" + bytes(1020), "255 dimensions, expected at most 32"),
        (b"\0\0\x08\2" + b"\xff" * 8, "shape (4294967295, 4294967295) of uint8"),
        (b"\0\0\x08\2" + bytes(4) + b"\xff" * 4, "shape (0, 4294967295) of uint8"),
        (b"", "an empty file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_files(data: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(data)
    with pytest.raises(LoadError) as caught:
        read_idx(path)
    assert f"got {found}" in str(caught.value) or found in str(caught.value)
    assert caught.value.file == str(path)


def test_a_damaged_gzip_stream(tmp_path: Path) -> None:
    path = tmp_path / "wrong.gz"
    good = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 100]) + bytes(range(100)))
    path.write_bytes(good[:-8] + b"\0\0\0\0" + good[-4:])
    with pytest.raises(LoadError, match="incorrect data check, expected a whole gzip stream"):
        read_idx(path)


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(idx(8, (50, 2), [1] * 100))
    with pytest.raises(LoadError, match=r"at most 99 bytes \(Limits.array_bytes\)"):
        read_idx(path, limits=Limits(array_bytes=99))
    with pytest.raises(LoadError, match=r"at most 50 \(Limits.file_bytes\)"):
        read_idx(path, limits=Limits(file_bytes=50))
    assert read_idx(path, limits=Limits(array_bytes=100)).shape == (50, 2)


@pytest.mark.parametrize("name", ["missing", "folder", "no\0name"])
def test_wrong_paths(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LoadError):
        read_idx(tmp_path / name)
