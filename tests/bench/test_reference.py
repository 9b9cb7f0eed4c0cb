"""The reference is what the formulas of a textbook give, number by number."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bench.networks import Layer, layers_of
from bench.reference import BLOCK, network_output, products_output

FORMULAS: dict[str, Callable[[float], float]] = {
    "identity": lambda a: a,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0.0),
    "leaky_relu": lambda a: a if a > 0 else 0.5 * a,
    "elu": lambda a: a if a > 0 else 0.5 * math.expm1(a),
}
WEIGHT = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
BIAS = np.array([0.25, -0.75], np.float32)


@pytest.mark.parametrize("activation", FORMULAS)
def test_a_layer(activation: str) -> None:
    layer = Layer(WEIGHT, BIAS, activation, {"alpha": 0.5})
    found = network_output((layer,), np.array([[1.0, -2.0]], np.float32))
    # 1 * 1 - 2 * 0.5 + 0.25 = 0.25 and 1 * -2 - 2 * 3 - 0.75 = -8.75
    wanted = [[FORMULAS[activation](0.25), FORMULAS[activation](-8.75)]]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_softmax_is_taken_over_each_row() -> None:
    layer = Layer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32), "softmax")
    found = network_output((layer,), np.array([[1000.0, 1001.0], [0.0, 0.0]]))
    tail = 1 / (1 + math.e)
    np.testing.assert_allclose(found, [[tail, 1 - tail], [0.5, 0.5]], rtol=1e-13)


def test_bytes_are_divided_by_255() -> None:
    layer = Layer(WEIGHT, BIAS, "identity")
    found = network_output((layer,), np.array([[255, 51]], np.uint8))
    np.testing.assert_allclose(found, [[1 + 0.2 * 0.5 + 0.25, -2 + 0.2 * 3 - 0.75]], rtol=1e-13)


def test_products_leave_out_biases_and_activations() -> None:
    layers = (Layer(WEIGHT, BIAS, "relu"), Layer(WEIGHT, BIAS, "softmax"))
    found = products_output(layers, np.array([[1.0, -2.0]]))
    # (0, -8) times the weight again
    np.testing.assert_array_equal(found, [[-4.0, -24.0]])


def test_more_rows_than_a_block() -> None:
    layers = layers_of("mixed")
    x = np.random.default_rng(1).random((BLOCK + 3, 64))
    found = network_output(layers, x)
    assert found.shape == (BLOCK + 3, 3)
    np.testing.assert_allclose(found[-3:], network_output(layers, x[-3:]), rtol=1e-12)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'maxout'"):
        network_output((Layer(WEIGHT, BIAS, "maxout"),), np.zeros((1, 2)))
