"""Damaged safetensors files, made-up ones and bombs: loaded right, or refused soon."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import safetensors.numpy
from hypothesis import strategies as st

from tests.formats.attack import attack, bit_flips, odd_values, structures, truncations

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b1": np.ones(3, "f8")}
GOOD = safetensors.numpy.save(SMALL, {"license": "MIT"})


def file_of(header: Any, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    return size.to_bytes(8, "little") + text + data


def one(shape: list[Any], end: Any, kind: str = "F32", begin: Any = 0) -> dict[str, Any]:
    return {"W1": {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}}


def test_every_truncation() -> None:
    report = attack(truncations(GOOD), "safetensors", ".safetensors", GOOD)
    report.check()
    assert report.refused == report.cases == len(GOOD)


def test_bit_flips() -> None:
    report = attack(bit_flips(GOOD, 5_000), "safetensors", ".safetensors", GOOD)
    report.check()
    assert report.cases == 5_000
    assert report.loaded > 400, "flips in the values must load"


SIZES = st.integers(0, 3) | st.integers(0, 2**70) | st.integers(-3, 3) | odd_values()
KINDS = st.sampled_from(["F32", "F64", "F16", "I8", "U64", "BOOL", "C64", "F8_E4M3", "f32", ""])


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    header: dict[str, Any] = {}
    position = 0
    for name in draw(st.lists(st.text(max_size=4) | st.just("W1"), max_size=3)):
        kind = draw(st.just("F32") | KINDS)
        shape = draw(st.lists(st.integers(0, 3), max_size=3) | st.lists(SIZES, max_size=3))
        whole = all(type(item) is int for item in shape)
        size = math.prod(shape) * {"F32": 4, "F64": 8}.get(kind, 1) if whole else 4
        begin = draw(st.sampled_from([position] * 8 + [0, position + 1, -1]))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, begin + size]}
        if draw(st.integers(0, 9)) == 0:
            field = draw(st.sampled_from(["dtype", "shape", "data_offsets", "more"]))
            header[name][field] = draw(odd_values())
        position = begin + size
    if draw(st.booleans()):
        good = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
        header["__metadata__"] = draw(good | odd_values())
    text = json.dumps(header).encode()
    data = b"\1" * max(0, min(position, 1000) + draw(st.sampled_from([0] * 9 + [-1, 1])))
    if draw(st.integers(0, 9)) == 0:
        text = draw(odd_values().map(lambda value: json.dumps(value).encode()) | st.binary())
    return file_of(text, data, length=draw(st.sampled_from([None] * 9 + [0, 2**63])))


def test_structures() -> None:
    cases = structures(headers())
    report = attack(cases, "safetensors", ".safetensors", GOOD)
    report.check()
    assert report.cases >= 600
    assert report.loaded > report.cases / 100


def bombs() -> dict[str, bytes]:
    many = {str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(20_000)}
    deep = b'{"W1":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    twice = b'{"W1":%s,"W1":%s}' % ((json.dumps(one([1], 4)["W1"]).encode(),) * 2)
    last_twice = b",".join(b'"%x":0' % n for n in range(95_000)) + b',"%x":0' % 94_999
    long = {"__metadata__": {"x": "y" * 2_000_000}, **one([1], 4)}
    return {
        "a shape with a zero that overflows": file_of(one([0, 10**18], 0)),
        "a shape with a zero beyond 64 bits": file_of(one([0, 2**64], 0)),
        "a shape that wraps around": file_of(one([2**32, 2**32], 0)),
        "a shape of 3.6 TiB": file_of(one([10**6, 10**6], 4 * 10**12)),
        "a shape of 1 GiB": file_of(one([2**28], 2**30), b"\0" * 64),
        "a thousand axes": file_of(one([1] * 1000, 4), b"\0" * 4),
        "a negative shape": file_of(one([-2, -2], 16), b"\0" * 16),
        "a shape of floats": file_of(one([1.0], 4), b"\0" * 4),
        "a shape of truths": file_of(one([True], 4), b"\0" * 4),
        "a shape of strings": file_of(one(["1"], 4), b"\0" * 4),
        "a header of 2**63 bytes": file_of(b"{}", length=2**63),
        "a header of 2**64 - 1 bytes": file_of(b"{}", length=2**64 - 1),
        "a header of 90 MB": file_of(b"{" + b" " * 2_000_000, length=90_000_000),
        "a header of 8 MB": file_of(b"{" + b" " * 8_000_000 + b"}"),
        "a header that is deep": file_of(deep),
        "a header deep in one name": file_of(b'{"' + b"[" * 100_000 + b'":1}'),
        "metadata that are deep": file_of(b'{"__metadata__":' + b'{"a":' * 90_000),
        "metadata of 2 MB": file_of(long, b"\0" * 4),
        "metadata that are a list": file_of({"__metadata__": [], **one([1], 4)}, b"\0" * 4),
        "metadata of numbers": file_of({"__metadata__": {"a": 1}, **one([1], 4)}, b"\0" * 4),
        "twenty thousand tensors": file_of(many),
        "an int of 900,000 digits": file_of(b'{"W1":' + b"9" * 900_000 + b"}"),
        "a name of 900,000 characters": file_of({"x" * 900_000: one([1], 4)["W1"]}, b"\0" * 4),
        "backslashes without end": file_of(b'{"' + b"\\\\" * 450_000 + b'":1}'),
        "a string without end": file_of(b'{"' + b"a" * 900_000),
        "empty objects without end": file_of(b'{"a":[' + b"{}," * 300_000 + b"{}]}"),
        "a key twice": file_of(twice, b"\0" * 4),
        "the last of 95,000 keys twice": file_of(b"{" + last_twice + b"}"),
        "NaN in the header": file_of(b'{"W1":NaN}'),
        "data that overlap": file_of(
            {"W1": one([2], 8)["W1"], "b1": one([2], 12, begin=4)["W1"]}, b"\0" * 12
        ),
        "data with a gap": file_of(
            {"W1": one([1], 4)["W1"], "b1": one([1], 12, begin=8)["W1"]}, b"\0" * 12
        ),
        "data that begin before the data": file_of(one([1], 2, begin=-2), b"\0" * 4),
        "data after the tensors": file_of(one([1], 4), b"\0" * 8),
        "the same data for many": file_of(
            {str(n): one([1000], 4000)["W1"] for n in range(1000)}, b"\0" * 4000
        ),
        "an unknown dtype": file_of(one([1], 1, "F8_E5M2"), b"\0"),
        "a truth that is 2": file_of(one([1], 1, "BOOL"), b"\2"),
        "no tensors": file_of({}),
        "a header in UTF-16": file_of("{}".encode("utf-16")),
        "a pickle": file_of(b"{") + b"cos\nsystem\n(S'echo pwned'\ntR.",
    }


def test_bombs() -> None:
    cases = bombs()
    report = attack(cases.items(), "safetensors", ".safetensors", GOOD)
    report.check()
    assert len(cases) > 30
    assert set(cases) - set(report.messages) == set()


def test_inspecting_bombs() -> None:
    attack(bombs().items(), "inspect", ".safetensors", GOOD).check()
