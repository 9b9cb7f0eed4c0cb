"""What the command prints: the one place from which text and JSON go out."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import click

from arraynet.errors import printable


def say(*lines: str, err: bool = False, bold: bool = False) -> None:
    """Print lines, without what would steer a terminal: files and arguments are named in them.

    Bold is for a terminal; NO_COLOR means no escape codes at all.
    """
    text = "\n".join(map(printable, lines))
    _write(click.style(text, bold=True) if bold and not os.environ.get("NO_COLOR") else text, err)


def print_json(result: Any) -> None:
    """Print a mapping or a dataclass as one JSON object; NaN and infinity become null."""
    _write(json.dumps(_plain(result), indent=2, allow_nan=False))


def _write(text: str, err: bool = False) -> None:
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        discard(err)


def discard(err: bool = False) -> None:
    """Let what else is printed go nowhere: a reader of a pipe may leave when he has enough."""
    stream = sys.stderr if err else sys.stdout
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _plain(value: Any) -> Any:
    """Return a value in the types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str | None) else str(value)
