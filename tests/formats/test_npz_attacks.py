"""Damaged archives, made-up archives and bombs: each is loaded right, or refused soon."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.formats.archives import archive, npy, shape_of
from tests.formats.attack import attack, bit_flips, structures, truncations

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b1": np.ones(3, "f4")}


def saved(compressed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


GOOD = saved(**SMALL)
PACKED = saved(compressed=True, **SMALL)


def test_every_truncation() -> None:
    for good in (GOOD, PACKED):
        report = attack(truncations(good), "npz", ".npz", good)
        report.check()
        assert report.refused == report.cases == len(good)


def test_bit_flips() -> None:
    goods = [GOOD, PACKED, archive([("W1.npy", npy())])]
    cases = [
        (f"{number}, {name}", data)
        for number, good in enumerate(goods)
        for name, data in bit_flips(good, 1_667, seed=number)
    ][:5_000]
    report = attack(cases, "npz", ".npz", GOOD)
    report.check()
    assert report.cases == 5_000
    assert report.refused > 4_400, "the checksums see all but members' headers, dates and versions"


HEADERS = st.sampled_from(["<f4", ">f8", "|u1", "|O", "<U3", "f4", "=f4", "<f2", "|V8", "<c8"])


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    shape = tuple(draw(st.lists(st.integers(0, 4) | st.integers(0, 2**70), max_size=4)))
    descr = draw(HEADERS)
    order = draw(st.sampled_from(["True", "False", "0", "None"]))
    entries = [f"'descr': {descr!r}", f"'fortran_order': {order}", f"'shape': {shape!r}"]
    if draw(st.booleans()):
        entries = draw(st.permutations(entries))
    if draw(st.integers(0, 5)) == 0:
        entries += draw(st.sampled_from([["'shape': ()"], ["'x': 1"], ["__import__('os')"]]))
    text = "{" + ", ".join(entries) + draw(st.sampled_from([", }", "}", "", "} #"])) + " " * 3
    count = min(int(np.prod(shape, dtype=object)), 1000)
    width = {"<f4": 4, ">f8": 8, "|u1": 1, "<f2": 2, "<c8": 8}.get(descr, 4)
    data = b"\1" * draw(st.sampled_from([count * width, count * width + 1, 0]))
    version = draw(st.sampled_from([b"\1\0", b"\2\0", b"\3\0", b"\4\0", b"\0\0"]))
    return npy(text, data, version, draw(st.none() | st.integers(0, 2**16 - 1)))


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    names = st.sampled_from(["W1.npy", "b1.npy", "W1", "a/b.npy", "../x.npy", ".npy", "é.npy"])
    count = draw(st.integers(0, 3))
    members = [("W1.npy", npy()), ("b1.npy", npy()), ("c.npy", npy())][:count]
    if count and draw(st.booleans()):
        members[0] = (draw(names), draw(st.just(npy()) | headers() | st.binary(max_size=40)))
    changes = {
        "flags": st.integers(0, 2**16 - 1),
        "method": st.integers(0, 100),
        "crc": st.integers(0, 2**32 - 1),
        "packed": st.integers(0, 2**32 - 1) | st.integers(0, 200),
        "size": st.integers(0, 2**32 - 1) | st.integers(0, 200),
        "offset": st.integers(0, 2**32 - 1) | st.integers(0, 200),
        "disk": st.integers(0, 2**16 - 1),
        "count": st.integers(0, 2**16 - 1),
        "directory": st.integers(0, 2**32 - 1) | st.integers(0, 300),
        "start": st.integers(0, 2**32 - 1) | st.integers(0, 300),
        "extra": st.binary(max_size=24) | st.just(struct.pack("<HHQ", 1, 8, 2**50)),
        "local_extra": st.binary(max_size=24),
        "between": st.binary(max_size=24),
        "after": st.binary(max_size=24),
    }
    changed = {}
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(changes)))
        changed[name] = draw(changes[name])
    method = draw(st.sampled_from([0, 8]))
    return archive(members, **{"method": method, **changed})


def test_structures() -> None:
    report = attack(structures(archives()), "npz", ".npz", GOOD)
    report.check()
    assert report.cases >= 600
    assert report.loaded > report.cases / 100


def pickled_objects() -> bytes:
    file = io.BytesIO()
    np.savez(file, W1=np.array([{"a": 1}, None]))
    return file.getvalue()


def python_zip(members: list[tuple[str, bytes]], method: int, level: int = 9) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=level) as written:
        for name, data in members:
            written.writestr(name, data)
    return file.getvalue()


def overlapping(copies: int, size: int) -> bytes:
    """Return an archive whose directory has many entries for the same compressed data."""
    one = archive([("a.npy", npy(shape_of(size), b"\0" * size))], method=8)
    entry_start = one.index(b"PK\1\2")
    entry = one[entry_start:-22]
    renamed = [entry.replace(b"a.npy", b"%05x" % n) for n in range(copies)]
    directory = b"".join(renamed)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, copies, copies, len(directory), entry_start, 0)
    return one[:entry_start] + directory + end


MEGA = 1 << 20


def deflated_zeros(mebibytes: int) -> bytes:
    """Return an array of that many zeros, compressed, without compressing all of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(npy(shape_of(mebibytes * MEGA), b"")) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"\0" * MEGA) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * mebibytes + packer.flush()


