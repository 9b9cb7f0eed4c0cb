"""arraynet's own style, in light and dark: settings of matplotlib, as dicts."""

from __future__ import annotations

from typing import Any


def _style(page: str, text: str, line: str, colors: str) -> dict[str, Any]:
    return {
        "figure.facecolor": page,
        "axes.facecolor": page,
        "savefig.facecolor": page,
        "text.color": text,
        "axes.labelcolor": text,
        "axes.edgecolor": line,
        "xtick.color": line,
        "ytick.color": line,
        "xtick.labelcolor": text,
        "ytick.labelcolor": text,
        "grid.color": line,
        "hatch.color": page,
        # A string, so that whoever only imports arraynet does not import matplotlib.
        "axes.prop_cycle": f"cycler(color={colors.split()})",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        "axes.labelsize": 9.0,
        "xtick.labelsize": 9.0,
        "ytick.labelsize": 9.0,
        "legend.frameon": False,
        "lines.solid_capstyle": "round",
    }


STYLES = {
    "light": _style(
        "#ffffff", "#1c1b19", "#78716c", "#1d4ed8 #c2410c #0f766e #7e22ce #a16207 #be185d #475569"
    ),
    "dark": _style(
        "#161513", "#f0eee9", "#8f8983", "#7aa2ff #fb923c #2dd4bf #d8b4fe #facc15 #f9a8d4 #cbd5e1"
    ),
}
"""For ``matplotlib.style.context``; the colours are those of the page of ``arraynet draw``."""
