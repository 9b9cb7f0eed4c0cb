"""Running a network on several backends, and measuring how far they differ.

Every backend gets the same rows in the same blocks. The first backend named is the
reference; "float64" is the network in that precision on NumPy, without any pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from arraynet.admission import whole_number
from arraynet.backends import Backend, get_backend
from arraynet.errors import ArraynetError, ShapeError, shortened
from arraynet.graph import Graph, HostArray
from arraynet.labels import labels_from_scores
from arraynet.loading import load
from arraynet.memory import telling_full_memory
from arraynet.network import Network
from arraynet.parity.report import NodeDifference, Report
from arraynet.weights import FORMATS

REFERENCE = "float64"
"""The name that stands for float64 on NumPy."""


@telling_full_memory("parity")
def compare(
    network: Network | str | os.PathLike[str],
    x: Any,
    backends: Sequence[str] = ("cpu", REFERENCE),
    *,
    batch_size: int = 1000,
    **reading: Any,
) -> Report:
    """Run a network on several backends and report how far they differ.

    Parameters
    ----------
    network : Network or path
    x : array, shape (rows, features)
        On the host.
    backends : sequence of str
        Two or more names as `arraynet.get_backend` takes them, the reference first.
        "float64" is the network in that precision on NumPy.
    batch_size : int
        Rows at a time: the intermediates of so many are held.
    **reading
        What `arraynet.load` takes, where ``network`` is a path.

    Returns
    -------
    Report

    Raises
    ------
    ArraynetError
        For fewer than two backends, or one that is named twice.
    BackendUnavailableError
        For a backend that does not work on this machine.
    ShapeError, DtypeError
        As for a call of the network.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> report = compare(arraynet.load_pretrained("digits"), x)
    >>> report.labels_agree, report.passed(1e-5)
    (1.0, True)
    """
    several = isinstance(backends, list | tuple) and len(backends) > 1
    if not (several and all(isinstance(each, str | Backend) for each in backends)):
        wanted = f"two or more names, such as ('cpu', '{REFERENCE}')"
        raise ArraynetError(f"parity: got backends {shortened(backends)}, expected {wanted}")
    batch_size = whole_number("batch_size", batch_size)
    if not isinstance(network, Network):
        network = load(network, **reading)
    if not network.output_shape:
        raise ShapeError(
            "parity: got a network with output (), expected one that gives rows (batch, ...)"
        )
    networks = _networks(network, backends)
    rows = get_backend("cpu").asarray(x)
    comparison = _Comparison(network.graph, tuple(networks))
    # One empty block where there are no rows: it still checks the shape.
    for start in range(0, max(len(rows), 1) if rows.ndim else 1, batch_size):
        block = rows[start : start + batch_size] if rows.ndim else rows
        comparison.add(list(_values(block, networks, network.dtype)))
    return comparison.report()


def _networks(network: Network, backends: Sequence[str]) -> dict[str, Network]:
    """Return the network on each backend, by the backend's full name."""
    networks: dict[str, Network] = {}
    for asked in backends:
        if asked == REFERENCE:
            name, copy = asked, Network(network.graph.astype(asked), "cpu", optimize=False)
        else:
            copy = network.to(asked)
            name = copy.backend.name
        if name in networks:
            raise ArraynetError(f"parity: got {name!r} twice, expected different backends")
        networks[name] = copy
    return networks


def _values(
    block: HostArray, networks: dict[str, Network], dtype: str
) -> Iterator[dict[str, HostArray]]:
    """Yield each network's values for a block of rows, on the host, the output as "output"."""
    for name, network in networks.items():
        # The reference starts from what the others start from: the rounded input.
        given = get_backend("cpu").asarray(block, dtype) if name == REFERENCE else block
        to_host = network.backend.to_host
        values = {key: to_host(value) for key, value in network.activations(given).items()}
        yield {**values, "output": to_host(network(given))}


