"""Products of any rank, einsum and determinants against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import GraphError, ShapeError
from arraynet.ops import OPS
from tests.ops.applied import close, outputs, search


def _normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    random = np.random.default_rng(sum(shape) + 7 * len(shape))
    return (random.integers(-8, 9, shape) / (1 if dtype[0] == "i" else 4)).astype(dtype)


SHAPES = hnp.mutually_broadcastable_shapes(
    signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=4
)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_matmul_of_any_rank(backend: Backend, dtype: str) -> None:
    @search(backend)
    @given(SHAPES)
    def holds(shapes: Any) -> None:
        a, b = (_normal(*shape, dtype=dtype) for shape in shapes.input_shapes)
        (got,) = outputs(backend, "matmul", [a, b])
        assert got.dtype == a.dtype
        close(got, np.matmul(a.astype(float), b.astype(float)))

    holds()


def test_multiply_adds_of_a_batch_of_matrices() -> None:
    assert OPS["matmul"].multiply_adds((5, 2, 3), (5, 3, 4)) == 5 * 2 * 3 * 4


EQUATIONS = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
    ("...ij,...jk->...ik", [(2, 1, 2, 3), (5, 3, 4)]),
    ("i...->...i", [(2, 3, 4)]),
    ("ii->i", [(3, 3)]),
    ("iij->j", [(3, 3, 2)]),
    ("ii", [(3, 3)]),
    ("i,j->ij", [(2,), (3,)]),
    ("ij,kl->", [(2, 3), (2, 2)]),
    ("ij,ij->ij", [(2, 3), (1, 3)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
    ("a,a,a->a", [(3,), (3,), (3,)]),
    ("ij->ji", [(0, 3)]),
    ("ij,jk->ik", [(2, 0), (0, 4)]),
    ("b a", [(2, 3)]),
    ("iji->j", [(2, 3, 2)]),
    ("...a,...a->...", [(4, 2, 3), (2, 3)]),
    ("aab,bcc->ac", [(2, 2, 3), (3, 4, 4)]),
]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS, ids=str)
def test_einsum(backend: Backend, equation: str, shapes: Any, dtype: str) -> None:
    arrays = [_normal(*shape, dtype=dtype) for shape in shapes]
    (got,) = outputs(backend, "einsum", arrays, equation=equation)
    assert got.dtype == arrays[0].dtype
    close(got, np.einsum(equation, *(a.astype(float) for a in arrays)))


@pytest.mark.parametrize("equation", ["i", "ij,j", "i->ij", "i->ii", "ij->i!", "i,,j->ij", ""])
def test_equations_that_do_not_fit_are_refused(equation: str) -> None:
    with pytest.raises((GraphError, ShapeError), match=r"^einsum: got "):
        ops.einsum(np.ones((2, 2)), equation=equation)
    with pytest.raises(ShapeError, match="j is of size 3 and of size 4"):
        ops.einsum(np.ones((2, 3)), np.ones((4, 2)), equation="ij,jk")


@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("c", [None, (), (4,), (2, 1), (2, 4)])
def test_gemm(backend: Backend, trans_a: bool, trans_b: bool, c: Any) -> None:
    a, b = _normal(*((3, 2) if trans_a else (2, 3))), _normal(*((4, 3) if trans_b else (3, 4)))
    third = [] if c is None else [_normal(*c)]
    flags = {"trans_a": trans_a, "trans_b": trans_b}
    (got,) = outputs(backend, "gemm", [a, b, *third], alpha=0.5, beta=-2.0, **flags)
    wanted = 0.5 * ((a.T if trans_a else a).astype(float) @ (b.T if trans_b else b))
    close(got, wanted - 2 * third[0] if third else wanted)


def test_gemm_refuses_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"c \(3, 2, 2\) does not broadcast to \(2, 2\)"):
        ops.gemm(np.eye(2), np.eye(2), np.ones((3, 2, 2)))
    with pytest.raises(GraphError, match=r"a factor of 0.5 for integers"):
        ops.gemm(np.eye(2, dtype=int), np.eye(2, dtype=int), alpha=0.5)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4), (0, 2, 2)])
def test_determinants(backend: Backend, shape: Any) -> None:
    x = _normal(*shape) + 2 * np.eye(shape[-1], dtype=np.float32)
    close(outputs(backend, "det", [x])[0], np.linalg.det(x.astype(float)), ulps=64)
