"""Pictures of activations, and the numbers behind them: values and slopes, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from arraynet.backends import get_backend
from arraynet.errors import GraphError, ShapeError, choices_text, shortened
from arraynet.ops import OPS, Op
from arraynet.plots.canvas import axes_of, columns_for, panels, picture, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve: TypeAlias = npt.NDArray[np.float64]
Function: TypeAlias = Callable[[Curve], Curve]
Activation: TypeAlias = str | tuple[str, Mapping[str, Any]]

POINTS = 1401  # of each curve: from -7 to 7, every hundredth, so that kinks fall on points

# Lines that are told apart without colours.
STYLES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))

# Of the differences: it balances their truncation and their rounding.
STEP = float(np.cbrt(np.finfo(np.float64).eps))

# How far the slopes to the left and right are apart, at least, at a kink; where the slope
# is continuous, they differ by STEP times the curvature.
KINK = 1e-3


@picture
def activations(
    names: Activation | Sequence[Activation] = ("step", "sigmoid", "relu"),
    derivative: bool = False,
    *,
    together: bool = False,
    lower: float = -7.0,
    upper: float = 7.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw activations, each in a panel of its own, which are the axes' ``child_axes``.

    Parameters
    ----------
    names : str or sequence
        Names of ops in `arraynet.ops.OPS`, with attributes where wanted:
        ``("leaky_relu", {"alpha": 0.1})``. Of an op on rows, such as softmax, the first
        output for the row (x, 0) is drawn.
    derivative : bool
        Draw the slope of each too, by central differences in float64; the line has a
        gap where the slope jumps.
    together : bool
        Draw all of them into one panel.
    lower, upper : float
        The inputs to draw.

    Raises
    ------
    GraphError
        For a name that is no activation, or an attribute that it does not take.
    ShapeError
        For no names, or an empty range.

    Examples
    --------
    >>> ax = activations(["relu", "gelu"], derivative=True)
    >>> [panel.get_title() for panel in ax.child_axes]
    ['relu', 'gelu']
    """
    several = _several(names)
    count = len(several)
    if not several or not lower < upper:
        raise ShapeError(
            f"activations: got {count} names from {lower} to {upper}, expected one or more "
            f"and a range"
        )
    functions = [function_of(activation) for activation in several]
    x = np.linspace(lower, upper, POINTS)
    wide = columns_for(count)
    if together or count == 1:
        ax = axes_of(ax, 6.0, 4.0)
    else:
        ax = axes_of(ax, 2.4 * wide + 0.6, 2.1 * -(-count // wide) + 0.9)
    set_title(ax, "Activations and their derivatives" if derivative else "Activations")
    if together and count > 1:
        _draw_together(ax, functions, x, derivative)
        return ax
    labels = ("x", "" if derivative else "f(x)")
    titles = [title for title, _ in functions]
    children, font = panels(ax, titles, labels=labels, gap=(0.5, 0.6), top=0.3)
    for panel, (_, function) in zip(children, functions, strict=True):
        _draw_cross(panel, x)
        panel.plot(x, function(x), color="C0", linewidth=2, label="f(x)")
        if derivative:
            panel.plot(x, slope(function, x), "--", color="C1", linewidth=1.5, label="f′(x)")
        panel.locator_params(axis="x", nbins=4)
    if derivative:
        children[0].legend(loc="upper left", fontsize=0.83 * font)
    return ax


def _several(names: Any) -> list[Activation]:
    """Return the activations as a list, also a single one: a name, or (name, attributes)."""
    single = isinstance(names, str) or (len(names) == 2 and isinstance(names[1], Mapping))
    return [names] if single else list(names)


def _draw_together(
    ax: Axes, functions: list[tuple[str, Function]], x: Curve, derivative: bool
) -> None:
    """Draw all activations into one panel; lines differ in style, slopes are thin."""
    _draw_cross(ax, x)
    for index, (name, function) in enumerate(functions):
        line: dict[str, Any] = {"linestyle": STYLES[index % len(STYLES)], "color": f"C{index}"}
        ax.plot(x, function(x), linewidth=2.2, label=name, **line)
        if derivative:
            ax.plot(x, slope(function, x), linewidth=0.9, label=f"{name}, derivative", **line)
    ax.set_xlabel("x")
    ax.set_ylabel("f(x)")
    ax.legend()


def _draw_cross(ax: Axes, x: Curve) -> None:
    """Draw the lines through the origin, behind everything."""
    for line in (ax.axhline, ax.axvline):
        line(0, color="gray", linewidth=0.8, zorder=0)
    ax.set_xlim(float(x[0]), float(x[-1]))


def function_of(activation: Activation) -> tuple[str, Function]:
    """Return the title of an activation, and the activation as a function of one number.

    Of an op that takes whole rows, it is the first output for the row (x, 0). A second
    array of an op, such as the slope of ``prelu``, is a number among its attributes.
    """
    name, given = (activation, {}) if isinstance(activation, str) else activation
    registration = OPS.get(name)
    if registration is None:
        raise GraphError(
            f"activations: got {shortened(name)}, expected one of the activations: "
            f"{choices_text(name, sorted(drawable()))}"
        )
    numbers, attributes = _arguments(name, registration, dict(given))
    xp = get_backend("cpu").xp

    def function(x: Curve) -> Curve:
        if registration.elementwise:
            y = registration.formula(x, *numbers, xp=xp, **attributes)
        else:
            rows = np.stack([x, np.zeros_like(x)], axis=-1)
            y = registration.formula(rows, xp=xp, **attributes).reshape(len(x), -1)[:, 0]
        return np.asarray(y, np.float64)

    settings = ", ".join(f"{key}={value}" for key, value in given.items())
    title = f"{name}({settings})" if settings else name
    return title if registration.elementwise else f"{title} of (x, 0)", function


def slope(function: Function, x: Curve) -> Curve:
    """Return the derivative of a function, by central differences; NaN at kinks and jumps.

    A complex step would be more exact, but formulas compare, and take the larger of two
    numbers, which complex numbers do not.
    """
    width = STEP * np.maximum(np.abs(x), 1.0)
    before, after = x - width, x + width
    low, middle, high = function(before), function(x), function(after)
    left, right = (middle - low) / (x - before), (high - middle) / (after - x)
    tolerance = KINK * np.maximum(1.0, np.minimum(np.abs(left), np.abs(right)))
    central: Curve = (high - low) / (after - before)
    return np.where(np.abs(right - left) > tolerance, np.nan, central)


def _arguments(
    name: str, registration: Op, given: dict[str, Any]
) -> tuple[list[Curve], dict[str, Any]]:
    """Return the numbers in the place of an op's further arrays, and its attributes."""
    more, allowed = [array.name for array in registration.arrays[1:]], registration.defaults
    numeric = registration.droppable or registration.dtypes in (("real floating",), ("numeric",))
    if not numeric or not (registration.elementwise or registration.of_rows):
        raise GraphError(f"activations: got {name!r}, expected an activation, not a layer")
    missing = [key for key in more if key not in given]
    if missing:
        needed = ", ".join(f"{key!r}: 0.25" for key in more)
        raise GraphError(
            f"activations: got {name!r} without {', '.join(missing)}, expected a number for it: "
            f"({name!r}, {{{needed}}})"
        )
    for key in given:
        if key not in more and key not in allowed:
            raise GraphError(
                f"activations: got {key!r} for {name!r}, expected "
                f"{', '.join((*more, *sorted(allowed))) or 'no attribute'}"
            )
    return [np.asarray(given.pop(key), np.float64) for key in more], given


def drawable() -> list[str]:
    """Return the names of the ops that are functions of one number or one row."""
    return [name for name, op in OPS.items() if op.of_rows]
