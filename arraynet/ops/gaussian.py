"""The error function and its complement, which the array API standard lacks."""

from __future__ import annotations

import math
from typing import NamedTuple

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


class Precision(NamedTuple):
    """Coefficients, highest power first, as many as a dtype's precision needs.

    Minimax in relative error, to 3e-9 in float32 and 4e-18 in float64, by Loeb's
    iteration with Lawson's weights in 60 digits.

    Parameters
    ----------
    grid : float
        ``(x + grid) - grid`` rounds ``x`` to a multiple of 2**-8.
    centre : tuple
        ``erf(x) / x`` as a rational function of ``x**2``, for ``|x| <= 1``.
    mills : tuple
        ``h(x)`` as a rational function of ``x >= 0``, where ``1 / (sqrt(pi) * x + h(x *
        sqrt(2)))`` is ``exp(x**2) * erfc(x)``, Mills' ratio but for a constant. In the
        tail ``h`` is small, and so is what its rounding errors do.
    """

    grid: float
    centre: tuple[tuple[float, ...], tuple[float, ...]]
    mills: tuple[tuple[float, ...], tuple[float, ...]]


_SQRT2 = math.sqrt(2.0)
_SQRT_PI = math.sqrt(math.pi)

_SINGLE = Precision(
    grid=1.5 * 2.0**15,
    centre=(
        (
            -0.0013421280920941686,
            0.023073077277254564,
            0.020681154490810538,
            1.128379164354881,
        ),
        (
            0.03767076762933763,
            0.3516613424964773,
            1.0,
        ),
    ),
    mills=(
        (
            0.003155322302936094,
            0.0376355709870936,
            0.20909406652381227,
            0.6319897908605541,
            1.0000000007012215,
        ),
        (
            0.0025173497422527626,
            0.030040718440532917,
            0.17160507625227814,
            0.5677164985247245,
            1.0874194265512203,
            1.0,
        ),
    ),
)


_DOUBLE = Precision(
    grid=1.5 * 2.0**44,
    centre=(
        (
            0.00019495616407803524,
            0.0018272944920496887,
            0.0453039100026711,
            0.14214928364847684,
            1.1283791670955126,
        ),
        (
            2.0297426544938844e-05,
            0.0006812158797216487,
            0.0105822125236228,
            0.0932528301848114,
            0.4593098559364346,
            1.0,
        ),
    ),
    mills=(
        (
            7.265153632628868e-07,
            2.1759892350828768e-05,
            0.0003204321773832222,
            0.0030088047655071042,
            0.019743932189067163,
            0.09377986548370876,
            0.32328199155192394,
            0.7857312801281399,
            1.2396871864567216,
            1.0,
        ),
        (
            5.796753915760851e-07,
            1.7361882143266646e-05,
            0.0002568272386123912,
            0.00243540259601631,
            0.016261237706053658,
            0.07952265902273171,
            0.28793948053035934,
            0.7628885640083839,
            1.4211178172591925,
            1.6951167629693558,
            1.0,
        ),
    ),
)


def precision(x: Array, xp: Namespace) -> Precision:
    """Return the constants for the dtype of ``x``.

    The grid must know the dtype's number of bits, and float32 does with half as many
    coefficients. No other formulas but these and GELU's ask for the dtype.
    """
    return _SINGLE if x.dtype == xp.float32 else _DOUBLE


def rational(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    """Return the quotient of two polynomials, by Horner's rule."""
    numerator, denominator = coefficients
    return _polynomial(x, numerator) / _polynomial(x, denominator)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Return a polynomial's value by Horner's rule."""
    first, second, *rest = coefficients
    value = first * x + second
    for coefficient in rest:
        value = value * x + coefficient
    return value


def gaussian(x: Array, factor: float, grid: float, xp: Namespace) -> Array:
    """Return ``exp(-factor * x**2)``, to the accuracy of ``exp``, for ``0 <= x <= 50``.

    Rounding ``x**2`` would cost a hundred ulp in the tail. The square of ``x`` on a
    coarse grid is exact, and what is left is small.
    """
    coarse = (x + grid) - grid
    rest = (x - coarse) * (x + coarse)
    return xp.exp(-factor * (coarse * coarse)) * xp.exp(-factor * rest)


def _tail(x: Array, bell: Array, constants: Precision) -> Array:
    """Return ``erfc(x)`` for ``x >= 0``, given ``exp(-x**2)``."""
    return bell / (_SQRT_PI * x + rational(_SQRT2 * x, constants.mills))


@op(elementwise=True, bounds=(-1, 1), widened=True)
def erf(x: Array, *, xp: Namespace = None) -> Array:
    """Error function ``2 / sqrt(pi) * integral of exp(-t**2) from 0 to x``.

    References
    ----------
    W. J. Cody, Rational Chebyshev Approximations for the Error Function, Mathematics of
    Computation 23 (1969): the regions, with other coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> erf(np.array([-10.0, 0.0, 0.5]))
    array([-1.        ,  0.        ,  0.52049988])
    """
    constants = precision(x, xp)
    limited = xp.maximum(xp.minimum(x, 10.0), -10.0)
    size = xp.abs(limited)
    square = size * size
    # Held beyond 1, where it is not taken: the derivative at 1 is its own.
    centre = limited * rational(xp.minimum(square, 1.5), constants.centre)
    tail = 1.0 - _tail(size, xp.exp(-square), constants)
    return xp.where(size <= 1.0, centre, xp.where(limited < 0, -tail, tail))


@op(elementwise=True, bounds=(0, 2), widened=True)
def erfc(x: Array, *, xp: Namespace = None) -> Array:
    """Complementary error function ``1 - erf(x)``, with full relative accuracy in its tail.

    Examples
    --------
    >>> import numpy as np
    >>> erfc(np.array([-10.0, 0.0, 10.0]))
    array([2.00000000e+00, 1.00000000e+00, 2.08848758e-45])
    """
    constants = precision(x, xp)
    size = xp.minimum(xp.abs(x), 40.0)
    tail = _tail(size, gaussian(size, 1.0, constants.grid, xp), constants)
    return xp.where(x < 0, 2.0 - tail, tail)
