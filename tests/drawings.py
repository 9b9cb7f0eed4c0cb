"""Digits drawn by program: the strokes of a pen, of any thickness, anywhere on a canvas."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

Points = list[tuple[float, float]]


def arc(x: float, y: float, across: float, up: float, start: float, stop: float) -> Points:
    """Return points on an ellipse, by its centre, half axes and two angles in degrees.

    0 is to the right, 90 is down, as on a screen.
    """
    angles = np.radians(np.linspace(start, stop, 25))
    return [(x + across * float(np.cos(a)), y + up * float(np.sin(a))) for a in angles]


STROKES: dict[int, list[Points]] = {
    0: [arc(0.5, 0.5, 0.32, 0.5, 0, 360)],
    1: [[(0.32, 0.2), (0.55, 0.0), (0.55, 1.0)]],
    2: [[*arc(0.5, 0.28, 0.33, 0.28, 190, 390), (0.15, 1.0), (0.88, 1.0)]],
    3: [[*arc(0.47, 0.25, 0.32, 0.25, 200, 450), *arc(0.47, 0.75, 0.36, 0.25, 270, 520)]],
    4: [[(0.62, 0.0), (0.12, 0.66), (0.9, 0.66)], [(0.66, 0.35), (0.66, 1.0)]],
    5: [[(0.82, 0.0), (0.25, 0.0), (0.22, 0.45), *arc(0.48, 0.7, 0.35, 0.3, 230, 510)]],
    6: [[(0.68, 0.0), (0.38, 0.25), *arc(0.5, 0.7, 0.32, 0.3, 190, 550)]],
    7: [[(0.12, 0.0), (0.86, 0.0), (0.42, 1.0)]],
    8: [arc(0.5, 0.25, 0.27, 0.25, 90, 450), arc(0.5, 0.75, 0.33, 0.25, 270, 630)],
    9: [[*arc(0.5, 0.3, 0.3, 0.3, 10, 370), (0.74, 1.0)]],
}
"""Each digit's strokes, in a box of 1 × 1 with (0, 0) at the top left."""


@dataclass(frozen=True)
class Variant:
    """How a digit is drawn: where (share of the canvas), and how thick, large and slanted."""

    right: float
    down: float
    thickness: float
    height: float = 0.6
    slant: float = 0.0


VARIANTS = (
    Variant(right=0.0, down=0.0, thickness=0.08),
    Variant(right=-0.12, down=0.08, thickness=0.05, height=0.5),
    Variant(right=0.1, down=-0.1, thickness=0.12),
)
"""Thickness is a share of the canvas, like shift and height."""


def draw(digit: int, variant: Variant, size: int = 280) -> np.ndarray:
    """Return a (size, size) float64 canvas, ink 1 on ground 0, edges antialiased."""
    ys, xs = np.mgrid[:size, :size] + 0.5
    nearest = np.full((size, size), np.inf)
    for stroke in STROKES[digit]:
        corners = [_place(point, variant, size) for point in stroke]
        for start, stop in itertools.pairwise(corners):
            nearest = np.minimum(nearest, _distance(xs, ys, start, stop))
    return np.clip(variant.thickness * size / 2 + 0.5 - nearest, 0.0, 1.0)


def _place(point: tuple[float, float], variant: Variant, size: int) -> tuple[float, float]:
    x, y = point[0] - 0.5, point[1] - 0.5
    x = 0.8 * x - variant.slant * y
    return (
        size * (0.5 + variant.right + variant.height * x),
        size * (0.5 + variant.down + variant.height * y),
    )


def _distance(
    xs: np.ndarray, ys: np.ndarray, start: tuple[float, float], stop: tuple[float, float]
) -> np.ndarray:
    """Return each pixel's distance from a line segment."""
    along = np.subtract(stop, start)
    length = max(float(along @ along), 1e-12)
    share = ((xs - start[0]) * along[0] + (ys - start[1]) * along[1]) / length
    share = np.clip(share, 0.0, 1.0)
    return np.hypot(xs - start[0] - share * along[0], ys - start[1] - share * along[1])
