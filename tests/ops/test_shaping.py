"""Shapes, joins, slices and marks against NumPy's own indexing and Python's lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import DtypeError, GraphError, ShapeError
from tests.ops.applied import outputs, search

DTYPES = ["float32", "int32", "bool"]


def _counted(shape: Any, dtype: str = "float32") -> np.ndarray:
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return x % 3 == 0 if dtype == "bool" else x.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_slices(backend: Backend, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, min_side=0, max_side=6))
        axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
        key = [slice(None)] * len(shape)
        numbers = []
        for axis in axes:
            step = data.draw(st.sampled_from([-3, -2, -1, 1, 2, 3]))
            size = shape[axis]
            least = -size if step < 0 else -size - 2  # Python takes what is below for nothing
            start, end = data.draw(st.integers(least, size + 2)), data.draw(st.integers(-9, 9))
            key[axis] = slice(start, end, step)
            numbers.append((start, end, axis, step))
        x = _counted(shape, dtype)
        inputs = [x, *(np.array(column, np.int64) for column in zip(*numbers, strict=True))]
        np.testing.assert_array_equal(outputs(backend, "slice", inputs)[0], x[tuple(key)])

    holds()


def test_a_slice_to_the_ends_of_int64(backend: Backend) -> None:
    x, ends = _counted((5,)), np.iinfo(np.int64)
    (got,) = outputs(backend, "slice", [x, *(np.array([n]) for n in (0, ends.max))])
    np.testing.assert_array_equal(got, x)
    (got,) = outputs(backend, "slice", [x, *(np.array([n]) for n in (-1, ends.min, 0, -1))])
    np.testing.assert_array_equal(got, x[::-1])


def test_joins_and_parts(backend: Backend) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, min_side=0, max_side=6))
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        x = _counted(shape)
        cuts = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
        sizes = np.diff([0, *cuts, shape[axis]])
        parts = outputs(backend, "split", [x, sizes], axis=axis)
        wanted = np.split(x, cuts, axis=axis)
        for part, other in zip(parts, wanted, strict=True):
            np.testing.assert_array_equal(part, other)
        np.testing.assert_array_equal(outputs(backend, "concat", wanted, axis=axis)[0], x)

    holds()


@pytest.mark.parametrize(
    ("name", "shape", "argument", "wanted"),
    [
        ("reshape", (2, 3, 4), (0, -1), (2, 12)),
        ("reshape", (2, 3, 4), (4, 0, 2), (4, 3, 2)),
        ("reshape", (0, 3), (0, 1, 3), (0, 1, 3)),
        ("reshape", (), (1, 1), (1, 1)),
        ("squeeze", (1, 3, 1), (-1,), (1, 3)),
        ("squeeze", (1, 3, 1), None, (3,)),
        ("unsqueeze", (3, 4), (0, -1), (1, 3, 4, 1)),
        ("expand", (3, 1), (2, 1, 4), (2, 3, 4)),
        ("expand", (3, 4), (1,), (3, 4)),
        ("tile", (2, 3), (2, 0), (4, 0)),
    ],
)
def test_shapes(backend: Backend, name: str, shape: Any, argument: Any, wanted: Any) -> None:
    x = _counted(shape, "int32")
    (got,) = outputs(backend, name, [x] if argument is None else [x, np.array(argument)])
    if name == "expand":
        np.testing.assert_array_equal(got, np.broadcast_to(x, wanted))
    elif name == "tile":
        np.testing.assert_array_equal(got, np.tile(x, argument))
    else:
        np.testing.assert_array_equal(got, x.reshape(wanted))


@pytest.mark.parametrize("axis", range(-3, 4))
def test_flatten(backend: Backend, axis: int) -> None:
    x = _counted((2, 3, 4))
    rows = int(np.prod(x.shape[:axis] if axis >= 0 else x.shape[: 3 + axis]))
    (got,) = outputs(backend, "flatten", [x], axis=axis)
    np.testing.assert_array_equal(got, x.reshape(rows, -1))


def test_shape_and_size_are_read_on_the_host(backend: Backend) -> None:
    x = _counted((2, 0, 4))
    assert outputs(backend, "shape", [x])[0].tolist() == [2, 0, 4]
    assert outputs(backend, "shape", [x], start=-2, end=2)[0].tolist() == [0]
    assert int(outputs(backend, "size", [x])[0]) == 0


@pytest.mark.parametrize("k", [-5, -1, 0, 1, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_triangles_and_diagonals(backend: Backend, dtype: str, k: int) -> None:
    x = np.ones((2, 3, 4), dtype)
    for upper, function in [(True, np.triu), (False, np.tril)]:
        (got,) = outputs(backend, "trilu", [x, np.array(k)], upper=upper)
        np.testing.assert_array_equal(got, function(x, k))
    (got,) = outputs(backend, "eye_like", [x[0]], k=k)
    np.testing.assert_array_equal(got, np.eye(3, 4, k))


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_to_channels_and_back(backend: Backend, mode: str) -> None:
    x = _counted((2, 8, 2, 3))
    (space,) = outputs(backend, "depth_to_space", [x], blocksize=2, mode=mode)
    wanted = np.empty((2, 2, 4, 6), x.dtype)
    for n, c, h, w in np.ndindex(wanted.shape):
        place = (h % 2) * 2 + w % 2
        channel = place * 2 + c if mode == "DCR" else c * 4 + place
        wanted[n, c, h, w] = x[n, channel, h // 2, w // 2]
    np.testing.assert_array_equal(space, wanted)
    (back,) = outputs(backend, "space_to_depth", [space], blocksize=2, mode=mode)
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("axis", [-3, -1, 0, 1, 2])
def test_one_hot(backend: Backend, axis: int) -> None:
    indices = np.array([[0, 2, -1], [3, -4, 1]], np.int32)
    values = np.array([7, 9], np.int32)
    (got,) = outputs(backend, "one_hot", [indices, np.array([3]), values], axis=axis)
    marks = [[[i == place or i + 3 == place for place in range(3)] for i in row] for row in indices]
    np.testing.assert_array_equal(got, np.moveaxis(np.where(marks, 9, 7), -1, axis))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.reshape(x, (4, -1)), r"\(2, 3\) does not reshape to \(4, -1\)"),
        (lambda x: ops.reshape(x, (7,)), r"\(2, 3\) does not reshape to \(7,\)"),
        (lambda x: ops.reshape(x, (2, 3, 0)), "size 2 of .* is 0"),
        (lambda x: ops.transpose(x, perm=(0, 0)), "are no order"),
        (lambda x: ops.squeeze(x, [1]), "axis 1 of .* is not of size 1"),
        (lambda x: ops.unsqueeze(x, [0, 0]), "name one twice"),
        (lambda x: ops.expand(x, (4,)), "sizes 3 and 4 do not broadcast"),
        (lambda x: ops.tile(x, (2,)), "1 repeats for the 2 axes"),
        (lambda x: ops.concat(x, x[:, :2], axis=0), "differ in more than axis 0"),
        (lambda x: ops.split(x, [1, 2]), r"parts of \(1, 2\) do not make axis 0 of 2"),
        (lambda x: ops.slice(x, [0], [1], [2]), "axis 2 does not exist"),
        (lambda x: ops.slice(x, [0], [1], [0], [0]), "a step is 0"),
        (lambda x: ops.flatten(x, axis=3), "axis 3 does not exist"),
        (lambda x: ops.depth_to_space(x, blocksize=2), "needs four axes"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        call(np.ones((2, 3)))
    assert len(str(caught.value).splitlines()) == 1


def test_what_has_no_default_must_be_given() -> None:
    for call in (lambda x: ops.concat(x, x), ops.split, ops.depth_to_space, ops.cast):
        with pytest.raises(GraphError, match=r"^\w+: got .*, expected "):
            call(np.ones((1, 4, 2, 2)))


def test_sizes_on_a_device_are_refused() -> None:
    strict = pytest.importorskip("array_api_strict")
    x = strict.ones((2, 3), device=strict.Device("device1"))
    with pytest.raises(DtypeError, match=r"^reshape: got .*, expected numbers on the host"):
        ops.reshape(x, strict.asarray([3, 2], device=strict.Device("device1")))
    assert ops.reshape(x, [3, 2]).shape == (3, 2)
