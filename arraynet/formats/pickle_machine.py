"""A machine for pickle opcodes that imports nothing and calls nothing.

Python's own unpickler runs whatever callable a file names. This one knows the
opcodes that a dict of NumPy arrays needs, and stops at any other. Strings and
bytes are not read when they are met: the stack holds where they lie, so that a
length is only ever compared with what the file has.

References
----------
The opcodes: https://peps.python.org/pep-0307/, pep-3154, pep-0574, and the
documentation of ``pickletools`` in Python's source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arraynet.errors import LoadError, shortened
from arraynet.formats.pickle_numpy import SYMBOLS, arguments_error
from arraynet.formats.pickle_values import (
    Payload,
    PickledArray,
    Sequence,
    Symbol,
    describe,
)
from arraynet.formats.recognition import MODULES
from arraynet.formats.source import Source
from arraynet.formats.stored import check_name

EXPECTED = (
    "a dict of NumPy arrays, or a list of them (nothing else is loaded or run; "
    "numpy.savez('model.npz', W1=…, b1=…) writes what loads)"
)
WHOLE = "a whole pickle (is it truncated?)"
WELL_FORMED = "a well-formed pickle"

LINE = 1024


class Machine:
    """The state of reading one pickle: a stack, a memo, and what is spent of the limits."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.limits = source.limits
        self.file = source.file
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    # What every opcode needs.

    def error(self, found: str, expected: str) -> LoadError:
        """Return an error that names the tensor being read, where there is one."""
        return self.source.error(found, expected, self._current_name())

    def _current_name(self) -> str | None:
        """Return the key of the dict item being read, as well as it can be told."""
        for level in reversed([*self.outer, self.stack][:2]):
            place = 1 if level and isinstance(level[0], dict) else 0
            # Complete items stand before the one that is being read.
            while place + 2 < len(level) and isinstance(level[place + 1], PickledArray):
                if not isinstance(level[place + 2], Payload):
                    break
                place += 2
            if place < len(level) and isinstance(level[place], Payload):
                try:
                    name: str = level[place].text()
                except ValueError:
                    return None
                return name if name.isprintable() else None
        return None

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes, a small number."""
        data = self.file.read(count)
        if len(data) != count:
            raise self.error("the end of the file", WHOLE)
        return data

    def number(self, size: int, *, signed: bool = False) -> int:
        """Return the next ``size`` bytes as an integer."""
        return int.from_bytes(self.read(size), "little", signed=signed)

    def line(self) -> bytes:
        """Return the next line, a short one, without its end."""
        data = self.file.readline(LINE)
        if not data.endswith(b"\n"):
            raise self.error("a line that does not end", WHOLE)
        return data[:-1]

    def integer(self, text: bytes) -> int:
        """Parse a short decimal number."""
        digits = text.removeprefix(b"-")
        if not digits.isdigit() or len(text) > 20 or (digits[:1] == b"0" and digits != b"0"):
            raise self.error(shortened(text), "an integer of at most 20 digits")
        return int(text)

    def name(self, value: Any) -> str:
        """Return a string operand as a str."""
        if not isinstance(value, Payload) or not value.is_text:
            raise self.error(f"{describe(value)} as a name", "a str")
        try:
            return value.text()
        except ValueError as error:
            raise self.error(f"{error} as a name", "a short, readable str") from error

    def top(self) -> Any:
        """Return the top of the stack, or None."""
        return self.stack[-1] if self.stack else None

    def pop(self) -> Any:
        """Take the top of the stack, not beyond the last mark."""
        if not self.stack:
            raise self.error("an opcode without its operand", WELL_FORMED)
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Take all values down to the last mark."""
        if not self.outer:
            raise self.error("an opcode without its mark", WELL_FORMED)
        values, self.stack = self.stack, self.outer.pop()
        return values

    # What the opcodes do.

    def protocol(self) -> None:
        """Take the protocol's number."""
        version = self.number(1)
        if self.file.tell() != 2 or version > 5:
            raise self.error(f"protocol {version}", "protocol 0 to 5, stated once at the start")

    def check_left(self, what: str, length: int) -> None:
        """Refuse a length that goes beyond the file."""
        rest = self.source.size - self.file.tell()
        if length > rest:
            raise self.error(f"{what} of {length} where {rest} bytes are left", WHOLE)

    def mark(self) -> None:
        """Begin a new stack."""
        if len(self.outer) >= self.limits.depth:
            most = f"at most {self.limits.depth} (Limits.depth)"
            raise self.error(f"marks nested {len(self.outer) + 1} deep", most)
        self.outer.append(self.stack)
        self.stack = []

    def binary_long(self) -> None:
        """Push a signed integer that says its size."""
        size = self.number(1)
        if size > 9:
            raise self.error(f"an int of {size} bytes", "at most 9 bytes")
        self.stack.append(self.number(size, signed=True))

    def text_int(self) -> None:
        """Push a number in decimal, or a truth value."""
        line = self.line()
        truth = {b"00": False, b"01": True}
        self.stack.append(truth[line] if line in truth else self.integer(line))

    def payload(self, length: int, encoding: str = "raw", *, is_text: bool = True) -> None:
        """Push where the next ``length`` bytes lie, and skip them."""
        if length < 0:
            raise self.error(f"a length of {length}", "at least 0")
        self.check_left("a length", length)
        offset = self.file.tell()
        data = self.read(length) if length <= self.limits.name_bytes else None
        self.file.seek(offset + length)
        self.stack.append(Payload(self.source, encoding, offset, length, is_text, data))

    def line_payload(self, encoding: str, *, quotes: int = 0) -> None:
        """Push where the rest of this line lies, without one quote on either side, and skip it."""
        offset = self.file.tell()
        data = end = self.file.readline(self.limits.name_bytes)
        length = len(data)
        while not end.endswith(b"\n"):
            part = self.file.readline(1 << 20)
            if not part:
                raise self.error("a line that does not end", WHOLE)
            length += len(part)
            end = end[-1:] + part
        if quotes and (length < 3 or data[:1] + end[-2:-1] not in (b"''", b'""')):
            raise self.error("a string without quotes", "a quoted string")
        short = data[quotes : -1 - quotes] if len(data) == length else None
        length -= 1 + 2 * quotes
        self.stack.append(Payload(self.source, encoding, offset + quotes, length, True, short))

    def sequence(self, items: list[Any]) -> None:
        """Push a tuple."""
        depth = 1 + max((v.depth for v in items if isinstance(v, Sequence)), default=0)
        if depth > self.limits.depth:
            most = f"at most {self.limits.depth} (Limits.depth)"
            raise self.error(f"tuples nested {depth} deep", most)
        self.stack.append(Sequence(tuple(items), depth))

    def remember(self, index: int) -> None:
        """Store the top of the stack in the memo."""
        if not self.stack:
            raise self.error("an opcode without its operand", WELL_FORMED)
        if not 0 <= index < self.limits.memo:
            most = f"at most {self.limits.memo} entries (Limits.memo)"
            raise self.error(f"memo entry {index}", most)
        self.memo[index] = self.stack[-1]

    def recall(self, index: int) -> None:
        """Push what the memo holds."""
        if index not in self.memo:
            raise self.error(f"memo entry {index}", "one that was stored before")
        self.stack.append(self.memo[index])

    def symbol(self, module: str, name: str) -> None:
        """Push one of the known symbols; refuse any other name."""
        found = SYMBOLS.get((module, name))
        if found is None:
            advice = MODULES.get(module.partition(".")[0])
            expected = f"{EXPECTED.partition('; ')[0]}; {advice})" if advice else EXPECTED
            raise self.error(f"the name {shortened(f'{module}.{name}', 100)}", expected)
        self.stack.append(found)

    def reduce(self) -> None:
        """Apply one of the known symbols: this machine's own function, not the file's."""
        arguments, symbol = self.pop(), self.pop()
        function = symbol.function if isinstance(symbol, Symbol) else None
        if function is None or not isinstance(arguments, Sequence):
            raise self.error(f"a call of {describe(symbol)}", EXPECTED)
        result = function(self, arguments.items)
        if result is None:
            raise arguments_error(self, symbol.name, arguments.items)
        self.stack.append(result)

    def append(self, items: list[Any]) -> None:
        """Put values at the end of a list."""
        target = self.top()
        if not isinstance(target, list):
            raise self.error("items without a list", WELL_FORMED)
        if len(target) + len(items) > self.limits.tensors:
            raise self.error(f"more than {self.limits.tensors} items", "fewer (Limits.tensors)")
        target.extend(items)

    def set_items(self, pairs: list[Any], target: Any = None) -> None:
        """Put keys and values into a dict: the top of the stack, if no other."""
        target = self.top() if target is None else target
        if not isinstance(target, dict) or len(pairs) % 2:
            raise self.error("items without a dict", WELL_FORMED)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            name = self.name(key)
            check_name(name, self.limits, self.source.path)
            if name in target:
                raise self.error(f"the key {shortened(name)} twice", "each key once")
            if len(target) >= self.limits.tensors:
                raise self.error(f"more than {self.limits.tensors} items", "fewer (Limits.tensors)")
            target[name] = value

    def fill_new(
        self, fill: Callable[[list[Any]], None], value: dict[str, Any] | list[Any]
    ) -> None:
        """Push a new dict or list of the values down to the last mark."""
        items = self.pop_mark()
        self.stack.append(value)
        fill(items)
