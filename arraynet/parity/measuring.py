"""The differences of several backends' values, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arraynet.admission import HostArray
from arraynet.graph import Graph
from arraynet.labels import labels_from_scores
from arraynet.ops.admission import FLOATING
from arraynet.parity.differences import largest_differences
from arraynet.parity.report import NodeDifference, Report


@dataclass(frozen=True)
class Values:
    """What a network gives for a block, on the host, by name.

    Attributes
    ----------
    inside : dict of str to array
        The inputs and every intermediate, each op applied as it stands.
    outputs : dict of str to array
        The outputs as a call gives them.
    """

    inside: dict[str, HostArray]
    outputs: dict[str, HostArray]


class Comparison:
    """The differences so far.

    Parameters
    ----------
    graph : Graph
        The network as it was written.
    backends : tuple of str
        The reference first.
    """

    def __init__(self, graph: Graph, backends: tuple[str, ...]) -> None:
        self.graph = graph
        self.backends = backends
        self.rows = 0
        self.differing: list[int] = []
        self.answered = False
        self.order_kept = True
        self.last = graph.producers.get(graph.outputs[0])
        self.ops = dict(_ops(graph))
        self.nodes: dict[str, HostArray] = {}
        self.outputs: dict[str, HostArray] = {}
        self.dtypes: dict[str, str] = {}
        self.margins: dict[str, tuple[float, int]] = {}

    def add(self, rows: int, values: list[Values]) -> None:
        """Compare the values of a block of rows, those of each backend."""
        for column, other in enumerate(values[1:]):
            self._measure(self.nodes, column, other.inside, values[0].inside)
            self._measure(self.outputs, column, other.outputs, values[0].outputs)
        answers = [self._answers(rows, each) for each in values]
        self.answered |= bool(answers[0])
        differs = np.zeros(rows, bool)
        for each in answers[1:]:
            for mine, wanted in zip(each, answers[0], strict=True):
                differs |= _rows_that_differ(mine, wanted, rows)
        self.differing += (np.flatnonzero(differs) + self.rows).tolist()
        if self._scored():
            self._measure_margins(values[0])
        self.rows += rows

    def _measure(
        self,
        largest: dict[str, HostArray],
        column: int,
        found: dict[str, HostArray],
        wanted: dict[str, HostArray],
    ) -> None:
        """Keep the largest differences of the values that both backends have."""
        for name, value in wanted.items():
            if name not in self.ops or name not in found:
                continue
            kind = self.graph.dtype if value.dtype.name in FLOATING else value.dtype.name
            self.dtypes[name] = kind
            kept = largest.setdefault(name, np.zeros((len(self.backends) - 1, 3)))
            kept[column] = np.maximum(kept[column], largest_differences(found[name], value, kind))

    def _scored(self) -> bool:
        """Return whether the one output is scores, from which labels follow."""
        value = self.graph.values[self.graph.outputs[0]]
        return len(self.graph.outputs) == 1 and bool(value.shape) and value.dtype in FLOATING

    def _answers(self, rows: int, values: Values) -> list[HostArray]:
        """Return what must be equal: the labels of scores, and outputs of whole numbers."""
        if self._scored():
            (scores,) = values.outputs.values()
            return [_labels(scores)] if scores.ndim and len(scores) == rows else []
        return [part for part in values.outputs.values() if part.dtype.name not in FLOATING]

    def _measure_margins(self, reference: Values) -> None:
        """Keep the smallest margin of the output, and of what the last op was applied to."""
        (output,) = reference.outputs.values()
        labels = _labels(output)
        scores = {"output": output, **{name: reference.inside[name] for name in self._scores()}}
        for name, found in scores.items():
            wide = found.astype(np.float64)
            if name != "output":
                self.order_kept &= bool((_labels(wide) == labels).all())
            if wide.ndim != 2 or wide.shape[1] < 2 or not len(wide):
                continue
            best = np.sort(wide, axis=1)[:, -2:]
            gaps = np.nan_to_num(best[:, 1] - best[:, 0], nan=np.inf)
            row = int(gaps.argmin())
            margin = (float(gaps[row]), row + self.rows)
            self.margins[name] = min(self.margins.get(name, margin), margin)

    def _scores(self) -> list[str]:
        """Return the input of the last node, where it has the output's shape."""
        if self.last is None or len(self.last.inputs) != 1:
            return []
        shapes, made = self.graph.shapes, self.graph.producers
        names = [name for name in self.last.inputs if name is not None and name in made]
        return [name for name in names if shapes[name] == shapes[self.last.name]]

    def report(self) -> Report:
        """Return what was found."""
        # The order of softmax's inputs is that of its outputs; of another op, perhaps not.
        at = next(iter(self._scores()), "output") if self.order_kept else "output"
        margin, margin_row = self.margins.get(at, (float("nan"), -1))
        agree = (self.rows - len(self.differing)) / self.rows if self.rows else float("nan")
        one = len(self.graph.outputs) == 1
        return Report(
            backends=self.backends,
            nodes=tuple(self._differences(self.nodes, {name: name for name in self.nodes})),
            labels_agree=agree if self.answered else float("nan"),
            outputs=tuple(
                self._differences(
                    self.outputs,
                    {name: "output" if one else f"output {name}" for name in self.outputs},
                )
            ),
            rows=self.rows,
            dtype=self.graph.dtype,
            differing=tuple(self.differing),
            margin=margin,
            margin_at=at if margin_row >= 0 else "",
            margin_row=margin_row,
            answered=self.answered,
        )

    def _differences(
        self, largest: dict[str, HostArray], names: dict[str, str]
    ) -> Iterator[NodeDifference]:
        for name, found in largest.items():
            for backend, numbers in zip(self.backends[1:], found, strict=True):
                absolute, relative, ulps = map(float, numbers)
                op, dtype = self.ops[name], self.dtypes[name]
                yield NodeDifference(names[name], op, backend, absolute, relative, ulps, dtype)


def _ops(graph: Graph, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name of each value with its op, those of graphs inside nodes too."""
    for node in graph.nodes:
        for inner in node.attributes.values():
            if isinstance(inner, Graph):
                yield from _ops(inner, f"{prefix}{node.name}/")
        yield from ((f"{prefix}{name}", node.op) for name in node.gives)


def _rows_that_differ(found: HostArray, wanted: HostArray, rows: int) -> HostArray:
    """Return which rows have another answer; all, where an answer is not of one row."""
    if found.shape == wanted.shape and found.shape[:1] == (rows,):
        differs: HostArray = (found != wanted).any(axis=tuple(range(1, found.ndim)))
        return differs
    return np.full(rows, not np.array_equal(found, wanted))


def _labels(scores: HostArray) -> HostArray:
    """Return the labels of rows of scores; of a single score, whether it is above a half."""
    scores = scores.astype(np.float64)
    return labels_from_scores(scores[:, np.newaxis] if scores.ndim == 1 else scores)
