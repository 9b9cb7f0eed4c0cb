"""The table of operations: what each is called, and what a pass may do with it.

A pass never asks for an op by name. It asks the registration: is it elementwise,
how does it shape its output, of which cheaper op is it a rescaling?
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, TypeVar

from array_api_compat import array_namespace

from arraynet._typing import Array, Kernel, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError

Shape = tuple[Any, ...]
"""Sizes, each a number or, in a graph, a symbol such as "batch"."""

Formula = TypeVar("Formula", bound=Callable[..., Any])

UNBOUNDED = (-math.inf, math.inf)

LARGEST_FLOAT16 = 65504.0


@dataclass(frozen=True)
class Rescaled:
    """The identity ``op(x) = output_shift + output_scale * inner(input_scale * x)``."""

    inner: str
    input_scale: float
    output_scale: float
    output_shift: float


@dataclass(frozen=True)
class Within:
    """Where no input is larger than ``largest`` in magnitude, the op equals ``inner``.

    How large that may be depends on the dtype, by name.
    """

    inner: str
    largest: Mapping[str, float]


def _broadcast(*shapes: Shape, **attributes: Any) -> Shape:
    """Return the shape of an elementwise result: the inputs broadcast together."""
    longest = max(len(shape) for shape in shapes)
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wanted = {size for size in sizes if size != 1} or {1}
        if len(wanted) > 1:
            differing = " and ".join(sorted(str(size) for size in wanted))
            raise ValueError(f"sizes {differing} do not broadcast")
        result.append(wanted.pop())
    return tuple(result)


def _no_products(*shapes: Shape, **attributes: Any) -> int:
    """Return the multiply-adds of an op that has no matrix product."""
    return 0


@dataclass(frozen=True)
class Op:
    """One operation: its formula, and the facts that passes and programs use.

    Parameters
    ----------
    name : str
        The name that graphs use.
    formula : callable
        ``formula(*arrays, xp=namespace, **attributes)``, written on the array API.
    elementwise : bool
        Each element of the output depends on the same element of the inputs
        alone (after broadcasting), and the formula keeps to the operations that
        kernel fusers can trace.
    rowwise : bool
        Each row of the output depends on the same row of the first input alone,
        so that a batch may be cut. Elementwise ops are rowwise too.
    shape : callable
        ``shape(*input_shapes, **attributes)``: the shape of the output; raises
        `ValueError` with the sizes that do not fit.
    multiply_adds : callable
        ``multiply_adds(*input_shapes, **attributes)``: how many of them it costs.
    bounds : tuple of float
        An interval that holds the output for every finite input.
    droppable : bool
        The op returns its input unchanged.
    merges : {"", "matrix", "diagonal"}
        The op is ``x @ weight + bias`` (matrix) or ``x * scale + shift``
        (diagonal), with its second and third inputs, the bias being optional;
        neighbours may be merged.
    parts : tuple of str, optional
        The op as a product of its first two inputs followed by an elementwise op
        with the rest, so that the second can be fused with what follows.
    rescaled : Rescaled, optional
        The op written as a rescaling of a cheaper op, exact in real arithmetic
        but only as precise in absolute, not relative, error.
    within : Within, optional
        A cheaper op that is as good for inputs within some bound.
    widened : bool
        16-bit inputs are computed in float32 and the result is rounded once,
        because several roundings in 16 bits would cost more than 2 ulp.
    choices : mapping of str to tuple of str
        The values that an attribute may have, where it is a word.
    """

    name: str
    formula: Kernel
    elementwise: bool = False
    rowwise: bool = False
    shape: Callable[..., Shape] = _broadcast
    multiply_adds: Callable[..., int] = _no_products
    bounds: tuple[float, float] = UNBOUNDED
    droppable: bool = False
    merges: str = ""
    parts: tuple[str, str] | None = None
    rescaled: Rescaled | None = None
    within: Within | None = None
    widened: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


OPS: dict[str, Op] = {}
"""Every registered op, under its name and under each alias."""


def op(*, aliases: tuple[str, ...] = (), **facts: Any) -> Callable[[Formula], Formula]:
    """Register a formula as an op, and make it safe to call on any array.

    The function that comes back fills in ``xp`` from its arrays, refuses integer,
    boolean and complex ones by name, and refuses shapes and attributes that do not
    fit. A caller that passes ``xp`` has made these checks already, and reaches the
    formula directly.

    Parameters
    ----------
    aliases : tuple of str
        Other names for the same op.
    **facts
        The fields of `Op`, except ``name`` and ``formula``.
    """

    def register(written: Formula) -> Formula:
        facts.setdefault("rowwise", facts.get("elementwise", False))
        name = written.__name__
        formula = _typed(written, facts.get("widened", False), facts.get("bounds", UNBOUNDED))
        registration = Op(name, formula, **facts)
        for key in (name, *aliases):
            if key in OPS:
                raise RuntimeError(f"op {key!r} is registered twice")
            OPS[key] = registration

        defaults = defaults_of(written)
        wanted = _array_names(written)

        @functools.wraps(written)
        def checked(*arrays: Any, xp: Any = None, **attributes: Any) -> Any:
            if xp is None:
                if len(arrays) != len(wanted):
                    raise TypeError(
                        f"{name}: got {len(arrays)} arrays, expected {', '.join(wanted)} "
                        f"(attributes are given by name)"
                    )
                xp = _namespace(name, arrays)
                for key, value in attributes.items():
                    attributes[key] = _attribute(name, key, defaults, value)
                _check_shapes(registration, arrays, attributes)
            return formula(*arrays, xp=xp, **attributes)

        return checked  # type: ignore[return-value]

    return register


def _typed(formula: Formula, widened: bool, bounds: tuple[float, float]) -> Formula:
    """Return the formula with its result in the dtype of its first array.

    Where bfloat16 is not a library's own, as with NumPy, operations with Python's
    numbers give a wider dtype. ``widened`` computes 16-bit floats in float32; a finite
    result that float16 cannot hold stays at the end of its range.
    """
    large = max(map(abs, bounds)) > LARGEST_FLOAT16

    @functools.wraps(formula)
    def typed(*arrays: Array, xp: Namespace, **attributes: Any) -> Array:
        dtype = arrays[0].dtype
        # Not every library's dtypes know their size; those know no 16-bit ones either.
        if widened and getattr(dtype, "itemsize", 4) <= 2:
            arrays = tuple(xp.astype(array, xp.float32) for array in arrays)
        result = formula(*arrays, xp=xp, **attributes)
        if result.dtype == dtype:
            return result
        if large and dtype == xp.float16:
            held = xp.maximum(xp.minimum(result, LARGEST_FLOAT16), -LARGEST_FLOAT16)
            result = xp.where(xp.abs(result) == math.inf, result, held)
        return xp.astype(result, dtype)

    return typed  # type: ignore[return-value]


def _namespace(name: str, arrays: tuple[Any, ...]) -> Any:
    """Return the arrays' one namespace, after checking that they are floating."""
    try:
        xp = array_namespace(*arrays)
    except TypeError as error:
        kinds = ", ".join(type(array).__name__ for array in arrays) or "nothing"
        raise DtypeError(
            f"{name}: got {kinds}, expected arrays of one array-API library "
            f"(NumPy, CuPy, PyTorch …; wrap lists and numbers with its asarray)"
        ) from error
    for array in arrays:
        if not hasattr(array, "dtype") or not xp.isdtype(array.dtype, "real floating"):
            found = getattr(array, "dtype", type(array).__name__)
            raise DtypeError(
                f"{name}: got an array of {found}, expected a floating dtype "
                f"(convert it first, for example to float32)"
            )
    return xp


