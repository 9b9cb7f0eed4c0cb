"""The table of what planning costs: its rows, for few calls."""

from __future__ import annotations

from bench.planning import GELUS, rows_of


def test_every_case_is_recorded_and_planned() -> None:
    heading, *rows = rows_of((6, 12), rounds=1)
    assert heading[0] == "calls"
    counts = {row[0]: int(row[1].replace(",", "")) for row in rows}
    assert counts["chain of 6"] == 6
    assert counts["products of 12"] == 12
    assert counts["views of 12"] == 12
    assert counts[f"gelu × {GELUS} on (8, 1)"] > GELUS
    assert all(float(cell.replace(",", "")) >= 0 for row in rows for cell in row[2:])
