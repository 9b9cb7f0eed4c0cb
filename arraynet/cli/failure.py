"""How a subcommand fails: one line on standard error, and exit status 1."""

from __future__ import annotations

import re
from typing import IO, Any

import click

from arraynet.cli.printing import printable

_ARGUMENT = re.compile(r"\b(hidden|output|layout|scale|dtype|backend)=('?)([\w/.:]*)\2")


class Failure(click.ClickException):
    """An error that is shown as one line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print ``arraynet: message`` on standard error."""
        click.echo(f"arraynet: {as_typed(self.message)}", file=file, err=True)


def as_typed(message: str) -> str:
    """Return a message of the library on one line, with options as the command has them.

    >>> as_typed("give hidden= and output= (output='softmax')")
    'give --hidden and --output (--output softmax)'
    """
    options = _ARGUMENT.sub(lambda match: f"--{match[1]} {match[3]}".rstrip(), message)
    return printable(" ".join(options.split()), longest=2000)
