"""Which calls stand between ``net(x)`` and the products, for one row.

``python -m bench.batch_one`` runs the MNIST network once under a tracer, and lists each
call that Python's byte code makes, in order: how deep, from which line, of what.
"""

from __future__ import annotations

import ast
import dis
import linecache
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from bench.contestants.engine import network_of
from bench.networks import layers_of
from bench.table import aligned
from bench.workloads import WORKLOADS, inputs_of

REASONS = {
    "Network.__call__": "the call that a person makes",
    "replay": "finds the recorded calls for this type, shape and dtype",
    "type": "a subclass of ndarray may compute otherwise: it has a recording of its own",
    "list.pop": "takes buffers that no other thread is using",
    "Plan.run": "puts the batch in its place, then makes the recorded calls",
    "numpy.dot": "a layer's product, or the sum of each row as a product with ones",
    "numpy.matmul": "a layer's product",
    "numpy.add": "a layer's bias",
    "numpy.tanh": "a hidden sigmoid, its constants folded into the layers",
    "numpy.exp": "the softmax",
    "numpy.divide": "the softmax; gives the fresh array that is returned",
    "list.append": "gives the buffers back",
}
"""Why each call is there. A test fails for one that has no reason."""

KINDS = ("Python", "built-in", "NumPy", "product")
PRODUCTS = ("matmul", "dot")
CALLS = {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}
ROOT = Path(__file__).parents[1]
WARM_UP = 3  # the first call records, the second plans: the third is what remains


@dataclass(frozen=True)
class Made:
    """One call.

    Parameters
    ----------
    depth : int
        How many Python functions it is made inside of.
    place : str
        The file and line that it is made from.
    callee : str
        What is called.
    kind : {"product", "NumPy", "Python", "built-in"}
    """

    depth: int
    place: str
    callee: str
    kind: str


def calls_made(function: Callable[[Any], Any], x: Any) -> list[Made]:
    """Return the calls that ``function(x)`` makes, the call of ``function`` first.

    Every call in the byte code counts, of Python functions and of C ones such as
    NumPy's, which `sys.setprofile` does not see. What C code calls by itself is not
    listed, unless it is a Python function in whose byte code there are calls.
    """
    made = [Made(0, "", _name(function), _kind(function))]
    outside = sys.gettrace()
    depths: dict[FrameType, int] = {}

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        depths[frame] = 1 + depths.get(frame.f_back, 0) if frame.f_back else 1
        frame.f_trace = traced  # before the next line: from Python 3.13 on it matters
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return traced

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            instruction = _instructions(frame.f_code).get(frame.f_lasti)
            if instruction is not None:
                callee = _callee(frame, instruction)
                made.append(Made(depths[frame], _place(frame), _name(callee), _kind(callee)))
        return traced

    sys.settrace(entered)
    try:
        function(x)
    finally:
        sys.settrace(outside)
    return made


@lru_cache(maxsize=256)
def _instructions(code: CodeType) -> dict[int, dis.Instruction]:
    """Return the instructions of a function that call something, by their offset."""
    return {i.offset: i for i in dis.get_instructions(code) if i.opname in CALLS}


def _callee(frame: FrameType, instruction: dis.Instruction) -> Any:
    """Return what an instruction calls, looked up by the words of its source."""
    text = _source(frame.f_code.co_filename, instruction.positions)
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return text
    if not isinstance(call, ast.Call) or not _is_path(call.func):
        return text
    path = ast.unparse(call.func)
    return eval(path, frame.f_globals, frame.f_locals)  # names and attributes alone


def _is_path(node: ast.AST) -> bool:
    """Return whether an expression is a name, or attributes of one: looking it up is safe."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _source(filename: str, positions: Any) -> str:
    """Return the text that an instruction was made from."""
    first, last, start, end = positions
    lines = [linecache.getline(filename, number) for number in range(first, last + 1)]
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][start:]
    return b"".join(encoded).decode()


def _place(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
    return f"{short}:{frame.f_lineno}"


def _name(callee: Any) -> str:
    """Return what to call a function: without its module, except NumPy's."""
    if isinstance(callee, str):
        return callee
    if isinstance(callee, partial):
        return _name(callee.func)
    if _is_numpy(callee):
        return f"numpy.{callee.__name__}"
    name: str | None = getattr(callee, "__qualname__", None)
    return name.rpartition("<locals>.")[2] if name else f"{type(callee).__qualname__}.__call__"


def _kind(callee: Any) -> str:
    if isinstance(callee, partial):
        return _kind(callee.func)
    if _is_numpy(callee):
        return "product" if callee.__name__ in PRODUCTS else "NumPy"
    written = hasattr(callee, "__code__") or hasattr(type(callee).__call__, "__code__")
    return "Python" if written else "built-in"


def _is_numpy(callee: Any) -> bool:
    module = str(getattr(callee, "__module__", ""))
    return isinstance(callee, np.ufunc) or module.partition(".")[0] == "numpy"


def reason(made: Made) -> str:
    """Return why a call is there; a question mark where nobody has said so."""
    return REASONS.get(made.callee, "?")


def listing(made: Sequence[Made]) -> str:
    """Return the calls as a table, and how many of each kind there are."""
    rows = [["call", "kind", "why"]]
    rows += [["  " * one.depth + one.callee, one.kind, reason(one)] for one in made]
    counts = {kind: sum(one.kind == kind for one in made) for kind in KINDS}
    total = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"{aligned(rows, left=(0, 1, 2))}\n\n{len(made)} calls: {total}"


def main() -> None:
    """Print the listing for the MNIST network."""
    workload = WORKLOADS["mnist-1"]
    layers = layers_of(workload.network)
    net, x = network_of(layers, workload.dtype, "cpu"), inputs_of(workload, layers)
    for _ in range(WARM_UP):
        net(x)
    print(listing(calls_made(net, x)))


if __name__ == "__main__":
    main()
