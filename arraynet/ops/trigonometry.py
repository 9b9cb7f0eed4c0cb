"""Trigonometric and hyperbolic functions and their inverses, element by element."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


@op(rowwise=True)
def sin(x: Array, *, xp: Namespace = None) -> Array:
    """Sine of an angle in radians.

    Examples
    --------
    >>> import numpy as np
    >>> sin(np.array([0.0, np.pi / 2]))
    array([0., 1.])
    """
    return xp.sin(x)


@op(rowwise=True)
def cos(x: Array, *, xp: Namespace = None) -> Array:
    """Cosine of an angle in radians.

    Examples
    --------
    >>> import numpy as np
    >>> cos(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    return xp.cos(x)


@op(rowwise=True)
def tan(x: Array, *, xp: Namespace = None) -> Array:
    """Tangent of an angle in radians.

    Examples
    --------
    >>> import numpy as np
    >>> tan(np.array([0.0, 1.0]))
    array([0.        , 1.55740772])
    """
    return xp.tan(x)


@op(rowwise=True)
def asin(x: Array, *, xp: Namespace = None) -> Array:
    """Arc sine, from -π/2 to π/2; NaN outside of [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> asin(np.array([0.0, 1.0]))
    array([0.        , 1.57079633])
    """
    return xp.asin(x)


@op(rowwise=True)
def acos(x: Array, *, xp: Namespace = None) -> Array:
    """Arc cosine, from 0 to π; NaN outside of [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> acos(np.array([1.0, -1.0]))
    array([0.        , 3.14159265])
    """
    return xp.acos(x)


@op(rowwise=True)
def atan(x: Array, *, xp: Namespace = None) -> Array:
    """Arc tangent, from -π/2 to π/2.

    Examples
    --------
    >>> import numpy as np
    >>> atan(np.array([0.0, 1.0]))
    array([0.        , 0.78539816])
    """
    return xp.atan(x)


@op(rowwise=True)
def sinh(x: Array, *, xp: Namespace = None) -> Array:
    """Hyperbolic sine.

    Examples
    --------
    >>> import numpy as np
    >>> sinh(np.array([0.0, 1.0]))
    array([0.        , 1.17520119])
    """
    return xp.sinh(x)


@op(rowwise=True)
def cosh(x: Array, *, xp: Namespace = None) -> Array:
    """Hyperbolic cosine.

    Examples
    --------
    >>> import numpy as np
    >>> cosh(np.array([0.0, 1.0]))
    array([1.        , 1.54308063])
    """
    return xp.cosh(x)


@op(rowwise=True)
def asinh(x: Array, *, xp: Namespace = None) -> Array:
    """Inverse of the hyperbolic sine.

    Examples
    --------
    >>> import numpy as np
    >>> asinh(np.array([0.0, 1.0]))
    array([0.        , 0.88137359])
    """
    return xp.asinh(x)


@op(rowwise=True)
def acosh(x: Array, *, xp: Namespace = None) -> Array:
    """Inverse of the hyperbolic cosine; NaN below 1.

    Examples
    --------
    >>> import numpy as np
    >>> acosh(np.array([1.0, 2.0]))
    array([0.       , 1.3169579])
    """
    return xp.acosh(x)


@op(rowwise=True)
def atanh(x: Array, *, xp: Namespace = None) -> Array:
    """Inverse of the hyperbolic tangent; NaN outside of [-1, 1].

    Examples
    --------
    >>> import numpy as np
    >>> atanh(np.array([0.0, 0.5]))
    array([0.        , 0.54930614])
    """
    return xp.atanh(x)
