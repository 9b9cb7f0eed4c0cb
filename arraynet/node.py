"""One step of a graph: an op, what it reads and gives, and what the op takes."""

from __future__ import annotations

import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from arraynet.errors import GraphError, choices_text, clipped, shortened
from arraynet.ops import OPS, Op
from arraynet.ops.symbols import Size
from arraynet.weights import FORMATS


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value of a graph: its name, its shape and its dtype.

    Parameters
    ----------
    name : str
    shape : tuple of (int or str)
        A size may be a symbol; "?" is one that only a run can tell, and ("…",) a shape of
        which not even the number of axes is known.
    dtype : str, optional
        The name of a dtype; of an input, None is the one that the graph computes in.

    Examples
    --------
    >>> Value("x", ("batch", 784)).shape
    ('batch', 784)
    """

    name: str
    shape: tuple[Size, ...]
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One application of an op.

    Parameters
    ----------
    op : str
        A name in `arraynet.ops.OPS`.
    inputs : tuple of (str or None)
        The names of the values and weights that it reads; None where an optional
        input is absent.
    outputs : tuple of (str or None)
        The names of the values that it gives, None for those that nothing reads. The
        first name is the node's own.
    attributes : mapping
        Keyword arguments of the op; the node keeps a copy that does not change. One that
        is a graph reaches the op as a function of arrays.
    """

    op: str
    inputs: tuple[str | None, ...]
    outputs: tuple[str | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        object.__setattr__(self, "outputs", tuple(self.outputs))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the attributes as a plain dict."""
        return Node, (self.op, self.inputs, self.outputs, dict(self.attributes))

    @property
    def name(self) -> str:
        """The name of the node: that of its first output that has one."""
        return next((name for name in self.outputs if name is not None), "")

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the values that it reads, absent ones left out."""
        return tuple(name for name in self.inputs if name is not None)

    @property
    def gives(self) -> tuple[str, ...]:
        """The names of the values that it gives, absent ones left out."""
        return tuple(name for name in self.outputs if name is not None)

    @property
    def where(self) -> str:
        """The node and its op, as messages name them."""
        return f"{clipped(self.name)} ({clipped(self.op)})"


def check_node(node: Node, dtype: str) -> None:
    """Refuse a node that its op would not take, in a graph of that floating dtype.

    Raises
    ------
    GraphError
        For an unknown op, another number of inputs or outputs, an attribute that it does
        not know or a value that it does not take.
    """
    registration = _known_op(node)
    _check_inputs(node, registration)
    _check_outputs(node, registration)
    _check_attributes(node, registration, dtype)


def is_one_of(value: object, words: Container[str]) -> bool:
    """Return whether a value is one of these words (an array is none: it compares as many)."""
    return isinstance(value, str) and value in words


def _known_op(node: Node) -> Op:
    registration = OPS.get(node.op)
    if registration is None:
        raise GraphError(
            f"{clipped(node.name)}: got op {shortened(node.op)}, expected one of the ops: "
            f"{choices_text(node.op, sorted(OPS))}"
        )
    return registration


def _check_inputs(node: Node, registration: Op) -> None:
    """Refuse inputs that the op's formula does not take, and lack of those that it needs."""
    arrays = registration.arrays
    single = [p for p in arrays if p.kind is not p.VAR_POSITIONAL]
    least = sum(p.default is p.empty for p in single)
    most = len(single) if len(single) == len(arrays) else len(node.inputs)
    if not least <= len(node.inputs) <= most:
        names = ", ".join(p.name for p in arrays) or "none"
        raise GraphError(f"{node.where}: got {len(node.inputs)} inputs, expected {names}")
    variadic = [p for p in arrays if p not in single] * (len(node.inputs) - len(single))
    for parameter, name in zip([*single, *variadic], node.inputs, strict=False):
        if name is None and parameter.default is parameter.empty:
            raise GraphError(f"{node.where}: got no {parameter.name}, expected the name of one")


def _check_outputs(node: Node, registration: Op) -> None:
    """Refuse more outputs than the op gives, and a node that gives nothing."""
    most = registration.outputs or len(node.outputs)
    if not node.name or len(node.outputs) > most:
        raise GraphError(f"{node.where}: got {len(node.outputs)} outputs, expected {most or 1}")


def _check_attributes(node: Node, registration: Op, dtype: str) -> None:
    """Refuse attributes that the op's formula does not take, by name or by value."""
    allowed = registration.defaults
    for name, value in node.attributes.items():
        if name not in allowed:
            raise GraphError(
                f"{node.where}: got attribute {shortened(name)}, expected one of its attributes: "
                f"{choices_text(name, sorted(allowed)) or 'it has none'}"
            )
        default = allowed[name]
        if default is None:  # the formula judges it
            continue
        kind = type(default)
        whole = kind is float and type(value) is int and abs(value) <= sys.float_info.max
        if not (type(value) is kind or whole):
            raise GraphError(
                f"{node.where}: got {name}={shortened(value)}, expected a value like {default!r}"
            )
        number = type(value) in (int, float) and kind is not int
        if number and not abs(value) <= FORMATS[dtype].largest:
            raise GraphError(
                f"{node.where}: got {name}={shortened(value)}, expected a finite number in {dtype}"
            )
        choices = registration.choices.get(name, (value,))
        if value not in choices:
            raise GraphError(
                f"{node.where}: got {name}={shortened(value)}, expected "
                f"{choices_text(value, choices)}"
            )
