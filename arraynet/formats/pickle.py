"""Pickles of dicts of NumPy arrays, read without running them."""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from arraynet.errors import LoadError, shortened
from arraynet.formats.pickle_machine import EXPECTED, LINE, WHOLE, Machine
from arraynet.formats.pickle_numpy import build
from arraynet.formats.pickle_values import PickledArray, Sequence, describe
from arraynet.formats.source import Source
from arraynet.formats.stored import Stored


def stored_tensors(source: Source) -> list[Stored]:
    """Return the arrays of a pickled dict or list of NumPy arrays, not yet loaded.

    Every opcode has been read and checked when this returns. Arrays without names get those
    that ``numpy.savez`` gives them: arr_0, arr_1, … LoadError for anything else.
    """
    tensors: dict[int, Stored] = {}
    result = []
    for name, item in _named(_value(Machine(source)), source):
        if not isinstance(item, PickledArray):
            raise source.error(describe(item), EXPECTED, name)
        if item.stored is None:
            raise source.error("an array without its state", EXPECTED, name)
        tensors[id(item)] = item.stored
        result.append(replace(item.stored, name=name))
    total = sum(tensor.nbytes for tensor in tensors.values())
    if total > source.size:
        raise source.error(
            f"arrays of {total} bytes in a file of {source.size}", "each array's data once"
        )
    return result


def _named(value: Any, source: Source) -> Iterable[tuple[str, Any]]:
    """Return the items of a dict, or the arrays of a list or tuple with names."""
    if isinstance(value, dict):
        return value.items()
    items = value.items if isinstance(value, Sequence) else value
    if isinstance(items, list | tuple) and all(isinstance(item, PickledArray) for item in items):
        return [(f"arr_{number}", item) for number, item in enumerate(items)]
    raise source.error(describe(value), EXPECTED)


def _value(machine: Machine) -> Any:
    """Read opcodes up to STOP, which must be the last byte, and return the value."""
    for count in range(machine.limits.opcodes + 1):
        code = machine.file.read(1)
        handler = HANDLERS.get(code)
        if handler is None:
            if code == b".":
                break
            raise _unknown(code, machine, first=count == 0)
        handler(machine)
    else:
        most = machine.limits.opcodes
        raise machine.error(f"more than {most} opcodes", "a smaller pickle (Limits.opcodes)")
    if rest := machine.source.size - machine.file.tell():
        raise machine.error(f"{rest} bytes after the end of the pickle", "nothing after it")
    if machine.outer or len(machine.stack) != 1:
        found = sum(map(len, machine.outer)) + len(machine.stack)
        raise machine.error(f"{found} values at the end of the pickle", "one dict")
    return machine.stack.pop()


def _unknown(code: bytes, machine: Machine, *, first: bool) -> LoadError:
    """Return the error for an opcode without a handler, with what it names or makes."""
    if not code:
        return machine.error("the end of the file", WHOLE)
    if code == b"i":
        lines = [machine.file.readline(LINE).rstrip(b"\n").decode("latin-1") for _ in range(2)]
        named = shortened(".".join(lines), 100)
        return machine.error(f"opcode INST, which names {named}", EXPECTED)
    for opcode in pickletools.opcodes:
        if opcode.code.encode("latin-1") == code:
            made = [kind.name.replace("any", "object") for kind in opcode.stack_after[:1]]
            what = "".join(f" (a{'n' * (name[0] in 'io')} {name})" for name in made)
            return machine.error(f"opcode {opcode.name}{what}", EXPECTED)
    what = "a pickle" if first else "a pickle opcode"
    found = f"byte {code!r} at {machine.file.tell() - 1}"
    return machine.error(found, f"{what} (is the file damaged?)")


HANDLERS: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": Machine.protocol,
    b"\x95": lambda m: m.check_left("a frame", m.number(8)),
    b"(": Machine.mark,
    b"}": lambda m: m.stack.append({}),
    b"d": lambda m: m.fill_new(m.set_items, {}),
    b"]": lambda m: m.stack.append([]),
    b"l": lambda m: m.fill_new(m.append, []),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.pop_mark()),
    b"s": lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    b"u": lambda m: m.set_items(m.pop_mark()),
    b")": lambda m: m.sequence([]),
    b"t": lambda m: m.sequence(m.pop_mark()),
    b"\x85": lambda m: m.sequence([m.pop()]),
    b"\x86": lambda m: m.sequence([m.pop(), m.pop()][::-1]),
    b"\x87": lambda m: m.sequence([m.pop(), m.pop(), m.pop()][::-1]),
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"I": Machine.text_int,
    b"J": lambda m: m.stack.append(m.number(4, signed=True)),
    b"K": lambda m: m.stack.append(m.number(1)),
    b"M": lambda m: m.stack.append(m.number(2)),
    b"L": lambda m: m.stack.append(m.integer(m.line().removesuffix(b"L"))),
    b"\x8a": Machine.binary_long,
    b"S": lambda m: m.line_payload("string escape", quotes=1),
    b"T": lambda m: m.payload(m.number(4, signed=True)),
    b"U": lambda m: m.payload(m.number(1)),
    b"V": lambda m: m.line_payload("raw-unicode-escape"),
    b"\x8c": lambda m: m.payload(m.number(1), "utf-8"),
    b"X": lambda m: m.payload(m.number(4), "utf-8"),
    b"\x8d": lambda m: m.payload(m.number(8), "utf-8"),
    b"C": lambda m: m.payload(m.number(1), is_text=False),
    b"B": lambda m: m.payload(m.number(4), is_text=False),
    b"\x8e": lambda m: m.payload(m.number(8), is_text=False),
    b"\x96": lambda m: m.payload(m.number(8), is_text=False),
    b"c": lambda m: m.symbol(m.line().decode("latin-1"), m.line().decode("latin-1")),
    b"\x93": lambda m: m.symbol(name=m.name(m.pop()), module=m.name(m.pop())),
    b"R": Machine.reduce,
    b"b": lambda m: build(m, m.pop(), m.top()),
    b"p": lambda m: m.remember(m.integer(m.line())),
    b"q": lambda m: m.remember(m.number(1)),
    b"r": lambda m: m.remember(m.number(4)),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.recall(m.integer(m.line())),
    b"h": lambda m: m.recall(m.number(1)),
    b"j": lambda m: m.recall(m.number(4)),
}
"""What each opcode that may stand in a file does; any other is refused."""
