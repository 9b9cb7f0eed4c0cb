"""The pickle opcodes that may stand in a file, each with what it does to a ``Machine``."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from arraynet.formats.pickle_values import Dict, List

if TYPE_CHECKING:
    from arraynet.formats.pickle_machine import Machine

Handler: TypeAlias = "Callable[[Machine], None]"

_unpack = {size: struct.Struct(form).unpack for size, form in {2: "<H", 4: "<I", 8: "<Q"}.items()}
_signed = struct.Struct("<i").unpack


def _unsigned(machine: Machine, size: int) -> int:
    data = machine.read(size)
    return data[0] if size == 1 else int(_unpack[size](data)[0])


def _protocol(machine: Machine) -> None:
    version = machine.read(1)[0]
    if machine.file.tell() != 2 or version > 5:
        raise machine.error(f"protocol {version}", "protocol 0 to 5, stated once at the start")


def _frame(machine: Machine) -> None:
    length = _unsigned(machine, 8)
    rest = machine.source.size - machine.file.tell()
    if length > rest:
        raise machine.error(
            f"a frame of {length} bytes where {rest} are left", "a whole pickle (is it truncated?)"
        )


def _mark(machine: Machine) -> None:
    if len(machine.outer) >= machine.limits.depth:
        raise machine.error(
            f"marks nested {len(machine.outer) + 1} deep",
            f"at most {machine.limits.depth} (Limits.depth)",
        )
    machine.outer.append(machine.stack)
    machine.stack = []


def _short_tuple(size: int) -> Handler:
    def push(machine: Machine) -> None:
        machine.sequence([machine.pop() for _ in range(size)][::-1])

    return push


def _dict(machine: Machine) -> None:
    pairs = machine.pop_mark()
    machine.stack.append(Dict())
    machine.set_items(machine.stack[-1], pairs)


def _list(machine: Machine) -> None:
    items = machine.pop_mark()
    machine.stack.append(List())
    machine.append(items)


def _set_item(machine: Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items(machine.stack[-1] if machine.stack else None, [key, value])


def _set_items(machine: Machine) -> None:
    pairs = machine.pop_mark()
    machine.set_items(machine.stack[-1] if machine.stack else None, pairs)


def _constant(value: bool | None) -> Handler:
    return lambda machine: machine.stack.append(value)


def _unsigned_int(size: int) -> Handler:
    return lambda machine: machine.stack.append(_unsigned(machine, size))


def _signed_int(machine: Machine) -> None:
    machine.stack.append(_signed(machine.read(4))[0])


def _text_int(machine: Machine) -> None:
    line = machine.line()
    truth = {b"00": False, b"01": True}
    machine.stack.append(truth[line] if line in truth else machine.integer(line))


def _binary_long(machine: Machine) -> None:
    size = _unsigned(machine, 1)
    if size > 9:
        raise machine.error(f"an int of {size} bytes", "at most 9 bytes")
    machine.stack.append(int.from_bytes(machine.read(size), "little", signed=True))


def _counted(size: int, encoding: str, *, is_text: bool) -> Handler:
    return lambda machine: machine.payload(_unsigned(machine, size), encoding, is_text=is_text)


def _signed_counted(machine: Machine) -> None:
    length = _signed(machine.read(4))[0]
    if length < 0:
        raise machine.error(f"a length of {length}", "at least 0")
    machine.payload(length, "raw", is_text=True)


def _quoted(machine: Machine) -> None:
    machine.line_payload("string escape")
    payload = machine.pop()
    try:
        machine.stack.append(payload.unquoted())
    except ValueError as error:
        raise machine.error(str(error), "a quoted string") from error
    if payload.data is None:  # a long one: its quotes were read from the file
        machine.file.seek(payload.offset + payload.length + 1)


def _global(machine: Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.symbol(module.decode("latin-1"), name.decode("latin-1"))


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.symbol(machine.name(module), machine.name(name))


def _put(size: int) -> Handler:
    return lambda machine: machine.remember(_unsigned(machine, size))


def _get(size: int) -> Handler:
    return lambda machine: machine.recall(_unsigned(machine, size))


HANDLERS: dict[bytes, Handler] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"(": _mark,
    b"}": lambda machine: machine.stack.append(Dict()),
    b"d": _dict,
    b"]": lambda machine: machine.stack.append(List()),
    b"l": _list,
    b"a": lambda machine: machine.append([machine.pop()]),
    b"e": lambda machine: machine.append(machine.pop_mark()),
    b"s": _set_item,
    b"u": _set_items,
    b")": lambda machine: machine.sequence([]),
    b"t": lambda machine: machine.sequence(machine.pop_mark()),
    b"\x85": _short_tuple(1),
    b"\x86": _short_tuple(2),
    b"\x87": _short_tuple(3),
    b"N": _constant(None),
    b"\x88": _constant(True),
    b"\x89": _constant(False),
    b"I": _text_int,
    b"J": _signed_int,
    b"K": _unsigned_int(1),
    b"M": _unsigned_int(2),
    b"L": lambda machine: machine.stack.append(machine.integer(machine.line().removesuffix(b"L"))),
    b"\x8a": _binary_long,
    b"S": _quoted,
    b"T": _signed_counted,
    b"U": _counted(1, "raw", is_text=True),
    b"V": lambda machine: machine.line_payload("raw-unicode-escape"),
    b"\x8c": _counted(1, "utf-8", is_text=True),
    b"X": _counted(4, "utf-8", is_text=True),
    b"\x8d": _counted(8, "utf-8", is_text=True),
    b"C": _counted(1, "raw", is_text=False),
    b"B": _counted(4, "raw", is_text=False),
    b"\x8e": _counted(8, "raw", is_text=False),
    b"\x96": _counted(8, "raw", is_text=False),
    b"c": _global,
    b"\x93": _stack_global,
    b"R": lambda machine: machine.reduce(),
    b"b": lambda machine: machine.build(),
    b"p": lambda machine: machine.remember(machine.integer(machine.line())),
    b"q": _put(1),
    b"r": _put(4),
    b"\x94": lambda machine: machine.remember(len(machine.memo)),
    b"g": lambda machine: machine.recall(machine.integer(machine.line())),
    b"h": _get(1),
    b"j": _get(4),
}
"""What each opcode does; an opcode that is not here is refused."""
