"""Operations on the bits of integers, element by element; arrays broadcast together."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.ops.admission import check_choice
from arraynet.ops.placement import beside
from arraynet.ops.registry import op


@op(rowwise=True, dtypes=("integral",), choices={"direction": ("LEFT", "RIGHT")})
def bit_shift(x: Array, y: Array, *, direction: str = "", xp: Namespace = None) -> Array:
    """Shift the bits of integers by ``y`` places.

    Beyond their width nothing is left, but for the sign of what is shifted to the right.

    Parameters
    ----------
    direction : {"LEFT", "RIGHT"}
        It has no default.

    Examples
    --------
    >>> import numpy as np
    >>> bit_shift(np.uint8([16, 4, 1]), np.uint8([1, 2, 9]), direction="LEFT")
    array([32, 16,  0], dtype=uint8)
    """
    check_choice("bit_shift", "direction", direction, ("LEFT", "RIGHT"))
    # A shift by the width or more is not defined in C, and so not in all libraries.
    bits = xp.iinfo(x.dtype).bits
    inside = y < bits
    if direction == "LEFT":
        shifted = x << xp.where(inside, y, 0)
        return xp.where(inside, shifted, beside(shifted, xp.zeros, ()))
    last = xp.where(inside, y, bits - 1)
    if xp.iinfo(x.dtype).min < 0:
        return x >> last
    return xp.where(inside, x >> last, beside(x, xp.zeros, ()))


@op(rowwise=True, dtypes=("integral",))
def bitwise_and(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Bits that both integers have.

    Examples
    --------
    >>> import numpy as np
    >>> bitwise_and(np.array([6, 5]), np.array(3))
    array([2, 1])
    """
    return x & y


@op(rowwise=True, dtypes=("integral",))
def bitwise_or(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Bits that one of two integers has, or both.

    Examples
    --------
    >>> import numpy as np
    >>> bitwise_or(np.array([6, 5]), np.array(3))
    array([7, 7])
    """
    return x | y


@op(rowwise=True, dtypes=("integral",))
def bitwise_xor(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Bits that one of two integers has, but not both.

    Examples
    --------
    >>> import numpy as np
    >>> bitwise_xor(np.array([6, 5]), np.array(3))
    array([5, 6])
    """
    return x ^ y


@op(rowwise=True, dtypes=("integral",))
def bitwise_not(x: Array, *, xp: Namespace = None) -> Array:
    """Bits that an integer has not.

    Examples
    --------
    >>> import numpy as np
    >>> bitwise_not(np.array([0, 5]))
    array([-1, -6])
    """
    return ~x
