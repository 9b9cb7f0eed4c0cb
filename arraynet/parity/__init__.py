"""Do two backends agree? The differences of each node, and of the labels."""

from __future__ import annotations

from arraynet.parity.comparison import REFERENCE, compare
from arraynet.parity.report import NodeDifference, Report

__all__ = ["REFERENCE", "NodeDifference", "Report", "compare"]
