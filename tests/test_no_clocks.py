"""No test asserts how long something takes in seconds: that depends on the machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import HANGS

TESTS = Path(__file__).parent

CLOCKS = {"time", "perf_counter", "monotonic", "process_time", "thread_time"}

MAY_READ_CLOCKS = {
    "effort.py": "measures against a calibration",
    "datasets/mirror.py": "sends a file slowly, for a while",
    "formats/victim.py": "divides by a calibration",
}

WAITS = {"wait", "join", "result", "communicate", "run", "check_output", "check_call"}
"""Calls whose time limit is of the test's machine, and not an argument of arraynet's."""


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    function = node.func
    return getattr(function, "attr", getattr(function, "id", ""))


def short(node: ast.expr) -> bool:
    """Return whether an expression is a number of seconds that a slow machine may need."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and node.value < HANGS
    )


def findings(source: str) -> Iterator[str]:
    """Yield each reading of a clock and each short wait in a module's text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield f"line {node.lineno}: import time itself"
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name in CLOCKS and ast.unparse(node.func).startswith("time."):
            yield f"line {node.lineno}: {name}"
        limits = [word.value for word in node.keywords if word.arg == "timeout"]
        if name in {"wait", "join", "result"}:
            limits += node.args
        if name in WAITS and any(map(short, limits)):
            yield f"line {node.lineno}: {ast.unparse(node):.60}"


def test_no_test_reads_a_clock_or_waits_for_a_short_time() -> None:
    found = [
        f"{name}, {finding}"
        for path in sorted(TESTS.rglob("*.py"))
        if (name := path.relative_to(TESTS).as_posix()) not in MAY_READ_CLOCKS
        for finding in findings(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


def test_what_would_be_found() -> None:
    bad = [
        "time.process_time()",
        "from time import monotonic",
        "subprocess.run(['x'], timeout=60)",
        "done.wait(20)",
        "thread.join(timeout=0.5)",
    ]
    assert [len(list(findings(line))) for line in bad] == [1] * len(bad)
    good = ["time.sleep(0.1)", "done.wait(HANGS)", "fetch_mnist(timeout=0.3)", "' '.join('x')"]
    assert [list(findings(line)) for line in good] == [[]] * len(good)


def test_the_exceptions_are_still_needed() -> None:
    for name in MAY_READ_CLOCKS:
        assert list(findings((TESTS / name).read_text("utf-8"))), name
