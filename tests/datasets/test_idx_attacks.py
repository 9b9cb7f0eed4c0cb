"""Damaged IDX files, made-up ones and bombs: loaded right, or refused soon."""

from __future__ import annotations

import gzip
import math
import struct
import zlib

from hypothesis import strategies as st

from tests.formats.attack import attack, bit_flips, structures, truncations

WIDTHS = {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}


def idx(code: int, shape: list[int], data: bytes) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


GOOD = idx(11, [3, 4], bytes(range(24)))
PACKED = gzip.compress(GOOD)


def test_every_truncation() -> None:
    for good in (GOOD, PACKED):
        report = attack(truncations(good), "idx", "", good)
        report.check()
        assert report.refused == report.cases == len(good)


def test_bit_flips() -> None:
    cases = [
        (f"{number}, {name}", data)
        for number, good in enumerate((GOOD, PACKED))
        for name, data in bit_flips(good, 2_500, seed=number)
    ]
    report = attack(cases, "idx", "", GOOD)
    report.check()
    assert report.cases == 5_000
    assert report.loaded > 500


@st.composite
def files(draw: st.DrawFn) -> bytes:
    code = draw(st.sampled_from(sorted(WIDTHS)) | st.integers(0, 255))
    size = st.integers(0, 4)
    shape = draw(
        st.lists(size, max_size=5) | st.lists(size | st.integers(0, 2**32 - 1), max_size=3)
    )
    count = min(math.prod(shape) * WIDTHS.get(code, 1), 3000)
    data = idx(code, shape, b"\1" * max(0, count + draw(st.sampled_from([0] * 9 + [-1, 1]))))
    if draw(st.booleans()):
        data = gzip.compress(data, draw(st.integers(0, 9)))
        position = draw(st.none() | st.integers(0, len(data) - 1))
        if position is not None and draw(st.booleans()):
            data = data[:position] + bytes([draw(st.integers(0, 255))]) + data[position + 1 :]
    return data + draw(st.sampled_from([b""] * 9 + [b"\0", b"x", PACKED]))


def test_structures() -> None:
    report = attack(structures(files()), "idx", "", GOOD)
    report.check()
    assert report.cases >= 600
    assert report.loaded > report.cases / 10


def deflated(head: bytes, mebibytes: int, length: int) -> bytes:
    """Return a gzip stream of zeros after a head, with a length that is told."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * mebibytes + packer.flush()[:-4] + struct.pack("<I", length)


def bombs() -> dict[str, bytes]:
    mega = 2**20
    name = b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 4_000_000
    told = {n: idx(8, [n * mega], b"") for n in (1, 60, 200, 1000)}
    return {
        "1.1 GiB of zeros as 1 MiB": deflated(told[1], 1100, len(told[1]) + mega),
        "1.1 GiB of zeros, told as zero": deflated(told[1], 1100, 0),
        "200 MiB of zeros": deflated(told[200], 200, len(told[200]) + 200 * mega),
        "60 MiB told, 1 MiB there": deflated(told[60], 1, len(told[60]) + 60 * mega),
        "60 MiB told in 40 bytes": gzip.compress(told[60])[:-4]
        + struct.pack("<I", len(told[60]) + 60 * mega),
        "1000 MiB told in 40 bytes": gzip.compress(told[1000])[:-4]
        + struct.pack("<I", len(told[1000]) + 1000 * mega),
        "1000 MiB told": told[1000],
        "4 GiB of images": idx(8, [2**32 - 1], b""),
        "2**96 of them": idx(8, [2**32 - 1] * 3, b""),
        "a zero that hides 2**64": idx(8, [0, 2**32 - 1, 2**32 - 1], b""),
        "255 axes of 1": idx(8, [1] * 255, b"\0"),
        "255 axes of 2": idx(8, [2] * 255, b"\0"),
        "a file name without end": name,
        "a file name, then a header": name + b"\0" + zlib.compress(GOOD),
        "streams without end": PACKED * 20_000,
        "zeros after the stream": PACKED + bytes(4_000_000) + PACKED[-4:],
        "empty blocks without end": PACKED[:10] + b"\0\0\0\xff\xff" * 800_000,
        "a gzip in a gzip": gzip.compress(PACKED),
        "3 images as 10,000": gzip.compress(idx(8, [10_000, 28, 28], bytes(3 * 784))),
        "a bzip2 stream": b"BZh9" + bytes(100),
        "a zlib stream": zlib.compress(GOOD),
    }


def test_bombs() -> None:
    cases = bombs()
    report = attack(cases.items(), "idx", "", GOOD)
    report.check()
    assert len(cases) > 12
    assert set(cases) - set(report.messages) == set()
