"""Pictures as files: what the subcommands of ``arraynet plot`` share."""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from arraynet.cli.options import Answer, Choice, answering, count, option
from arraynet.errors import ArraynetError, OutOfMemoryError, clipped
from arraynet.formats.writing import replace_file
from arraynet.plots.canvas import PLAIN, STYLES, import_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg", ".pdf")
MOST_PIXELS = 64_000_000  # of a picture: 256 MB while it is drawn

PICTURE = (
    option("--out", "The picture: .png, .svg or .pdf. Else KIND.png, here.", metavar="FILE"),
    option(
        "--style",
        "Dark on a light page, or light on a dark one.",
        Choice(STYLES),
        "|".join(STYLES),
        default="light",
    ),
    count("--dpi", "Pixels per inch of a .png.", default=150, least=20, most=1200),
)


def picture(
    *examples: str, options: Iterable[Any]
) -> Callable[[Callable[..., tuple[Callable[[], Axes], str]]], click.Command]:
    """Return a decorator that makes a subcommand of what gives a function that draws, and a source.

    Its name is that of the kind of picture. Options and examples are as for `answering`.
    """

    def decorate(kind: Callable[..., tuple[Callable[[], Axes], str]]) -> click.Command:
        @functools.wraps(kind)
        def run(out: str | None, style: str, dpi: int, **given: Any) -> Answer:
            draw, source = kind(**given)
            return write_picture(kind.__name__, draw, source, out, style, dpi)

        return answering(*examples, options=[*options, *PICTURE], start="arraynet plot")(run)

    return decorate


def write_picture(
    kind: str, draw: Callable[[], Axes], source: str, out: str | None, style: str, dpi: int
) -> Answer:
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
    title, *panels = (child.title.get_text().replace("\n", ", ") for child in (ax, *ax.child_axes))
    facts = {"file": path, "kind": kind, "bytes": len(written), "title": title}
    facts["panels"] = [panel for panel in panels if panel]
    if source:
        facts["source"] = source
        title = f"{title}, from {clipped(source)}"
    return Answer(facts, [f"{clipped(path, 200)}: {title} ({len(written):,} bytes)"])


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
