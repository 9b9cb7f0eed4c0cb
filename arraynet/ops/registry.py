"""The table of operations: what each is called, and what a pass may do with it.

A pass never asks for an op by name. It asks the registration: is it elementwise,
how does it shape its output, of which cheaper op is it a rescaling?
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from arraynet._typing import Array, Kernel, Namespace
from arraynet.errors import ArraynetError, DtypeError, GraphError, ShapeError, shape_text
from arraynet.ops.admission import (
    FLOATING,
    attribute,
    dtype_name,
    host_numbers,
    namespace_of,
    plain,
)
from arraynet.ops.documentation import complete
from arraynet.ops.meta import MetaArray, new_namespace
from arraynet.ops.symbols import Shape, in_symbols, numbers, symbols_of, trials

Formula = TypeVar("Formula", bound=Callable[..., Any])

HostArray = np.ndarray[Any, Any]

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
    dtypes : tuple of str
        The kinds of dtypes that its arrays may have, in the array API standard's words,
        or ``("any",)``. Of floating or numeric arrays alone, a floating result has the first
        one's dtype.
    outputs : int
        How many arrays it gives: 1, alone; more, a tuple of them; 0, a tuple whose length
        the inputs or attributes decide.
    host : tuple of str
        The inputs whose numbers the formula reads (sizes, axes): NumPy arrays on the host,
        whatever the library of the others. A caller may give lists and numbers.
    gives_host : bool
        The result is a NumPy array on the host, whatever the library: a shape.
    control : bool
        Attributes that are graphs reach the formula as functions of arrays.
    condition : int, optional
        The result of such a function that the formula reads on the host.
    bounds : tuple of float
        An interval that holds the output for every finite input.
    droppable : bool
        The op returns its input unchanged.
    views : bool
        The result may be a view of the first array's memory: a reshape, a slice.
    merges : {"", "matrix", "diagonal", "channels", "transposed"}
        The op is ``x @ weight + bias`` (matrix) or ``x * scale + shift``
        (diagonal), with its second and third inputs, the bias being optional;
        neighbours may be merged. A convolution is linear in each channel (channels):
        axis 0 of the weight and the one axis of the bias are the channels of the output,
        which are its axis 1, so that ``op(x, W, b) * s + t`` is
        ``op(x, s[:, None, …] * W, s * b + t)``. Axis 1 of the weight is the channels of
        the input, those of one group after those of another: an attribute ``group`` says
        how many. Where the two axes are exchanged, it is transposed.
    borders : callable, optional
        ``borders(**attributes)``, of an op that merges: whether zeros stand around the
        images, so that a shift of all of ``x`` is no shift of the result. None: never.
    scaling : callable, optional
        As a function of one of its arrays alone the op is ``x * scale + shift``, and
        ``scaling(*arrays, rank=axes of x, **attributes)`` gives the two, which broadcast
        with ``x``. That array is None in its place; the others are NumPy's, in float64.
        It gives None where the op is no such function of that array.
    moves : tuple of str
        The arrays whose elements the op puts elsewhere, each by itself; which and where,
        the numbers of its other arrays decide, and theirs do not.
    random : bool
        Two runs give different numbers.
    functions : mapping of str to (int, int)
        The attributes that are graphs, each with how many more inputs and outputs such a
        graph has than the node.
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
    dtypes: tuple[str, ...] = ("real floating",)
    outputs: int = 1
    host: tuple[str, ...] = ()
    gives_host: bool = False
    control: bool = False
    condition: int | None = None
    bounds: tuple[float, float] = UNBOUNDED
    droppable: bool = False
    views: bool = False
    merges: str = ""
    borders: Kernel | None = None
    scaling: Kernel | None = None
    moves: tuple[str, ...] = ()
    random: bool = False
    functions: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    parts: tuple[str, str] | None = None
    rescaled: Rescaled | None = None
    within: Within | None = None
    widened: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def floating(self) -> bool:
        """Whether its arrays and its result are of one floating dtype."""
        return self.dtypes == ("real floating",)

    @cached_property
    def arrays(self) -> tuple[inspect.Parameter, ...]:
        """The parameters that are arrays, in order."""
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return tuple(p for p in parameters_of(self.formula) if p.kind in kinds)

    def placed(self, arrays: Sequence[Any]) -> list[tuple[Any, bool]]:
        """Return arrays, each with whether the formula reads its numbers on the host."""
        read = [p.name in self.host for p in self.arrays]
        return list(zip(arrays, read + [False] * (len(arrays) - len(read)), strict=False))

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The attributes with their defaults."""
        return MappingProxyType(defaults_of(self.formula))

    @cached_property
    def of_rows(self) -> Shape | None:
        """The shape that rows of two features alone give; None where the op takes none such.

        An activation gives rows, and takes nothing else.
        """
        of_one = [p.kind for p in self.arrays] == [inspect.Parameter.POSITIONAL_OR_KEYWORD]
        by_feature = self.elementwise or (self.rowwise and "axis" in self.defaults)
        if not (of_one and by_feature and (self.floating or self.droppable)):
            return None
        try:
            return self.shape(("batch", 2))
        except ShapeError:
            return None

    def shape(self, *shapes: Shape | HostArray | None, **attributes: Any) -> Shape:
        """Return the shape of the (first) output for floating arrays of some shapes.

        Sizes may be symbols. An absent array is None in its place, and one that is read on
        the host is itself. The formula itself tells: it runs on arrays without numbers.

        Raises
        ------
        ShapeError
            If the sizes do not fit.
        """
        tried = trials(symbols_of(s for s in shapes if isinstance(s, tuple)))
        found = [
            self._traced(
                [numbers(s, sizes) if isinstance(s, tuple) else s for s in shapes], attributes
            )[0]
            for sizes in tried
        ]
        return tuple(in_symbols(sizes, tried) for sizes in zip(*found, strict=True))

    def multiply_adds(self, *shapes: tuple[int, ...], **attributes: Any) -> int:
        """Return how many multiply-adds the op takes for floating arrays of some shapes."""
        return self._traced(shapes, attributes)[1]

    def _traced(
        self, shapes: Sequence[Any], attributes: Mapping[str, Any]
    ) -> tuple[tuple[int, ...], int]:
        """Return the shape of the first output, and the multiply-adds."""
        xp = new_namespace()
        arrays = [xp.array(s, "float32") if isinstance(s, tuple) else s for s in shapes]
        arrays = [xp.array(a.shape, a.dtype) if isinstance(a, MetaArray) else a for a in arrays]
        try:
            result = self.formula(*arrays, xp=xp, **attributes)
        except (TypeError, IndexError) as error:
            raise ShapeError(str(error) or "their sizes do not fit") from error
        first = result[0] if isinstance(result, tuple) else result
        return first.shape, xp.multiply_adds


