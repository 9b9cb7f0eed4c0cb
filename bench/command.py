"""The command ``python -m bench``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.contestants import CONTESTANTS
from bench.drawing import can_draw, draw
from bench.machine import cores, machine_facts
from bench.results import Results
from bench.rounds import Plan, measure
from bench.table import absence_lines, heading, markdown_table, text_table
from bench.targets import TARGETS, target_lines
from bench.workloads import WORKLOADS, chosen

USUAL = Plan(rounds=15, seconds=0.03)
QUICK = Plan(rounds=5, seconds=0.01)
PICTURES = (".png", ".svg")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare arraynet with other engines: each in a process of its own, "
        "all asked in turn, every result checked against float64.",
    )
    result.add_argument("--quick", action="store_true", help="fewer rounds, shorter samples")
    result.add_argument("--rounds", type=int, metavar="N", help="samples of each contestant")
    result.add_argument(
        "--workloads", default="", metavar="A,B*", help="only these (--list shows them)"
    )
    result.add_argument(
        "--contestants", default="", metavar="A,B", help="only these (--list shows them)"
    )
    result.add_argument("--threads", default="", metavar="1,2", help="numbers of threads")
    result.add_argument("--json", metavar="FILE", help="write everything that was measured")
    result.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    result.add_argument("--draw", metavar="FILE", help="draw the growth curves (.png, .svg)")
    result.add_argument("--list", action="store_true", help="list workloads and contestants")
    result.add_argument(
        "--gpu-report",
        nargs="?",
        const="gpu-report",
        metavar="NAME",
        help="measure on this machine's GPU; write NAME.md and NAME.json",
    )
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status: 0, 1 (failed) or 2 (wrong usage)."""
    options = parser()
    given = options.parse_args(arguments)
    if given.list:
        print(_listing())
        return 0
    try:
        workloads = chosen(_words(given.workloads), quick=given.quick)
        plan = _plan(given)
        if given.gpu_report:
            from bench.gpu_report import report

            return report(given.gpu_report, _words(given.workloads), plan, progress)
        names, threads = _contestants(given.contestants), _threads(given.threads)
        if given.draw:
            _check_drawing(given.draw, any(workload.curve for workload in workloads))
    except ValueError as error:
        options.error(str(error))
    machine = machine_facts()
    titles = {name: CONTESTANTS[name].title for name in names}
    results = Results(workloads, titles)
    for number in threads:
        taking = [n for n in names if number == threads[0] or not CONTESTANTS[n].device]
        measure(results, taking, number, plan, report=progress)
    progress("")
    facts = {**machine, "plan": vars(plan)}
    return _present(results, given, facts)


def _present(results: Results, given: argparse.Namespace, machine: dict[str, Any]) -> int:
    """Print the table, write the files, and return the exit status."""
    lines = heading(machine, results)
    notes = absence_lines(results.absences, results.titles)
    reached = target_lines(results, TARGETS)
    if given.markdown:
        print("\n\n".join([*lines, markdown_table(results), *notes]))
    else:
        print("\n".join(lines), text_table(results), "\n".join(notes + reached), sep="\n\n")
    if given.json:
        write_json(given.json, {**machine, "targets": reached, **results_facts(results)})
    if given.draw:
        draw(results, given.draw, lines[0])
    return 1 if results.failed else 0


def results_facts(results: Results) -> dict[str, Any]:
    """Return results in types that JSON has."""
    return {
        "contestants": results.facts,
        "blas": results.blas,
        "workloads": [vars(workload) for workload in results.workloads],
        "measurements": [one.to_dict() for one in results.measurements],
        "absences": [vars(absence) for absence in results.absences],
    }


def write_json(path: str | Path, facts: dict[str, Any]) -> None:
    """Write a JSON file for people and programs."""
    text = json.dumps({"format": "arraynet bench 1", **facts}, indent=1, default=str)
    Path(path).write_text(text + "\n", "utf-8")


def progress(text: str) -> None:
    """Say on a terminal what comes next, over what was said last; nothing wipes it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _plan(given: argparse.Namespace) -> Plan:
    plan = QUICK if given.quick else USUAL
    if given.rounds is None:
        return plan
    if given.rounds < 1:
        raise ValueError(f"--rounds: got {given.rounds}, expected at least 1")
    return Plan(given.rounds, plan.seconds)


def _contestants(text: str) -> list[str]:
    names = _words(text) or list(CONTESTANTS)
    for name in names:
        if name not in CONTESTANTS:
            known = ", ".join(CONTESTANTS)
            raise ValueError(f"--contestants: got {name!r}, expected some of {known}")
    return [name for name in CONTESTANTS if name in names]


def _threads(text: str) -> list[int]:
    words = _words(text) or [str(n) for n in (1, 2) if n <= cores()]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(f"--threads: got {text!r}, expected numbers such as 1,2")
    return sorted({int(word) for word in words})


def _check_drawing(path: str, has_curve: bool) -> None:
    if not path.endswith(PICTURES):
        raise ValueError(f"--draw: got {path!r}, expected a name that ends with .png or .svg")
    if not has_curve:
        raise ValueError("--draw: got no growth curve among the workloads, expected batch-* …")
    if not can_draw():
        raise ValueError(
            "--draw: got no matplotlib, expected it installed (python -m pip install matplotlib)"
        )


def _listing() -> str:
    lines = ["workloads:"]
    lines += [f"  {name:18} {workload.title}" for name, workload in WORKLOADS.items()]
    lines += ["contestants:", *(f"  {name:18} {e.title}" for name, e in CONTESTANTS.items())]
    return "\n".join(lines)
