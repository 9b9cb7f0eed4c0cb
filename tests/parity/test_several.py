"""Comparisons of networks with several inputs and outputs, whole numbers, and branches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arraynet import Network
from arraynet.backends import Backend
from arraynet.errors import ArraynetError, ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.parity import compare
from arraynet.parity.differences import largest_differences
from tests.engine.test_control import branching
from tests.networks import normal
from tests.rows import expected_of, registered, two_in_three_out

FLOAT = "float32"
A, B = normal(30, 5), normal(30, 4)


@pytest.mark.parametrize("given", [(A, B), [A, B], {"b": B, "a": A}], ids=["tuple", "list", "dict"])
def test_every_value_and_output_by_name(given: Any, backend: Backend) -> None:
    network = Network(two_in_three_out())
    report = compare(network, given, ("float64", backend.name), batch_size=7)
    assert [found.name for found in report.nodes] == ["product", "t", "sum", "positive"]
    assert [found.name for found in report.outputs] == [
        *("output sum", "output positive", "output product"),
    ]
    assert (report.rows, report.answered, report.differing) == (30, False, ())
    assert report.passed(1e-5)
    assert not report.passed(1e-12)
    assert "labels" not in str(report)
    assert json.loads(json.dumps(report.to_dict()))["outputs"][0]["name"] == "output sum"


def test_the_differences_of_several_are_those_of_their_values() -> None:
    network = Network(two_in_three_out())
    report = compare(network, (A, B), ("float64", "cpu"))
    exact = expected_of(network.graph, A, B)
    found = network.predict(A, B)
    for each in report.outputs:
        name = each.name.removeprefix("output ")
        assert each.absolute == pytest.approx(abs(found[name] - exact[name]).max(), rel=1e-6)


def rounding(x: Any, *, xp: Any = None) -> Any:
    """Return x in whole numbers, which depend on the dtype where x is near a half."""
    return xp.astype(x * 1e8, xp.int32)


def whole(*names: str) -> Graph:
    nodes = [Node("tanh", ("x",), ("t",)), Node("rounding", ("t",), ("n",))]
    return Graph((Value("x", ("batch", 3), FLOAT),), tuple(nodes), {}, names)


@pytest.fixture
def with_rounding() -> Any:
    with registered(rounding, dtypes=("any",)):
        yield


@pytest.mark.usefixtures("with_rounding")
@pytest.mark.parametrize("names", [("n",), ("t", "n")])
def test_whole_numbers_are_compared_exactly(names: tuple[str, ...]) -> None:
    x = normal(5, 3)
    network = Network(whole(*names))
    same = compare(network, x, ("cpu", "array_api_strict"))
    assert same.differing == ()
    assert same.passed(1e-6)
    assert same.labels_agree == 1.0
    report = compare(network, x, ("float64", "cpu"), batch_size=2)
    wide = np.tanh(x.astype(float)) * 1e8
    differs = network.activations(x)["n"] != wide.astype(np.int32)
    assert differs.any()
    assert report.differing == tuple(np.flatnonzero(differs.any(axis=1)))
    assert not report.passed(1e9)  # whatever the tolerance
    (found,) = (each for each in report.nodes if each.name == "n")
    assert (found.dtype, found.exact) == ("int32", True)
    assert found.absolute == found.ulps == int(found.absolute) > 0


def test_whole_numbers_that_float64_does_not_hold() -> None:
    a, b = np.array([2**53 + 1, 5]), np.array([2**53, 5])
    assert largest_differences(a, b, "int64") == (1.0, pytest.approx(2.0**-53), 1.0)
    ends = np.array([-(2**63)]), np.array([2**63 - 1])
    assert largest_differences(*ends, "int64")[0] == 2.0**64
    assert largest_differences(np.array([3], "u1"), np.array([250], "u1"), "uint8")[0] == 247
    assert largest_differences(np.array([True]), np.array([False]), "bool") == (1.0, 1.0, 1.0)
    assert largest_differences(np.array([True]), np.array([True]), "bool") == (0.0, 0.0, 0.0)
    assert largest_differences(np.zeros(0, int), np.zeros(0, int), "int64") == (0.0, 0.0, 0.0)
    assert largest_differences(np.zeros(2), np.zeros(3), FLOAT) == (np.inf, np.inf, np.inf)


def test_the_values_of_the_branch_that_was_taken() -> None:
    network = Network(branching())
    x = np.linspace(-2, 2, 6, dtype=FLOAT).reshape(2, 3)
    for flag, inside in ((True, ["y/r"]), (False, ["y/t", "y/s"])):
        report = compare(network, (np.array(flag), x), ("cpu", "array_api_strict"))
        assert [found.name for found in report.nodes] == ["h", *inside, "y", "z"]
        assert [found.op for found in report.nodes][1] == {"y/r": "relu", "y/t": "tanh"}[inside[0]]
        assert report.passed(1e-6)


CALLS: dict[str, tuple[Callable[[Network], Any], str]] = {
    "too few": (lambda net: compare(net, (A,)), "parity: got 1 input, expected a .* and b"),
    "an array alone": (lambda net: compare(net, A), "parity: got 1 input, expected a .* and b"),
    "another name": (lambda net: compare(net, {"a": A, "c": B}), "got an input 'c'"),
}


@pytest.mark.parametrize("what", list(CALLS))
def test_other_inputs_are_refused(what: str) -> None:
    call, message = CALLS[what]
    with pytest.raises(ArraynetError, match=message):
        call(Network(two_in_three_out()))


def test_rows_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(ShapeError, match="expected batch = 30"):
        compare(Network(two_in_three_out()), (A, B[:7]))
