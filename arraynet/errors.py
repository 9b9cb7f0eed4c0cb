"""The errors that arraynet raises on purpose.

Every one is an `ArraynetError`, so one ``except`` catches them all; each is also
the built-in kind that it specialises, so ordinary code catches it too.

Messages read ``where: got X, expected Y (how to fix it)``. The functions at the end
say how X and Y are written, bounded and on one line, wherever a message needs them.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any


class ArraynetError(Exception):
    """The parent of every error that arraynet raises on purpose."""


class BackendUnavailableError(ArraynetError, RuntimeError):
    """A backend was asked for that cannot work on this machine.

    Its attribute ``repair`` is the line to type, or what to do, where that is known.
    """

    repair: str = ""


class DeviceMismatchError(ArraynetError, ValueError):
    """An array lives on another device, or in another library, than its network."""


class DeviceLostError(ArraynetError, RuntimeError):
    """A device stopped answering; the process must be restarted to use it again."""


class OutOfMemoryError(ArraynetError, MemoryError):
    """Not even one row of the input fits into the device's memory."""


class DtypeError(ArraynetError, TypeError):
    """An array or a weight has a dtype that the operation does not take."""


class ShapeError(ArraynetError, ValueError):
    """An array has another shape than the network or the operation takes."""


class GraphError(ArraynetError, ValueError):
    """A graph is not well formed: an unknown op, a missing input, a size that differs."""


class LoadError(ArraynetError, ValueError):
    """A file cannot be read as what it claims to be.

    Parameters
    ----------
    file : str or os.PathLike
        The file that was read.
    found : str
        What was found there.
    expected : str
        What a good file has there, or what to do about it.
    member : str, optional
        The tensor, archive member or field inside the file.
    """

    def __init__(
        self, file: object, found: str, expected: str, *, member: str | None = None
    ) -> None:
        super().__init__(file, found, expected, member)
        self.file = str(file)
        self.found = found
        self.expected = expected
        self.member = member

    def __str__(self) -> str:
        where = self.file if self.member is None else f"{self.file}: {self.member}"
        return printable(f"{where}: got {self.found}, expected {self.expected}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_load_error, (self.file, self.found, self.expected, self.member))


def printable(text: str) -> str:
    """Return text without what steers a terminal or cannot be printed, as names of files may."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shortened(value: object, longest: int = 60) -> str:
    """Return how Python writes a value, on one printable line that is not too long.

    Examples
    --------
    >>> shortened("a" * 1000, 20)
    "'aaaaaaa...aaaaaaaa'"
    """
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = longest
    if isinstance(value, bytes | bytearray | str):
        value = value[: longest + 1]
    text = printable(" ".join(short.repr(value).split()))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def clipped(text: str, longest: int = 60) -> str:
    """Return text that a file gave as one printable line that is not too long."""
    text = printable(text[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def shape_text(shape: Iterable[Any]) -> str:
    """Return a shape as Python writes a tuple, its symbols without quotes.

    Examples
    --------
    >>> shape_text(("batch", 784))
    '(batch, 784)'
    """
    sizes = [clipped(str(size)) for size in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


LISTED = 60
"""Most choices that a message lists."""


def choices_text(found: object, choices: Iterable[str]) -> str:
    """Return what a message says was expected: the near miss, or the choices.

    Examples
    --------
    >>> choices_text("Relu", ["relu", "sigmoid"])
    "did you mean 'relu'?"
    >>> choices_text("x", ["relu", "sigmoid"])
    'relu or sigmoid'
    """
    import difflib  # slow to import, and only errors need it

    names = list(choices)
    if isinstance(found, str):
        folded = {name.lower().replace("_", ""): name for name in names}
        word = found[:100].lower().replace("_", "").replace("-", "").replace(" ", "")
        if close := difflib.get_close_matches(word, folded, n=1, cutoff=0.75):
            return f"did you mean {folded[close[0]]!r}?"
    if len(names) > LISTED:
        return f"one of {len(names)}: {', '.join(names[:LISTED])} …"
    return ", ".join(names[:-1]) + (" or " if names[:-1] else "") + "".join(names[-1:])


def _rebuild_load_error(file: str, found: str, expected: str, member: str | None) -> LoadError:
    return LoadError(file, found, expected, member=member)
