"""How a subcommand fails: one line on standard error, and exit status 1."""

from __future__ import annotations

from typing import IO, Any

import click


class Failure(click.ClickException):
    """An error that is shown as one line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print ``arraynet: message`` on standard error."""
        click.echo(f"arraynet: {' '.join(self.message.split())}", file=file, err=True)
