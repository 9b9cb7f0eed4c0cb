"""How the command's subcommands are chosen, what they print, and how they end.

Text and JSON go out from here alone; a failure is one line, and a status.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import IO, Any

import click

from arraynet.cli import INTERRUPTED
from arraynet.errors import ArraynetError, choices_text, printable, shortened

LONGEST = 1000  # characters of a failure: file names and values in it may be of any length


class Failure(click.ClickException):
    """An error that is shown as one line, with exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print ``arraynet: message`` on standard error."""
        warn(self.message)


class Commands(click.Group):
    """A group of subcommands, none of which ends in a traceback."""

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """Read the options before the subcommand, such as --help."""
        with ending():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        with ending():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand, or name the one that was meant."""
        if not ctx.resilient_parsing and args[0] not in self.commands:
            ctx.fail(f"No such command {unknown(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subcommands in the order that a newcomer meets them."""
        return list(self.commands)


@contextmanager
def ending() -> Iterator[None]:
    """Turn what a subcommand raises into one line and an exit status."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        raise click.UsageError(cut(error.format_message()), error.ctx) from error
    except ArraynetError as error:
        raise Failure(str(error)) from error
    except MemoryError as error:
        raise Failure(
            f"memory: got too little ({str(error) or 'an allocation failed'}), expected enough for "
            "all at once (a smaller --limit or --batch-size, or fewer --dpi, needs less)"
        ) from error
    except BrokenPipeError:
        discard()
        raise click.exceptions.Exit(0) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{place}{error.strerror or error}") from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None


def warn(message: Warning | str, *place: Any) -> None:
    """Print ``arraynet: message`` on standard error, as `warnings.showwarning` does too."""
    say(f"arraynet: {cut(as_typed(str(message)))}", err=True)


# What the command calls those arguments of a function with which a message may begin.
_NAMES = {"t": "--labels", "x": "--images"}

_ARGUMENT = re.compile(
    r"\b(hidden|output|layers|input_shape|layout|scale|dtype|backend|batch_size|allow_nonfinite|shape)="
    r"('[^']*'|\"[^\"]*\"|\(height, width\)|[\w/.:-]*)"
)


def as_typed(message: str) -> str:
    """Return a message of the library on one line, with options as the command has them.

    >>> as_typed("t: got none; give hidden= and output= (output='softmax')")
    '--labels: got none; give --hidden and --output (--output softmax)'
    """
    where, colon, rest = message.partition(": ")
    message = f"{_NAMES.get(where, where)}{colon}{rest}" if where else f"''{message}"
    values = {"True": "", "(height, width)": "HEIGHTxWIDTH"}

    def option(match: re.Match[str]) -> str:
        value = match[2].strip("'\"")
        return f"--{match[1].replace('_', '-')} {values.get(value, value)}".rstrip()

    return " ".join(_ARGUMENT.sub(option, message).split())


def cut(message: str) -> str:
    """Return a message that can be printed, without the middle of one that is too long."""
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]} … {message[-LONGEST // 2 :]}"
    return printable(message)


def unknown(found: str, choices: Iterable[str]) -> str:
    """Return what a message says of a word that is none of those that can be chosen.

    >>> unknown("Relu", ["relu", "sigmoid"])
    "'Relu': did you mean 'relu'?"
    >>> unknown("x", ["relu", "sigmoid"])
    "'x': expected relu or sigmoid"
    """
    text = choices_text(found, choices)
    return f"{shortened(found)}: {text if text.startswith('did') else f'expected {text}'}"


class Bold(str):
    """A line that stands out on a terminal; NO_COLOR means no escape codes at all."""


def say(*lines: str, err: bool = False) -> None:
    """Print lines, without what would steer a terminal: files and arguments are named in them."""
    styled = list(map(printable, lines))
    for place, line in enumerate(lines):
        if isinstance(line, Bold) and not os.environ.get("NO_COLOR"):
            styled[place] = click.style(styled[place], bold=True)
    _write("\n".join(styled), err)


def print_json(result: Any) -> None:
    """Print a mapping, a dataclass or what makes a dict as one JSON object; NaN becomes null."""
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
    if hasattr(value, "to_dict"):
        value = value.to_dict()
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
