"""What a comparison of backends found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_HEADINGS = ("node", "op", "backend", "absolute", "relative", "ulps")
_SHOWN = 10


@dataclass(frozen=True)
class NodeDifference:
    """How far a backend's value of one node is from the reference's.

    Attributes
    ----------
    name, op : str
        The node; the network's own output, as passes and kernels give it, is "output".
    backend : str
        The one that is compared with the reference.
    absolute : float
        The largest ``|a - b|`` over the batch; infinite where only one is a number.
    relative : float
        The largest ``|a - b| / max(|a|, |b|)``. It is large where a sum nearly cancels:
        judge products by the absolute difference.
    ulps : float
        The largest ``|a - b|`` in units of the last place of the larger one, in the
        network's dtype.
    """

    name: str
    op: str
    backend: str
    absolute: float
    relative: float
    ulps: float


@dataclass(frozen=True)
class Report:
    """What `compare` found; `str` of it is a table.

    Attributes
    ----------
    backends : tuple of str
        The reference first.
    nodes : tuple of NodeDifference
        One for each node, as the network was written, and each other backend.
    outputs : tuple of NodeDifference
        The output that a call of the network gives, for each other backend.
    rows : int
    dtype : str
        What the network computes in.
    labels_agree : float
        The share of rows with one label on all backends; NaN of no rows.
    differing : tuple of int
        The rows without.
    margin : float
        The smallest gap between the two best classes, in the reference; NaN with
        fewer than two classes.
    margin_at : str
        The value that has that gap: the scores before a last softmax.
    margin_row : int
        The row that has it; -1 where there is none.
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

    def passed(self, tolerance: float | None = None) -> bool:
        """Return whether all labels agree, and no output differs by more than that."""
        if self.differing:
            return False
        return tolerance is None or all(found.absolute <= tolerance for found in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return the report in types that JSON has (but for NaN and infinity)."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [_HEADINGS] + [
            (
                found.name,
                found.op,
                found.backend,
                f"{found.absolute:.2e}",
                f"{found.relative:.2e}",
                f"{found.ulps:,.1f}",
            )
            for found in (*self.nodes, *self.outputs)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        title = f"{self.rows:,} rows in {self.dtype}, largest differences from {self.backends[0]}:"
        return "\n".join([title, *lines, *self._conclusions()])

    def _conclusions(self) -> list[str]:
        same = self.rows - len(self.differing)
        lines = [f"labels: {same:,} of {self.rows:,} agree"]
        if self.differing:
            more = ", …" if len(self.differing) > _SHOWN else ""
            listed = ", ".join(str(row) for row in self.differing[:_SHOWN])
            lines[0] += f" (not rows {listed}{more})"
        if self.margin_row >= 0:
            lines.append(
                f"smallest margin between the two best classes: {self.margin:.3g} "
                f"at {self.margin_at} (row {self.margin_row})"
            )
        return lines
