"""What the PyTorch backend does its own way: small products, summed in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, ops
from arraynet.backends import torch as module
from tests.conftest import obtain
from tests.networks import normal

pytestmark = pytest.mark.needs("torch")

KINDS = ["float16", "float32", "float64"]


@pytest.fixture
def torch_backend() -> Backend:
    return obtain("torch")


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("shape", [(100, 10), (256, 16), (257, 16), (100, 17), (4097, 1), (3, 2)])
def test_the_native_product_is_the_formula(
    shape: tuple[int, int], dtype: str, torch_backend: Backend
) -> None:
    """Up to the largest product that is summed in float64, and beyond."""
    x, weight = normal(7, shape[0], dtype=dtype), normal(*shape, seed=2, dtype=dtype)
    there = [torch_backend.asarray(array) for array in (x, weight)]
    product = torch_backend.native["matmul"](*there)
    assert product.dtype == there[0].dtype
    scale = np.abs(x).astype("f8") @ np.abs(weight).astype("f8")
    expected = torch_backend.to_host(ops.matmul(*there))
    error = np.abs(torch_backend.to_host(product) - expected.astype("f8")) / scale
    assert error.max() <= 8 * np.finfo(dtype).eps


def test_small_products_are_rounded_once(torch_backend: Backend) -> None:
    x, weight = normal(500, 256), normal(256, module.NARROW, seed=2)
    assert weight.size == module.SMALL
    found = torch_backend.to_host(
        torch_backend.native["matmul"](torch_backend.asarray(x), torch_backend.asarray(weight))
    )
    expected = x.astype("f8") @ weight.astype("f8")
    np.testing.assert_array_max_ulp(found, expected.astype("f4"), maxulp=0)


@pytest.mark.parametrize("shape", [(0, 8), (7, 8), (8, 8), (9, 8), (40, 8), (20, 3, 8)])
def test_a_large_batch_is_summed_in_blocks(
    shape: tuple[int, ...], torch_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight = normal(math.prod(shape[:-1]), 8).reshape(shape), normal(8, 4, seed=2)
    arrays: list[Any] = [torch_backend.asarray(array) for array in (x, weight)]
    expected = torch_backend.to_host(torch_backend.native["matmul"](*arrays))
    monkeypatch.setattr(module, "BLOCK", 64)
    found = torch_backend.to_host(torch_backend.native["matmul"](*arrays))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, x @ weight, rtol=1e-5, atol=1e-6)


def test_rows_may_have_any_number_of_axes(torch_backend: Backend) -> None:
    x, weight = normal(6, 8).reshape(2, 3, 8), normal(8, 4)
    arrays: list[Any] = [torch_backend.asarray(array) for array in (x, weight)]
    found = torch_backend.to_host(torch_backend.native["matmul"](*arrays))
    np.testing.assert_allclose(found, x @ weight, rtol=1e-5)
