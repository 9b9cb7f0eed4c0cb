"""The known-malicious pickles, written anew from what is published about them.

Each of `tests.formats.malicious_names` is put into a pickle in every way that an
opcode can name and call something. `techniques` are the ways to hide or inject a call
that fickling's documentation, its examples and published bypasses of scanners
describe; `abuses` ask what a good file names for something else.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Iterator
from io import BytesIO

from tests.formats import opcodes as op
from tests.formats.attack import Case
from tests.formats.malicious_names import names

COMMAND = "echo pwned > pwned.txt"


def ways(module: str, name: str) -> dict[str, bytes]:
    """Return pickles that name and call something, one for each way to do that."""
    argument = op.text(COMMAND)
    lines = f"{module}\n{name}\n".encode()
    remembered = op.text(module) + b"q\x05" + op.text(name) + b"q\x06" + b"h\x05h\x06"
    return {
        "GLOBAL": op.whole(op.call(b"c" + lines, argument), version=None),
        "GLOBAL 2": op.whole(op.call(b"c" + lines, argument)),
        "STACK_GLOBAL": op.whole(op.call(op.stack_global(module, name), argument), version=4),
        "memo": op.whole(op.call(remembered + op.STACK_GLOBAL, argument), version=4),
        "INST": op.whole(op.MARK + argument + b"i" + lines, version=None),
        "OBJ": op.whole(op.MARK + b"c" + lines + argument + op.OBJ),
        "NEWOBJ": op.whole(b"c" + lines + argument + op.TUPLE1 + op.NEWOBJ),
        "NEWOBJ_EX": op.whole(
            b"c" + lines + argument + op.TUPLE1 + op.EMPTY_DICT + op.NEWOBJ_EX, version=4
        ),
        "in a dict": op.whole(op.dict_of(W1=op.array(), b1=op.call(b"c" + lines, argument))),
        "as a state": op.whole(
            op.dict_of(W1=op.array()[:-1] + op.POP + op.call(b"c" + lines, argument) + op.BUILD)
        ),
        "only named": op.whole(op.dict_of(W1=b"c" + lines)),
    }


def collection() -> Iterator[Case]:
    """Yield every name in every way."""
    for module, name in names():
        for way, data in ways(module, name).items():
            yield f"{module}.{name} by {way}", data


def techniques() -> Iterator[Case]:
    """Yield what hides or injects a call, and what abuses the known names."""
    good, body = op.GOOD, op.GOOD[2:-1]
    call = op.call(op.global_("builtins", "exec"), op.text(COMMAND))
    old_call = b"c__builtin__\nexec\n(S'pass'\ntR"
    yield from {
        "injected before, popped": op.whole(call, op.POP, body),
        "injected before, left on the stack": op.whole(call, body),
        "injected after, as the result": op.whole(body, op.POP, call),
        "injected after, as an item": op.whole(body, op.text("x"), call, op.SETITEM),
        "injected in the middle of an item": good.replace(b"X\x02\0\0\0b1", call + op.POP, 1),
        "a second pickle after the first": good + op.whole(call),
        "a first pickle before the good one": op.whole(call) + good,
        "two good pickles": good + good,
        "a good pickle and a zip": good + _zip(op.whole(call)),
        "a zip with a pickle inside": _zip(op.whole(call)),
        "proto twice": op.proto(2) + good,
        "proto in the middle": op.whole(body, op.proto(4)),
        "proto after a call": old_call + b"0" + good,
        "proto 6": op.proto(6) + good[2:],
        "proto 255": op.proto(255) + good[2:],
        "an unused variable": op.whole(call, b"q\x00", op.POP, body),
        "a call twice by DUP": op.whole(call, op.DUP, body),
        "a call that a memo entry hides": op.whole(
            op.global_("os", "system"), b"q\x07", op.POP, b"h\x07", op.text(COMMAND),
            op.TUPLE1, op.REDUCE, op.POP, body,
        ),
        "a memo entry that does not exist": op.whole(
            b"h\x63", op.text("system"), op.STACK_GLOBAL, op.text(COMMAND), op.TUPLE1, op.REDUCE
        ),
        "a module that is an int": op.whole(op.number(42), op.text("os"), op.STACK_GLOBAL),
        "a name after an invalid byte": op.whole(b"\xff", call),
        "a name in invalid UTF-8": op.whole(b"c\xff\xfe\nsystem\n", op.text(COMMAND)),
        "BUILD on a call": op.whole(call, op.text("gottem"), op.BUILD),
        "BUILD with __setstate__": op.whole(
            op.dict_of(W1=op.array()), op.dict_of(__setstate__=op.global_("os", "system")),
            op.BUILD, op.text(COMMAND), op.BUILD,
        ),
        "BUILD with slots": op.whole(
            op.array(), tuple_none_dict(), op.BUILD
        ),
        "a persistent id": op.whole(b"Pevil\n"),
        "a binary persistent id": op.whole(op.text("evil"), b"Q"),
        "extension 1": op.whole(b"\x82\x01", op.EMPTY_TUPLE, op.REDUCE),
        "extension 2": op.whole(b"\x83\x01\x00", op.EMPTY_TUPLE, op.REDUCE),
        "extension 4": op.whole(b"\x84\x01\x00\x00\x00", op.EMPTY_TUPLE, op.REDUCE),
        "a buffer from outside": op.whole(op.dict_of(W1=b"\x97"), version=5),
        "a read-only buffer from outside": op.whole(op.dict_of(W1=b"\x97\x98"), version=5),
    }.items()  # fmt: skip
    yield from abuses()


def tuple_none_dict() -> bytes:
    return op.NONE + op.dict_of(shape=op.number(7)) + op.TUPLE2


def abuses() -> Iterator[Case]:
    """Yield pickles that name only what a good file names, and ask it for something else."""
    encode = op.global_("_codecs", "encode")
    dtype = op.global_("numpy", "dtype")
    new = op.global_("numpy.core.multiarray", "_reconstruct")
    ndarray = op.global_("numpy", "ndarray")
    scalar = op.global_("numpy.core.multiarray", "scalar")
    frombuffer = op.global_("numpy.core.numeric", "_frombuffer")
    inner = op.whole(op.call(op.global_("os", "system"), op.text(COMMAND)))
    for codec in ("zlib", "hex", "rot13", "punycode", "idna", "bz2_codec", "utf-7", "os", "../x"):
        yield f"encode with {codec}", in_dict(op.call(encode, op.text("x"), op.text(codec)))
    yield from {
        "encode with errors": in_dict(
            op.call(encode, op.text("x"), op.text("latin1"), op.text("strict"))
        ),
        "encode of bytes": in_dict(op.call(encode, op.data(b"x"), op.text("latin1"))),
        "dtype of objects": in_dict(op.array((1,), b"", element=op.dtype("O8", "|"))),
        "dtype of records": in_dict(op.array((1,), b"\0" * 8, element=op.dtype("V8", "|"))),
        "dtype of strings": in_dict(op.array((1,), b"\0" * 4, element=op.dtype("U1"))),
        "dtype of dates": in_dict(op.array((1,), b"\0" * 8, element=op.dtype("M8[ns]"))),
        "dtype of long doubles": in_dict(op.array((1,), b"\0" * 16, element=op.dtype("f16"))),
        "dtype by expression": in_dict(op.array(element=op.dtype("f4,f4"))),
        "dtype with fields": in_dict(
            op.call(dtype, op.text("f4"), op.FALSE, op.TRUE)
            + op.tuple_of(op.number(3), op.text("<"), op.NONE,
                          op.tuple_of(op.text("a")), op.dict_of(a=op.number(1)),
                          op.number(4), op.number(1), op.number(0)) + op.BUILD
        ),
        "dtype with metadata": in_dict(
            op.call(dtype, op.text("f4"), op.FALSE, op.TRUE)
            + op.tuple_of(op.number(4), op.text("<"), op.NONE, op.NONE, op.NONE, op.number(-1),
                          op.number(-1), op.number(0), op.dict_of(a=op.number(1))) + op.BUILD
        ),
        "dtype of a name": in_dict(op.call(dtype, op.global_("numpy", "ndarray"))),
        "a subclass of ndarray": in_dict(
            op.call(new, op.global_("numpy", "matrix"), op.tuple_of(op.number(0)), op.data(b"b"))
        ),
        "an array of dtype": in_dict(
            op.call(new, op.global_("numpy", "dtype"), op.tuple_of(op.number(0)), op.data(b"b"))
        ),
        "a new array of 2**40": in_dict(
            op.call(new, ndarray, op.tuple_of(b"\x8a\x06" + (2**40).to_bytes(6, "little")),
                    op.data(b"b"))
        ),
        "an array called": in_dict(op.call(ndarray, op.tuple_of(op.number(2**30)))),
        "an array without a state": in_dict(
            op.call(new, ndarray, op.tuple_of(op.number(0)), op.data(b"b"))
        ),
        "an array with two states": in_dict(
            op.array() + op.tuple_of(op.number(1)) + op.BUILD
        ),
        "an array of pickled objects": in_dict(
            op.array((1,), inner, element=op.dtype("O8", "|"))
        ),
        "a negative shape": in_dict(op.array((-2, -1), b"\0" * 8)),
        "a shape that overflows": in_dict(op.array((2**31 - 1,) * 8, b"")),
        "a shape with a zero that overflows": in_dict(op.array((0, *(2**31 - 1,) * 8), b"")),
        "a shape beyond the data": in_dict(op.array((3,), b"\0" * 8)),
        "a shape below the data": in_dict(op.array((1,), b"\0" * 8)),
        "data that are an int": in_dict(
            op.array()[: op.array().rindex(b"B")] + op.number(1000) + op.TUPLE + op.BUILD
        ),
        "a scalar of objects": in_dict(op.call(scalar, op.dtype("O8", "|"), op.data(inner))),
        "a scalar that is too long": in_dict(op.call(scalar, op.dtype(), op.data(b"\0" * 8))),
        "frombuffer of a text's memory": in_dict(
            op.call(frombuffer, op.text("é" * 4), op.dtype(), op.tuple_of(op.number(9)),
                    op.text("C"))
        ),
        "frombuffer in another order": in_dict(
            op.call(frombuffer, op.data(b"\0" * 8), op.dtype(), op.tuple_of(op.number(2)),
                    op.text("K"))
        ),
        "frombuffer with an axis twice": in_dict(
            op.call(frombuffer, op.data(b"\0" * 8), op.dtype(),
                    op.tuple_of(op.number(2), op.number(1)), op.text("K"),
                    op.tuple_of(op.number(0), op.number(0)))
        ),
        "bytearray of a size": in_dict(op.call(op.global_("builtins", "bytearray"),
                                               op.number(2**30))),
        "bytes of a size": in_dict(op.call(op.global_("builtins", "bytes"), op.number(2**30))),
        "a list of lists": op.whole(op.EMPTY_LIST, op.EMPTY_LIST, op.array(), b"a", b"a"),
        "a list in itself": op.whole(op.EMPTY_LIST, b"q\0", b"h\0", b"a"),
        "a list of names": op.whole(op.EMPTY_LIST, ndarray, b"a"),
        "a list of what is not complete": op.whole(
            op.EMPTY_LIST,
            op.call(new, ndarray, op.tuple_of(op.number(0)), op.data(b"b")), b"a",
        ),
        "arrays appended to an array": op.whole(op.array(), op.array(), b"a"),
        "arrays appended to nothing": op.whole(op.array(), b"a"),
        "arrays appended to a tuple": op.whole(op.EMPTY_TUPLE, op.MARK, op.array(), b"e"),
        "an ordered dict of a text": op.whole(
            op.call(op.global_("collections", "OrderedDict"), op.text("W1"))
        ),
        "an ordered dict of triples": op.whole(
            op.call(op.global_("collections", "OrderedDict"),
                    op.EMPTY_LIST + op.MARK + op.text("W1") + op.array() + op.array() + b"l"
                    + b"a")
        ),
        "an ordered dict with a state": op.whole(
            op.call(op.global_("collections", "OrderedDict")), op.text("W1"), op.array(),
            op.SETITEM, op.dict_of(_metadata=op.array()), op.BUILD,
        ),
        "an array alone": op.whole(op.array()),
        "a dict in a dict": in_dict(op.dict_of(W=op.array())),
        "a dict in itself": op.whole(op.EMPTY_DICT, b"q\0", op.text("W1"), b"h\0", op.SETITEM),
        "an empty dict": op.whole(op.EMPTY_DICT),
        "a key twice": op.whole(op.dict_of(W1=op.array()), op.text("W1"), op.array(), op.SETITEM),
        "a key that is an int": op.whole(op.EMPTY_DICT, op.number(1), op.array(), op.SETITEM),
        "a key that is an array": op.whole(op.EMPTY_DICT, op.array(), op.array(), op.SETITEM),
        "a key that is a name": op.whole(op.EMPTY_DICT, ndarray, op.array(), op.SETITEM),
        "a key of lone surrogates": op.whole(
            op.EMPTY_DICT, op.text("\ud800"), op.array(), op.SETITEM
        ),
        "a float": in_dict(b"G" + struct.pack(">d", 1.5)),
        "a set": in_dict(b"\x8f"),
        "a str": in_dict(op.text("W")),
        "None": pickle.dumps(None),
        "an object of this process": pickle.dumps(pickle.PickleError),
    }.items()  # fmt: skip


def in_dict(item: bytes) -> bytes:
    return op.whole(op.dict_of(W1=item))


def _zip(inner: bytes) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", inner)
        archive.writestr("archive/version", b"3\n")
    return file.getvalue()
