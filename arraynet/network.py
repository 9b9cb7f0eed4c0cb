"""What a person holds: a graph on a backend, to call, to evaluate, to look into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from arraynet import batching
from arraynet._typing import Array, Kernel
from arraynet.admission import HostArray
from arraynet.backends import Backend
from arraynet.blocks import Blocks
from arraynet.classification import checked_classes
from arraynet.described import Described
from arraynet.engine.forward import check_shape, check_together
from arraynet.engine.tracing import intermediates
from arraynet.errors import ShapeError
from arraynet.graph import Graph
from arraynet.inputs import in_order
from arraynet.labels import labels_from_scores
from arraynet.memory import out_of_memory
from arraynet.metrics import Evaluation, labels_of
from arraynet.progress import Advance, Progress, advancing
from arraynet.scaling import warn_of_range

_ABSENT = object()


class Network(Described):
    """A trained network on a backend.

    It does not change, and any number of threads may call it at once. `to` and
    `astype` return another network.

    Parameters
    ----------
    graph : Graph
        The forward pass, with any number of inputs and outputs.
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

    __slots__ = ("_blocks", "_ordered", "_run")

    def __init__(
        self, graph: Graph, backend: str | Backend = "cpu", *, optimize: bool = True
    ) -> None:
        super().__init__(graph, backend, optimize=optimize)
        self._blocks = Blocks(self._executed, self._backend)
        self._ordered = len(graph.inputs) != 1
        run = self._program.run
        self._run: Kernel = run if len(graph.outputs) == 1 else lambda *x: self._named(run(*x))

    def __call__(self, x: Any = _ABSENT, /, *others: Any, **named: Any) -> Any:
        """Return the network's output for its inputs, on the network's device.

        One input is an array. Several are arrays by position, by name
        (``net(ids=…, mask=…)``), or in a dict by name.

        Parameters
        ----------
        x, *others, **named : array
            Of the shapes in `inputs`, such as (batch, features); on the network's device,
            or anything on the host that becomes a NumPy array, such as a PyTorch tensor on
            the CPU. For an input of floating numbers, integers (such as images of bytes)
            and other floating dtypes are converted on the device; one of integers takes
            those that its dtype holds.

        Returns
        -------
        array, or dict of str to array
            Of several outputs each by its name, in the order of `outputs`.

        Raises
        ------
        ArraynetError
            If there are other inputs than the network's.
        ShapeError, DtypeError
            If one is not of its input's shape, or not of numbers that it takes.
        DeviceMismatchError
            If one lives on another device.
        OutOfMemoryError
            If it does not fit into the device's memory; `predict` takes it in parts.
        """
        try:
            # One array goes straight on: no other Python call stands before the recorded ones.
            if not (others or named or self._ordered or x is _ABSENT):
                match x:
                    case {}:  # any mapping, and it costs no call to ask
                        pass
                    case _:
                        return self._run(x)
            arrays = () if x is _ABSENT else (x, *others)
            return self._run(*in_order("call", self._graph.inputs, arrays, named))
        except self._backend.out_of_memory as error:
            raise out_of_memory(f"network on {self._backend.name}", error) from error

    def _named(self, results: Sequence[Any]) -> Any:
        """Return what the network gives: an array, or several by name."""
        if len(self._graph.outputs) == 1:
            return results[0]
        return dict(zip(self._graph.outputs, results, strict=True))

    def predict(
        self,
        *inputs: Any,
        batch_size: int | None = None,
        progress: Progress = False,
        threads: int | None = None,
        **named: Any,
    ) -> Any:
        """Return the network's output for any number of rows, on the host.

        Where all inputs and outputs share their first axis, and each row depends on its
        own row alone, the batch is cut into blocks; any other runs as a whole.

        Parameters
        ----------
        *inputs, **named : array or iterable of arrays
            (rows, …) each, as for a call; a memory map is read part by part, and may be
            larger than memory. A generator, or any other iterable that is no array, gives
            batches, as does a list of arrays with (rows, …) each; of several inputs each
            batch is a tuple or a dict. An input whose name is an option's comes by
            position or in a dict.
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
        numpy.ndarray, or dict of str to numpy.ndarray
            (rows, …) each.

        Raises
        ------
        ArraynetError, ShapeError, DtypeError, DeviceMismatchError
            As for a call; and if blocks are asked for where rows belong together.
        OutOfMemoryError
            If not even one row fits into the device's memory.
        """
        one = len(inputs) == 1 and not named
        if (
            one
            and type(inputs[0]) is not np.ndarray
            and batching.is_batches(inputs[0], self.inputs)
        ):
            with advancing(progress, None) as advance, self._telling("predict"):
                return self._named(
                    batching.batches(
                        lambda batch: self._predict(self._batch(batch), batch_size, threads),
                        inputs[0],
                        advance,
                    )
                )
        arrays: Sequence[Any] = inputs
        if self._ordered or not one or type(inputs[0]) is not np.ndarray:
            arrays = in_order("predict", self.inputs, inputs, named)
        if batch_size is threads is None and progress is False and self._blocks.fit(arrays):
            try:
                result = self._program.run(*arrays)
                if type(result) is not tuple:
                    return self._backend.to_host(result)
                return self._named(batching.to_host(self._backend, result))
            except self._backend.out_of_memory as error:
                self._tell_parts(error)
            # Only here has the failed call let go of its arrays.
            self._backend.free_memory()
        arrays = self._checked(arrays)
        with (
            advancing(progress, self._blocks.rows(arrays)) as advance,
            self._telling("predict"),
        ):
            return self._named(self._predict(arrays, batch_size, threads, advance))

    def _tell_parts(self, error: BaseException) -> None:
        """Log that memory ran out, and what follows."""
        import logging

        log = logging.getLogger("arraynet")
        log.info("predict on %s: %s; going on in parts", self._backend.name, error)

    def _predict(
        self,
        arrays: Sequence[Array],
        batch_size: int | None,
        threads: int | None,
        advance: Advance | None = None,
    ) -> batching.Results:
        return batching.predict(
            self._program, self._blocks, arrays, block=batch_size, threads=threads, advance=advance
        )

    def _batch(self, batch: Any) -> list[Array]:
        """Return one batch of an iterable: an array for each input."""
        several = self._ordered and isinstance(batch, tuple | list)
        return self._checked(in_order("predict", self.inputs, batch if several else (batch,), {}))

    def _checked(self, arrays: Sequence[Any]) -> list[Array]:
        """Return inputs as arrays of their shapes: the device's own, else the host's."""
        checked = []
        for value, x in zip(self.inputs, arrays, strict=True):
            special = isinstance(x, np.ndarray) and type(x) not in (np.ndarray, np.memmap)
            if special or not (isinstance(x, np.ndarray) or self._backend.owns(x)):
                x = self._backend.on_host(x)  # a matrix has rules of its own
            check_shape(tuple(x.shape), value.shape, value.name)
            checked.append(x)
        check_together(self.inputs, checked)
        return checked

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
            As for `predict`, of a network with one input.

        Returns
        -------
        numpy.ndarray, shape (rows,)
            int64. Of equal outputs the first class is chosen. A row whose outputs
            hold NaN has no answer, and gets -1. Where a row has several lists of
            outputs, each has its label: (rows, …, classes) → (rows, …).

        Raises
        ------
        ArraynetError
            As for `predict`, or if the network has several inputs or outputs.
        ShapeError
            As for `predict`, or if the network's outputs are no answer: they have no
            axis of classes, or there is one that is no sigmoid's.
        """
        checked_classes(self._graph, "classify")
        scores = self.predict(x, batch_size=batch_size, progress=progress, threads=threads)
        with self._telling("classify"):
            return labels_from_scores(scores)

    def activations(self, *inputs: Any, **named: Any) -> dict[str, Array]:
        """Return the inputs and every intermediate by name, on the network's device.

        They are the values of the network as it was written: passes do not show.

        Parameters
        ----------
        *inputs, **named : array
            As for a call.

        Returns
        -------
        dict of str to array
            The inputs first, such as ``"x"``, then each node in order, such as
            ``"affine1"``, ``"sigmoid1"``. What the branch of an ``if`` computed that was
            taken has the names of both: ``"if1/relu1"``.
        """
        arrays = in_order("activations", self.inputs, inputs, named)
        with self._telling("activations"):
            return intermediates(self._graph, self._backend, *arrays)

    def evaluate(
        self,
        x: Any,
        t: npt.ArrayLike,
        batch_size: int | None = None,
        progress: Progress = False,
    ) -> Evaluation:
        """Return how often the network is right on labelled examples.

        Every row counts, also those of a last batch that is not full.

        Parameters
        ----------
        x : array, shape (rows, …)
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
        ArraynetError
            If the network has several inputs or outputs.
        ShapeError
            If the counts of rows and labels differ, a label is out of range, or the
            network's output is not (batch, classes).
        """
        classes = checked_classes(self._graph, "evaluate", rank=2)
        labels = labels_of(t, classes)
        (rows,) = self._checked(in_order("evaluate", self.inputs, (x,), {}))
        if rows.shape[0] != len(labels):
            raise ShapeError(
                f"evaluate: got {rows.shape[0]} rows and {len(labels)} labels, expected one "
                f"label for each row"
            )
        warn_of_range(rows, self._graph, "evaluate")
        predicted = self.classify(rows, batch_size, progress)
        return Evaluation.of(predicted, labels, classes=classes, backend=self._backend.name)