def host_namespace() -> Namespace:
    """Return the namespace in which formulas run on the host: NumPy's."""
    import array_api_compat.numpy  # twice as many modules as NumPy itself

    return array_api_compat.numpy


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
        The fields of `Op`, except ``formula``; ``name`` where the function's is Python's
        word already.
    """

    def register(written: Formula) -> Formula:
        facts.setdefault("rowwise", facts.get("elementwise", False))
        name = facts.pop("name", written.__name__)
        registration = Op(name, written, **facts)
        if registration.dtypes in (("real floating",), ("numeric",)):
            registration = replace(registration, formula=_typed(registration))
        formula = registration.formula
        for key in (name, *aliases):
            if key in OPS:
                raise RuntimeError(f"op {key!r} is registered twice")
            OPS[key] = registration

        @functools.wraps(written)
        def checked(*arrays: Any, xp: Any = None, **attributes: Any) -> Any:
            if xp is not None:
                return formula(*arrays, xp=xp, **attributes)
            _check_count(registration, arrays)
            arrays, xp = _admitted(registration, arrays)
            for key, value in attributes.items():
                attributes[key] = attribute(name, key, registration.defaults, value)
            try:
                return formula(*arrays, xp=xp, **attributes)
            except (ValueError, TypeError, IndexError, RuntimeError) as error:
                raise _explained(registration, arrays, attributes, error) from error

        kind = "Floating." if registration.floating else "Of any dtype that the op takes."
        checked.__doc__ = complete(written, kind=kind, elementwise=registration.elementwise)
        return checked  # type: ignore[return-value]

    return register


def _check_count(registration: Op, arrays: tuple[Any, ...]) -> None:
    """Refuse more or fewer arrays than the op takes."""
    wanted = registration.arrays
    if any(p.kind is p.VAR_POSITIONAL for p in wanted):
        if not arrays:
            raise GraphError(f"{registration.name}: got no array, expected at least one")
        return
    least = sum(p.default is p.empty for p in wanted)
    if not least <= len(arrays) <= len(wanted):
        raise TypeError(
            f"{registration.name}: got {len(arrays)} arrays, expected "
            f"{', '.join(p.name for p in wanted)} (attributes are given by name)"
        )
    for parameter, array in zip(wanted, arrays, strict=False):
        if array is None and parameter.default is parameter.empty:
            raise DtypeError(
                f"{registration.name}: got None as {parameter.name}, expected arrays of one "
                f"array-API library"
            )


def _admitted(registration: Op, arrays: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """Return the arrays as the formula takes them, and their namespace."""
    placed = registration.placed(arrays)
    devices = [array for array, host in placed if not host]
    xp = namespace_of(registration.name, devices or [np.empty(0)], registration.dtypes)
    admitted = []
    for array, host in placed:
        read = host and array is not None
        admitted.append((host_numbers if read else plain)(registration.name, array))
    return tuple(admitted), xp


def _explained(
    registration: Op, arrays: tuple[Any, ...], attributes: dict[str, Any], error: Exception
) -> Exception:
    """Return the error to raise for one that a formula or a library raised."""
    if isinstance(error, ArraynetError) and not isinstance(error, ShapeError):
        return error
    traced = [
        array if array is None or host else _blank(array)
        for array, host in registration.placed(arrays)
    ]
    shapes = [array.shape for array in traced if isinstance(array, MetaArray)]
    reason: Exception = error
    if not isinstance(error, ShapeError):
        try:  # what the library said is about itself: the shapes say what is wrong
            registration._traced(traced, attributes)
        except ShapeError as found:
            reason = found
        else:
            return error
    return ShapeError(
        f"{registration.name}: got shape {' and '.join(map(shape_text, shapes))}, expected "
        f"shapes that fit: {reason}"
    )


def _blank(array: Array) -> MetaArray:
    """Return an array without its numbers; a dtype that NumPy lacks counts as float32."""
    try:
        return MetaArray(array.shape, dtype_name(array.dtype))
    except TypeError:
        return MetaArray(array.shape, "float32")


def _typed(registration: Op) -> Kernel:
    """Return an op's formula with its results in the dtype of its first array.

    Where bfloat16 is not a library's own, as with NumPy, operations with Python's
    numbers give a wider dtype. ``widened`` computes 16-bit floats in float32; a finite
    result that float16 cannot hold stays at the end of its range.
    """
    formula, widened = registration.formula, registration.widened
    large = max(map(abs, registration.bounds)) > LARGEST_FLOAT16

    @functools.wraps(formula)
    def typed(*arrays: Array, xp: Namespace, **attributes: Any) -> Any:
        dtype = arrays[0].dtype
        # Not every library's dtypes know their size; those know no 16-bit ones either.
        if widened and getattr(dtype, "itemsize", 4) <= 2:
            arrays = tuple(
                array if array is None or host else xp.astype(array, xp.float32)
                for array, host in registration.placed(arrays)
            )
        result = formula(*arrays, xp=xp, **attributes)
        if isinstance(result, tuple):
            return tuple(rounded(one, dtype, xp) for one in result)
        return result if result.dtype == dtype else rounded(result, dtype, xp)

    def rounded(result: Array, dtype: Any, xp: Namespace) -> Array:
        if result.dtype == dtype or dtype_name(result.dtype) not in FLOATING:  # places, answers
            return result
        if large and dtype == xp.float16:
            held = xp.maximum(xp.minimum(result, LARGEST_FLOAT16), -LARGEST_FLOAT16)
            result = xp.where(xp.abs(result) == math.inf, result, held)
        return xp.astype(result, dtype)

    return typed


@functools.cache
def parameters_of(formula: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """Return what an op's formula takes: arrays, then attributes and ``xp``."""
    return tuple(inspect.signature(formula).parameters.values())


def defaults_of(formula: Callable[..., Any]) -> dict[str, Any]:
    """Return the attributes of a formula with their defaults."""
    parameters = parameters_of(formula)
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "xp"}
