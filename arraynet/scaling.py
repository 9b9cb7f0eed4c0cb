"""Whether values are in the range that a network takes.

A network that begins with a scale says itself what it takes. Any other is taken to have
learnt from pixels between 0 and 1, or from standardised numbers: what is far from both
is doubted, never changed.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.graph import Graph
from arraynet.ops import OPS

BYTE = 255
"""The largest byte."""

FAR = 16.0
"""What standardised numbers hardly reach, and pixels do."""

NEAR_NOTHING = 1 / 50
"""Values that are at most this after a scale were scaled before."""

SAMPLE = 1000
"""Rows that are looked at where looking at all of them would take long."""


def starts_with_scale(graph: Graph) -> bool:
    """Return whether all that reads the graph's input rescales it."""
    return _scale(graph) is not None


def _scale(graph: Graph) -> float | None:
    """Return the largest factor that the graph's input is multiplied by first, if any."""
    name = graph.inputs[0].name
    readers = [node for node in graph.nodes if name in node.inputs]
    if not readers or any(OPS[node.op].merges != "diagonal" for node in readers):
        return None
    scales = [graph.weights[str(node.inputs[1])] for node in readers if node.inputs[1:]]
    return max((float(np.abs(scale).max(initial=0)) for scale in scales), default=1.0)


def largest(values: npt.NDArray[Any]) -> float:
    """Return the largest value, without NaN; 0 where there is none."""
    if values.dtype.kind not in "fiub":
        return 0.0
    return float(np.fmax.reduce(values, axis=None, initial=0))


def warn_of_range(rows: Any, graph: Graph, where: str) -> None:
    """Warn the caller's caller if the first rows, on the host, are hardly what is taken."""
    if isinstance(rows, np.ndarray) and (why := doubt(rows[:SAMPLE], graph)):
        warnings.warn(f"{where}: got {why}", stacklevel=3)


def doubt(values: npt.NDArray[Any], graph: Graph, most: float | None = None) -> str:
    """Return why values, whose largest is ``most``, are hardly what a network takes, or ""."""
    most = largest(values) if most is None else most
    scale = _scale(graph)
    if values.dtype.kind == "i" and (least := values.min(initial=0)) < -FAR:
        return f"values down to {least} of {values.dtype} (bytes are uint8)"
    if scale is not None:
        if 0 < most * scale < NEAR_NOTHING or most * scale > FAR / 2:
            return (
                f"values up to {most:.4g} for a network that multiplies by {scale:.4g} first "
                f"(were they divided already, or does it want another scale=?)"
            )
    elif (
        1 < most < np.inf
        and values.min(initial=0) >= 0
        and (most > FAR or (values == np.rint(values)).all())
    ):
        unit = BYTE if BYTE / 2 < most <= BYTE else most
        return (
            f"values up to {most:.4g} for a network without a scale "
            f"(divide pixels by {unit:.4g}, or load it with scale=1/{unit:.4g})"
        )
    return ""
