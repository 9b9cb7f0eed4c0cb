"""Elementwise formulas keep to what kernel fusers can trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arraynet.ops import OPS
from tests.ops.samples import PIECEWISE, SMOOTH, label
from tests.ops.vocabulary import Namespace, Traced, WideningNamespace

COMPARISONS = ("equal", "greater", "greater_or_equal", "is_inf", "is_nan", "less", "less_or_equal")
"""The elementwise ops that answer yes or no."""

ARITHMETIC = (
    *("abs", "add", "clip", "div", "exp", "log", "max", "mean", "min", "mul", "neg", "prelu"),
    *("reciprocal", "scale_shift", "sqrt", "sub", "sum", "where"),
)

CASES: list[tuple[str, dict[str, Any]]] = [
    *SMOOTH,
    *PIECEWISE,
    *((name, {}) for name in ARITHMETIC + COMPARISONS),
    ("is_inf", {"detect_negative": False}),
    ("is_inf", {"detect_positive": False}),
    ("is_inf", {"detect_positive": False, "detect_negative": False}),
]


def _trace(case: tuple[str, dict[str, Any]], dtype: str, xp: Namespace) -> str:
    """Return the dtype of what a formula gives, but for answers: they count as right."""
    name, attributes = case
    arrays = [Traced(np.dtype(dtype)) for _ in OPS[name].arrays]
    if OPS[name].arrays[0].kind is inspect.Parameter.VAR_POSITIONAL:
        arrays *= 3
    if name == "where":
        arrays[0] = Traced(np.dtype(bool))
    found: np.dtype[Any] = OPS[name].formula(*arrays, xp=xp, **attributes).dtype
    if name in COMPARISONS:
        assert found == np.dtype(bool)
        return dtype
    return found.name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_formula_uses_the_vocabulary_alone(case: tuple[str, Any], dtype: str) -> None:
    assert _trace(case, dtype, Namespace()) == dtype


@pytest.mark.parametrize("case", CASES, ids=label)
def test_16_bit_values_are_converted_at_most_at_the_ends(case: tuple[str, Any]) -> None:
    assert _trace(case, "float16", WideningNamespace()) == "float16"


def test_every_elementwise_op_is_traced() -> None:
    assert {name for name, _ in CASES} == {op.name for op in OPS.values() if op.elementwise}


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, xp: +x,
        lambda x, xp: x**2,
        lambda x, xp: 2**x,
        lambda x, xp: abs(x),
        lambda x, xp: x if x > 0 else -x,
        lambda x, xp: x.shape,
        lambda x, xp: xp.clip(x, 0, 1),
        lambda x, xp: xp.sign(x),
        lambda x, xp: xp.zeros_like(x),
        lambda x, xp: xp.astype(x, "float64"),
        lambda x, xp: xp.where(x > 0, 1.0, 0.0),
        lambda x, xp: x * np.float32(2),
        lambda x, xp: x * np.ones(3),
        lambda x, xp: x[0],
        lambda x, xp: len(x),
    ],
)
def test_the_vocabulary_refuses_what_breaks_a_trace(formula: Callable[..., Any]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        formula(Traced(np.dtype("float32")), Namespace())
