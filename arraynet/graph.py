"""The forward pass as data: inputs, nodes, weights, outputs.

A graph knows nothing of array libraries or devices. Its weights are NumPy arrays
on the host, its nodes name ops of `arraynet.ops.OPS`, and its sizes may be
symbols such as ``"batch"``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import HostArray, host_dtype
from arraynet.errors import DtypeError, GraphError, ShapeError, clipped, shape_text, shortened
from arraynet.memory import telling_full_memory
from arraynet.node import Node, Size, Value, check_node, is_one_of
from arraynet.ops import OPS
from arraynet.weights import DTYPES, cast, kept, seal

__all__ = ["DTYPES", "Graph", "HostArray", "Node", "Size", "Value", "cast", "cuttable", "seal"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A forward pass: inputs, nodes in the order of their work, weights, outputs.

    Parameters
    ----------
    inputs : tuple of Value
    nodes : tuple of Node
        Each reads only inputs, weights and what earlier nodes gave.
    weights : mapping of str to numpy.ndarray
        Host arrays, all of one floating dtype. The graph keeps read-only views of them,
        or of copies where somebody could still write to them.
    outputs : tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> graph = Graph(
    ...     inputs=(Value("x", ("batch", 2)),),
    ...     nodes=(Node("affine", ("x", "W1", "b1"), ("affine1",)),),
    ...     weights={"W1": np.ones((2, 3), "float32"), "b1": np.zeros(3, "float32")},
    ...     outputs=("affine1",),
    ... ).validated()
    >>> graph.shapes["affine1"]
    ('batch', 3)
    """

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    weights: Mapping[str, HostArray]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("inputs", "nodes", "outputs"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        weights = {name: kept(name, weight) for name, weight in self.weights.items()}
        object.__setattr__(self, "weights", MappingProxyType(weights))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the graph is made of, and nothing that was computed from it."""
        return Graph, (self.inputs, self.nodes, dict(self.weights), self.outputs)

    @cached_property
    def dtype(self) -> str:
        """The name of the one dtype of all weights ("float32" where there are none)."""
        kinds = {weight.dtype for weight in self.weights.values()}
        return str(kinds.pop()) if len(kinds) == 1 else "float32"

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name: of inputs, weights and values."""
        return frozenset([*(value.name for value in self.inputs), *self.weights, *self.producers])

    def free_name(self, wanted: str) -> str:
        """Return a name that nothing has yet: the one that is wanted, or one like it."""
        while wanted in self.names:
            wanted += "'"
        return wanted

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that gives each value."""
        return MappingProxyType({name: node for node in self.nodes for name in node.outputs})

    @cached_property
    def uses(self) -> Mapping[str, int]:
        """How often each value or weight is read, the graph's outputs included."""
        read = Counter(name for node in self.nodes for name in node.inputs if name is not None)
        read.update(self.outputs)
        return MappingProxyType(read)

    @cached_property
    def shapes(self) -> Mapping[str, tuple[Size, ...]]:
        """The shape of every input, weight and value, by name.

        Raises
        ------
        ShapeError
            When the sizes of a node's inputs do not fit each other.
        """
        shapes: dict[str, tuple[Size, ...]] = {value.name: value.shape for value in self.inputs}
        shapes.update({name: weight.shape for name, weight in self.weights.items()})
        for node in self.nodes:
            shapes[node.name] = self._output_shape(node, shapes)
        return MappingProxyType(shapes)

    def _output_shape(self, node: Node, shapes: Mapping[str, tuple[Size, ...]]) -> tuple[Size, ...]:
        names = [name for name in node.inputs if name is not None]
        try:
            return OPS[node.op].shape(*(shapes[name] for name in names), **node.attributes)
        except (ValueError, TypeError, IndexError) as error:
            found = ", ".join(f"{clipped(name)} {shape_text(shapes[name])}" for name in names)
            reason = str(error) or "their sizes do not fit"
            raise ShapeError(
                f"{node.where}: got {found}, expected shapes that fit each other: {reason}"
                f"{self._context(node)}"
            ) from error

    def _context(self, node: Node) -> str:
        """Say which layer stands before a node, so that an error names both."""
        before = self.producers.get(node.inputs[0] or "")
        while before is not None and OPS[before.op].elementwise:
            earlier = self.producers.get(before.inputs[0] or "")
            if earlier is None:
                break
            before = earlier
        return "" if before is None else f" (the layer before it is {before.where})"

    def multiply_adds(self, node: Node) -> int:
        """Return how many multiply-adds a node costs for one row of input."""
        shapes = [self.shapes[name] for name in node.inputs if name is not None]
        one_row = [tuple(1 if isinstance(size, str) else size for size in s) for s in shapes]
        return OPS[node.op].multiply_adds(*one_row, **node.attributes)

    def weights_of(self, node: Node) -> Iterator[HostArray]:
        """Yield the weights that a node reads."""
        for name in node.inputs:
            if name is not None and name in self.weights:
                yield self.weights[name]

    def validated(self) -> Graph:
        """Return the graph itself, once it is known to be well formed.

        Raises
        ------
        GraphError
            For an unknown op, an attribute that it does not take, a name that is missing
            or given twice, an input without axes.
        DtypeError
            For weights that are not of one floating dtype.
        ShapeError
            For layers whose sizes do not fit.
        """
        self._check_weights()
        known = set(self.weights)
        for value in self.inputs:
            if value.name in known:
                raise GraphError(
                    f"graph: got input {shortened(value.name)} twice, expected a new name"
                )
            if not value.shape:
                raise GraphError(
                    f"input {clipped(value.name)}: got a number, expected at least one axis"
                )
            known.add(value.name)
        for node in self.nodes:
            if len(node.outputs) != 1:
                raise GraphError(f"{node.where}: got {len(node.outputs)} outputs, expected 1")
            check_node(node, self.dtype)
            for name in node.inputs:
                if name is not None and name not in known:
                    raise GraphError(
                        f"{node.where}: got input {shortened(name)}, expected a graph input, a "
                        f"weight or the output of an earlier node"
                    )
            for name in node.outputs:
                if name in known:
                    raise GraphError(
                        f"{node.where}: got output {shortened(name)}, expected a new name"
                    )
                known.add(name)
        for name in self.outputs:
            if name not in self.producers:
                raise GraphError(
                    f"graph: got output {shortened(name)}, expected the output of a node"
                )
        _ = self.shapes
        return self

    def _check_weights(self) -> None:
        for name, weight in self.weights.items():
            if str(weight.dtype) not in DTYPES:
                raise DtypeError(
                    f"weight {clipped(name)}: got dtype {clipped(str(weight.dtype))}, expected "
                    f"one of {', '.join(DTYPES)} (convert it with .astype)"
                )
        kinds = {str(weight.dtype): name for name, weight in self.weights.items()}
        if len(kinds) > 1:
            found = ", ".join(f"{clipped(name)} of {dtype}" for dtype, name in kinds.items())
            raise DtypeError(f"weights: got {found}, expected one dtype (convert with .astype)")

    def astype(self, dtype: npt.DTypeLike) -> Graph:
        """Return the graph with its weights in another floating dtype.

        Parameters
        ----------
        dtype : str or dtype
            float16, bfloat16, float32 or float64: the name, or NumPy's type or dtype.

        Raises
        ------
        DtypeError
            For another dtype, and for a weight that it cannot hold: a finite number that
            would be infinite, or a scale that would be 0.
        """
        name = np.dtype(dtype).name if isinstance(dtype, type | np.dtype) else dtype
        if not is_one_of(name, DTYPES):
            raise DtypeError(f"astype: got {shortened(dtype)}, expected one of {', '.join(DTYPES)}")
        kind = host_dtype(str(name))
        diagonal = {name for name, op in OPS.items() if op.merges == "diagonal"}
        scales = {name for n in self.nodes if n.op in diagonal for name in n.inputs[1:2]}
        with telling_full_memory(f"astype {kind}"):
            weights = {
                name: seal(cast(f"weight {clipped(name)}", weight, kind, nonzero=name in scales))
                for name, weight in self.weights.items()
            }
        return replace(self, weights=weights)


def cuttable(graph: Graph) -> bool:
    """Return whether each row of the output depends on its own row of input alone.

    The batch must be the first axis of every value, and of that axis alone may the size
    be unknown before the network has run.
    """
    batch = graph.inputs[0].shape[0]
    if not isinstance(batch, str):
        return False
    for node in graph.nodes:
        axis = node.attributes.get("axis", -1)
        rank = len(graph.shapes[node.inputs[0] or ""])
        first, *others = graph.shapes[node.name] or (1,)
        if not OPS[node.op].rowwise or axis in (0, -rank) or first != batch:
            return False
        if any(isinstance(size, str) for size in others):
            return False
    return True
