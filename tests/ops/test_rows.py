"""Softmax and its kin against exact values, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet import ops
from arraynet.backends import Backend, get_backend
from arraynet.ops import OPS
from tests.ops.samples import apply, has_dtype, judged, scores
from tests.oracle import exact_rows, ulps


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


@pytest.mark.parametrize("spread", [1.0, 5.0, 60.0, 190.0])
@pytest.mark.parametrize("name", ["softmax", "softmin"])
def test_softmax(backend: Backend, dtype: str, name: str, spread: float) -> None:
    x = scores(dtype, spread)
    got, wanted = apply(backend, name, x), exact_rows(name, x)
    assert (judged(backend, ulps(got, wanted), x, got, wanted) <= 8).all()


@pytest.mark.parametrize("spread", [1.0, 5.0, 60.0, 190.0])
def test_log_softmax(backend: Backend, dtype: str, spread: float) -> None:
    x = scores(dtype, spread)
    got, wanted = apply(backend, "log_softmax", x), exact_rows("log_softmax", x)
    assert (judged(backend, ulps(got, wanted), x, got, wanted) <= 8).all()


def test_log_softmax_of_a_sure_row_is_not_zero(backend: Backend, dtype: str) -> None:
    x = np.array([[0.0, -30.0, -31.0], [64.0, 4.0, 4.0]], dtype)
    distance = ulps(apply(backend, "log_softmax", x), exact_rows("log_softmax", x))
    assert (distance <= 8).all()


@pytest.mark.parametrize("spread", [1.0, 5.0, 60.0])
def test_logsumexp(backend: Backend, dtype: str, spread: float) -> None:
    x = scores(dtype, spread)
    got = apply(backend, "logsumexp", x)
    wanted = exact_rows("logsumexp", x).rounded
    # The sum of the best score and a logarithm up to log(7) may cancel.
    bound = 4 * np.finfo(dtype).eps * (np.abs(x).max(axis=1) + np.log(7))
    assert (np.abs(got - wanted) <= bound).all()


@pytest.mark.parametrize("spread", [0.5, 5.0, 60.0])
def test_sparsemax(backend: Backend, dtype: str, spread: float) -> None:
    x = scores(dtype, spread)
    got = apply(backend, "sparsemax", x).ravel()
    wanted = exact_rows("sparsemax", x).rounded
    assert (np.abs(got - wanted) <= 8 * np.finfo(dtype).eps).all()
    assert (got[wanted == 0] == 0).all()


def test_hardmax(backend: Backend, dtype: str) -> None:
    x = scores(dtype, 5.0)
    np.testing.assert_array_equal(
        apply(backend, "hardmax", x).ravel(), exact_rows("hardmax", x).rounded
    )


@pytest.mark.parametrize("spread", [1.0, 5.0])
def test_unguarded_softmax(backend: Backend, dtype: str, spread: float) -> None:
    x = scores(dtype, spread)
    distance = ulps(apply(backend, "unguarded_softmax", x), exact_rows("softmax", x))
    assert (distance <= 8).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unguarded_softmax_at_its_bound(dtype: str) -> None:
    within = OPS["softmax"].within
    assert within is not None
    assert within.inner == "unguarded_softmax"
    bound = within.largest[dtype]
    x = np.full((2, 100_000), bound, dtype)
    x[0] = -bound
    x[1, 0] = -bound
    with np.errstate(all="raise", under="ignore"):
        got = apply(get_backend("cpu"), "unguarded_softmax", x)
    np.testing.assert_allclose(got[0], 1e-5, rtol=1e-6)
    np.testing.assert_allclose(got[1, 1:], 1 / 99_999, rtol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "softmin", "unguarded_softmax", "sparsemax"])
@pytest.mark.parametrize("columns", [1, 2, 10, 1000])
def test_rows_sum_to_1_within_4_eps(backend: Backend, dtype: str, name: str, columns: int) -> None:
    x = scores(dtype, 5.0, rows=50, columns=max(columns, 4))[:, :columns]
    total = apply(backend, name, x).astype(np.longdouble).sum(axis=1)
    assert (np.abs(total - 1) <= 4 * np.finfo(dtype).eps).all()


@pytest.mark.parametrize("name", ["softmax", "sparsemax", "log_softmax"])
def test_float16_rows(backend: Backend, name: str) -> None:
    if not has_dtype(backend, "float16"):
        pytest.skip(f"{backend.name} has no float16")
    x = scores("float16", 5.0)
    distance = ulps(apply(backend, name, x), exact_rows(name, x))
    assert (distance <= 2).all()


@pytest.mark.parametrize(
    "name", ["softmax", "softmin", "log_softmax", "unguarded_softmax", "sparsemax", "hardmax"]
)
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_any_axis(backend: Backend, dtype: str, name: str, axis: int) -> None:
    x = scores(dtype, 3.0, rows=12).reshape(3, 4, 7)
    got = apply(backend, name, x, axis=axis)
    last = np.moveaxis(apply(backend, name, np.moveaxis(x, axis, -1).copy()), -1, axis)
    np.testing.assert_allclose(got, last, rtol=8 * np.finfo(dtype).eps)


def test_logsumexp_shapes(backend: Backend, dtype: str) -> None:
    x = np.zeros((3, 4, 7), dtype)
    for axis, kept, shape in [(-1, True, (3, 4, 1)), (0, False, (4, 7)), (1, True, (3, 1, 7))]:
        got = apply(backend, "logsumexp", x, axis=axis, keepdims=kept)
        assert got.shape == shape
        np.testing.assert_allclose(got, np.log(x.shape[axis]), rtol=1e-6)


def test_the_book_takes_softmax_over_the_batch_and_arraynet_does_not() -> None:
    x = np.array([[0.3, 2.9, 4.0], [0.3, 2.9, 4.0]])
    np.testing.assert_allclose(
        ops.softmax(x), [[0.01821127, 0.24519181, 0.73659691]] * 2, rtol=1e-6
    )
