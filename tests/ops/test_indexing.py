"""Gathers and scatters against loops."""

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
from tests.ops.applied import close, outputs, search

REDUCE: dict[str, Any] = {
    "none": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": np.maximum,
    "min": np.minimum,
}


def _array(data: Any, shape: Any, dtype: str) -> np.ndarray:
    elements = st.booleans() if dtype == "bool" else st.integers(-9, 9)
    return np.asarray(data.draw(hnp.arrays(dtype, shape, elements=elements)))


def _indices(data: Any, shape: Any, size: int) -> np.ndarray:
    return np.asarray(data.draw(hnp.arrays(np.int64, shape, elements=st.integers(-size, size - 1))))


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_gather(backend: Backend, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        x = _array(data, shape, dtype)
        wanted = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
        indices = _indices(data, wanted, shape[axis])
        (got,) = outputs(backend, "gather", [x, indices], axis=axis)
        np.testing.assert_array_equal(got, np.take(x, indices, axis=axis))

    holds()


def test_embedding(backend: Backend) -> None:
    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    tokens = np.array([[0, 3], [-1, 1]])
    np.testing.assert_array_equal(
        outputs(backend, "embedding", [tokens, weight])[0], weight[tokens]
    )


def test_gather_elements(backend: Backend) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
        axis = data.draw(st.integers(0, len(shape) - 1))
        x = _array(data, shape, "int32")
        smaller = [data.draw(st.integers(0, size + (a == axis))) for a, size in enumerate(shape)]
        indices = _indices(data, tuple(smaller), shape[axis])
        wanted = np.empty(indices.shape, x.dtype)
        for place in np.ndindex(indices.shape):
            wanted[place] = x[(*place[:axis], indices[place], *place[axis + 1 :])]
        (got,) = outputs(backend, "gather_elements", [x, indices], axis=axis)
        np.testing.assert_array_equal(got, wanted)

    holds()


def test_gather_nd(backend: Backend) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=4, max_side=3))
        batch = data.draw(st.integers(0, len(shape) - 1))
        depth = data.draw(st.integers(1, len(shape) - batch))
        middle = data.draw(hnp.array_shapes(min_dims=0, max_dims=1, max_side=3))
        x = _array(data, shape, "int32")
        columns = [
            _indices(data, (*shape[:batch], *middle), size) for size in shape[batch : batch + depth]
        ]
        indices = np.stack(columns, axis=-1)
        wanted = np.empty((*indices.shape[:-1], *shape[batch + depth :]), x.dtype)
        for place in np.ndindex(indices.shape[:-1]):
            wanted[place] = x[(*place[:batch], *indices[place])]
        (got,) = outputs(backend, "gather_nd", [x, indices], batch_dims=batch)
        np.testing.assert_array_equal(got, wanted)

    holds()


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("reduction", REDUCE)
def test_scatter_elements(backend: Backend, reduction: str, dtype: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=3))
        axis = data.draw(st.integers(0, len(shape) - 1))
        x = _array(data, shape, dtype)
        sizes = [data.draw(st.integers(0, 6 if a == axis else s)) for a, s in enumerate(shape)]
        indices = _indices(data, tuple(sizes), shape[axis])
        updates = _array(data, indices.shape, dtype)
        wanted = x.copy()
        for place in np.ndindex(indices.shape):
            target = (*place[:axis], indices[place], *place[axis + 1 :])
            wanted[target] = REDUCE[reduction](wanted[target], updates[place])
        inputs = [x, indices, updates]
        (got,) = outputs(backend, "scatter_elements", inputs, axis=axis, reduction=reduction)
        close(got, wanted)

    holds()


