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

import pickletools
from typing import Any

from arraynet.errors import LoadError, shortened
from arraynet.formats.limits import Limits
from arraynet.formats.pickle_numpy import FUNCTIONS, SYMBOLS, build
from arraynet.formats.pickle_opcodes import HANDLERS
from arraynet.formats.pickle_values import (
    Dict,
    List,
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

OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}

LINE = 1024


class Machine:
    """The state of reading one pickle: a stack, a memo, and what is spent of the limits."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.file = source.file
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Read opcodes up to STOP, which must be the last byte, and return the value."""
        file, handlers = self.file, HANDLERS
        for count in range(self.limits.opcodes + 1):
            code = file.read(1)
            handler = handlers.get(code)
            if handler is None:
                if code == b".":
                    return self._stop()
                raise self._unknown(code, first=count == 0)
            handler(self)
        raise self.error(
            f"more than {self.limits.opcodes} opcodes", "a smaller pickle (Limits.opcodes)"
        )

    def _stop(self) -> Any:
        rest = self.source.size - self.file.tell()
        if rest:
            raise self.error(f"{rest} bytes after the end of the pickle", "nothing after it")
        if self.outer or len(self.stack) != 1:
            found = sum(map(len, self.outer)) + len(self.stack)
            raise self.error(f"{found} values at the end of the pickle", "one dict")
        return self.stack.pop()

    def _unknown(self, code: bytes, *, first: bool) -> LoadError:
        if not code:
            return self.error("the end of the file", "a whole pickle (is it truncated?)")
        if code == b"i":
            named = f"{self._line_text()}.{self._line_text()}"
            return self.error(f"opcode INST, which names {shortened(named, 100)}", EXPECTED)
        if opcode := OPCODES.get(code):
            made = [kind.name.replace("any", "object") for kind in opcode.stack_after[:1]]
            what = "".join(f" (a{'n' * (name[0] in 'io')} {name})" for name in made)
            return self.error(f"opcode {opcode.name}{what}", EXPECTED)
        where = self.file.tell() - 1
        what = "a pickle" if first else "a pickle opcode"
        return self.error(f"byte {code!r} at {where}", f"{what} (is the file damaged?)")

    # What every opcode needs.

    def error(self, found: str, expected: str) -> LoadError:
        """Return an error that names the tensor being read, where there is one."""
        return self.source.error(found, expected, self.current_name())

    def current_name(self) -> str | None:
        """Return the key of the dict item being read, as well as it can be told."""
        for level in reversed([*self.outer, self.stack][:2]):
            place = 1 if level and isinstance(level[0], Dict) else 0
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
            raise self.error("the end of the file", "a whole pickle (is it truncated?)")
        return data

    def pop(self) -> Any:
        """Take the top of the stack, not beyond the last mark."""
        if not self.stack:
            raise self.error("an opcode without its operand", "a well-formed pickle")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Take all values down to the last mark."""
        if not self.outer:
            raise self.error("an opcode without its mark", "a well-formed pickle")
        values, self.stack = self.stack, self.outer.pop()
        return values

    def line(self) -> bytes:
        """Return the next line, a short one, without its end."""
        data = self.file.readline(LINE)
        if not data.endswith(b"\n"):
            raise self.error("a line that does not end", "a whole pickle (is it truncated?)")
        return data[:-1]

    def _line_text(self) -> str:
        return self.file.readline(LINE).rstrip(b"\n").decode("latin-1")

    def payload(self, length: int, encoding: str, *, is_text: bool) -> None:
        """Push where the next ``length`` bytes lie, and skip them."""
        offset = self.file.tell()
        rest = self.source.size - offset
        if length > rest:
            raise self.error(
                f"a length of {length} where {rest} bytes are left",
                "a whole pickle (is it truncated?)",
            )
        if length <= self.limits.name_bytes:
            data = self.read(length)
        else:
            data = None
            self.file.seek(length, 1)
        self.stack.append(Payload(self.source, encoding, offset, length, is_text, data))

    def line_payload(self, encoding: str) -> None:
        """Push where the rest of this line lies, and skip it."""
        offset = self.file.tell()
        data = self.file.readline(self.limits.name_bytes)
        length = len(data)
        while not data.endswith(b"\n"):
            data = self.file.readline(1 << 20)
            length += len(data)
            if not data:
                raise self.error("a line that does not end", "a whole pickle (is it truncated?)")
        short = data[:-1] if len(data) == length else None
        self.stack.append(Payload(self.source, encoding, offset, length - 1, True, short))

    def integer(self, text: bytes) -> int:
        """Parse a short decimal number."""
        digits = text.removeprefix(b"-")
        if not digits.isdigit() or len(text) > 20 or (digits[:1] == b"0" and digits != b"0"):
            raise self.error(f"{shortened(text)}", "an integer of at most 20 digits")
        return int(text)

    def sequence(self, items: list[Any]) -> None:
        """Push a tuple."""
        depth = 1 + max((v.depth for v in items if isinstance(v, Sequence)), default=0)
        if depth > self.limits.depth:
            raise self.error(
                f"tuples nested {depth} deep", f"at most {self.limits.depth} (Limits.depth)"
            )
        self.stack.append(Sequence(tuple(items), depth))

    def remember(self, index: int) -> None:
        """Store the top of the stack in the memo."""
        if not self.stack:
            raise self.error("an opcode without its operand", "a well-formed pickle")
        if not 0 <= index < self.limits.memo:
            raise self.error(
                f"memo entry {index}", f"at most {self.limits.memo} entries (Limits.memo)"
            )
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
        arguments, function = self.pop(), self.pop()
        known = FUNCTIONS.get(function.name) if isinstance(function, Symbol) else None
        if known is None or not isinstance(arguments, Sequence):
            raise self.error(f"a call of {describe(function)}", EXPECTED)
        self.stack.append(known(self, arguments.items))

    def build(self) -> None:
        """Give a dtype or an array its state."""
        state = self.pop()
        build(self, self.stack[-1] if self.stack else None, state)

    def append(self, items: list[Any]) -> None:
        """Put values at the end of a list."""
        target = self.stack[-1] if self.stack else None
        if not isinstance(target, List):
            raise self.error("items without a list", "a well-formed pickle")
        if len(target.items) + len(items) > self.limits.tensors:
            raise self.error(f"more than {self.limits.tensors} items", "fewer (Limits.tensors)")
        target.items.extend(items)

    def set_items(self, target: Any, pairs: list[Any]) -> None:
        """Put keys and values into a dict."""
        if not isinstance(target, Dict) or len(pairs) % 2:
            raise self.error("items without a dict", "a well-formed pickle")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            name = self.name(key)
            check_name(name, self.limits, self.source.path)
            if name in target.items:
                raise self.error(f"the key {shortened(name)} twice", "each key once")
            if len(target.items) >= self.limits.tensors:
                raise self.error(f"more than {self.limits.tensors} items", "fewer (Limits.tensors)")
            target.items[name] = value

    def name(self, value: Any) -> str:
        """Return a string operand as a str."""
        if not isinstance(value, Payload) or not value.is_text:
            raise self.error(f"{describe(value)} as a name", "a str")
        try:
            return value.text()
        except ValueError as error:
            raise self.error(f"{error} as a name", "a short, readable str") from error
