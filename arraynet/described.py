"""What a network is: a graph on a backend, its inputs and outputs, what is inside."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from arraynet.admission import HostArray
from arraynet.backends import Backend, get_backend
from arraynet.classification import classes_of, gives_probabilities
from arraynet.engine.program import Program
from arraynet.errors import ArraynetError, GraphError, clipped
from arraynet.graph import Graph
from arraynet.inputs import values_text
from arraynet.memory import telling_full_memory
from arraynet.node import Node, Value
from arraynet.passes import optimize as optimized

if TYPE_CHECKING:
    from arraynet.formats.limits import Limits
    from arraynet.summary import Summary


class Described:
    """A graph on a backend, and what it says of itself; `arraynet.Network` runs it."""

    __slots__ = ("__weakref__", "_backend", "_executed", "_graph", "_optimize", "_program")

    def __init__(
        self, graph: Graph, backend: str | Backend = "cpu", *, optimize: bool = True
    ) -> None:
        if not isinstance(graph, Graph):
            raise GraphError(
                f"Network: got {clipped(type(graph).__name__)}, expected a Graph (arraynet.load "
                f"and arraynet.Sequential make networks of files and layers)"
            )
        self._graph = graph.validated()
        self._backend = get_backend(backend)
        self._optimize = optimize
        with self._telling("Network"):
            self._executed = optimized(graph) if optimize else graph
            self._program = Program(self._executed, self._backend)

    def __len__(self) -> int:
        """Return how many layers there are."""
        return len(self._graph.nodes)

    @property
    def graph(self) -> Graph:
        """The network as it was written, before any pass."""
        return self._graph

    @property
    def backend(self) -> Backend:
        """Where the network runs."""
        return self._backend

    @property
    def dtype(self) -> str:
        """The floating dtype that the network computes in: that of its weights."""
        return self._graph.dtype

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What the network takes, in order: the name, the shape and the dtype of each."""
        return self._graph.inputs

    @property
    def outputs(self) -> tuple[Value, ...]:
        """What the network gives, in order: the name, the shape and the dtype of each."""
        return tuple(self._graph.values[name] for name in self._graph.outputs)

    @property
    def input_shape(self) -> tuple[int | str, ...]:
        """The shape of a batch for the one input, such as ``("batch", 784)``."""
        return _only("input", self.inputs).shape

    @property
    def output_shape(self) -> tuple[int | str, ...]:
        """The shape of the one output for a batch, such as ``("batch", 10)``."""
        return _only("output", self.outputs).shape

    @property
    def layers(self) -> tuple[Node, ...]:
        """The network's nodes in order: the op of each, and the names it reads and gives."""
        return self._graph.nodes

    @property
    def weights(self) -> Mapping[str, HostArray]:
        """The weights by name, such as ``"W1"``, on the host; they are read-only."""
        return self._graph.weights

    @property
    def classes(self) -> int | None:
        """How many classes the outputs tell apart; None where they are no answer.

        Two, no (0) and yes (1), of a single output that is between 0 and 1 element by
        element: a sigmoid's or a step's. It says yes above a half.
        """
        return classes_of(self._graph)

    @property
    def gives_probabilities(self) -> bool:
        """Whether every output is between 0 and 1, whatever the input."""
        return gives_probabilities(self._graph)

    def _telling(self, function: str) -> AbstractContextManager[None]:
        """Turn full memory into the error that says so."""
        return telling_full_memory(
            f"{function} on {self._backend.name}", self._backend.out_of_memory
        )

    def summary(
        self, *, optimized: bool = False, sizes: Mapping[str, int] | None = None
    ) -> Summary:
        """Return the table of layers: shapes, parameters, bytes, multiply-adds.

        Parameters
        ----------
        optimized : bool
            Whether to show the graph as passes left it, instead of as written.
        sizes : mapping of str to int, optional
            For which sizes multiply-adds are counted, such as ``{"batch": 1, "seq": 128}``;
            one that is not given is 1.
        """
        from arraynet.summary import summarize

        return summarize(
            self._executed if optimized else self._graph,
            backend=self._backend.name,
            precision=self._backend.precision,
            unfused=dict(self._backend.unfused),
            sizes=sizes,
        )

    def to(self, backend: str | Backend, *, precision: str | None = None) -> Self:
        """Return the same network on another backend.

        Parameters
        ----------
        backend : str or Backend
        precision : {"highest", "tf32"}, optional
            Of float32 products on a GPU; see `arraynet.get_backend`.
        """
        target = get_backend(backend, precision=precision)
        return type(self)(self._graph, target, optimize=self._optimize)

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Return the network in another dtype: float16, bfloat16, float32, float64.

        ``dtype`` is the name, or NumPy's type or dtype.

        With the book's network on MNIST's 10,000 test images, on the CPU, float16
        moves a probability by up to 0.0016 and flips one label; bfloat16 moves one
        by up to 0.012 and flips six.

        Raises
        ------
        DtypeError
            For another dtype, one that the backend lacks, or weights that are too large
            for it.
        """
        return type(self)(self._graph.astype(dtype), self._backend, optimize=self._optimize)

    def save(self, path: str | os.PathLike[str], *, limits: Limits | None = None) -> None:
        """Write weights and graph to a ``.safetensors`` or ``.npz`` file.

        `arraynet.load` gives the same network back, bit for bit. The file that was
        there stays whole until the new one is.

        Parameters
        ----------
        path : str or os.PathLike
        limits : Limits, optional
            With which it is to be loaded again, where the usual ones are too low; see
            `arraynet.formats.Limits`.

        Raises
        ------
        ArraynetError
            For another suffix, a target that is no file, or a network that could not be
            loaded again within the limits.
        OSError
            If the file cannot be written; the old one is as it was.
        """
        from arraynet.formats import write
        from arraynet.formats.graph_json import graph_to_metadata

        write(path, self._graph.weights, graph_to_metadata(self._graph), limits=limits)

    def __repr__(self) -> str:
        from arraynet.summary import line

        return f"<arraynet network {line(self._graph)}, {self.dtype} on {self._backend.name}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the graph and the backend's name; the program is built anew."""
        return _rebuild, (type(self), self._graph, self._backend, self._optimize)


def _rebuild(kind: type[Described], graph: Graph, backend: Backend, optimize: bool) -> Described:
    return kind(graph, backend, optimize=optimize)


def _only(kind: str, values: Sequence[Value]) -> Value:
    """Return the one input or output of a network.

    Raises
    ------
    ArraynetError
        If there are others.
    """
    if len(values) != 1:
        raise ArraynetError(
            f"{kind}_shape: got a network with {len(values)} {kind}s, expected one (see "
            f"net.{kind}s: {values_text(values)})"
        )
    return values[0]
