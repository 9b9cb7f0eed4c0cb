"""What a comparison of backends found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from arraynet.errors import clipped
from arraynet.tables import text_table
from arraynet.weights import FORMATS

_HEADINGS = ("node", "op", "backend", "absolute", "relative", "ulps")
_SHOWN = 10


@dataclass(frozen=True)
class NodeDifference:
    """How far a backend's value of one node is from the reference's.

    Attributes
    ----------
    name, op : str
        The value and the op of its node; the network's own output, as passes and kernels
        give it, is "output" (of several, "output" and its name).
    backend : str
        The one that is compared with the reference.
    absolute : float
        The largest ``|a - b|`` over the batch; infinite where only one is a number.
    relative : float
        The largest ``|a - b| / max(|a|, |b|)``. It is large where a sum nearly cancels:
        judge products by the absolute difference.
    ulps : float
        The largest ``|a - b|`` in units of the last place of the larger one, in the
        network's dtype; of whole numbers in ones.
    dtype : str
        The network's, or that of whole numbers and truth values.
    """

    name: str
    op: str
    backend: str
    absolute: float
    relative: float
    ulps: float
    dtype: str = "float32"

    @property
    def exact(self) -> bool:
        """Whether it is of whole numbers or truth values, which must be equal."""
        return self.dtype not in FORMATS

    def _cells(self) -> tuple[str, ...]:
        """Return it as a row of the table."""
        form = ",.0f" if self.exact else ".2e"
        numbers = (f"{self.absolute:{form}}", f"{self.relative:.2e}", f"{self.ulps:,.1f}")
        return (self.name, self.op, self.backend, *numbers)


@dataclass(frozen=True, repr=False)
class Report:
    """What `compare` found, shown as a table.

    Attributes
    ----------
    backends : tuple of str
        The reference first.
    nodes : tuple of NodeDifference
        One for each value, as the network was written, and each other backend; of the
        branch of an ``if`` those that were taken by both.
    outputs : tuple of NodeDifference
        The outputs that a call of the network gives, for each other backend.
    rows : int
    dtype : str
        What the network computes in.
    labels_agree : float
        The share of rows with one label on all backends; NaN of no rows or no labels.
    differing : tuple of int
        The rows without.
    margin : float
        The smallest gap between the two best classes, in the reference; NaN with
        fewer than two classes.
    margin_at : str
        The value that has that gap: the scores before a last softmax.
    margin_row : int
        The row that has it; -1 where there is none.
    answered : bool
        Whether there are labels at all: of one output, the class of each row; of whole
        numbers, themselves.
    """

    backends: tuple[str, ...]
    nodes: tuple[NodeDifference, ...]
    labels_agree: float
    outputs: tuple[NodeDifference, ...] = ()
    rows: int = 0
    dtype: str = "float32"
    differing: tuple[int, ...] = ()
    margin: float = float("nan")
    margin_at: str = ""
    margin_row: int = -1
    answered: bool = True

    def passed(self, tolerance: float | None = None) -> bool:
        """Return whether all labels agree, and no output differs by more than that.

        Outputs of whole numbers must be equal.
        """
        if self.differing:
            return False
        limits = [0.0 if found.exact else tolerance for found in self.outputs]
        return all(
            limit is None or found.absolute <= limit
            for found, limit in zip(self.outputs, limits, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report in types that JSON has (but for NaN and infinity)."""
        return asdict(self)

    def __str__(self) -> str:
        cells = [found._cells() for found in (*self.nodes, *self.outputs)]
        title = f"{self.rows:,} rows in {self.dtype}, largest differences from {self.backends[0]}:"
        table = text_table(_HEADINGS, cells, right=_HEADINGS[3:])
        return "\n".join([title, table, *self._conclusions()])

    __repr__ = __str__

    def _conclusions(self) -> list[str]:
        same = self.rows - len(self.differing)
        if not self.answered:
            return []
        lines = [f"labels: {same:,} of {self.rows:,} agree"]
        if self.differing:
            more = ", …" if len(self.differing) > _SHOWN else ""
            listed = ", ".join(str(row) for row in self.differing[:_SHOWN])
            lines[0] += f" (not rows {listed}{more})"
        if self.margin_row >= 0:
            lines.append(
                f"smallest margin between the two best classes: {self.margin:.3g} "
                f"at {clipped(self.margin_at)} (row {self.margin_row})"
            )
        return lines
