"""Pickles put together opcode by opcode: nothing here is ever run."""

from __future__ import annotations

import struct

MARK, STOP, REDUCE, BUILD, POP, DUP = b"(", b".", b"R", b"b", b"0", b"2"
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, SETITEM, SETITEMS = b"}", b"]", b")", b"s", b"u"
TUPLE, TUPLE1, TUPLE2, TUPLE3 = b"t", b"\x85", b"\x86", b"\x87"
MEMOIZE, STACK_GLOBAL, OBJ, NEWOBJ, NEWOBJ_EX = b"\x94", b"\x93", b"o", b"\x81", b"\x92"


def proto(version: int) -> bytes:
    return b"\x80" + bytes([version])


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def data(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def tuple_of(*items: bytes) -> bytes:
    return MARK + b"".join(items) + TUPLE


def global_(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def stack_global(module: str, name: str) -> bytes:
    return text(module) + text(name) + STACK_GLOBAL


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + tuple_of(*arguments) + REDUCE


def dtype(kind: str = "f4", order: str = "<") -> bytes:
    state = tuple_of(number(3), text(order), NONE, NONE, NONE, number(-1), number(-1), number(0))
    return call(global_("numpy", "dtype"), text(kind), FALSE, TRUE) + state + BUILD


def array(
    shape: tuple[int, ...] = (2,),
    values: bytes = b"\0\0\x80\x3f\0\0\0\x40",
    *,
    element: bytes | None = None,
    fortran: bytes = FALSE,
) -> bytes:
    new = call(
        global_("numpy.core.multiarray", "_reconstruct"),
        global_("numpy", "ndarray"),
        tuple_of(number(0)),
        data(b"b"),
    )
    sizes = tuple_of(*map(number, shape))
    state = tuple_of(number(1), sizes, element or dtype(), fortran, data(values))
    return new + state + BUILD


def dict_of(**items: bytes) -> bytes:
    pairs = b"".join(text(name) + item for name, item in items.items())
    return EMPTY_DICT + MARK + pairs + SETITEMS


def whole(*parts: bytes, version: int | None = 2) -> bytes:
    return (b"" if version is None else proto(version)) + b"".join(parts) + STOP


GOOD = whole(dict_of(W1=array((2, 1)), b1=array((1,), b"\0\0\x80\x3f")))
"""A small good pickle, to be damaged."""
