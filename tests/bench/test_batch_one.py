"""The list of calls that a call of a network makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.batch_one import REASONS, WARM_UP, Made, calls_made, listing, main, reason
from bench.contestants.engine import network_of
from bench.networks import layers_of
from bench.workloads import WORKLOADS, inputs_of


def inner(x: Any) -> Any:
    return np.tanh(x)


def outer(x: Any) -> Any:
    held = [inner(x)]
    held.append(np.dot(x, x))
    return held.pop()


def test_every_call_is_listed_in_order_with_its_depth() -> None:
    made = calls_made(outer, np.ones(3))
    assert [(one.depth, one.callee, one.kind) for one in made] == [
        (0, "outer", "Python"),
        (1, "inner", "Python"),
        (2, "numpy.tanh", "NumPy"),
        (1, "numpy.dot", "product"),
        (1, "list.append", "built-in"),
        (1, "list.pop", "built-in"),
    ]


def mnist_calls() -> list[Made]:
    workload = WORKLOADS["mnist-1"]
    layers = layers_of(workload.network)
    net, x = network_of(layers, workload.dtype, "cpu"), inputs_of(workload, layers)
    for _ in range(WARM_UP):
        net(x)
    return calls_made(net, x)


def test_every_call_that_is_left_has_a_reason() -> None:
    made = mnist_calls()
    assert {one.callee for one in made} <= set(REASONS)
    assert made[0].callee == "Network.__call__"


def test_few_calls_are_left() -> None:
    made = mnist_calls()
    count = {kind: sum(one.kind == kind for one in made) for kind in ("product", "NumPy")}
    assert 3 <= count["product"] <= 4  # three layers, and perhaps the sum of the softmax
    assert count["NumPy"] <= 7
    assert len(made) - sum(count.values()) <= 6


def test_a_call_without_a_reason_shows_a_question_mark() -> None:
    unexplained = Made(1, "file.py:1", "numpy.copy", "NumPy")
    assert reason(unexplained) == "?"
    assert listing([unexplained]).endswith("1 calls: 0 Python, 0 built-in, 1 NumPy, 0 product")


def test_the_listing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["call", "kind", "why"]
    assert lines[-1].startswith(f"{len(lines) - 3} calls: ")