@functools.cache
def parameters_of(formula: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return what an op's formula takes: arrays, then attributes and ``xp``."""
    return tuple(inspect.signature(formula).parameters.values())


def _array_names(formula: Callable[..., Any]) -> list[str]:
    """Return the names of a formula's arrays."""
    return [p.name for p in parameters_of(formula) if p.kind is p.POSITIONAL_OR_KEYWORD]


def defaults_of(formula: Callable[..., Any]) -> dict[str, Any]:
    """Return the attributes of a formula with their defaults."""
    parameters = parameters_of(formula)
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "xp"}


def _attribute(name: str, key: str, defaults: Mapping[str, Any], value: Any) -> Any:
    """Return an attribute's value as Python's own, if it is of its default's kind."""
    if key not in defaults:
        raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
    default = defaults[key]
    if isinstance(value, bool) is isinstance(default, bool):
        if isinstance(default, float) and isinstance(value, Real):
            with contextlib.suppress(OverflowError):
                return float(value)
        if isinstance(default, int) and isinstance(value, Integral):
            return type(default)(value)
        if isinstance(default, str) and isinstance(value, str):
            return value
    text = " ".join(repr(value).split())
    raise GraphError(f"{name}: got {key}={text:.60}, expected a value like {default!r}")


def _check_shapes(registration: Op, arrays: tuple[Any, ...], attributes: dict[str, Any]) -> None:
    """Refuse arrays whose shapes the op does not take."""
    shapes = [tuple(array.shape) for array in arrays]
    try:
        registration.shape(*shapes, **attributes)
    except ValueError as error:
        found = " and ".join(str(shape) for shape in shapes)
        raise ShapeError(
            f"{registration.name}: got shape {found}, expected shapes that fit: {error}"
        ) from error
