"""The forward pass as data: inputs, nodes, weights, outputs.

A graph knows nothing of array libraries or devices. Its weights are NumPy arrays
on the host, its nodes name ops of `arraynet.ops.OPS`, and its sizes may be
symbols such as ``"batch"``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet.admission import DTYPES as COMPUTED
from arraynet.admission import HostArray, host_dtype
from arraynet.errors import DtypeError, GraphError, ShapeError, clipped, shortened
from arraynet.inference import Trial, infer, trial, tried
from arraynet.memory import telling_full_memory
from arraynet.node import Node, Value, check_node, is_one_of
from arraynet.ops import OPS
from arraynet.ops.symbols import UNRANKED, Size, symbols_of
from arraynet.weights import DTYPES, cast, kept, seal

__all__ = ["DTYPES", "Graph", "HostArray", "Node", "Size", "Value", "cast", "seal"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A forward pass: inputs, nodes in the order of their work, weights, outputs.

    Parameters
    ----------
    inputs : tuple of Value
    nodes : tuple of Node
        Each reads only inputs, weights and what earlier nodes gave.
    weights : mapping of str to numpy.ndarray
        Constants: host arrays. The graph keeps read-only views of them, or of copies where
        somebody could still write to them.
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
        floating = self.dtype
        inputs = tuple(replace(v, dtype=floating) if v.dtype is None else v for v in self.inputs)
        object.__setattr__(self, "inputs", inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the graph is made of, and nothing that was computed from it."""
        return Graph, (self.inputs, self.nodes, dict(self.weights), self.outputs)

    @cached_property
    def dtype(self) -> str:
        """The floating dtype of constants and inputs: of several the widest, else "float32"."""
        kinds = {weight.dtype.name for weight in self.weights.values()}
        kinds |= {str(value.dtype) for value in self.inputs}
        return max(kinds & set(DTYPES), key=DTYPES.index, default="float32")

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
        return MappingProxyType({name: node for node in self.nodes for name in node.gives})

    @cached_property
    def uses(self) -> Mapping[str, int]:
        """How often each value or weight is read, the graph's outputs included."""
        read = Counter(name for node in self.nodes for name in node.reads)
        read.update(self.outputs)
        return MappingProxyType(read)

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """What is known of every input, weight and value, by name.

        Raises
        ------
        ShapeError, DtypeError
            When what a node reads does not fit.
        """
        return MappingProxyType(infer(self.inputs, self.weights, self._trials))

    @cached_property
    def _trials(self) -> list[Trial]:
        """The runs without numbers, at several numbers for the symbols."""
        before: list[Trial] = self.__dict__.pop("_before", [])
        return tried(self.inputs, self.nodes, self.weights, before)

    def rewritten(self, nodes: Iterable[Node], weights: Mapping[str, HostArray]) -> Graph:
        """Return a graph of other nodes and constants that gives the same.

        Each value that has the name of one here must be the same as here: what is known of
        those whose nodes did not change is handed over, and not found out again.
        """
        graph = Graph(self.inputs, tuple(nodes), weights, self.outputs)
        known = self.__dict__.get("_trials") or self.__dict__.get("_before")
        if known:
            graph.__dict__["_before"] = known
        return graph

    @cached_property
    def shapes(self) -> Mapping[str, tuple[Size, ...]]:
        """The shape of every input, weight and value, by name."""
        return MappingProxyType({name: value.shape for name, value in self.values.items()})

    @cached_property
    def _costs(self) -> Mapping[str, int]:
        """The multiply-adds of each node where every symbol is 1."""
        ones = dict.fromkeys(symbols_of(v.shape for v in self.inputs if v.shape != UNRANKED), 1)
        return trial(self.inputs, self.nodes, self.weights, ones).multiply_adds

    def multiply_adds(self, node: Node) -> int:
        """Return how many multiply-adds a node costs for one row of input."""
        return self._costs[node.name]

    def weights_of(self, node: Node) -> Iterator[HostArray]:
        """Yield the weights that a node reads."""
        for name in node.reads:
            if name in self.weights:
                yield self.weights[name]

    def validated(self) -> Graph:
        """Return the graph itself, once it is known to be well formed, and those in its nodes.

        Raises
        ------
        GraphError
            For an unknown op, an attribute that it does not take, a name that is missing
            or given twice; for a graph inside a node that takes or gives another number
            of arrays than the node has for it.
        DtypeError
            For constants of a dtype that is not computed with, and for a node that would
            mix floating dtypes.
        ShapeError
            For layers whose sizes do not fit.
        """
        known = self._check()
        for name in self.outputs:
            if name in known and name not in self.producers:
                raise GraphError(
                    f"graph: got output {shortened(name)}, expected the output of a node"
                )
        _ = self.values
        return self

    def _check(self) -> set[str]:
        """Refuse what is not well formed, and return every name. An output may be any of them."""
        self._check_weights()
        known = set(self.weights)
        for value in self.inputs:
            if value.name in known:
                raise GraphError(
                    f"graph: got input {shortened(value.name)} twice, expected a new name"
                )
            known.add(value.name)
        for node in self.nodes:
            check_node(node, self.dtype)
            _check_functions(node)
            for name in node.reads:
                if name not in known:
                    raise GraphError(
                        f"{node.where}: got input {shortened(name)}, expected a graph input, a "
                        f"weight or the output of an earlier node"
                    )
            for name in node.gives:
                if name in known:
                    raise GraphError(
                        f"{node.where}: got output {shortened(name)}, expected a new name"
                    )
                known.add(name)
        for name in self.outputs:
            if name not in known:
                raise GraphError(
                    f"graph: got output {shortened(name)}, expected the output of a node"
                )
        return known

    def _check_weights(self) -> None:
        for name, weight in self.weights.items():
            if weight.dtype.name not in COMPUTED:
                raise DtypeError(
                    f"weight {clipped(name)}: got dtype {clipped(str(weight.dtype))}, expected "
                    f"one of {', '.join(COMPUTED)} (convert it with .astype)"
                )

    def astype(self, dtype: npt.DTypeLike) -> Graph:
        """Return the graph, and those in its nodes, with the weights in another floating dtype.

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
                if weight.dtype.name in DTYPES
                else weight
                for name, weight in self.weights.items()
            }
        inputs = [
            replace(value, dtype=kind.name) if value.dtype in DTYPES else value
            for value in self.inputs
        ]
        nodes = tuple(_converted(node, str(name)) for node in self.nodes)
        return replace(self, nodes=nodes, weights=weights, inputs=tuple(inputs))


def functions_of(node: Node) -> dict[str, Graph]:
    """Return the attributes of a node that are graphs."""
    return {name: value for name, value in node.attributes.items() if isinstance(value, Graph)}


def _converted(node: Node, dtype: str) -> Node:
    """Return a node with the graphs in it in another floating dtype."""
    graphs = {name: graph.astype(dtype) for name, graph in functions_of(node).items()}
    return replace(node, attributes={**node.attributes, **graphs}) if graphs else node


def _check_functions(node: Node) -> None:
    """Refuse graphs in a node that are missing, not well formed, or do not fit the node."""
    op, graphs = OPS[node.op], functions_of(node)
    wrong = [name for name in op.functions if name not in graphs]
    wrong += [name for name in graphs if name not in op.functions]
    if wrong:
        found = "a graph" if wrong[0] in graphs else shortened(node.attributes.get(wrong[0]))
        wanted = "no graph" if wrong[0] in graphs else "a graph"
        raise GraphError(f"{node.where}: got {wrong[0]}={found}, expected {wanted}")
    single = sum(p.kind is not p.VAR_POSITIONAL for p in op.arrays)
    for name, graph in graphs.items():
        more_inputs, more_outputs = op.functions[name]
        takes, gives = max(len(node.inputs), single) + more_inputs, len(node.outputs) + more_outputs
        if len(graph.inputs) != takes or len(graph.outputs) < gives:
            raise GraphError(
                f"{node.where}: got {name} with {len(graph.inputs)} inputs and "
                f"{len(graph.outputs)} outputs, expected {takes} inputs and {gives} outputs"
            )
        try:
            graph._check()
            _ = graph.values
        except (GraphError, DtypeError, ShapeError) as error:
            raise type(error)(f"{node.where}: {name}: {error}") from error
