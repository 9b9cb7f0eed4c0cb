"""The derivative of each smooth op is right, also where its formula changes its form."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest

from arraynet import ops
from tests.ops.samples import BRANCHES, SMOOTH, label
from tests.oracle import ELEMENTWISE

POINTS = sorted({0.0, *BRANCHES[:11], *(-point for point in BRANCHES[:11])})
"""Joints of the formulas, up to 50: beyond, every derivative is that of a straight line."""


KINKED = ("selu", "elu alpha=0.7")
"""What has a kink at 0 by its definition: any slope between the two is right there."""

ONE_SIDED = ("erfc", "squareplus", "squareplus b=0.1")
"""What asks for the slope of |x| at 0 from the right: JAX gives it, PyTorch gives 0."""


def _points(case: tuple[str, Any], without: tuple[str, ...]) -> list[float]:
    return [point for point in POINTS if point or label(case) not in without]


@cache
def _derivative(name: str, point: float, attributes: tuple[tuple[str, Any], ...]) -> float:
    definition, given = ELEMENTWISE[name], dict(attributes)
    written_with_abs = point == 0 and name in ("celu", "elu", "softsign")
    with mpmath.workdps(40):
        return float(
            mpmath.diff(lambda x: definition(x, **given), point, direction=int(written_with_abs))
        )


@pytest.mark.needs("jax")
@pytest.mark.parametrize("case", SMOOTH, ids=label)
def test_jax_differentiates_a_smooth_op(case: tuple[str, Any]) -> None:
    jax = pytest.importorskip("jax")
    name, attributes = case
    points = _points(case, KINKED)
    gradient = jax.vmap(jax.grad(lambda x: getattr(ops, name)(x, **attributes)))
    got = np.asarray(gradient(jax.numpy.asarray(points, "float32")))
    wanted = [_derivative(name, point, tuple(attributes.items())) for point in points]
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("case", SMOOTH, ids=label)
def test_torch_differentiates_a_smooth_op(case: tuple[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    name, attributes = case
    points = _points(case, KINKED + ONE_SIDED)
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    getattr(ops, name)(x, **attributes).sum().backward()
    wanted = [_derivative(name, point, tuple(attributes.items())) for point in points]
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-9, atol=1e-12)
