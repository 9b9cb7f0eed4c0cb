"""Arithmetic, bits and running sums against definitions in Python's own numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import GraphError, ShapeError
from tests.ops.applied import close, outputs, search
from tests.ops.references_arithmetic import each, remainder, running, truncated_quotient

SHAPES = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)


def _pair(data: Any, dtype: str, least: int, largest: int, second_least: int | None = None) -> Any:
    shapes = data.draw(SHAPES).input_shapes
    ends = [(least, largest), (least if second_least is None else second_least, largest)]
    numbers = [st.integers(*end).map(lambda n: n / 4 if dtype[0] == "f" else n) for end in ends]
    return [
        data.draw(hnp.arrays(dtype, shape, elements=elements))
        for shape, elements in zip(shapes, numbers, strict=True)
    ]


@pytest.mark.parametrize("dtype", ["float32", "int32", "int8"])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("add", lambda x, y: x + y),
        ("sub", lambda x, y: x - y),
        ("mul", lambda x, y: x * y),
        ("max", max),
        ("min", min),
        ("sum", lambda x, y: x + y),
    ],
)
def test_two_arrays(backend: Backend, name: str, function: Any, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        x, y = _pair(data, dtype, -11, 11)
        (got,) = outputs(backend, name, [x, y])
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, each(function, x, y))

    holds()


@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8"])
def test_quotients_of_integers_are_truncated(backend: Backend, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        x, y = _pair(data, dtype, 0 if dtype[0] == "u" else -100, 100)
        y = np.where(y == 0, 7, y).astype(dtype)
        (got,) = outputs(backend, "div", [x, y])
        np.testing.assert_array_equal(got, each(truncated_quotient, x, y))

    holds()


def test_quotients_of_large_integers_are_exact(backend: Backend) -> None:
    x, y = np.array([2**31 - 1, -(2**31) + 1, 16_777_217], np.int32), np.array([3, 2, 1], np.int32)
    (got,) = outputs(backend, "div", [x, y])
    np.testing.assert_array_equal(got, [715_827_882, -1_073_741_823, 16_777_217])


@pytest.mark.parametrize("fmod", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_remainders(backend: Backend, dtype: str, fmod: bool) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        x, y = _pair(data, dtype, -50, 50)
        y = np.where(y == 0, 3, y).astype(dtype)
        (got,) = outputs(backend, "mod", [x, y], fmod=fmod)
        np.testing.assert_array_equal(got, each(lambda a, b: remainder(a, b, fmod), x, y))

    holds()


@pytest.mark.parametrize(
    "kinds", [("float32", "float32"), ("float32", "int32"), ("int32", "int32")]
)
def test_powers(backend: Backend, kinds: tuple[str, str]) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        x, y = (a.astype(k) for a, k in zip(_pair(data, "int32", -5, 5, 0), kinds, strict=True))
        (got,) = outputs(backend, "pow", [x, y])
        assert got.dtype == x.dtype
        close(got, each(lambda a, b: a**b, x, y))

    holds()


@pytest.mark.parametrize("name", ["sign", "abs", "neg", "floor", "ceil", "round"])
def test_one_array(backend: Backend, name: str) -> None:
    functions = {
        "sign": lambda x: (x > 0) - (x < 0),
        "abs": lambda x: math.fabs(x),
        "neg": lambda x: 0 - x,
        "floor": math.floor,
        "ceil": math.ceil,
        "round": round,
    }
    x = np.arange(-24, 25, dtype=np.float32) / 4
    (got,) = outputs(backend, name, [x])
    np.testing.assert_array_equal(got, each(functions[name], x))


@pytest.mark.parametrize(
    "name",
    "sin cos tan asin acos atan sinh cosh asinh acosh atanh exp log sqrt reciprocal".split(),  # noqa: SIM905
)
def test_functions(backend: Backend, name: str) -> None:
    x = np.linspace(-0.95, 0.95, 20, dtype=np.float32)
    if name in ("log", "sqrt", "acosh"):
        x = x + 2.5
    function = getattr(math, name, lambda v: 1 / v)
    (got,) = outputs(backend, name, [x])
    wanted = each(function, x)
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(got, wanted, rtol=16 * eps, atol=4 * eps)


@pytest.mark.parametrize("name", ["cum_sum", "cum_prod"])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_running_sums_and_products(backend: Backend, name: str, dtype: str) -> None:
    @search(backend)
    @given(st.data(), st.booleans(), st.booleans())
    def holds(data: Any, exclusive: bool, reverse: bool) -> None:
        shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        x = data.draw(hnp.arrays(dtype, shape, elements=st.integers(-3, 3)))
        flags = {"exclusive": exclusive, "reverse": reverse}
        (got,) = outputs(backend, name, [x, np.array(axis)], **flags)
        assert got.dtype == x.dtype
        close(got, running(x, axis, exclusive, reverse, name == "cum_prod"))

    holds()


def test_float16_sums_are_made_in_float32() -> None:
    x = np.full(5000, 1.0, np.float16)
    assert ops.cum_sum(x, 0)[-1] == 5000  # in float16 they would stop at 2048
    assert ops.reduce_sum(x)[0] == 5000
    assert ops.reduce_sum(x * 20)[0] == np.inf


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_shifts(backend: Backend, dtype: str, direction: str) -> None:
    x, y = np.array([1, 77, 200, 255], dtype), np.array([1, 3, 7, 40], dtype)
    (got,) = outputs(backend, "bit_shift", [x, y], direction=direction)
    bits = 8 * x.dtype.itemsize
    shift = (lambda a, b: a << b) if direction == "LEFT" else (lambda a, b: a >> b)
    wanted = [shift(int(a), int(b)) % 2**bits for a, b in zip(x, y, strict=True)]
    if direction == "LEFT" and dtype == "int32":
        wanted = [w - 2**32 if w >= 2**31 else w for w in wanted]
    np.testing.assert_array_equal(got, wanted)


def test_clip_holds_to_each_bound_alone(backend: Backend) -> None:
    x = np.array([-3.0, 0.0, 3.0, np.nan], np.float32)
    low, high = np.array(-1.0, np.float32), np.array(1.0, np.float32)
    nan = np.nan
    for bounds, wanted in [
        ([], [-3, 0, 3, nan]),
        ([low], [-1, 0, 3, nan]),
        ([None, high], [-3, 0, 1, nan]),
        ([low, high], [-1, 0, 1, nan]),
        ([high, low], [-1, -1, -1, nan]),
    ]:
        np.testing.assert_array_equal(outputs(backend, "clip", [x, *bounds])[0], wanted)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^add: .*sizes 2 and 3 do not broadcast"):
        ops.add(np.ones(2), np.ones(3))
    with pytest.raises(ShapeError, match=r"^cum_sum: .*axis 2 does not exist"):
        ops.cum_sum(np.ones((2, 3)), 2)
    with pytest.raises(GraphError, match="bit_shift: got direction='', expected LEFT or RIGHT"):
        ops.bit_shift(np.ones(2, int), np.ones(2, int))
    with pytest.raises(GraphError, match="max: got no array"):
        ops.max()
