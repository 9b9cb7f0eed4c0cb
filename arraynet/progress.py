"""A progress bar with rate and time left, on standard error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from arraynet.errors import ArraynetError

Advance: TypeAlias = Callable[[int], object]
"""Called with the count of what was just done."""

Progress: TypeAlias = bool | Advance | None
"""What a caller asks for: a bar, nothing (False or None), or a function of its own."""


@contextmanager
def bar(description: str, total: int | None, unit: str = "rows") -> Iterator[Advance | None]:
    """Show a bar where standard error is a terminal, and give what moves it; else None.

    ``total`` is None where it is not known; ``unit`` is what is counted, in the plural.
    """
    try:
        from rich import console, progress
    except ImportError as error:
        raise ArraynetError(
            "progress: got no package rich, expected it for a progress bar "
            "(python -m pip install 'arraynet[cli]', or pass a function of the row count)"
        ) from error
    # Rich keeps bold and italic with NO_COLOR; here it means: no escape codes at all.
    colors = None if os.environ.get("NO_COLOR") else "auto"
    screen = console.Console(stderr=True, color_system=colors)  # type: ignore[arg-type]
    if not screen.is_terminal:
        yield None
        return
    columns = (
        "{task.description}",
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        "{task.fields[rate]}",
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=screen, transient=True) as shown:
        task = shown.add_task(description, total=total, rate="")

        def advance(count: int) -> None:
            shown.advance(task, count)
            speed = shown.tasks[0].speed
            shown.update(task, rate=f"{speed:,.0f} {unit}/s" if speed else "")

        yield advance


@contextmanager
def advancing(progress: Progress, total: int | None) -> Iterator[Advance | None]:
    """Return the function that reports rows, if any; see `Progress`."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with bar("predicting", total) as advance:
            yield advance
    elif callable(progress):
        yield progress
    else:
        raise ArraynetError(
            f"progress: got {type(progress).__name__}, expected True, False or a function of "
            f"the number of rows that are done"
        )
