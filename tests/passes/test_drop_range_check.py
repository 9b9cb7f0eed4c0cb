"""A softmax without its guard, where the weights tell that scores are small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet import Dense
from arraynet.graph import Graph
from arraynet.passes import (
    drop_range_check,
    optimize,
)
from tests.networks import dense
from tests.passes.helpers import chain, ops


def _two_layers(size: float, activation: Any = "sigmoid", dtype: Any = "f4") -> Graph:
    """Return a network whose scores reach exactly ±size: 4 inputs of weight size / 4."""
    first = dense(3, 4, dtype=dtype)
    second = Dense(np.array([[size / 4, -size / 4]] * 4, dtype), np.zeros(2, dtype))
    return chain(first, activation, second, "softmax")


@pytest.mark.parametrize(
    ("size", "fires"), [(1.0, True), (60.0, True), (60.5, False), (1e4, False)]
)
def test_a_softmax_of_bounded_scores_needs_no_guard(size: float, fires: bool) -> None:
    after = drop_range_check(_two_layers(size))
    assert ops(after)[-1] == ("unguarded_softmax" if fires else "softmax")


def test_double_precision_allows_larger_scores() -> None:
    assert ops(drop_range_check(_two_layers(500.0, dtype="f8")))[-1] == "unguarded_softmax"
    assert ops(drop_range_check(_two_layers(601.0, dtype="f8")))[-1] == "softmax"


@pytest.mark.parametrize(
    "activation",
    ["relu", "softplus", "gelu", ("leaky_relu", {"alpha": 0.1}), ("hard_tanh", {"upper": 1e9})],
)
def test_a_softmax_after_an_unbounded_activation_keeps_its_guard(activation: Any) -> None:
    assert ops(drop_range_check(_two_layers(1.0, activation)))[-1] == "softmax"


def test_a_softmax_of_the_first_layer_keeps_its_guard() -> None:
    assert ops(drop_range_check(chain(dense(3, 2, size=0.01), "softmax")))[-1] == "softmax"


def test_bounds_pass_through_layers_that_follow_each_other() -> None:
    """A narrow layer that is not merged: |scores| is at most 1 · 20 · 1 · 1."""
    narrow = Dense(np.ones((20, 1), np.float32), np.zeros(1, np.float32))
    for size, fires in ((2.9, True), (3.1, False)):
        wide = Dense(np.full((1, 30), size, np.float32), np.zeros(30, np.float32))
        after = optimize(chain(dense(3, 20), "tanh", narrow, wide, "softmax"))
        assert ops(after)[-1] == ("unguarded_softmax" if fires else "softmax")


def test_a_bias_counts() -> None:
    layer = Dense(np.ones((4, 2), np.float32), np.float32([0.0, 58.0]))
    assert ops(drop_range_check(chain(dense(3, 4), "sigmoid", layer, "softmax")))[-1] == "softmax"


@pytest.mark.parametrize(("size", "fires"), [(59.0, True), (61.0, False)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_both_ends_of_the_scores_count(
    activation: str, sign: float, size: float, fires: bool
) -> None:
    """All scores lie on one side after a sigmoid, and on both after a tanh."""
    layer = Dense(np.full((4, 2), sign * size / 4, np.float32), np.zeros(2, np.float32))
    after = drop_range_check(chain(dense(3, 4), activation, layer, "softmax"))
    assert ops(after)[-1] == ("unguarded_softmax" if fires else "softmax")