@pytest.mark.parametrize("reduction", REDUCE)
def test_scatter_nd(backend: Backend, reduction: str) -> None:
    @search(backend)
    @given(st.data())
    def holds(data: Any) -> None:
        shape = data.draw(hnp.array_shapes(max_dims=3, max_side=3))
        depth = data.draw(st.integers(1, len(shape)))
        middle = data.draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=4))
        x = _array(data, shape, "int32")
        indices = np.stack([_indices(data, middle, size) for size in shape[:depth]], axis=-1)
        updates = _array(data, (*middle, *shape[depth:]), "int32")
        wanted = x.copy()
        for place in np.ndindex(indices.shape[:-1]):
            target = tuple(indices[place])
            wanted[target] = REDUCE[reduction](wanted[target], updates[place])
        (got,) = outputs(backend, "scatter_nd", [x, indices, updates], reduction=reduction)
        np.testing.assert_array_equal(got, wanted)

    holds()


def test_large_integers_are_scattered_exactly(backend: Backend) -> None:
    x = np.array([16_777_217, 1], np.int32)
    inputs = [x, np.array([[0], [0], [1]]), np.array([1, 2, 16_777_217], np.int32)]
    (got,) = outputs(backend, "scatter_nd", inputs, reduction="add")
    assert got.tolist() == [16_777_220, 16_777_218]


def test_truth_values_are_scattered(backend: Backend) -> None:
    x = np.array([True, True, False])
    (got,) = outputs(backend, "scatter_elements", [x, np.array([0, 2]), np.array([False, True])])
    assert got.tolist() == [False, True, True]
    with pytest.raises(DtypeError, match="scatter_elements: got truth values to add"):
        ops.scatter_elements(x, np.array([0]), np.array([True]), reduction="add")


def test_what_numbers_count(backend: Backend) -> None:
    x = np.array([[0.0, 2.0], [np.nan, -0.0]], np.float32)
    np.testing.assert_array_equal(outputs(backend, "non_zero", [x])[0], np.nonzero(x))
    assert outputs(backend, "non_zero", [np.array(3)])[0].shape == (0, 1)
    kept = np.array([False, True])
    for axis in (0, 1):
        (got,) = outputs(backend, "compress", [x, kept], axis=axis)
        np.testing.assert_array_equal(got, np.compress(kept, x, axis=axis))
    (got,) = outputs(backend, "compress", [x, kept])
    np.testing.assert_array_equal(got, np.compress(kept, x))


def test_reverse_sequence(backend: Backend) -> None:
    x = np.arange(24).reshape(4, 3, 2).astype(np.int32)
    lengths = np.array([0, 4, 3])
    wanted = x.copy()
    for sequence, length in enumerate(lengths):
        wanted[:length, sequence] = x[:length, sequence][::-1]
    np.testing.assert_array_equal(outputs(backend, "reverse_sequence", [x, lengths])[0], wanted)


@pytest.mark.parametrize(
    "name", ["gather", "gather_elements", "gather_nd", "scatter_elements", "scatter_nd"]
)
def test_indices_are_integers(name: str) -> None:
    x = np.ones((2, 2))
    rest = [x] if name.startswith("scatter") else []
    with pytest.raises(DtypeError, match=f"^{name}: got an array of float64, expected integers"):
        getattr(ops, name)(x, x, *rest)


def test_what_does_not_fit_is_refused() -> None:
    x, indices = np.ones((2, 3)), np.zeros((3, 3), int)
    with pytest.raises(ShapeError, match=r"gather_elements: .*do not lie within \(2, 3\)"):
        ops.gather_elements(x, indices, axis=1)
    with pytest.raises(ShapeError, match=r"gather_nd: .*do not index \(2, 3\)"):
        ops.gather_nd(x, indices)
    with pytest.raises(ShapeError, match=r"updates \(1,\) need shape \(3, 1\)"):
        ops.scatter_nd(np.ones((2, 3, 4, 1)), indices, np.ones(1))
    with pytest.raises(
        GraphError, match="got reduction='sum', expected none, add, mul, max or min"
    ):
        ops.scatter_nd(x, indices[:, :2], np.ones(3), reduction="sum")