HARMLESS = {
    "16 MiB of zeros",
    "64 KB of extra fields in each of 600 members",
    "64 KB of extra fields in each of 15 entries",
    "zip64 beside ordinary sizes",
    "zip64 in the member's header only",
}
"""What is small may be zero; and what nothing reads may be there."""


def bombs() -> dict[str, bytes]:
    huge, large = deflated_zeros(1100), deflated_zeros(200)
    size = 200 * MEGA + len(npy(shape_of(200 * MEGA), b""))
    good = ("W1.npy", npy())
    zip64 = struct.pack("<HHQQ", 1, 16, 8, 2**40)
    return {
        "16 MiB of zeros": packed(
            "W1.npy", deflated_zeros(16), len(zeros(16)), zlib.crc32(zeros(16))
        ),
        "1.1 GiB of zeros": packed("W1.npy", huge, size + 900 * MEGA),
        "200 MiB of zeros": packed("W1.npy", large, size),
        "200 MiB of zeros, told to be small": packed("W1.npy", large, len(npy())),
        "a header of 3.6 TiB": archive([("W1.npy", npy(shape_of(10**6, 10**6, descr="<f4")))]),
        "a shape that overflows": archive([("W1.npy", npy(shape_of(*[2**62] * 4)))]),
        "a shape with a zero that overflows": archive([("W1.npy", npy(shape_of(0, 10**18), b""))]),
        "a size of a thousand digits": archive(
            [("W1.npy", npy(shape_of(2).replace("2", "9" * 1000)))]
        ),
        "a hundred thousand axes": archive([("W1.npy", npy(shape_of(*[1] * 20_000), b"\0"))]),
        "a header of 64 KiB of brackets": archive([("W1.npy", npy("{" + "[" * 65_000, b""))]),
        "a header of 4 GiB": archive(
            [("W1.npy", npy(version=b"\2\0", length=2**32 - 1))]
        ),
        "a header of 8 MB": archive(
            [("W1.npy", npy("{" + " " * 8_000_000 + "}", version=b"\2\0"))], method=8
        ),
        "a header of many keys": archive(
            [("W1.npy", npy("{" + "'descr': '<f4', " * 60_000 + "}", version=b"\2\0"))]
        ),
        "twenty thousand members": archive([(f"{n}.npy", npy()) for n in range(20_000)]),
        "65,535 members, told": archive([good], count=65_535),
        "overlapping members": overlapping(1000, 1 * MEGA),
        "objects": pickled_objects(),
        "objects by name": archive([("W1.npy", npy(shape_of(1, descr="|O"), b"\0" * 8))]),
        "records": archive([("W1.npy", npy(shape_of(1, descr="|V8"), b"\0" * 8))]),
        "a duplicate member": archive([good, good]),
        "a member without .npy": archive([good, ("data.pkl", b"cos\nsystem\n.")]),
        "a member that is a folder": archive([good, ("folder/", b"")]),
        "an encrypted member": archive([good], flags=1),
        "a member by bzip2": python_zip([good], zipfile.ZIP_BZIP2),
        "a member by lzma": python_zip([good], zipfile.ZIP_LZMA),
        "zip64 in the directory": archive([good], extra=zip64, size=2**32 - 1, packed=2**32 - 1),
        "64 KB of extra fields in each of 600 members": archive(
            [(f"{n}.npy", npy()) for n in range(600)], local_extra=b"\x99\x99\0\0" * 16_000
        ),
        "64 KB of extra fields in each of 15 entries": archive(
            [(f"{n}.npy", npy()) for n in range(15)], extra=b"\x99\x99\0\0" * 16_000
        ),
        "zip64 beside ordinary sizes": archive([good], extra=zip64),
        "zip64 in the member's header only": archive([good], local_extra=zip64),
        "a member of zip version 21.0": archive([good], needed=210),
        "a member of an unknown zip version": archive([good], needed=0xFCD3),
        "a comment": archive([good], comment=5, after=b"hello"),
        "bytes after the end": archive([good], after=b"hello"),
        "bytes before the directory": archive([good], between=b"hello"),
        "another zip before it": archive([good]) + archive([good]),
        "a member of another archive": archive([good], start=0),
        "a checksum that is wrong": archive([good], crc=1),
        "an expression in the header": archive(
            [("W1.npy", npy("__import__('os').system('echo pwned')"))]
        ),
        "an expression in the shape": archive(
            [("W1.npy", npy(shape_of(2).replace("(2,)", "(9**9**9,)")))]
        ),
        "no members": archive([]),
    }  # fmt: skip


def zeros(mebibytes: int) -> bytes:
    return npy(shape_of(mebibytes * MEGA), b"") + b"\0" * (mebibytes * MEGA)


def packed(name: str, stored: bytes, size: int, crc: int = 0) -> bytes:
    """Return an archive of data that are compressed already, and said to be of a size."""
    encoded = name.encode()
    common = (20, 0x800, 8, 0, 33, crc, len(stored), size, len(encoded))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *common, 0) + encoded
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *common, 0, 0, 0, 0, 0, 0) + encoded
    start = len(local) + len(stored)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), start, 0)
    return local + stored + entry + end


def test_bombs() -> None:
    cases = bombs()
    report = attack(cases.items(), "npz", ".npz", GOOD)
    report.check()
    assert len(cases) > 30
    assert set(cases) - set(report.messages) == HARMLESS


def test_inspecting_bombs() -> None:
    report = attack(bombs().items(), "inspect", ".npz", GOOD)
    report.check()
