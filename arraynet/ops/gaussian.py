"""The error function and its complement, which the array API standard lacks, and GELU."""

from __future__ import annotations

import math
from typing import NamedTuple

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError
from arraynet.ops.registry import op


class _Precision(NamedTuple):
    """Coefficients, highest power first, as many as a dtype's precision needs.

    Minimax in relative error, by Loeb's iteration with Lawson's weights in 60 digits.

    Parameters
    ----------
    grid : float
        ``(x + grid) - grid`` rounds ``x`` to a multiple of 2**-8.
    centre : tuple
        ``erf(x) / x`` as a rational function of ``x**2``, for ``|x| <= 1``.
    tail : tuple
        ``exp(x**2 / 2) * Q(x)`` as a rational function of ``x >= 0``, where ``Q`` is the
        upper tail of the normal distribution.
    cubic : tuple of float
        For the tanh form of GELU: the grid of its argument and the leading bits of
        the two coefficients of its cubic.
    """

    grid: float
    centre: tuple[tuple[float, ...], tuple[float, ...]]
    tail: tuple[tuple[float, ...], tuple[float, ...]]
    cubic: tuple[float, float, float]


_SQRT2 = math.sqrt(2.0)
_LINEAR = 2.0 * math.sqrt(2.0 / math.pi)
_CUBIC = _LINEAR * 0.044715
_EXP_M16 = math.exp(-16.0)

_SINGLE = _Precision(
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
    tail=(
        (
            0.004152799003615546,
            0.040878367169006564,
            0.18396117834843131,
            0.43927305539599126,
            0.5000000031445712,
        ),
        (
            0.010409411689004684,
            0.1024729897055032,
            0.4713876218537292,
            1.2055158097092211,
            1.676431117151894,
            1.0,
        ),
    ),
    cubic=(1.5 * 2.0**21, 26145 / 2.0**14, 73 / 2.0**10),
)


_DOUBLE = _Precision(
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
    tail=(
        (
            2.2625845637557592e-07,
            7.030821642798424e-06,
            0.0001072855561080664,
            0.0010455965948687575,
            0.007156534645986328,
            0.035805840724518055,
            0.13245177594917337,
            0.35817146877833295,
            0.6806794096259257,
            0.8286101029669622,
            0.5,
        ),
        (
            5.671458441252674e-07,
            1.7623656323753433e-05,
            0.00026949215424118257,
            0.0026385456450709575,
            0.018206562800177205,
            0.0923376077116708,
            0.3494139532094519,
            0.9824891921779833,
            2.0049852153869843,
            2.820249007784648,
            2.45510476673679,
            1.0,
        ),
    ),
    cubic=(1.5 * 2.0**44, 13707552379 / 2.0**33, 9353 / 2.0**17),
)


def _precision(x: Array, xp: Namespace) -> _Precision:
    """Return the coefficients for the dtype of ``x``: those of float32 are a third."""
    return _SINGLE if x.dtype == xp.float32 else _DOUBLE


def _rational(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
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


def _gaussian(x: Array, factor: float, grid: float, xp: Namespace) -> Array:
    """Return ``exp(-factor * x**2)``, to the accuracy of ``exp``.

    Rounding ``x**2`` would cost a hundred ulp in the tail. The square of ``x`` on a
    coarse grid is exact, and what is left is small.
    """
    coarse = (x + grid) - grid
    rest = (x - coarse) * (x + coarse)
    return xp.exp(-factor * (coarse * coarse)) * xp.exp(-factor * rest)


@op(elementwise=True, bounds=(-1, 1), widened=True)
def erf(x: Array, *, xp: Namespace = None) -> Array:
    """Error function ``2 / sqrt(pi) * integral of exp(-t**2) from 0 to x``.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.

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
    constants = _precision(x, xp)
    size = xp.minimum(xp.abs(x), 10.0)
    centre = _rational(xp.minimum(size * size, 1.0), constants.centre)
    tail = 1.0 - 2.0 * xp.exp(-size * size) * _rational(_SQRT2 * size, constants.tail)
    return xp.where(size <= 1.0, x * centre, xp.where(x < 0, -tail, tail))


@op(elementwise=True, bounds=(0, 2), widened=True)
def erfc(x: Array, *, xp: Namespace = None) -> Array:
    """Complementary error function ``1 - erf(x)``, with full relative accuracy in its tail.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.

    Examples
    --------
    >>> import numpy as np
    >>> erfc(np.array([-10.0, 0.0, 10.0]))
    array([2.00000000e+00, 1.00000000e+00, 2.08848758e-45])
    """
    constants = _precision(x, xp)
    size = xp.minimum(xp.abs(x), 40.0)
    gaussian = _gaussian(size, 1.0, constants.grid, xp)
    tail = 2.0 * _rational(_SQRT2 * size, constants.tail) * gaussian
    return xp.where(x < 0, 2.0 - tail, tail)


@op(elementwise=True, bounds=(-0.17005, math.inf), widened=True)
def gelu(x: Array, *, approximate: str = "none", xp: Namespace = None) -> Array:
    """Gaussian error linear unit: ``x`` times the normal distribution function of ``x``.

    ``max(x, 0) - |x| * Q(|x|)``, where ``Q`` is the upper tail of the normal distribution:
    ``1 + erf`` would cancel for negative ``x``.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    approximate : {"none", "tanh"}
        "tanh" is ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``. The
        default is that of ONNX's Gelu (and of PyTorch).
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.
    GraphError
        If ``approximate`` is neither of the two.

    References
    ----------
    D. Hendrycks and K. Gimpel, Gaussian Error Linear Units (GELUs), arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> gelu(np.array([-10.0, 0.0, 10.0]))
    array([-7.61985302e-23,  0.00000000e+00,  1.00000000e+01])
    """
    if approximate == "tanh":
        return _gelu_tanh(x, xp)
    if approximate != "none":
        raise GraphError(f"gelu: got approximate={approximate!r}, expected 'none' or 'tanh'")
    constants = _precision(x, xp)
    size = xp.minimum(xp.abs(x), 50.0)
    gaussian = _gaussian(size, 0.5, constants.grid, xp)
    return xp.maximum(x, 0.0) - size * _rational(size, constants.tail) * gaussian


def _gelu_tanh(x: Array, xp: Namespace) -> Array:
    """Return GELU's tanh form, ``max(x, 0) - |x| / (1 + exp(v))``.

    ``v = a * |x| + b * |x|**3`` is up to 745, and its rounding would cost as many
    ulp. With ``|x|`` on a coarse grid, and the leading bits of ``a`` and ``b``, the
    cubic is exact; what is left is small. Shifting the exponent by 16 keeps the
    factors above the subnormal numbers.
    """
    grid, linear, cubic = _precision(x, xp).cubic
    size = xp.minimum(xp.abs(x), 30.0)
    coarse = (size + grid) - grid
    fine = size - coarse
    square = coarse * coarse
    leading = coarse * (linear + cubic * square)
    rest = coarse * ((_LINEAR - linear) + (_CUBIC - cubic) * square) + fine * (
        _LINEAR + _CUBIC * (3.0 * square + 3.0 * coarse * fine + fine * fine)
    )
    shifted = xp.exp(16.0 - leading) * xp.exp(-rest)
    return xp.maximum(x, 0.0) - size * shifted / (1.0 + shifted * _EXP_M16) * _EXP_M16
