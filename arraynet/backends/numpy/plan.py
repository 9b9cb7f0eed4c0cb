"""Plan the buffers and the quickest NumPy calls for one tape."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.backends.numpy.calls import (
    by_rows,
    copied,
    fresh_copy,
    fresh_rows,
    has_signature,
    needed,
    reduction,
    roots,
)
from arraynet.backends.numpy.namespace import unpacked
from arraynet.backends.numpy.products import (
    VECTOR,
    Layouts,
    Part,
    aligned_bytes,
    is_wide,
    parts,
    piles,
)
from arraynet.backends.numpy.recording import Call, Slot, Tape

SHORT = 128
"""Longest row beside which a bias is laid out for every row of the batch."""

WHOLE = 32
"""Longest row whose elements each get a copy of a number that belongs to the row."""

WRITING = frozenset({np.concatenate, np.stack})
"""Functions beside ufuncs that write into an array that they are given."""


class Plan:
    """Bound NumPy calls over buffers of their own: for one thread at a time.

    Attributes
    ----------
    nbytes : int
        The size of its buffers.
    """

    def __init__(self, tape: Tape, layouts: Layouts) -> None:
        planner = _Planner(tape, layouts)
        planner.plan()
        self._steps = planner.steps
        self._finish, self._operands = planner.finish
        self._takes_input = planner.takes_input
        self.nbytes = planner.nbytes

    def run(self, *arrays: HostArray) -> Any:
        """Return the result for some inputs: a fresh array, or a tuple of them."""
        for arguments, position, index, part in self._takes_input:
            x = arrays[index]
            arguments[position] = x if part is None else part(x)
        try:
            for function, arguments in self._steps:
                function(*arguments)
            return self._finish(*self._operands)
        finally:
            for arguments, position, _, _ in self._takes_input:
                arguments[position] = None


class _Input:
    """Stands for one of the inputs, or a view of it, until there is one."""

    def __init__(self, index: int, part: Callable[[HostArray], HostArray] | None = None) -> None:
        self.index, self.part = index, part

    def then(self, function: Callable[[HostArray], HostArray]) -> _Input:
        """Return what stands for a view of this."""
        part = self.part
        return _Input(self.index, function if part is None else lambda x: function(part(x)))


class _Planner:
    def __init__(self, tape: Tape, layouts: Layouts) -> None:
        self.tape, self.layouts = tape, layouts
        self.calls = needed(tape)
        self.roots = roots(self.calls)
        self.users: dict[Slot, list[Call]] = defaultdict(list)
        self.last_use: dict[Slot, int] = {}
        for index, call in enumerate(self.calls):
            for slot in dict.fromkeys(call.reads):
                self.users[slot].append(call)
                self.last_use[self._root(slot)] = index
        for result in tape.results:
            if isinstance(result, Slot):
                self.last_use[self._root(result)] = len(self.calls)
        self.arrays: dict[Slot, Any] = {
            slot: _Input(index) for index, slot in enumerate(tape.sources)
        }
        self.memory: dict[Slot, HostArray] = {}
        self.idle: dict[int, list[HostArray]] = {}
        self.casts: dict[Slot, Slot] = {}
        self.scratch: HostArray | None = None
        self.steps: list[tuple[Callable[..., Any], list[Any]]] = []
        self.takes_input: list[
            tuple[list[Any], int, int, Callable[[HostArray], HostArray] | None]
        ] = []
        self.finish: tuple[Callable[..., Any], list[Any]]
        self.nbytes = 0

    def plan(self) -> None:
        """Turn the calls into steps, the last of them into the finish where it can be."""
        calls = list(self.calls)
        last = self._finishing(calls)
        for index, call in enumerate(calls if last is None else calls[:-1]):
            if self._is_cast_for_product(call):
                self.casts[call.result] = call.arguments[0]
                continue
            self._step(index, call)
            self._spread_result(call)
            for slot in {self._root(slot) for slot in (*call.reads, call.result)}:
                if self.last_use.get(slot, index) == index and slot in self.memory:
                    memory = self.memory.pop(slot)
                    self.idle.setdefault(memory.nbytes, []).append(memory)
        self.finish = self._results() if last is None else self._last(last)

    def _finishing(self, calls: list[Call]) -> Call | None:
        """Return the last call where it can give the result itself, as a fresh array."""
        if not calls or self.tape.several or calls[-1].result is not self.tape.results[0]:
            return None
        return None if calls[-1].kind in ("product", "view") else calls[-1]

    def _results(self) -> tuple[Callable[..., Any], list[Any]]:
        """Return what copies the results out of their buffers; constants stay as they are."""
        own = [isinstance(result, Slot) for result in self.tape.results]
        if not self.tape.several:
            copy: Any = partial(np.array, order="C") if own[0] else np.asarray
            return copy, self._bound([self.tape.results[0]])

        def finish(*arrays: Any) -> tuple[Any, ...]:
            return tuple(
                np.array(a, order="C") if fresh else a for a, fresh in zip(arrays, own, strict=True)
            )

        return finish, self._bound(list(self.tape.results))

    def _root(self, slot: Slot) -> Slot:
        return self.roots.get(slot, slot)

    def _is_cast_for_product(self, call: Call) -> bool:
        """Return whether a call converts an input for one product and nothing else."""
        if call.kind != "cast" or call.arguments[0] not in self.tape.sources:
            return False
        users = self.users[call.result]
        return (
            len(users) == 1 and users[0].kind == "product" and call.result not in self.tape.results
        )

    def _step(self, index: int, call: Call) -> None:
        """Add the steps of one call, with its result in a buffer."""
        if call.kind == "view":
            self._view(call)
        elif call.kind == "product":
            self._product(call)
        elif call.kind == "row sum":
            (rows,) = call.arguments
            ones = np.ones((rows.shape[1], 1), rows.dtype)
            self._add(np.dot, [rows, ones, self._buffer(call)])
        elif call.kind == "ufunc" and has_signature(call):
            self._add(call.function, [*call.arguments, self._buffer(call)])
        elif call.kind == "ufunc":
            operands = [self._spread(argument, call.result) for argument in call.arguments]
            out = self._buffer(call, index)
            if call.function in (np.maximum, np.minimum):  # whose third place NumPy deprecates
                self._add(partial(call.function, out=out), operands)
            else:
                self._add(call.function, [*operands, out])
        elif call.kind == "reduce":
            self._add(*reduction(call, self._buffer(call)))
        elif call.kind == "cast":
            self._add(np.copyto, [self._buffer(call), call.arguments[0], "unsafe"])
        elif call.kind == "where":
            self._where(call)
        elif call.function in WRITING:
            out = self._buffer(call)
            self._add(partial(call.function, out=out, **call.keywords), list(call.arguments))
        else:
            self._add(copied(call), [self._buffer(call), *call.arguments])

    def _where(self, call: Call) -> None:
        """Add a choice between two values."""
        out = self._buffer(call)
        condition, *values = call.arguments
        # Python's numbers would be converted at each call.
        chosen, otherwise = (
            np.asarray(v, out.dtype) if type(v) in (int, float) else v for v in values
        )
        self._add(np.copyto, [out, otherwise])
        self._add(np.copyto, [out, chosen, "same_kind", condition])

    def _view(self, call: Call) -> None:
        """Show another view of a buffer, which takes no step; of one laid out otherwise, a copy."""
        slot, *others = call.arguments
        function = partial(_called, call.function, tuple(others), call.keywords)
        source = self.arrays[slot]
        if isinstance(source, _Input):
            self.arrays[call.result] = source.then(function)
            return
        found = function(source)
        if np.may_share_memory(found, source):
            self.arrays[call.result] = found
            return
        self.roots[call.result] = call.result
        self.last_use.setdefault(call.result, self.last_use.get(self._root(slot), 0))
        self._add(copied(call), [self._buffer(call), *call.arguments])

    def _product(self, call: Call) -> None:
        """Add a product with a weight, in the parts and the memory order that suit BLAS."""
        a, weight = call.arguments
        out = self._buffer(call, order="F" if is_wide(weight) else "C")
        operand: Any = None
        before: slice | None = None
        near = a in self.casts
        pieces = parts(a.shape[0], weight, self.layouts, near=near, unpacked=unpacked(weight))
        for part in pieces:
            if part.rows != before:
                operand, before = self._rows(a, part), part.rows
            target = piles(out[part.rows, part.columns], part.height)
            function = np.dot if target.ndim == 2 and target.flags.c_contiguous else np.matmul
            self._add(function, [operand, part.weight, target])
        self.scratch = None

    def _rows(self, a: Slot, part: Part) -> Any:
        """Return some rows of a product's operand; convert them first, if that was put off."""
        source = self.arrays[self.casts.get(a, a)]
        rows, height = part.rows, part.height
        if a not in self.casts:
            return self._part(source, rows, height, a.shape[0])
        # Just before their product, so that they are still near: each part in turn, in
        # the same place.
        count, inner = rows.stop - rows.start, a.shape[1]
        if self.scratch is None:
            memory = self._aligned(count * inner * a.dtype.itemsize)
            self.scratch = memory.view(a.dtype).reshape(count, inner)
        converted = self.scratch[:count]
        self._add(np.copyto, [converted, self._part(source, rows, count, a.shape[0]), "unsafe"])
        return piles(converted, height)

    def _part(self, source: Any, rows: slice, height: int, total: int) -> Any:
        """Return some rows of an array, or of the batch when there is one."""
        if rows == slice(0, total) and height == total:
            return source
        if isinstance(source, _Input):
            return source.then(lambda x: piles(x[rows], height))
        return piles(source[rows], height)

    def _spread_result(self, call: Call) -> None:
        """Lay one number for each row out for its elements, if they meet it more than once.

        NumPy is quick with operands of one shape; else each short row is a loop of its own.
        """
        slot = call.result
        if len(slot.shape) != 2 or slot.shape[1] != 1 or slot not in self.memory:
            return
        users = self.users[slot]
        shapes = {user.result.shape for user in users if user.kind == "ufunc"}
        if len(users) < 2 or len(shapes) != 1 or any(user.kind != "ufunc" for user in users):
            return
        (shape,) = shapes
        if len(shape) != 2 or not 1 < shape[1] <= WHOLE or self.arrays[slot].shape == shape:
            return
        number, memory = self.arrays[slot], self.memory.pop(slot)
        self._add(np.copyto, [self._array(slot, shape, "C"), number])
        self.idle.setdefault(memory.nbytes, []).append(memory)

    def _spread(self, argument: Any, result: Slot) -> Any:
        """Return a constant operand in the shape that NumPy's quick loops take."""
        if not isinstance(argument, np.ndarray) or argument.ndim == 0 or len(result.shape) != 2:
            return argument
        if result.shape[0] > 1 and result.shape[-1] > SHORT:
            return argument
        spread = np.broadcast_to(argument, result.shape)
        if result.shape[0] == 1:
            return spread.reshape(result.shape)
        self.nbytes += spread.nbytes
        return np.ascontiguousarray(spread)

    def _last(self, call: Call) -> tuple[Callable[..., Any], list[Any]]:
        """Return the last call, which gives a fresh array in the order of its rows."""
        operands = [self.arrays.get(a) if isinstance(a, Slot) else a for a in call.arguments]
        arguments = self._bound(list(call.arguments))
        if call.kind == "other":
            return fresh_copy(call), arguments
        if call.kind != "ufunc" or has_signature(call):
            return by_rows(call), arguments
        if any(isinstance(array, _Input) or _by_columns(array) for array in operands):
            return fresh_rows(call), arguments
        if not call.result.shape:  # of which NumPy makes a number, and no array
            return fresh_rows(call), arguments
        return call.function, arguments

    def _add(self, function: Callable[..., Any], arguments: list[Any]) -> None:
        self.steps.append((function, self._bound(arguments)))

    def _bound(self, arguments: list[Any]) -> list[Any]:
        """Put arrays in the place of slots, in lists too; note where the inputs go."""
        bound = [
            self._bound(a) if isinstance(a, list) else self.arrays[a] if isinstance(a, Slot) else a
            for a in arguments
        ]
        for position, argument in enumerate(bound):
            if isinstance(argument, _Input):
                self.takes_input.append((bound, position, argument.index, argument.part))
                bound[position] = None
        return bound

    def _buffer(self, call: Call, index: int | None = None, order: str = "C") -> HostArray:
        """Return the array for a call's result: an operand that ends here, if it may be."""
        slot = call.result
        if index is not None:
            for operand in call.reads:
                if self._may_end_in(slot, operand, call, index):
                    array: HostArray = self.arrays[operand]
                    self.memory[slot] = self.memory.pop(self._root(operand))
                    self.arrays[slot] = array
                    return array
            same = [s for s in call.reads if s.shape == slot.shape and self._root(s) in self.memory]
            if any(_by_columns(self.arrays[operand]) for operand in same):
                order = "F"
        return self._array(slot, slot.shape, order)

    def _may_end_in(self, slot: Slot, operand: Slot, call: Call, index: int) -> bool:
        """Return whether a result may be written over an operand."""
        root = self._root(operand)
        if root not in self.memory or self.last_use[root] != index:
            return False
        array = self.arrays[operand]
        alone = all(other is operand or self._root(other) is not root for other in call.reads)
        whole = math.prod(array.shape) == math.prod(self.arrays[root].shape)
        return alone and whole and (array.dtype, array.shape) == (slot.dtype, slot.shape)

    def _array(self, slot: Slot, shape: tuple[int, ...], order: Any) -> HostArray:
        """Return an array on idle memory, or on new memory."""
        wanted = math.prod(shape) * slot.dtype.itemsize
        size = -(-wanted // VECTOR) * VECTOR
        idle = self.idle.get(size)
        memory = idle.pop() if idle else self._aligned(size)
        array: HostArray = memory[:wanted].view(slot.dtype).reshape(shape, order=order)
        self.memory[slot], self.arrays[slot] = memory, array
        return array

    def _aligned(self, size: int) -> HostArray:
        self.nbytes += size
        return aligned_bytes(size)


def _called(
    function: Callable[..., Any], others: tuple[Any, ...], keywords: dict[str, Any], x: HostArray
) -> HostArray:
    """Return what a call gives for its first argument."""
    return function(x, *others, **keywords)  # type: ignore[no-any-return]


def _by_columns(array: Any) -> bool:
    """Return whether an array's columns, not its rows, lie together in memory."""
    return isinstance(array, np.ndarray) and array.ndim > 1 and not array.flags.c_contiguous
