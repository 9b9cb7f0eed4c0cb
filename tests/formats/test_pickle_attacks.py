"""Damaged pickles, made-up pickles and bombs: each is loaded right, or refused soon."""

from __future__ import annotations

import pickle
import struct

import numpy as np
from hypothesis import strategies as st

from tests.formats import opcodes as op
from tests.formats.attack import attack, bit_flips, structures, truncations
from tests.formats.test_pickle_arrays import python2

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b1": np.ones(3, "f4")}


def test_every_truncation() -> None:
    for protocol in range(6):
        good = pickle.dumps(SMALL, protocol)
        report = attack(truncations(good), "pickle", ".pkl", good)
        report.check()
        assert report.refused == report.cases == len(good)


def test_bit_flips() -> None:
    goods = [pickle.dumps(SMALL, protocol) for protocol in range(6)] + [python2(0), python2(2)]
    cases = [
        (f"{number}, {name}", data)
        for number, good in enumerate(goods)
        for name, data in bit_flips(good, 625, seed=number)
    ]
    report = attack(cases, "pickle", ".pkl", goods[0])
    report.check()
    assert report.cases == 5_000
    assert report.loaded > 100, "flips in the values must load"


INTEGERS = st.integers(-(2**31), 2**31 - 1).map(op.number) | st.sampled_from(
    [op.number(0), op.number(1), op.number(2), b"K\x01", b"M\x01\x00", b"I5\n", b"L7L\n",
     b"\x8a\x09" + b"\xff" * 9, b"\x8b\xff\xff\xff\x7f"]
)  # fmt: skip
TEXTS = st.sampled_from(["W1", "b1", "<", ">", "|", "f4", "f8", "b1", "C", "F", "K", "latin1"])
STRINGS = (
    TEXTS.map(op.text)
    | TEXTS.map(lambda t: b"V" + t.encode() + b"\n")
    | TEXTS.map(lambda t: b"S'" + t.encode() + b"'\n")
    | TEXTS.map(lambda t: b"U" + bytes([len(t)]) + t.encode())
    | st.binary(max_size=12).map(op.data)
)
NAMES = st.sampled_from(
    [
        op.global_("numpy.core.multiarray", "_reconstruct"),
        op.global_("numpy._core.multiarray", "scalar"),
        op.stack_global("numpy.core.numeric", "_frombuffer"),
        op.global_("numpy", "ndarray"),
        op.global_("numpy", "dtype"),
        op.global_("_codecs", "encode"),
        op.global_("builtins", "bytearray"),
        op.global_("builtins", "bytes"),
        op.global_("os", "system"),
        op.global_("collections", "OrderedDict"),
    ]
)
PIECES = st.sampled_from(
    [op.MARK, op.TUPLE, op.TUPLE1, op.TUPLE2, op.TUPLE3, op.EMPTY_TUPLE, op.EMPTY_DICT,
     op.SETITEM, op.SETITEMS, b"d", op.EMPTY_LIST, b"a", b"e", b"l",
     op.REDUCE, op.BUILD, op.NONE, op.TRUE, op.FALSE,
     op.MEMOIZE, b"q\0", b"q\1", b"h\0", b"h\1", b"p5\n", b"g5\n", b"\x95" + b"\0" * 8,
     op.dtype(), op.dtype("f8", ">"), op.array(), op.array((0, 3), b""), op.STOP]
)  # fmt: skip
ANY_OPCODE = st.integers(0, 255).map(lambda code: bytes([code]))


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Opcodes in any order, or a dict of arrays of which one part is something else."""
    parts = st.lists(INTEGERS | STRINGS | NAMES | PIECES | ANY_OPCODE, max_size=30).map(b"".join)
    if draw(st.booleans()):
        return op.proto(draw(st.integers(0, 5))) + draw(parts) + op.STOP
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    values = b"\1" * draw(st.sampled_from([4 * int(np.prod(shape)), 8, 0]))
    element = draw(st.sampled_from([op.dtype(), op.dtype("i4", ">"), op.dtype("f8")]) | parts)
    item = op.array(tuple(shape), values, element=element)
    fortran = draw(st.sampled_from([op.TRUE, op.FALSE]) | INTEGERS)
    other = op.array(tuple(shape), values, fortran=fortran)
    return op.whole(op.dict_of(W1=item, W2=draw(st.just(other) | parts)))


def test_structures() -> None:
    cases = structures(programs())
    report = attack(cases, "pickle", ".pkl", op.GOOD)
    report.check()
    assert report.cases >= 600
    # About one in 20 is a good file; Hypothesis draws a little differently from run to run.
    assert report.loaded > report.cases / 100


def bombs() -> dict[str, bytes]:
    deep = op.EMPTY_TUPLE + op.TUPLE1 * 200_000
    doubling = op.EMPTY_TUPLE + b"".join(
        b"r" + struct.pack("<I", n) + b"j" + struct.pack("<I", n) + op.TUPLE2 for n in range(60)
    )
    megabyte = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
    encode = op.global_("_codecs", "encode")
    tebibyte = struct.pack("<Q", 1 << 40)
    big = 4_000_000
    many_times = b"".join(
        op.text(str(n)) + op.call(op.global_("numpy.core.numeric", "_frombuffer"), b"h\0",
                                  op.dtype("u1", "|"), op.tuple_of(op.number(big)), op.text("C"))
        for n in range(500)
    )  # fmt: skip
    same = op.array((big // 4,), b"\0" * big)
    scalar = op.global_("numpy.core.multiarray", "scalar")
    scalars = b"".join(b"U\x05%05dh\1h\2R" % n for n in range(60_000))
    return {
        "a memo entry at 2**31 - 1": op.whole(op.EMPTY_DICT, b"r\xff\xff\xff\x7f"),
        "a memo entry at 2**32 - 1": op.whole(b"Nr\xff\xff\xff\xff"),
        "a memo entry at 10**18": op.whole(b"Np1000000000000000000\n", version=None),
        "a negative memo entry": op.whole(b"Np-1\n", version=None),
        "memo entries without end": op.whole(op.NONE, op.MEMOIZE * 400_000, version=4),
        "a nested tuple as a key": op.whole(
            op.EMPTY_DICT, doubling, op.number(1), op.SETITEM
        ),
        "a nested tuple as a value": op.whole(op.dict_of(W1=doubling)),
        "deep tuples": op.whole(deep),
        "marks without end": op.whole(op.MARK * 400_000),
        "dicts without end": op.whole(op.EMPTY_DICT * 600_000),
        "opcodes without end": op.whole(op.NONE * 600_000),
        "strings without end": op.whole((b"\x8c\x20" + b"a" * 32) * 600_000, version=4),
        "names without end": op.whole(op.global_("numpy", "dtype") * 450_000),
        "bytes of 1 TiB": op.whole(b"\x8e" + tebibyte, version=4),
        "text of 1 TiB": op.whole(b"\x8d" + tebibyte, version=4),
        "a bytearray of 1 TiB": op.whole(b"\x96" + tebibyte, version=5),
        "a frame of 1 TiB": op.whole(b"\x95" + tebibyte, version=4),
        "bytes of 2**64 - 1": op.whole(b"\x8e" + b"\xff" * 8, version=4),
        "bytes of 4 GiB": op.whole(b"B\xff\xff\xff\xff"),
        "a string of -1 bytes": op.whole(b"T\xff\xff\xff\xff"),
        "an int of 2 GiB": op.whole(b"\x8b\xff\xff\xff\x7f"),
        "an int of a million digits": op.whole(b"L" + b"9" * 1_000_000 + b"L\n", version=None),
        "a line without end": b"V" + b"a" * 8_000_000,
        "a name without end": b"c" + b"a" * 8_000_000,
        "a string encoded a thousand times": op.whole(
            megabyte + b"q\0" + b"0",
            op.dict_of(**{str(n): op.call(encode, b"h\0", op.text("latin1")) for n in range(9)}),
        ),
        "a text encoded for many arrays": op.whole(
            op.EMPTY_DICT + b"q\1" + megabyte + b"q\0" + op.data(b"") + b"s" + b"h\1" + op.MARK
            + b"".join(
                op.text(str(n))
                + op.call(op.global_("numpy.core.numeric", "_frombuffer"),
                          op.call(encode, b"h\0", op.text("latin1")), op.dtype("u1", "|"),
                          op.tuple_of(op.number(1 << 20)), op.text("C"))
                for n in range(1000)
            ) + op.SETITEMS
        ),
        "data viewed by many arrays": op.whole(
            op.EMPTY_DICT, op.MARK, op.text("0"),
            op.call(op.global_("numpy.core.numeric", "_frombuffer"),
                    op.data(b"\0" * big) + b"q\0", op.dtype("u1", "|"),
                    op.tuple_of(op.number(big)), op.text("C")),
            many_times.replace(b"X\x01\0\0\x000", b"X\x01\0\0\x00a", 1), op.SETITEMS,
        ),
        "scalars without end": op.whole(
            op.EMPTY_DICT, op.MARK, op.text("a"), scalar + b"q\1",
            op.tuple_of(op.dtype("u1", "|"), op.data(b"\7")) + b"q\2", op.REDUCE, scalars,
            op.SETITEMS,
        ),
        "one array under many names": op.whole(
            op.EMPTY_DICT, op.MARK, op.text("a"), same + b"q\7",
            b"".join(op.text(str(n)) + b"h\7" for n in range(9_000)), op.SETITEMS,
        ),
        "more names than tensors may be": op.whole(
            op.EMPTY_DICT, op.MARK, op.text("a"), op.array() + b"q\7",
            b"".join(op.text(str(n)) + b"h\7" for n in range(20_000)), op.SETITEMS,
        ),
        "a shape of 2**31 by 2**31": op.whole(
            op.dict_of(W1=op.array((2**31 - 1, 2**31 - 1), b""))
        ),
        "a thousand axes": op.whole(op.dict_of(W1=op.array((1,) * 1000, b"\0" * 4))),
        "escapes without end": op.whole(
            op.dict_of(W1=op.call(encode, b"V" + b"\\u0041" * 1_000_000 + b"\n", op.text("latin1")))
        ),
        "backslashes without end": op.whole(b"S'" + b"\\\\" * 3_000_000 + b"'\n"),
    }  # fmt: skip


def test_bombs() -> None:
    cases = bombs()
    report = attack(cases.items(), "pickle", ".pkl", op.GOOD)
    report.check()
    assert len(cases) > 30
    assert report.refused == len(cases)


def test_inspecting_bombs() -> None:
    attack(bombs().items(), "inspect", ".pkl", op.GOOD).check()