class _Comparison:
    """The differences so far."""

    def __init__(self, graph: Graph, backends: tuple[str, ...]) -> None:
        self.graph = graph
        self.backends = backends
        self.rows = 0
        self.differing: list[int] = []
        self.order_kept = True
        self.last = graph.producers.get(graph.outputs[0])
        keys = [(node.name, node.op) for node in graph.nodes]
        self.keys = [*keys, ("output", self.last.op if self.last else "")]
        self.largest = np.zeros((len(self.keys), len(backends) - 1, 3))
        self.margins: dict[str, tuple[float, int]] = {}

    def add(self, values: list[dict[str, HostArray]]) -> None:
        """Compare the values of a block of rows, one mapping for each backend."""
        reference, *others = values
        for row, (name, _) in enumerate(self.keys):
            for column, other in enumerate(others):
                found = largest_differences(other[name], reference[name], self.graph.dtype)
                self.largest[row, column] = np.maximum(self.largest[row, column], found)
        labels = np.stack([_labels(each["output"]) for each in values])
        disagree = (labels != labels[0]).any(axis=(0, *range(2, labels.ndim)))
        self.differing += (np.flatnonzero(disagree) + self.rows).tolist()
        self._measure_margins(reference, labels[0])
        self.rows += labels.shape[1]

    def _measure_margins(self, reference: dict[str, HostArray], labels: HostArray) -> None:
        """Keep the smallest margin of the output, and of what the last op was applied to."""
        for name in ("output", *self._scores()):
            scores = reference[name].astype(np.float64)
            if name != "output":
                self.order_kept &= bool((_labels(scores) == labels).all())
            if scores.ndim != 2 or scores.shape[1] < 2 or not len(scores):
                continue
            best = np.sort(scores, axis=1)[:, -2:]
            gaps = np.nan_to_num(best[:, 1] - best[:, 0], nan=np.inf)
            row = int(gaps.argmin())
            found = (float(gaps[row]), row + self.rows)
            self.margins[name] = min(self.margins.get(name, found), found)

    def _scores(self) -> list[str]:
        """Return the input of the last node, where it has the output's shape."""
        if self.last is None or len(self.last.inputs) != 1:
            return []
        shapes, made = self.graph.shapes, self.graph.producers
        names = [name for name in self.last.inputs if name is not None and name in made]
        return [name for name in names if shapes[name] == shapes[self.last.name]]

    def report(self) -> Report:
        """Return what was found."""
        found = [
            NodeDifference(name, op, backend, *map(float, self.largest[row, column]))
            for row, (name, op) in enumerate(self.keys)
            for column, backend in enumerate(self.backends[1:])
        ]
        split = len(found) - len(self.backends) + 1
        # The order of softmax's inputs is that of its outputs; of another op, perhaps not.
        at = next(iter(self._scores()), "output") if self.order_kept else "output"
        margin, margin_row = self.margins.get(at, (float("nan"), -1))
        agree = (self.rows - len(self.differing)) / self.rows if self.rows else float("nan")
        return Report(
            backends=self.backends,
            nodes=tuple(found[:split]),
            labels_agree=agree,
            outputs=tuple(found[split:]),
            rows=self.rows,
            dtype=self.graph.dtype,
            differing=tuple(self.differing),
            margin=margin,
            margin_at=at if margin_row >= 0 else "",
            margin_row=margin_row,
        )


def largest_differences(a: HostArray, b: HostArray, dtype: str) -> tuple[float, float, float]:
    """Return the largest absolute and relative difference, and that in ulps of a dtype.

    Each element is measured against the larger of the two, so that the order does not
    matter and a number against 0 gives a relative difference of 1. Two NaN, and two
    equal infinities, do not differ; NaN and a number differ infinitely.

    Examples
    --------
    >>> largest_differences(np.array([1.0, 3.0]), np.array([1.0, 4.0]), "float32")
    (1.0, 0.25, 2097152.0)
    """
    first, second = a.astype(np.float64), b.astype(np.float64)
    both = np.isfinite(first) & np.isfinite(second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    if not (both | same).all():
        return (np.inf, np.inf, np.inf)
    first, second = first[both], second[both]
    gap = np.abs(first - second)
    size = np.maximum(np.abs(first), np.abs(second))
    relative = gap / np.where(size > 0, size, 1.0)
    exponent = np.maximum(np.frexp(size)[1] - 1, FORMATS[dtype].least)
    ulps = gap / np.ldexp(1.0, exponent - FORMATS[dtype].bits)
    return (
        gap.max(initial=0.0).item(),
        relative.max(initial=0.0).item(),
        ulps.max(initial=0.0).item(),
    )


def _labels(scores: HostArray) -> HostArray:
    """Return the labels of rows of scores; of a single score, whether it is above a half."""
    scores = scores.astype(np.float64)
    return labels_from_scores(scores[:, np.newaxis] if scores.ndim == 1 else scores)
