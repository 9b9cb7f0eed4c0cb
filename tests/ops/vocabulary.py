"""An array that can do no more than a fused kernel can, and the namespace for it."""

from __future__ import annotations

from typing import Any

import numpy as np

FUNCTIONS = {
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "tanh": 1,
    "abs": 1,
    "sqrt": 1,
    "minimum": 2,
    "maximum": 2,
    "where": 3,
}
"""What a formula may call, with the number of arguments."""


class Traced:
    """A value of a kernel being traced: a dtype, operators and comparisons.

    It has no shape, no truth value, no items, no length, and no methods.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __bool__(self) -> bool:
        raise TypeError("a branch depends on the values of an array")


def combine(*operands: Any) -> Traced:
    """Return the result of an operation on traced values of one dtype and Python numbers."""
    dtypes = set()
    for operand in operands:
        if isinstance(operand, Traced):
            dtypes.add(operand.dtype)
        elif type(operand) not in (int, float):
            raise TypeError(f"{operand!r} is no array and no Python number")
    dtypes.discard(np.dtype(bool))
    if len(dtypes) != 1:
        raise TypeError(f"the operands are of {dtypes or 'no dtype'}, and should be of one")
    return Traced(dtypes.pop())


def _compare(x: Traced, other: Any) -> Traced:
    combine(x, other)
    return Traced(np.dtype(bool))


def _operator(name: str) -> Any:
    if name == "__neg__":
        return lambda self: combine(self)
    if name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        return _compare
    return lambda self, other: combine(self, other)


ARITHMETIC = [
    f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv") for side in ("", "r")
]
for _name in [*ARITHMETIC, "__neg__", "__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"]:
    setattr(Traced, _name, _operator(_name))
Traced.__hash__ = None  # type: ignore[assignment]


class Namespace:
    """The functions that a formula may call, and the dtypes that it may compare with."""

    float16 = np.dtype("float16")
    float32 = np.dtype("float32")
    float64 = np.dtype("float64")

    def __getattr__(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise AttributeError(f"a formula may not call {name}")

        def function(*operands: Any) -> Traced:
            assert len(operands) == FUNCTIONS[name], f"{name} of {len(operands)} operands"
            if name == "where":
                condition, *operands = operands  # type: ignore[assignment]
                assert condition.dtype == np.dtype(bool)
            return combine(*operands)

        return function


class WideningNamespace(Namespace):
    """The namespace that 16-bit values need: it can also convert."""

    def astype(self, x: Traced, dtype: Any) -> Traced:
        """Return the value in another dtype."""
        return Traced(np.dtype(dtype))
