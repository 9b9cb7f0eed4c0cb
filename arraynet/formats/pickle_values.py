"""What a pickle's opcodes push: inert values, none of which is a Python object of the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from arraynet.formats.source import Source
from arraynet.formats.stored import Stored

CHUNK = 1 << 16

# How many bytes of the file one byte of the payload may take, at most.
ENCODINGS = {
    "raw": 1,  # bytes, bytearray, and the 8-bit strings of Python 2
    "string escape": 4,  # the quoted strings of Python 2 in protocol 0: \x00
    "utf-8": 2,
    "raw-unicode-escape": 6,  # protocol 0: \u0000
}

# Looked up once: the codecs are modules of Python, imported here and not while a file is read.
DECODERS = {name: codecs.getincrementaldecoder(name) for name in ("utf-8", "raw-unicode-escape")}

# What repr writes, and nothing that Python's decoder would warn of.
_ESCAPED = re.compile(rb"""(?:[^\\]|\\(?:x[0-9a-fA-F]{2}|[\\'"abfnrtv]))*+""", re.DOTALL)


@dataclass(slots=True, eq=False)
class Payload:
    """A string or bytes of the file: where it lies, and how it is written there.

    Parameters
    ----------
    source : Source
    encoding : str
        A key of `ENCODINGS`.
    offset, length : int
        Its bytes in the file.
    is_text : bool
        Whether it was written as a string, not as bytes.
    data : bytes, optional
        What lies there, if it is short.
    """

    source: Source
    encoding: str
    offset: int
    length: int
    is_text: bool
    data: bytes | None = None

    def could_hold(self, size: int) -> bool:
        """Return whether it may decode to that many bytes, without decoding it."""
        return size <= self.length <= ENCODINGS[self.encoding] * size

    def as_bytes(self) -> Payload:
        """Return the same payload as bytes instead of a string."""
        return replace(self, is_text=False)

    def unquoted(self) -> Payload:
        """Return what stands between the quotes of a Python 2 string."""
        if self.length < 2:
            raise ValueError("a string without quotes")
        if self.data is None:
            first = self.source.read_at(self.offset, 1)
            last = self.source.read_at(self.offset + self.length - 1, 1)
        else:
            first, last = self.data[:1], self.data[-1:]
        if first != last or first not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        inner = None if self.data is None else self.data[1:-1]
        # Made anew: dataclasses.replace takes as long as all the rest.
        return Payload(
            self.source, self.encoding, self.offset + 1, self.length - 2, self.is_text, inner
        )

    def text(self) -> str:
        """Decode a short one to a string; ValueError where that is not possible."""
        if self.data is None:
            raise ValueError(f"a string of {self.length} bytes")
        if self.encoding == "raw":
            return self.data.decode("latin-1")
        if self.encoding == "string escape":
            return _unescaped(self.data).decode("latin-1")
        return self.data.decode(self.encoding)

    def fill(self, buffer: memoryview) -> None:
        """Decode it to bytes, into a buffer of just the right size."""
        if self.encoding == "raw":
            if len(buffer) != self.length:
                raise ValueError(f"data of {self.length} bytes")
            self.source.read_into(self.offset, buffer)
            return
        end = 0
        for part in self._parts():
            if end + len(part) > buffer.nbytes:
                raise ValueError(f"data of more than {buffer.nbytes} bytes")
            buffer[end : end + len(part)] = part
            end += len(part)
        if end != buffer.nbytes:
            raise ValueError(f"data of {end} bytes")

    def _parts(self) -> Iterator[bytes]:
        if self.encoding == "string escape":
            yield _unescaped(self.source.read_at(self.offset, self.length))
            return
        decoder = DECODERS[self.encoding]()
        for start in range(0, self.length, CHUNK):
            count = min(CHUNK, self.length - start)
            data = self.source.read_at(self.offset + start, count)
            yield decoder.decode(data, start + count == self.length).encode("latin-1")


def _unescaped(data: bytes) -> bytes:
    if _ESCAPED.fullmatch(data) is None:
        raise ValueError("an escape that repr does not write")
    return codecs.escape_decode(data)[0]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One of the few functions and classes that a pickle may name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A tuple, and how deep tuples nest in it."""

    items: tuple[Any, ...]
    depth: int


@dataclass(slots=True, eq=False)
class Dtype:
    """An element type: complete once its byte order is known."""

    kind: str
    dtype: np.dtype[Any] | None = None


@dataclass(slots=True, eq=False)
class PickledArray:
    """An array: complete once its state is known."""

    stored: Stored | None = None


@dataclass(slots=True, eq=False)
class Dict:
    """A dict with its keys in order."""

    items: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class List:
    """A list."""

    items: list[Any] = field(default_factory=list)


def describe(value: Any) -> str:
    """Say what kind of thing a value is, for an error message."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return "an int"
    if isinstance(value, Payload):
        return "a str" if value.is_text else "bytes"
    if isinstance(value, Symbol):
        return value.name
    names = {
        Sequence: "a tuple",
        List: "a list",
        Dict: "a dict",
        Dtype: "a dtype",
        PickledArray: "an array",
    }
    return names.get(type(value), type(value).__name__)
