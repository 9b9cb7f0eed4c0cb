"""PNG images that say less than their pixels need; what is left to Pillow does no harm."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from arraynet import LoadError
from arraynet.datasets import images
from arraynet.datasets.images import read_images
from arraynet.formats import Limits
from tests.datasets.pictures import chunk

pytest.importorskip("PIL.Image", reason="Pillow is not installed")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = chunk(b"IEND", b"")
PIXELS = zlib.compress(b"\0\0\1\2\3" * 4)
"""Four rows of the pixels 0, 1, 2, 3, of one byte each."""


def head(depth: int = 8, colour: int = 0, width: int = 4, height: int = 4) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def palette(entries: int) -> bytes:
    return chunk(b"PLTE", bytes(range(10, 10 + 3 * entries)))


def data(packed: bytes = PIXELS) -> bytes:
    return chunk(b"IDAT", packed)


def write(folder: Path, *chunks: bytes) -> Path:
    path = folder / "image.png"
    path.write_bytes(SIGNATURE + b"".join(chunks))
    return path


GREY, COLOURS = head(), head(colour=3)
TEXT, TRANSPARENCY = chunk(b"tEXt", b"a\0b"), chunk(b"tRNS", b"\0\0")


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([COLOURS, data()], "the colour 3 in a pixel, expected one of the palette's 0"),
        ([COLOURS, chunk(b"PLTE", b""), data()], "the palette's 0"),
        ([COLOURS, palette(3), data()], "the colour 3 in a pixel, expected one of the palette's 3"),
        ([COLOURS, chunk(b"PLTE", bytes(771)), data()], "invalid palette size"),
        ([COLOURS, data(), palette(4)], "the palette's 0"),
        ([GREY, chunk(b"tRN\x98", b""), data()], "a damaged PNG header"),
        ([GREY, data(PIXELS[:5]), TEXT, data(PIXELS[5:])], "truncated"),
        ([head(width=5), data()], "20 of 24 bytes of pixels"),
        ([head(8, 2), data()], "20 of 52 bytes of pixels"),
        ([GREY, data(PIXELS[:-6])], "a whole PNG image"),
    ],
)  # fmt: skip
def test_pixels_that_are_not_all_there(chunks: list[bytes], message: str, tmp_path: Path) -> None:
    path = write(tmp_path, *chunks, END)
    with pytest.raises(LoadError, match=message) as caught:
        read_images(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    "chunks",
    [
        [GREY, TEXT, data(), TEXT],
        [GREY, data(PIXELS[:5]), data(b""), data(PIXELS[5:])],
        [GREY, TRANSPARENCY, data()],
        [GREY, palette(1), data()],
    ],
)
def test_chunks_that_say_no_more(chunks: list[bytes], tmp_path: Path) -> None:
    assert read_images(write(tmp_path, *chunks, END)).tolist() == [[[0, 1, 2, 3]] * 4]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_every_colour_of_a_palette(depth: int, tmp_path: Path) -> None:
    """Grey colours are their own grey; those beyond the pixels' bits do no harm."""
    count = min(1 << depth, 4)
    colours = chunk(b"PLTE", b"".join(bytes([9 * entry] * 3) for entry in range(count)))
    bits = "".join(f"{entry:0{depth}b}" for entry in range(count))
    row = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    header = head(depth, 3, count, 1)
    path = write(tmp_path, header, colours, data(zlib.compress(b"\0" + row)), END)
    assert read_images(path).tolist() == [[[9 * entry for entry in range(count)]]]


@pytest.mark.parametrize("colour", [0, 2, 3])
def test_transparent_pixels_show_the_ground(colour: int, tmp_path: Path) -> None:
    """Of four pixels the second is transparent, as each colour type says that."""
    row = b"\0" + bytes(range(4 * (3 if colour == 2 else 1)))
    pixels = data(zlib.compress(row * 4))
    start = [head(colour=colour), *([palette(4)] if colour == 3 else [])]
    second = {0: struct.pack(">H", 1), 2: struct.pack(">3H", 3, 4, 5), 3: bytes([255, 0])}[colour]
    plain = read_images(write(tmp_path, *start, pixels, END))
    path = write(tmp_path, *start, chunk(b"tRNS", second), pixels, END)
    for ground in (0, 77, 255):
        found = read_images(path, ground=ground)
        assert (found[0, :, 1] == ground).all()
        assert (found[..., [0, 2, 3]] == plain[..., [0, 2, 3]]).all()


@pytest.mark.parametrize("ground", [-1, 256, 0.5, "white", None])
def test_grounds_that_are_none(ground: Any, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"ground: got .*, expected a grey from 0 to 255"):
        read_images(write(tmp_path, GREY, data(), END), ground=ground)


def test_pieces_without_end(tmp_path: Path) -> None:
    """What Pillow does for each piece of a file is counted."""
    path = write(tmp_path, GREY, chunk(b"abcd", b"") * 50, data(), END)
    assert read_images(path, limits=Limits(chunks=100)).shape == (1, 4, 4)
    with pytest.raises(LoadError, match=r"too many pieces \(Limits.chunks\)"):
        read_images(path, limits=Limits(chunks=10))


def test_a_large_file_of_few_pixels(tmp_path: Path) -> None:
    path = write(tmp_path, GREY, chunk(b"abcd", bytes(1 << 21)), data(), END)
    with pytest.raises(LoadError, match=r"a picture of \d+ bytes.*at most .*Limits.pixels"):
        read_images(path, limits=Limits(pixels=16))


def test_one_long_chunk_is_cut_into_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of it is not copied for each block: zlib is never given a long piece."""
    side = 1024
    packed = zlib.compress(bytes(side * (1 + 4 * side)), 0)[:-20]
    path = write(tmp_path, head(8, 6, side, side), data(packed), END)
    given: list[int] = []
    make = zlib.decompressobj

    class Counting:
        def __init__(self) -> None:
            self.inner = make()

        def decompress(self, piece: bytes, most: int) -> bytes:
            given.append(len(piece))
            return self.inner.decompress(piece, most)

        @property
        def unconsumed_tail(self) -> bytes:
            return self.inner.unconsumed_tail

    monkeypatch.setattr(images.zlib, "decompressobj", Counting)
    with pytest.raises(LoadError, match=r"bytes of pixels.*is it truncated"):
        read_images(path)
    assert len(packed) > 1 << 22
    assert sum(given) < 3 * len(packed)
