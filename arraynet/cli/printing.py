"""What the subcommands print: JSON, text with colours on a terminal, progress bars."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int], None]


def console(*, stderr: bool = False) -> Console:
    """Return where styled text goes: no codes in a pipe, none with NO_COLOR."""
    from rich.console import Console

    # Rich keeps bold and italic with NO_COLOR; here it means: no escape codes at all.
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        stderr=stderr, color_system=None if plain else "auto", highlight=False, soft_wrap=True
    )


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


@contextmanager
def progress(description: str, total: int, unit: str = "images") -> Iterator[Advance | None]:
    """Show a bar with rate and time left on a terminal, on standard error.

    Gives the function to call with the count of what was done; None where
    nothing is shown, because standard error is no terminal.
    """
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[rate]}"),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(description, total=total, rate="")

        def advance(count: int) -> None:
            bar.advance(task, count)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:,.0f} {unit}/s" if speed else "")

        yield advance
