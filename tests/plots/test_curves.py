"""The numbers behind the pictures of activations, against mpmath's derivatives."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from arraynet.errors import GraphError
from arraynet.plots.activations import drawable, function_of, slope

X = np.linspace(-4.0, 4.0, 33)

SMOOTH = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "gelu": lambda x: x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))),
    "erf": mpmath.erf,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_slopes_of_smooth_activations(name: str) -> None:
    title, function = function_of(name)
    assert title == name
    values = [float(SMOOTH[name](mpmath.mpf(x))) for x in X]
    slopes = [float(mpmath.diff(SMOOTH[name], x)) for x in X]
    np.testing.assert_allclose(function(X), values, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(slope(function, X), slopes, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("activation", "kinks", "left", "right"),
    [
        ("step", [0.0], 0.0, 0.0),
        ("relu", [0.0], 0.0, 1.0),
        (("leaky_relu", {"alpha": 0.25}), [0.0], 0.25, 1.0),
        ("hard_tanh", [-1.0, 1.0], 0.0, 0.0),
        ("hard_shrink", [-0.5, 0.5], 1.0, 1.0),
        ("hardmax", [0.0], 0.0, 0.0),
        (("prelu", {"slope": 0.1}), [0.0], 0.1, 1.0),
    ],
)
def test_slopes_have_a_gap_at_kinks_and_nowhere_else(
    activation: object, kinks: list[float], left: float, right: float
) -> None:
    y = slope(function_of(activation)[1], X)
    assert X[np.isnan(y)].tolist() == kinks
    assert y[0] == pytest.approx(left, abs=1e-9)
    assert y[-1] == pytest.approx(right, abs=1e-9)


def test_an_op_on_rows_is_its_first_output_for_x_and_0() -> None:
    title, function = function_of("softmax")
    assert title == "softmax of (x, 0)"
    np.testing.assert_allclose(function(X), 1 / (1 + np.exp(-X)), rtol=1e-14)
    np.testing.assert_allclose(function_of("logsumexp")[1](X), np.log1p(np.exp(X)), rtol=1e-13)
    np.testing.assert_allclose(function_of("glu")[1](X), X / 2)


def test_attributes_reach_the_formula_and_the_title() -> None:
    title, function = function_of(("leaky_relu", {"alpha": 0.5}))
    assert title == "leaky_relu(alpha=0.5)"
    assert function(np.array([-2.0, 2.0])).tolist() == [-1.0, 2.0]
    title, function = function_of(("prelu", {"slope": 0.5}))
    assert title == "prelu(slope=0.5)"
    assert function(np.array([-2.0, 2.0])).tolist() == [-1.0, 2.0]


def test_every_activation_can_be_drawn() -> None:
    drawn = 0
    partial = {"acos", "acosh", "asin", "atanh", "log", "reciprocal", "sqrt"}
    for name in sorted({*drawable(), "add", "prelu"} - partial):
        needed = {"prelu": {"slope": 0.1}, "add": {"y": 1.0}}.get(name, {})
        _, function = function_of((name, needed))
        y, dy = function(X), slope(function, X)
        assert y.shape == dy.shape == X.shape
        assert np.isfinite(y).all()
        drawn += 1
    assert drawn > 30


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("magic", "got 'magic', expected one of .*celu"),
        ("affine", "expected an activation, not a layer"),
        ("max_pool", "expected an activation, not a layer"),
        ("matmul", "expected an activation, not a layer"),
        ("prelu", r"'prelu' without slope.*\('prelu', \{'slope': 0.25\}\)"),
        (("relu", {"alpha": 1}), "got 'alpha' for 'relu', expected no attribute"),
        (("elu", {"beta": 1}), "got 'beta' for 'elu', expected alpha"),
    ],
)
def test_what_is_no_activation_is_refused(activation: object, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        function_of(activation)
