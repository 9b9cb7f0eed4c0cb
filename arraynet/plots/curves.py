"""The numbers behind the pictures of activations: values and slopes, in float64."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from arraynet.backends import get_backend
from arraynet.errors import GraphError
from arraynet.ops import OPS, Op

Curve: TypeAlias = npt.NDArray[np.float64]
Function: TypeAlias = Callable[[Curve], Curve]
Activation: TypeAlias = str | tuple[str, Mapping[str, Any]]

STEP = float(np.cbrt(np.finfo(np.float64).eps))
"""Of the differences: it balances their truncation and their rounding."""

KINK = 1e-3
"""How far the slopes to the left and to the right are apart, at least, at a kink.

Where the slope is continuous, they differ by `STEP` times the curvature.
"""


def function_of(activation: Activation) -> tuple[str, Function]:
    """Return the title of an activation, and the activation as a function of one number.

    Of an op that takes whole rows, it is the first output for the row (x, 0).

    Parameters
    ----------
    activation : str or (str, mapping)
        The name of an op, and its attributes. A second array of an op, such as the
        slope of ``prelu``, is a number among them.

    Raises
    ------
    GraphError
        For an unknown op, one that is no activation, or a missing or unknown attribute.
    """
    name, given = (activation, {}) if isinstance(activation, str) else activation
    registration = OPS.get(name)
    if registration is None:
        raise GraphError(
            f"activations: got {name!r}, expected one of {', '.join(sorted(_drawable()))}"
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
    more, allowed = _signature(registration)
    numeric = registration.floating or "numeric" in registration.dtypes
    if not numeric or not (registration.elementwise or (registration.rowwise and not more)):
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


def _signature(registration: Op) -> tuple[list[str], set[str]]:
    """Return the names of an op's arrays after the first, and of its attributes."""
    parameters = inspect.signature(registration.formula).parameters.values()
    arrays = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return arrays[1:], {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"xp"}


def _drawable() -> list[str]:
    """Return the names of the ops that are functions of one number or one row."""
    return [
        name for name, op in OPS.items() if op.floating and op.rowwise and not _signature(op)[0]
    ]
