"""PNG images whose chunks are out of order, or that do not say what their pixels are."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from arraynet import LoadError
from arraynet.datasets.images import read_images
from tests.datasets.pictures import chunk
from tests.effort import assert_light

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
        ([GREY, head(4), data()], "a second chunk b'IHDR', expected one"),
        ([GREY, data(), GREY], "a second chunk b'IHDR', expected one"),
        ([COLOURS, data()], r"no palette \(b'PLTE'\), expected one for colour type 3"),
        ([COLOURS, chunk(b"PLTE", b""), data()], "a palette of 0 bytes, expected 3 for each"),
        ([COLOURS, chunk(b"PLTE", b"abcd"), data()], "a palette of 4 bytes, expected 3 for each"),
        ([COLOURS, chunk(b"PLTE", bytes(771)), data()], "a chunk b'PLTE' of 771 bytes"),
        ([COLOURS, palette(3), data()], "the colour 3 in a pixel, expected one from 0 to 2"),
        ([COLOURS, palette(4), palette(4), data()], "a second chunk b'PLTE', expected one"),
        ([COLOURS, data(), palette(4)], "no palette"),
        ([GREY, data(), palette(4)], "a chunk b'PLTE' after the pixels"),
        ([COLOURS, palette(4), data(), palette(4)], "a second chunk b'PLTE'"),
        ([GREY, TRANSPARENCY, TRANSPARENCY, data()], "a second chunk b'tRNS'"),
        ([GREY, data(), TRANSPARENCY], "a chunk b'tRNS' after the pixels"),
        ([GREY, chunk(b"tRN\x98", b""), data()], r"a chunk b'tRN\\x98', expected .*known chunks"),
        ([GREY, data(PIXELS[:5]), TEXT, data(PIXELS[5:])], "pixels in two places"),
    ],
)  # fmt: skip
def test_chunks_out_of_order(chunks: list[bytes], message: str, tmp_path: Path) -> None:
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
def test_chunks_in_order(chunks: list[bytes], tmp_path: Path) -> None:
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
def test_transparency_changes_nothing(colour: int, tmp_path: Path) -> None:
    """Grey is of the colour alone. Pillow warns of a palette's; tests fail on warnings."""
    row = b"\0" + bytes(range(4 * (3 if colour == 2 else 1)))
    pixels = data(zlib.compress(row * 4))
    start = [head(colour=colour), *([palette(4)] if colour == 3 else [])]
    transparent = chunk(b"tRNS", {0: b"\0\1", 2: bytes(range(6)), 3: bytes([0, 128])}[colour])
    plain = read_images(write(tmp_path, *start, pixels, END))
    assert plain.any()
    found = read_images(write(tmp_path, *start, transparent, pixels, END))
    assert found.tolist() == plain.tolist()


def test_one_long_chunk_takes_as_long_as_its_bytes(tmp_path: Path) -> None:
    """64 MiB in one chunk, refused at its end: what is left is not copied for each block."""
    side = 4096
    packed = zlib.compress(bytes(side * (1 + 4 * side)), 0)[:-20]
    path = write(tmp_path, head(8, 6, side, side), data(packed), END)

    def refusal() -> None:
        with pytest.raises(LoadError, match=r"bytes of pixels.*is it truncated"):
            read_images(path)

    assert_light(refusal)
