"""Images from IDX, npy and PNG files; hostile ones are refused."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from arraynet import LoadError
from arraynet.datasets.images import read_images
from arraynet.formats import Limits
from tests.datasets.pictures import chunk, png
from tests.formats.archives import npy, shape_of
from tests.formats.attack import attack, bit_flips, structures, truncations
from tests.formats.test_npz_attacks import headers

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

MEGA = 1 << 20


def saved(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", "f4", ">f8", "i2"])
def test_npy(dtype: str, order: str, tmp_path: Path) -> None:
    images = np.arange(24).reshape(2, 3, 4).astype(dtype, order=order)  # type: ignore[call-overload]
    path = tmp_path / "images.npy"
    path.write_bytes(saved(images))
    found = read_images(path)
    assert found.dtype == images.dtype.newbyteorder("=")
    assert found.dtype.isnative
    assert (found == images).all()


def test_npy_keeps_nan(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    path.write_bytes(saved(np.array([[1.0, np.nan]])))
    assert np.isnan(read_images(path)[0, 1])


def test_idx(tmp_path: Path) -> None:
    path = tmp_path / "images"
    data = bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8])
    for written in (data, gzip.compress(data)):
        path.write_bytes(written)
        assert read_images(path).tolist() == [[7, 8]]


def test_png(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    path.write_bytes(png())
    assert read_images(path).tolist() == [[[0, 1, 2], [0, 1, 2]]]
    assert read_images(path).dtype == np.uint8


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 5), (8, 8), (9, 17), (33, 5)])
def test_png_that_is_interlaced(size: tuple[int, int], tmp_path: Path) -> None:
    """Seven passes of pixels, written one after the other."""
    width, height = size
    image = np.arange(width * height).reshape(height, width).astype("u1")
    lines = b""
    for y, x, down, right in [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
                              (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]:  # fmt: skip
        for row in image[y::down, x::right]:
            lines += b"\0" + row.tobytes() if row.size else b""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    path = tmp_path / "digit.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )  # fmt: skip
    assert (read_images(path) == image).all()


def test_png_in_many_chunks(tmp_path: Path) -> None:
    packed = zlib.compress(b"\0\1\2\3\0\4\5\6")
    pieces = b"".join(chunk(b"IDAT", packed[at : at + 1]) for at in range(len(packed)))
    path = tmp_path / "digit.png"
    path.write_bytes(png()[:33] + pieces + chunk(b"IEND", b""))
    assert read_images(path).tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_of_every_mode_becomes_grey(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    Image.fromarray(np.full((4, 5), 255, "u1")).convert(mode).save(path)
    assert (read_images(path) == np.full((1, 4, 5), 255)).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(depth=16, pixels=b"\0" * 14), "a picture of mode I;16, expected 8 bits"),
        (png(5000, 5000, b""), "5000 x 5000 pixels, expected at most 16777216"),
        (png(0, 5, b""), "a damaged PNG header"),
        (png()[:40], "a damaged PNG header"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "a damaged PNG header"),
        (saved(np.array([None])), r"dtype '\|O' \(Python objects, which are never loaded\)"),
        (saved(np.array(["a"])), "dtype '<U1', expected a numeric dtype"),
        (saved(np.ones(3)) + b"x", r"25 bytes of data, expected 24 for shape \(3,\)"),
        (png()[:-20], "a whole PNG image .is it truncated"),
        (png()[:-1], "70 in the file, expected a whole PNG image .is it truncated"),
        (png(pixels=b"\0\1\2\3"), "4 of 8 bytes of pixels"),
        (png(more=chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))), "one size"),
        (png().replace(b"IEND", b"IENX"), "a whole PNG image"),
        (png(more=chunk(b"PLTE", b"abc")[:-1] + b"!"), "a damaged PNG header"),
        (b"\xff\xd8\xff\xe0" + b"\xff\xda" * 100, "a JPEG of 100 scans, expected at most 64"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "a damaged JPEG header"),
        (b"", "an empty file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_wrong_files(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=message):
        read_images(path)


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(png())
    with pytest.raises(LoadError, match="3 x 2 pixels, expected at most 5"):
        read_images(path, limits=Limits(pixels=5))
    path.write_bytes(saved(np.ones(100)))
    with pytest.raises(LoadError, match="at most 799 bytes"):
        read_images(path, limits=Limits(array_bytes=799))


GOODS = [png(), saved(np.arange(6, dtype="f4").reshape(2, 3))]


def test_every_truncation() -> None:
    for good in GOODS:
        report = attack(truncations(good), "images", "", good)
        report.check()
        assert report.refused == report.cases == len(good)


def test_bit_flips() -> None:
    cases = [
        (f"{number}, {name}", data)
        for number, good in enumerate(GOODS)
        for name, data in bit_flips(good, 2_500, seed=number)
    ]
    report = attack(cases, "images", "", GOODS[0])
    report.check()
    assert report.cases == 5_000


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "WEBP"])
def test_bit_flips_of_other_pictures(kind: str) -> None:
    """They have no checksums: what matters is that nothing but LoadError comes of it."""
    pixels = np.random.default_rng(2).integers(0, 256, (9, 11), "u1")
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).save(file, kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow has no {kind}")
    good = file.getvalue()
    report = attack([*bit_flips(good, 1_500), *truncations(good)], "images", "", good)
    report.check()


@st.composite
def pngs(draw: st.DrawFn) -> bytes:
    size = st.integers(0, 5) | st.integers(0, 2**32 - 1)
    kinds = st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"tRNS", b"PLTE", b"IDAT",
                             b"eXIf", b"acTL", b"fcTL", b"pHYs", b"IEND", b"abcd"])  # fmt: skip
    payloads = st.binary(max_size=30) | st.binary(max_size=9).map(
        lambda data: b"a\0\0" + zlib.compress(data)
    )
    more = draw(st.lists(st.builds(chunk, kinds, payloads), max_size=3))
    return png(
        draw(st.just(3) | size), draw(st.just(2) | size),
        draw(st.none() | st.binary(max_size=40)),
        depth=draw(st.sampled_from([8, 8, 8, 1, 2, 4, 16, 0])),
        colour=draw(st.sampled_from([0, 0, 2, 3, 4, 6, 1])),
        more=b"".join(more),
    )  # fmt: skip


def test_structures() -> None:
    cases = structures(pngs() | headers())
    report = attack(cases, "images", "", GOODS[0])
    report.check()
    assert report.cases >= 600
    assert report.loaded > report.cases / 100


def jpeg(body: bytes) -> bytes:
    """Return the start of a JPEG and what follows it, without an end."""
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + body


def bombs() -> dict[str, bytes]:
    packer = zlib.compressobj(9)
    start = packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * MEGA) + packer.flush(zlib.Z_FULL_FLUSH)
    gigabyte = start + block * 1000
    text = b"comment\0\0" + gigabyte
    head = png()[: 8 + 25]
    blank = b"\0\0\0\0" * 2
    return {
        "a PNG of 2**31 by 2**31": png(2**31 - 1, 2**31 - 1, b""),
        "a PNG of 2**32 - 1 by 1": png(2**32 - 1, 1, b""),
        "a small PNG with 1 MB of data": png(pixels=b"\0\0\0\0" * 250_000),
        "a small PNG with 1 GB of data": head + chunk(b"IDAT", gigabyte) + chunk(b"IEND", b""),
        "a PNG with 1 GB of text": png(more=chunk(b"zTXt", text)),
        "a PNG with 64 texts of 1 MB": png(more=chunk(b"zTXt", b"a\0\0" + start + block) * 64),
        "a PNG with 1 GB of profile": png(more=chunk(b"iCCP", text)),
        "a PNG with 1 GB of text by language": png(more=chunk(b"iTXt", b"a\0\1\0\0\0" + gigabyte)),
        "a PNG with 100,000 chunks": png(more=chunk(b"abcd", b"") * 100_000),
        "a PNG of 4096 by 4096 that is empty": png(4096, 4096, b""),
        "a PNG of 4096 by 4096 RGBA": png(4096, 4096, b"", colour=6),
        "a PNG of 1 by 16,777,216": png(1, 16 * MEGA, b"\0\0" * 16 * MEGA),
        "a PNG with a palette of 1 MB": png(more=chunk(b"PLTE", bytes(MEGA))),
        "a PNG with transparency of 1 MB": png(more=chunk(b"tRNS", bytes(MEGA))),
        "a PNG with 10 MB of empty blocks": head
        + chunk(b"IDAT", b"\x78\x01" + b"\0\0\0\xff\xff" * 2 * MEGA + zlib.compress(blank)[2:])
        + chunk(b"IEND", b""),
        "a PNG with a chunk of 2 GiB": head + b"\x7f\xff\xff\xffIDAT" + bytes(100),
        "a PNG with 60,000 frames": png(more=chunk(b"acTL", struct.pack(">II", 60_000, 0))),
        "a JPEG of 65,535 by 65,535": jpeg(b"\xff\xc0\0\x0b\x08\xff\xff\xff\xff\1\1\x11\0"),
        "a JPEG with 1,000,000 segments": jpeg(b"\xff\xe1\0\2" * MEGA),
        "a JPEG with 100,000 scans": jpeg(b"\xff\xda\0\x08\1\1\0\0\0\0" * 100_000),
        "a BMP of 2**31 - 1 by 2**31 - 1": b"BM"
        + bytes(8)
        + b"\x36\0\0\0\x28\0\0\0"
        + struct.pack("<IIHHIIIIII", 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
        "a BMP of runs without end": b"BM"
        + bytes(8)
        + b"\x36\4\0\0\x28\0\0\0"
        + struct.pack("<IIHHIIIIII", 4096, 4096, 1, 8, 1, 0, 0, 0, 256, 0)
        + bytes(1024)
        + b"\1\0" * MEGA,
        "an npy of 3.6 TiB": npy(shape_of(10**6, 10**6, descr="<f4")),
        "an npy of 1000 MiB": npy(shape_of(1000 * MEGA)),
        "an npy with a zero that overflows": npy(shape_of(0, 10**18), b""),
        "an npy with a header of 4 GiB": npy(version=b"\2\0", length=2**32 - 1),
        "an npy with a header of brackets": npy("{" + "[" * 65_000, b""),
        "an npy of objects": npy(shape_of(1, descr="|O"), b"cos\nsystem\n(S'echo pwned'\ntR."),
    }


def test_bombs() -> None:
    cases = bombs()
    report = attack(cases.items(), "images", "", GOODS[0])
    report.check()
    assert len(cases) > 12
    # What an image has besides its pixels, and more of those than it needs, does no harm.
    harmless = ("text", "profile", "frames", "palette", "transparency", "of data", "blocks")
    loaded = set(cases) - set(report.messages)
    assert {name for name in loaded if not any(word in name for word in harmless)} == set()
