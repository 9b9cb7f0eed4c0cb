"""Plan the buffers and the quickest NumPy calls for one tape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.backends.blas import reads_unpacked
from arraynet.backends.calls import (
    by_rows,
    copied,
    fresh_copy,
    fresh_rows,
    is_product,
    is_row_sum,
    needed,
    reduction,
)
from arraynet.backends.products import VECTOR, Layouts, Part, aligned_bytes, is_wide, parts
from arraynet.backends.recording import Call, Slot, Tape

SHORT = 128
"""Longest row beside which a bias is laid out for every row of the batch."""

WHOLE = 32
"""Longest row whose elements each get a copy of a number that belongs to the row."""


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

    def run(self, x: HostArray) -> Any:
        """Return the result for ``x``, a fresh array."""
        for arguments, position, part in self._takes_input:
            arguments[position] = x if part is None else part(x)
        try:
            for function, arguments in self._steps:
                function(*arguments)
            return self._finish(*self._operands)
        finally:
            for arguments, position, _ in self._takes_input:
                arguments[position] = None


class _Input:
    """Stands for the batch, or some of its rows, until there is one."""

    def __init__(self, part: Callable[[HostArray], HostArray] | None = None) -> None:
        self.part = part


class _Planner:
    def __init__(self, tape: Tape, layouts: Layouts) -> None:
        self.tape, self.layouts = tape, layouts
        self.calls = needed(tape)
        self.last_use = {slot: i for i, call in enumerate(self.calls) for slot in call.reads}
        self.arrays: dict[Slot, Any] = {tape.source: _Input()}
        self.memory: dict[Slot, HostArray] = {}
        self.idle: dict[int, list[HostArray]] = {}
        self.casts: dict[Slot, Slot] = {}
        self.scratch: HostArray | None = None
        self.steps: list[tuple[Callable[..., Any], list[Any]]] = []
        self.takes_input: list[tuple[list[Any], int, Callable[..., HostArray] | None]] = []
        self.finish: tuple[Callable[..., Any], list[Any]]
        self.nbytes = 0

    def plan(self) -> None:
        """Turn the calls into steps, the last of them into the finish."""
        if not self.calls:  # the network returns its input
            self.finish = (partial(np.array, order="C"), self._bound([self.tape.source]))
            return
        *before, last = self.calls
        if is_product(last):  # in parts, as any other, and then copied
            before.append(last)
        for index, call in enumerate(before):
            if self._is_cast_for_product(call):
                self.casts[call.result] = call.arguments[0]
                continue
            self._step(index, call)
            self._spread_result(call)
            for slot in {*call.reads, call.result}:
                if self.last_use.get(slot, index) == index and slot in self.memory:
                    memory = self.memory.pop(slot)
                    self.idle.setdefault(memory.nbytes, []).append(memory)
        self.finish = self._last(last)

    def _is_cast_for_product(self, call: Call) -> bool:
        """Return whether a call converts the batch for one product and nothing else."""
        if call.kind != "cast" or call.arguments[0] is not self.tape.source:
            return False
        users = [user for user in self.calls if call.result in user.reads]
        return len(users) == 1 and is_product(users[0])

    def _step(self, index: int, call: Call) -> None:
        """Add the steps of one call, with its result in a buffer."""
        if is_product(call):
            self._product(call)
        elif is_row_sum(call):
            self._row_sum(call)
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
            out = self._buffer(call)
            condition, *values = call.arguments
            # Python's numbers would be converted at each call.
            chosen, otherwise = (
                np.asarray(v, out.dtype) if type(v) in (int, float) else v for v in values
            )
            self._add(np.copyto, [out, otherwise])
            self._add(np.copyto, [out, chosen, "same_kind", condition])
        else:
            self._add(copied(call), [self._buffer(call), *call.arguments])

    def _product(self, call: Call) -> None:
        """Add a product with a weight, in the parts and the memory order that suit BLAS."""
        a, weight = call.arguments
        out = self._buffer(call, order="F" if is_wide(weight) else "C")
        operand: Any = None
        before: slice | None = None
        unpacked = weight.dtype.char in "fd" and reads_unpacked()
        near = a in self.casts
        for part in parts(a.shape[0], weight, self.layouts, near=near, unpacked=unpacked):
            if part.rows != before:
                operand, before = self._rows(a, part), part.rows
            target = _piles(out[part.rows, part.columns], part.height)
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
        return _piles(converted, height)

    def _part(self, source: Any, rows: slice, height: int, total: int) -> Any:
        """Return some rows of an array, or of the batch when there is one."""
        if rows == slice(0, total) and height == total:
            return source
        if isinstance(source, _Input):
            return _Input(lambda x: _piles(x[rows], height))
        return _piles(source[rows], height)

    def _row_sum(self, call: Call) -> None:
        """Add the sum of each row, as a product with ones."""
        (rows,) = call.arguments
        length = rows.shape[-1]
        users = [user for user in self.calls if call.result in user.reads]
        # Where it meets whole rows next, each of their elements gets its own copy.
        whole = length <= WHOLE and all(
            u.kind == "ufunc" and u.result.shape == rows.shape for u in users
        )
        shape = rows.shape if whole else call.result.shape
        out = self._array(call.result, shape, "C")
        self._add(np.dot, [rows, np.ones((length, shape[-1]), rows.dtype), out])

    def _spread_result(self, call: Call) -> None:
        """Lay one number for each row out for its elements, if they meet it more than once.

        NumPy is quick with operands of one shape; else each short row is a loop of its own.
        """
        slot = call.result
        if len(slot.shape) != 2 or slot.shape[1] != 1 or slot not in self.memory:
            return
        users = [user for user in self.calls if slot in user.reads]
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
        if is_product(call):
            return partial(np.array, order="C"), self._bound([call.result])
        operands = [self.arrays.get(a) if isinstance(a, Slot) else a for a in call.arguments]
        arguments = self._bound(list(call.arguments))
        if call.kind == "other":
            return fresh_copy(call), arguments
        if call.kind != "ufunc":
            return by_rows(call), arguments
        if any(isinstance(array, _Input) or _by_columns(array) for array in operands):
            return fresh_rows(call), arguments
        if not call.result.shape:  # of which NumPy makes a number, and no array
            return fresh_rows(call), arguments
        return call.function, arguments

    def _add(self, function: Callable[..., Any], arguments: list[Any]) -> None:
        self.steps.append((function, self._bound(arguments)))

    def _bound(self, arguments: list[Any]) -> list[Any]:
        """Put arrays in the place of slots; note where the batch goes."""
        bound = [self.arrays[a] if isinstance(a, Slot) else a for a in arguments]
        for position, argument in enumerate(bound):
            if isinstance(argument, _Input):
                self.takes_input.append((bound, position, argument.part))
                bound[position] = None
        return bound

    def _buffer(self, call: Call, index: int | None = None, order: str = "C") -> HostArray:
        """Return the array for a call's result: an operand that ends here, if it may be."""
        slot = call.result
        if index is not None:
            operands = [s for s in call.reads if s in self.memory and s.shape == slot.shape]
            for operand in operands:
                array: HostArray = self.arrays[operand]
                ends = self.last_use[operand] == index
                if ends and (array.dtype, array.shape) == (slot.dtype, slot.shape):
                    self.memory[slot] = self.memory.pop(operand)
                    self.arrays[slot] = array
                    return array
            if any(_by_columns(self.arrays[operand]) for operand in operands):
                order = "F"
        return self._array(slot, slot.shape, order)

    def _array(self, slot: Slot, shape: tuple[int, ...], order: Any) -> HostArray:
        """Return an array on idle memory, or on new memory."""
        wanted = int(np.prod(shape)) * slot.dtype.itemsize
        size = -(-wanted // VECTOR) * VECTOR
        idle = self.idle.get(size)
        memory = idle.pop() if idle else self._aligned(size)
        array: HostArray = memory[:wanted].view(slot.dtype).reshape(shape, order=order)
        self.memory[slot], self.arrays[slot] = memory, array
        return array

    def _aligned(self, size: int) -> HostArray:
        self.nbytes += size
        return aligned_bytes(size)


def _piles(rows: HostArray, height: int) -> HostArray:
    """Return a view of rows in piles of so many, if there is more than one pile."""
    if height == len(rows):
        return rows
    return rows.reshape(len(rows) // height, height, rows.shape[1])


def _by_columns(array: Any) -> bool:
    """Return whether an array's columns, not its rows, lie together in memory."""
    return isinstance(array, np.ndarray) and array.ndim > 1 and not array.flags.c_contiguous
