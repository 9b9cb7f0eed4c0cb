"""What a person holds: a graph on a backend, to call, to evaluate, to look into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arraynet import batching
from arraynet._typing import Array
from arraynet.backends import Backend, get_backend
from arraynet.engine.forward import check_shape
from arraynet.engine.program import Program, intermediates
from arraynet.errors import GraphError, ShapeError, clipped, shape_text
from arraynet.graph import Graph, HostArray, cuttable
from arraynet.labels import labels_from_scores
from arraynet.memory import out_of_memory, telling_full_memory
from arraynet.metrics import Evaluation, labels_of
from arraynet.node import Node
from arraynet.ops import OPS, Op
from arraynet.passes import optimize as optimized
from arraynet.progress import Advance, Progress, advancing
from arraynet.scaling import warn_of_range

if TYPE_CHECKING:
    from arraynet.formats.limits import Limits
    from arraynet.summary import Summary


SHOWN_SIZES = 16
"""Most sizes of layers in the `repr` of a network."""


class Network:
    """A trained network on a backend.

    It does not change, and any number of threads may call it at once. `to` and
    `astype` return another network.

    Parameters
    ----------
    graph : Graph
        The forward pass, with one input and one output.
    backend : str or Backend
        Where it runs; see `arraynet.get_backend`.
    optimize : bool
        Whether passes may rewrite the graph to one that costs less and computes
        the same up to rounding.

    Examples
    --------
    >>> import arraynet
    >>> net = arraynet.load_pretrained("digits")
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> bool(net.classify(x[:1])[0] == t[0])
    True
    """

    __slots__ = (
        "__weakref__",
        "_backend",
        "_cut",
        "_executed",
        "_graph",
        "_optimize",
        "_program",
        "_run",
    )

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
        self._cut = cuttable(self._executed)
        self._run = self._program.run

    def __call__(self, x: Any) -> Array:
        """Return the network's output for a batch, on the network's device.

        Parameters
        ----------
        x : array, shape (batch, features)
            On the network's device, or anything on the host that becomes a NumPy
            array, such as a PyTorch tensor on the CPU. Integers (such as images of
            bytes) and other floating dtypes are converted to the network's dtype on
            the device.

        Returns
        -------
        array, shape (batch, outputs)

        Raises
        ------
        ShapeError, DtypeError
            If it is not a batch of the network's size, or not of real numbers.
        DeviceMismatchError
            If it lives on another device.
        OutOfMemoryError
            If it does not fit into the device's memory; `predict` takes it in parts.
        """
        try:
            return self._run(x)
        except self._backend.out_of_memory as error:
            raise out_of_memory(f"network on {self._backend.name}", error) from error

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
        """The dtype that the network computes in: that of its weights."""
        return self._graph.dtype

    @property
    def input_shape(self) -> tuple[int | str, ...]:
        """The shape of a batch, such as ``("batch", 784)``."""
        return self._graph.inputs[0].shape

    @property
    def output_shape(self) -> tuple[int | str, ...]:
        """The shape of the output for a batch, such as ``("batch", 10)``."""
        return self._graph.shapes[self._graph.outputs[0]]

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
        if len(self.output_shape) < 2 or not isinstance(self.output_shape[-1], int):
            return None
        if self.output_shape[-1] != 1:
            return self.output_shape[-1]
        return 2 if self._last().elementwise and self.gives_probabilities else None

    @property
    def gives_probabilities(self) -> bool:
        """Whether every output is between 0 and 1, whatever the input."""
        return tuple(self._last().bounds) == (0, 1)

    def _last(self) -> Op:
        """Return the op that gives the output, before any that return their input."""
        node = self._graph.producers[self._graph.outputs[0]]
        while OPS[node.op].droppable:
            before = self._graph.producers.get(node.inputs[0] or "")
            if before is None:
                break
            node = before
        return OPS[node.op]

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        progress: Progress = False,
        *,
        threads: int | None = None,
    ) -> HostArray:
        """Return the network's output for any number of rows, on the host.

        Parameters
        ----------
        x : array or iterable of arrays
            (rows, features), as for a call; a memory map is read part by part, and
            may be larger than memory. A generator, or any other iterable that is no
            array, gives batches, as does a list of arrays with (rows, features) each.
        batch_size : int, optional
            Rows at a time; None leaves the choice to the backend. When the memory
            of a device is too small, fewer rows at a time are tried.
        progress : bool or callable
            True shows a bar on a terminal; a function is called with the number of
            rows of each part that is done, maybe from other threads, one at a time.
        threads : int, optional
            Threads to use on the CPU; None: one for each core, where that pays.

        Returns
        -------
        numpy.ndarray, shape (rows, outputs)

        Raises
        ------
        ShapeError, DtypeError, DeviceMismatchError
            As for a call.
        OutOfMemoryError
            If not even one row fits into the device's memory.
        """
        if batch_size is threads is None and progress is False and self._fits(x):
            try:
                return self._backend.to_host(self._run(x))
            except self._backend.out_of_memory as error:
                self._tell_parts(error)
            # Only here has the failed call let go of its arrays.
            self._backend.free_memory()
        rows = None if batching.is_batches(x, len(self.input_shape)) else self._rows(x)
        total = None if rows is None else rows.shape[0]
        with advancing(progress, total) as advance, self._telling("predict"):
            if rows is None:
                return batching.batches(
                    lambda batch: self._predict(self._rows(batch), batch_size, threads, None),
                    x,
                    advance,
                )
            return self._predict(rows, batch_size, threads, advance)

    def _fits(self, x: Any) -> bool:
        """Return whether a host array is one block at most: nothing is to be cut."""
        budget = self._backend.block_bytes
        if type(x) is not np.ndarray or x.ndim == 0 or budget is None:
            return False
        return len(x) * self._program.row_bytes <= budget

    def _tell_parts(self, error: BaseException) -> None:
        """Log that memory ran out, and what follows."""
        import logging

        log = logging.getLogger("arraynet")
        log.info("predict on %s: %s; going on in parts", self._backend.name, error)

    def _predict(
        self,
        x: Array,
        batch_size: int | None,
        threads: int | None,
        advance: Advance | None,
    ) -> HostArray:
        return batching.predict(
            self._program, x, block=batch_size, threads=threads, cut=self._cut, advance=advance
        )

    def _rows(self, x: Any) -> Array:
        """Return the input as an array of rows: the device's own, else the host's."""
        special = isinstance(x, np.ndarray) and type(x) not in (np.ndarray, np.memmap)
        if special or not (isinstance(x, np.ndarray) or self._backend.owns(x)):
            x = self._backend.on_host(x)  # a matrix has rules of its own
        check_shape(tuple(x.shape), self.input_shape)
        return x

    def classify(
        self,
        x: Any,
        batch_size: int | None = None,
        progress: Progress = False,
        *,
        threads: int | None = None,
    ) -> HostArray:
        """Return the label of each row: the class with the largest output.

        Of a network with one output, which is a sigmoid's or a step's, the label is
        whether it is above a half: no (0) or yes (1).

        Parameters
        ----------
        x, batch_size, progress, threads
            As for `predict`.

        Returns
        -------
        numpy.ndarray, shape (rows,)
            int64. Of equal outputs the first class is chosen. A row whose outputs
            hold NaN has no answer, and gets -1. Where a row has several lists of
            outputs, each has its label: (rows, …, classes) → (rows, …).

        Raises
        ------
        ShapeError
            As for `predict`, or if the network's outputs are no answer: they have no
            axis of classes, or there is one that is no sigmoid's.
        """
        if self.classes is None:
            raise _unlabelled(self, "classify")
        scores = self.predict(x, batch_size, progress, threads=threads)
        with self._telling("classify"):
            return labels_from_scores(scores)

    def _telling(self, function: str) -> AbstractContextManager[None]:
        """Turn full memory into the error that says so."""
        return telling_full_memory(
            f"{function} on {self._backend.name}", self._backend.out_of_memory
        )

    def activations(self, x: Any) -> dict[str, Array]:
        """Return the input and every intermediate by name, on the network's device.

        They are the values of the network as it was written: passes do not show.

        Parameters
        ----------
        x : array, shape (batch, features)
            As for a call.

        Returns
        -------
        dict of str to array
            ``"x"`` first, then each node in order, such as ``"affine1"``,
            ``"sigmoid1"``; the output is last.
        """
        with self._telling("activations"):
            return intermediates(self._graph, self._backend, x)

    def evaluate(
        self,
        x: Any,
        t: npt.ArrayLike,
        batch_size: int | None = 100,
        progress: Progress = False,
    ) -> Evaluation:
        """Return how often the network is right on labelled examples.

        Every row counts, also those of a last batch that is not full.

        Parameters
        ----------
        x : array, shape (rows, features)
        t : array_like
            (rows,) labels, or a column (rows, 1) of them, or (rows, classes) one-hot rows.
            Of a network with one output, 0 is no and 1 is yes: see `classify`.
        batch_size, progress
            As for `predict`.

        Returns
        -------
        Evaluation
            With ``accuracy``, ``correct``, ``total``, ``confusion_matrix``, ``backend``.

        Warns
        -----
        UserWarning
            If the values are hardly in the range that the network takes, such as pixels
            from 0 to 255 for a network without a scale.

        Raises
        ------
        ShapeError
            If the counts of rows and labels differ, a label is out of range, or the
            network's output is not (batch, classes).
        """
        classes = classes_of(self, "evaluate")
        with self._telling("evaluate"):
            labels = labels_of(t, classes)
        rows = self._rows(x)
        if rows.shape[0] != len(labels):
            raise ShapeError(
                f"evaluate: got {rows.shape[0]} rows and {len(labels)} labels, expected one "
                f"label for each row"
            )
        warn_of_range(rows, self._graph, "evaluate")
        predicted = self.classify(rows, batch_size, progress)
        return Evaluation.of(predicted, labels, classes=classes, backend=self._backend.name)

    def summary(self, *, optimized: bool = False) -> Summary:
        """Return the table of layers: shapes, parameters, bytes, multiply-adds.

        Parameters
        ----------
        optimized : bool
            Whether to show the graph as passes left it, instead of as written.
        """
        from arraynet.summary import summarize

        return summarize(
            self._executed if optimized else self._graph,
            backend=self._backend.name,
            precision=self._backend.precision,
            unfused=dict(self._backend.unfused),
        )

    def to(self, backend: str | Backend, *, precision: str | None = None) -> Network:
        """Return the same network on another backend.

        Parameters
        ----------
        backend : str or Backend
        precision : {"highest", "tf32"}, optional
            Of float32 products on a GPU; see `arraynet.get_backend`.
        """
        target = get_backend(backend, precision=precision)
        return Network(self._graph, target, optimize=self._optimize)

    def astype(self, dtype: npt.DTypeLike) -> Network:
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
        return Network(self._graph.astype(dtype), self._backend, optimize=self._optimize)

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
        shapes = [self._graph.shapes[n.name] for n in self._graph.nodes if n.inputs[1:]]
        # A value without axes is one number.
        sizes = [clipped(str((1, *shape)[-1]), 20) for shape in (self.input_shape, *shapes)]
        if len(sizes) > SHOWN_SIZES:
            sizes[SHOWN_SIZES - 1 : -1] = ["…"]
        layers = " → ".join(sizes)
        return f"<arraynet network {layers}, {self.dtype} on {self._backend.name}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the graph and the backend's name; the program is built anew."""
        return _rebuild, (self._graph, self._backend, self._optimize)


def _rebuild(graph: Graph, backend: Backend, optimize: bool) -> Network:
    return Network(graph, backend, optimize=optimize)


def classes_of(network: Network, function: str) -> int:
    """Return how many classes a network tells apart, one of them for each row of its input.

    Raises
    ------
    ShapeError
        If its outputs are no answer, or not one for each row.
    """
    shape = network.output_shape
    if network.classes is None or len(shape) != 2 or shape[0] != network.input_shape[0]:
        raise _unlabelled(network, function)
    return network.classes


def _unlabelled(network: Network, function: str) -> ShapeError:
    """Return the error for a network whose output gives no labels."""
    shape = network.output_shape
    if len(shape) > 1 and shape[-1] == 1 and network.classes is None:
        return ShapeError(
            f"{function}: got a network with one output, of "
            f"{clipped(network.graph.outputs[0])}, expected one between 0 and 1, which says "
            f"yes above a half (put 'sigmoid' last), or more outputs than one"
        )
    found = f"from {shape_text(network.input_shape)} to {shape_text(shape)}"
    return ShapeError(f"{function}: got a network {found}, expected (batch, classes)")
