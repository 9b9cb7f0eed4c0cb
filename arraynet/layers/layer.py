"""What every layer is: a node of an op to be, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from arraynet.admission import HostArray
from arraynet.errors import ShapeError, shortened
from arraynet.ops.windows import whole_numbers

Numbers: TypeAlias = int | tuple[int, ...]
"""One number for each spatial axis, or one for all of them."""

_WINDOWS = {"kernel_shape": 1, "strides": 1, "pads": 0, "dilations": 1}
"""The attributes of one number for each spatial axis, and the least that it may be."""


class Layer:
    """What a layer adds to a graph: a node of an op, with attributes, and its weights."""

    op: str
    parameters: Mapping[str, HostArray]
    attributes: Mapping[str, Any]

    options: tuple[str, ...] = ()
    """What it is given beside its weights, by name."""

    def __init__(
        self, op: str, parameters: Mapping[str, HostArray], attributes: Mapping[str, Any]
    ) -> None:
        self.op, self.parameters, self.attributes = op, parameters, attributes

    @property
    def features(self) -> int | None:
        """How many features or channels it takes; None where it takes any number."""
        return None

    @property
    def spatial(self) -> int | None:
        """How many spatial axes the images have that it takes; None where it does not say."""
        kernel = self.attributes.get("kernel_shape")
        return len(kernel) if isinstance(kernel, tuple) else None

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.attributes.items())
        return f"{type(self).__name__}({given})"


def in_windows(where: str, rank: int | None = None, **attributes: Any) -> dict[str, Any]:
    """Return attributes of windows, each with one number for each spatial axis.

    One number stands for all axes. Those that are None are left out.

    Parameters
    ----------
    where : str
        What the caller is called in messages.
    rank : int, optional
        How many spatial axes there are. None: as many as ``kernel_shape`` has, or two.

    Raises
    ------
    ShapeError
    """
    kernel = attributes.get("kernel_shape")
    if rank is None:
        rank = len(kernel) if isinstance(kernel, tuple | list) else 2
    result = {}
    for name, value in attributes.items():
        if value is None:
            continue
        if name in _WINDOWS:
            count = rank * (2 if name == "pads" else 1)
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                value = (value,) * count
            try:
                value = whole_numbers(name, value, count, least=_WINDOWS[name])
            except ShapeError as error:
                raise ShapeError(
                    f"{where}: got {name}={shortened(value)}, expected one number, or {count} "
                    f"whole numbers from {_WINDOWS[name]} on"
                ) from error
        result[name] = value
    return result
