"""Arrays without numbers tell the shapes and dtypes that real arrays have."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from arraynet.errors import ShapeError
from arraynet.ops.meta import MetaArray, NeedsValueError, new_namespace
from arraynet.ops.symbols import in_symbols, numbers, trials

SHAPES = stn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def _meta(array: Any, xp: Any = None) -> MetaArray:
    return MetaArray(array.shape, array.dtype, xp or new_namespace())


@given(st.data(), SHAPES)
def test_indices_give_the_shape_that_numpy_gives(data: Any, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    key = data.draw(stn.basic_indices(shape, allow_newaxis=True))
    assert _meta(x)[key].shape == x[key].shape


@given(st.data(), stn.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
def test_index_arrays_give_the_shape_that_numpy_gives(data: Any, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    places = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    indices = np.zeros(data.draw(stn.array_shapes(max_dims=2)), np.int64)
    key = tuple(indices if chosen else slice(None) for chosen in places)
    assert _meta(x)[key].shape == x[key].shape
    assert _meta(x)[tuple(_meta(k) if k is indices else k for k in key)].shape == x[key].shape


CALLS: dict[str, Any] = {
    "sum": lambda xp, x: xp.sum(x, axis=(0, 2)),
    "sum of small integers": lambda xp, x: xp.sum(xp.astype(x, xp.int8), axis=1),
    "max": lambda xp, x: xp.max(x, axis=-1, keepdims=True),
    "argmax": lambda xp, x: xp.argmax(x, axis=1),
    "any": lambda xp, x: xp.any(x > 0),
    "mean": lambda xp, x: xp.mean(x),
    "matmul": lambda xp, x: x @ xp.matrix_transpose(x),
    "vector": lambda xp, x: xp.matmul(x, x[0, 0, :]),
    "tensordot": lambda xp, x: xp.tensordot(x, x, axes=((0, 2), (0, 2))),
    "vecdot": lambda xp, x: xp.vecdot(x, x),
    "concat": lambda xp, x: xp.concat([x, x[:, :1, :]], axis=1),
    "concat flat": lambda xp, x: xp.concat([x, x], axis=None),
    "stack": lambda xp, x: xp.stack([x, x, x], axis=1),
    "unstack": lambda xp, x: xp.unstack(x, axis=1)[0],
    "reshape": lambda xp, x: xp.reshape(x, (-1, 2)),
    "permute": lambda xp, x: xp.permute_dims(x, (2, 0, 1)),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, -1),
    "squeeze": lambda xp, x: xp.squeeze(x[:1, ...], axis=0),
    "expand": lambda xp, x: xp.expand_dims(x, axis=1),
    "broadcast": lambda xp, x: xp.broadcast_to(x, (5, *x.shape)),
    "tile": lambda xp, x: xp.tile(x, (2, 1, 1, 3)),
    "repeat": lambda xp, x: xp.repeat(x, 3, axis=1),
    "take": lambda xp, x: xp.take(x, xp.arange(2), axis=2),
    "where": lambda xp, x: xp.where(x > 0, x, 0.0),
    "clip": lambda xp, x: xp.clip(x, 0.0, 1.0),
    "arange": lambda xp, x: xp.arange(1, 8, 3),
    "linspace": lambda xp, x: xp.linspace(0.0, 1.0, 7),
    "zeros": lambda xp, x: xp.zeros((2, 3)),
    "full": lambda xp, x: xp.full((2,), 7),
    "eye": lambda xp, x: xp.eye(3),
    "floor divide": lambda xp, x: xp.astype(x, xp.int32) // 2,
    "power": lambda xp, x: x**2,
    "reversed": lambda xp, x: 1.0 - x,
    "argsort": lambda xp, x: xp.argsort(x, axis=0),
    "cumulative": lambda xp, x: xp.cumulative_sum(x, axis=1),
    "along": lambda xp, x: xp.take_along_axis(x, xp.argsort(x, axis=1)[:, :1, :], axis=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_function_gives_the_shape_and_dtype_that_the_standard_gives(call: str) -> None:
    x = array_api_strict.ones((2, 3, 4), dtype=array_api_strict.float32)
    wanted = CALLS[call](array_api_strict, x)
    xp = new_namespace()
    got = CALLS[call](xp, xp.array((2, 3, 4), "float32"))
    assert got.shape == wanted.shape
    assert got.dtype.name == str(wanted.dtype).rpartition(".")[2]


@pytest.mark.parametrize(
    "call",
    [
        lambda xp, x: xp.reshape(x, (5, 5)),
        lambda xp, x: xp.concat([x, x[:, :1, :]], axis=0),
        lambda xp, x: x @ x,
        lambda xp, x: x + xp.zeros((2,)),
        lambda xp, x: xp.squeeze(x, axis=0),
        lambda xp, x: xp.sum(x, axis=3),
        lambda xp, x: xp.broadcast_to(x, (2, 3, 5)),
        lambda xp, x: xp.max(x[:0, ...], axis=0),
        lambda xp, x: xp.permute_dims(x, (0, 0, 1)),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call: Any) -> None:
    xp = new_namespace()
    with pytest.raises(ShapeError, match=r"\w"):
        call(xp, xp.array((2, 3, 4), "float32"))


@pytest.mark.parametrize("ask", [bool, int, float, np.asarray, lambda x: x.item(), list.__iter__])
def test_no_number_leaks(ask: Any) -> None:
    with pytest.raises((NeedsValueError, TypeError)):
        ask(MetaArray((), "float32"))


def test_products_are_counted() -> None:
    xp = new_namespace()
    a, b = xp.array((5, 2, 3), "float32"), xp.array((3, 4), "float32")
    assert xp.matmul(a, b).shape == (5, 2, 4)
    assert xp.multiply_adds == 5 * 2 * 3 * 4
    xp.vecdot(a, a)
    assert xp.multiply_adds == 5 * 2 * 3 * 4 + 5 * 2 * 3


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (lambda batch, time: 7, 7),
        (lambda batch, time: batch, "batch"),
        (lambda batch, time: 3 * time, "3*time"),
        (lambda batch, time: batch + time, "batch+time"),
        (lambda batch, time: batch * time, "batch*time"),
        (lambda batch, time: 4 * batch * time, "4*batch*time"),
        (lambda batch, time: time - 2, "time-2"),
        (lambda batch, time: (time + 1) // 2, "time/2+1"),
        (lambda batch, time: time // 2, "time/2"),
        (lambda batch, time: batch**2, "?"),
    ],
)
def test_a_size_is_written_in_the_symbols(size: Any, wanted: Any) -> None:
    tried = trials(["batch", "time"])
    assert in_symbols([size(**sizes) for sizes in tried], tried) == wanted


def test_a_symbol_is_written_as_one_in_messages() -> None:
    (sizes, _) = trials(["batch"])
    xp = new_namespace()
    with pytest.raises(ShapeError, match="sizes 3 and batch do not broadcast"):
        _ = xp.array(numbers(("batch", 2), sizes), "float32") + xp.array((3, 2), "float32")
