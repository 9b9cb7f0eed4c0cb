"""Pictures as files: what the subcommands of ``arraynet plot`` share."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from arraynet.cli.options import JSON, Command, examples, options
from arraynet.cli.printing import print_json
from arraynet.errors import ArraynetError
from arraynet.formats.writing import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
STYLES = {"light": "default", "dark": "dark_background"}


def sides(text: str) -> tuple[int, int]:
    """Return the height and width of an image: 28x20."""
    height, _, width = text.lower().partition("x")
    if height.isdecimal() and width.isdecimal() and int(height) * int(width):
        return int(height), int(width)
    raise click.BadParameter(f"{text!r} is not HEIGHTxWIDTH, such as 28x20.")


SHAPE = click.option(
    "--shape", type=sides, metavar="HxW", help="Of images that are not square: 28x20."
)

PICTURE = (
    click.option(
        "--out", metavar="FILE", help="The picture: .png, .svg or .pdf. Else KIND.png, here."
    ),
    click.option(
        "--style",
        type=click.Choice(list(STYLES)),
        default="light",
        show_default=True,
        help="Dark on a light page, or light on a dark one.",
    ),
    click.option(
        "--dpi",
        type=click.IntRange(20, 1200),
        default=150,
        show_default=True,
        metavar="N",
        help="Pixels per inch of a .png.",
    ),
    *JSON,
)


def picture_options(
    *several: Callable[[Command], Command],
) -> Callable[[Command], Command]:
    """Return a decorator that adds options, and after them those of every picture."""
    return options(*several, *PICTURE)


def plot_examples(*lines: str) -> str:
    """Return the end of a subcommand's help; the lines come after ``arraynet plot``."""
    return examples(*(line if line.startswith(" ") else f"arraynet plot {line}" for line in lines))


@contextmanager
def page(kind: str, out: str | None, style: str, dpi: int, as_json: bool) -> Iterator[list[Axes]]:
    """Give an empty list for the axes that are drawn in this context; write their picture.

    The file is written whole or not at all, and the same picture gives the same bytes.
    """
    path = f"{kind}.png" if out is None else out
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ArraynetError(
            f"--out {path}: got the suffix {suffix!r}, expected one of {', '.join(SUFFIXES)}"
        )
    try:
        import matplotlib.style
    except ImportError as error:
        raise ArraynetError(
            "plot: got no package matplotlib, expected it to draw "
            "(python -m pip install 'arraynet[plot]')"
        ) from error
    drawn: list[Axes] = []
    with matplotlib.style.context([STYLES[style], {"svg.hashsalt": "arraynet"}]):
        yield drawn
        written = _encoded(drawn[0], suffix[1:], dpi)
    replace_file(path, [written])
    if as_json:
        print_json({"file": path, "kind": kind, "bytes": len(written), **_described(drawn[0])})
    else:
        click.echo(f"{path}: {_described(drawn[0])['title']} ({len(written):,} bytes)")


def _encoded(ax: Axes, form: str, dpi: int) -> bytes:
    """Return the figure of some axes as the bytes of a file."""
    from matplotlib.figure import Figure

    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    date = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=dpi, metadata=date)
    return buffer.getvalue()


def _described(ax: Axes) -> dict[str, Any]:
    """Return what a picture shows, as text."""
    titles = [child.title.get_text().replace("\n", ", ") for child in (ax, *ax.child_axes)]
    return {"title": titles[0], "panels": [title for title in titles[1:] if title]}
