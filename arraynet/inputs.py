"""What a caller gives a network: arrays by position, by name or in a mapping, put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arraynet.errors import ArraynetError, choices_text, clipped, shape_text, shortened
from arraynet.graph import Value

SHOWN = 8
"""Most inputs that a message lists."""


def in_order(
    function: str, inputs: Sequence[Value], arrays: Sequence[Any], named: Mapping[str, Any]
) -> Sequence[Any]:
    """Return an array for each input of a network, in the network's order.

    Parameters
    ----------
    function : str
        What was called, for messages.
    inputs : sequence of Value
        What the network takes.
    arrays : sequence of array
        By position; or one mapping of all of them by name.
    named : mapping of str to array
        By name.

    Raises
    ------
    ArraynetError
        If some are missing, too many or of another name, or if there are some by position
        and others by name.

    Examples
    --------
    >>> inputs = Value("ids", ("batch",), "int64"), Value("mask", ("batch",), "bool")
    >>> in_order("call", inputs, (), {"mask": 2, "ids": 1})
    [1, 2]
    """
    if arrays and named:
        raise ArraynetError(
            f"{function}: got {len(arrays)} by position and {clipped(next(iter(named)))} by name, "
            f"expected all by position or all by name"
        )
    if len(arrays) == 1 and isinstance(arrays[0], Mapping):
        named, arrays = arrays[0], ()
    names = [value.name for value in inputs]
    for name in named:
        if name not in names:
            raise ArraynetError(
                f"{function}: got an input {shortened(name)}, expected the names of inputs: "
                f"{choices_text(name, names[:SHOWN]) or 'it has none'}"
            )
    if arrays:
        if len(arrays) == len(inputs):
            return arrays
        found = f"{len(arrays)} input{'s' * (len(arrays) > 1)}"
    else:
        missing = [name for name in names if name not in named]
        if not missing:
            return [named[name] for name in names]
        found = f"no input {clipped(missing[0])}"
    options = len(arrays) > len(inputs) and not hasattr(arrays[-1], "__len__")
    advice = " (options such as batch_size are given by name)" if options else ""
    raise ArraynetError(f"{function}: got {found}, expected {values_text(inputs)}{advice}")


def values_text(values: Sequence[Value]) -> str:
    """Return inputs or outputs of a network with their shapes and dtypes, in one line."""
    shown = [f"{clipped(v.name)} {shape_text(v.shape)} {v.dtype}" for v in values[:SHOWN]]
    if len(values) > SHOWN:
        shown.append(f"{len(values) - SHOWN} more")
    return ", ".join(shown[:-1]) + (" and " if shown[1:] else "") + "".join(shown[-1:] or ["none"])
