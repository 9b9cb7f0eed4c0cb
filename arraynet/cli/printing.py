"""What the subcommands print: JSON, text with colours on a terminal."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import click

from arraynet import errors


def print_result(text: str) -> None:
    """Print a line, bold on a terminal; NO_COLOR means no escape codes at all."""
    plain = bool(os.environ.get("NO_COLOR"))
    click.echo(text if plain else click.style(text, bold=True))


def print_json(result: Mapping[str, Any]) -> None:
    """Print one object as JSON; a number that JSON lacks (NaN, inf) becomes null."""
    click.echo(json.dumps(_plain(result), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value in the types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str | None) else str(value)


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> str:
    """Return rows in columns as wide as their widest cell; numbers stand to the right."""
    cells = [tuple(headings), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = [
        "  ".join(
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def printable(text: str, longest: int = 200) -> str:
    """Return a file's text without what would steer a terminal, and not too long."""
    safe = errors.printable(text[: longest + 1])
    return safe if len(safe) <= longest else safe[:longest] + "…"
