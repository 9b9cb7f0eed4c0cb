"""Pictures as files: what the subcommands of ``arraynet plot`` share."""

from __future__ import annotations

import io
import logging
import math
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from arraynet.cli.options import JSON, Choice, Command, count, examples, options
from arraynet.cli.printing import print_json, say
from arraynet.errors import ArraynetError, OutOfMemoryError, clipped
from arraynet.formats.writing import replace_file
from arraynet.plots.canvas import PLAIN, import_matplotlib
from arraynet.plots.styles import STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")

MOST_PIXELS = 64_000_000
"""Of a picture: 256 MB while it is drawn."""


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
        type=Choice(STYLES),
        metavar="|".join(STYLES),
        default="light",
        show_default=True,
        help="Dark on a light page, or light on a dark one.",
    ),
    count("--dpi", "Pixels per inch of a .png.", default=150, least=20, most=1200),
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


def write_picture(
    kind: str,
    draw: Callable[[], Axes],
    *,
    out: str | None,
    style: str,
    dpi: int,
    as_json: bool,
    source: str = "",
) -> None:
    """Draw in a style, and write the picture to a file.

    The file is written whole or not at all, and the same picture gives the same bytes.
    Nothing but the style says how it looks: no settings of the folder or of the person.
    """
    path = f"{kind}.png" if out is None else out
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise ArraynetError(
            f"--out {path}: got the suffix {suffix!r}, expected one of {', '.join(SUFFIXES)}"
        )
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # it tells of settings
    os.environ.pop("MPLBACKEND", None)  # of windows, and there is none
    import_matplotlib()
    import matplotlib.style

    settings = {**STYLES[style], "svg.hashsalt": "arraynet"}
    with matplotlib.style.context(["default", settings]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box
        ax = draw()
        written = _encoded(ax, suffix[1:], dpi, f"from {clipped(source)}" if source else "")
    replace_file(path, [written])
    shown = _described(ax)
    if as_json:
        sources = {"source": source} if source else {}
        print_json({"file": path, "kind": kind, "bytes": len(written), **shown, **sources})
    else:
        title = ", from ".join(filter(None, (shown["title"], clipped(source))))
        say(f"{clipped(path, 200)}: {title} ({len(written):,} bytes)")


def _encoded(ax: Axes, form: str, dpi: int, caption: str) -> bytes:
    """Return the figure of some axes as the bytes of a file."""
    from matplotlib.figure import Figure

    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    width, height = figure.get_size_inches()
    finest = math.sqrt(MOST_PIXELS / (width * height))
    if form == "png":
        finest = min(finest, (2**16 - 1) / max(width, height))
    if dpi > finest:
        raise OutOfMemoryError(
            f"--dpi: got {dpi}, which makes {dpi * width:,.0f} × {dpi * height:,.0f} pixels of "
            f"this picture, expected at most {finest:.0f} (or draw less)"
        )
    if caption:
        figure.supxlabel(caption, fontsize="small", **PLAIN)
    date = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=dpi, metadata=date)
    return buffer.getvalue()


def _described(ax: Axes) -> dict[str, Any]:
    """Return what a picture shows, as text."""
    titles = [child.title.get_text().replace("\n", ", ") for child in (ax, *ax.child_axes)]
    return {"title": titles[0], "panels": [title for title in titles[1:] if title]}
