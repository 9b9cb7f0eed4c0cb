"""What every op's documentation says alike, written once and added by ``@op``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

_ORDER = ("Parameters", "Returns", "Raises", "Notes", "References", "Examples")
_HEADING = re.compile(r"^(\w+)\n-{3,}$", re.MULTILINE)


def complete(formula: Callable[..., Any], *, kind: str, elementwise: bool) -> str:
    """Return a formula's documentation with what it leaves out because all ops say it.

    Parameters
    ----------
    formula : callable
    kind : str
        What its arrays are: ``"Floating."``, say.
    elementwise : bool
        Whether the result has the shape of its arrays, broadcast together.
    """
    summary, sections = _parsed(inspect.getdoc(formula) or "")
    sections["Parameters"] = _parameters(formula, sections.get("Parameters", ""), kind)
    shape = ", shape (…)" if elementwise else ""
    sections.setdefault("Returns", f"array{shape}\n    Of the dtype of the first array.")
    raises = sections.get("Raises", "")
    for error, reason in (
        ("DtypeError", "If an array is of a dtype that the op does not take, or no plain array."),
        ("ShapeError", "If shapes or axes do not fit."),
    ):
        if error not in raises:
            raises += f"{error}\n    {reason}\n"
    sections["Raises"] = raises.rstrip()
    parts = [f"{name}\n{'-' * len(name)}\n{sections[name]}" for name in _ORDER if name in sections]
    return "\n\n".join([summary, *parts]) + "\n"


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the first section, and the sections by name."""
    summary, *rest = _HEADING.split(text)
    bodies = zip(rest[::2], rest[1::2], strict=True)
    return summary.strip(), {name: body.strip("\n") + "\n" for name, body in bodies}


def _parameters(formula: Callable[..., Any], written: str, kind: str) -> str:
    """Return the section of parameters: arrays that it leaves out first, ``xp`` last."""
    missing: Sequence[str] = [
        f"{p.name} : array, shape (…)\n    {kind}"
        for p in inspect.signature(formula).parameters.values()
        if p.kind is p.POSITIONAL_OR_KEYWORD and not _mentions(written, p.name)
    ]
    last = "xp : namespace, optional\n    The arrays' namespace; asked of them when None."
    return "\n".join([*missing, *([written.rstrip()] if written.strip() else []), last])


def _mentions(section: str, name: str) -> bool:
    """Return whether a section of parameters has an entry of that name."""
    return re.search(rf"^(\w+, )*\*?{name}(, \*?\w+)* :", section, re.MULTILINE) is not None
