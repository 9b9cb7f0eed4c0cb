"""Products with weights, scaling, and the perceptrons of the book."""

from __future__ import annotations

import numpy as np
import pytest

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import ShapeError
from arraynet.ops import OPS
from tests.ops.samples import has_dtype


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


def _run(backend: Backend, name: str, *arrays: np.ndarray) -> np.ndarray:
    there = [backend.asarray(array) for array in arrays]
    return backend.to_host(OPS[name].formula(*there, xp=backend.xp))


@pytest.mark.parametrize("rows", [(), (1,), (5,), (2, 3), (2, 0, 3)])
def test_affine(backend: Backend, dtype: str, rows: tuple[int, ...]) -> None:
    random = np.random.default_rng(11)
    x = random.normal(size=(*rows, 4)).astype(dtype)
    weight, bias = random.normal(size=(4, 3)).astype(dtype), random.normal(size=3).astype(dtype)
    exact = np.einsum("...i,io->...o", x.astype(np.longdouble), weight) + bias
    got = _run(backend, "affine", x, weight, bias)
    assert got.dtype == x.dtype
    assert got.shape == (*rows, 3)
    np.testing.assert_allclose(got, exact.astype(float), atol=20 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(_run(backend, "matmul", x, weight) + bias, got)
    np.testing.assert_array_equal(
        _run(backend, "add", _run(backend, "matmul", x, weight), bias), got
    )
    assert OPS["affine"].parts == ("matmul", "add")


class _Counting:
    """A namespace that counts its calls, and refuses products that are not of matrices."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def matmul(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        assert x.ndim == weight.ndim == 2
        self.calls.append("matmul")
        return x @ weight

    def reshape(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        self.calls.append("reshape")
        return x.reshape(shape)


@pytest.mark.parametrize("name", ["affine", "matmul"])
def test_products_are_of_two_dimensional_operands(name: str) -> None:
    rest = [np.ones((4, 3)), np.ones(3)][: 2 if name == "affine" else 1]
    xp = _Counting()
    OPS[name].formula(np.ones((5, 4)), *rest, xp=xp)
    assert xp.calls == ["matmul"]
    OPS[name].formula(np.ones((2, 5, 4)), *rest, xp=xp)
    assert xp.calls == ["matmul", "reshape", "matmul", "reshape"]


def test_multiply_adds() -> None:
    assert OPS["affine"].multiply_adds((1, 784), (784, 50), (50,)) == 784 * 50
    assert OPS["matmul"].multiply_adds((2, 3, 4), (4, 5)) == 2 * 3 * 4 * 5
    assert OPS["softmax"].multiply_adds((10, 10)) == 0


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"^affine: .*x has 783 features, and weight \(784, 50\) takes 784"
    ):
        ops.affine(np.ones((2, 783)), np.ones((784, 50)), np.ones(50))
    with pytest.raises(ShapeError, match=r"bias \(1,\) needs one number for each of 50 outputs"):
        ops.affine(np.ones((2, 784)), np.ones((784, 50)), np.ones(1))
    with pytest.raises(ShapeError, match=r"weight \(784,\) needs two axes"):
        ops.affine(np.ones((2, 784)), np.ones(784), np.ones(1))
    with pytest.raises(ShapeError, match="x is a scalar"):
        ops.matmul(np.array(1.0), np.ones((1, 1)))


def test_scale_shift(backend: Backend, dtype: str) -> None:
    x = np.array([[0, 51], [255, 102]], dtype)
    got = _run(backend, "scale_shift", x, np.array(1 / 255, dtype), np.array([0, -1], dtype))
    np.testing.assert_allclose(got, [[0, -0.8], [1, -0.6]], atol=np.finfo(dtype).eps)


def test_add_broadcasts(backend: Backend, dtype: str) -> None:
    got = _run(backend, "add", np.ones((2, 3), dtype), np.array([1, 2, 3], dtype))
    np.testing.assert_array_equal(got, [[2, 3, 4]] * 2)


def test_prelu_has_a_slope_for_each_feature(backend: Backend, dtype: str) -> None:
    x = np.array([[-2, -2, 4], [np.inf, -0.0, np.nan]], dtype)
    got = _run(backend, "prelu", x, np.array([0, 0.25, -3], dtype))
    np.testing.assert_array_equal(got, [[0, -0.5, 4], [np.inf, 0, np.nan]])


def test_glu(backend: Backend, dtype: str) -> None:
    x = np.array([[2.0, -3.0, 5.0, 0.0, np.log(3.0), -1000.0]], dtype)
    np.testing.assert_allclose(
        _run(backend, "glu", x), [[1.0, -2.25, 0.0]], rtol=8 * np.finfo(dtype).eps
    )
    along = backend.asarray(np.ascontiguousarray(x.T))
    got = backend.to_host(OPS["glu"].formula(along, axis=0, xp=backend.xp))
    np.testing.assert_array_equal(got.T, _run(backend, "glu", x))


INPUTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("weight", "bias", "wanted"),
    [
        ([0.5, 0.5], -0.75, [0, 0, 0, 1]),
        ([-0.5, -0.5], 0.75, [1, 1, 1, 0]),
        ([0.5, 0.5], -0.25, [0, 1, 1, 1]),
    ],
    ids=["AND", "NAND", "OR"],
)
def test_gates(
    backend: Backend, dtype: str, weight: list[float], bias: float, wanted: list[int]
) -> None:
    column = np.array(weight, dtype)[:, None]
    scores = _run(backend, "affine", INPUTS.astype(dtype), column, np.array([bias], dtype))
    np.testing.assert_array_equal(_run(backend, "step", scores)[:, 0], wanted)


def test_exclusive_or_is_two_layers(backend: Backend, dtype: str) -> None:
    nand_or = np.array([[-0.5, 0.5], [-0.5, 0.5]], dtype), np.array([0.75, -0.25], dtype)
    conjunction = np.array([[0.5], [0.5]], dtype), np.array([-0.75], dtype)
    hidden = _run(backend, "step", _run(backend, "affine", INPUTS.astype(dtype), *nand_or))
    output = _run(backend, "step", _run(backend, "affine", hidden, *conjunction))
    np.testing.assert_array_equal(output[:, 0], [0, 1, 1, 0])
