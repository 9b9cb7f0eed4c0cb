"""A library's own kernels are the formulas: the same numbers, shapes and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet.backends import Backend
from arraynet.errors import ShapeError
from arraynet.ops import OPS
from tests.conftest import obtain
from tests.ops.running import close, searched
from tests.ops.samples import has_dtype
from tests.ops.test_convolution import Layer, layers
from tests.ops.test_pooling import Pool, pools

NATIVE = {
    "torch": {"conv", "conv_transpose", "layer_normalization", "matmul", "max_pool"},
    "jax": {"conv", "conv_transpose"},
}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(name)) for name in NATIVE])
def library(request: pytest.FixtureRequest) -> Backend:
    return obtain(request.param)


@pytest.fixture(params=["float32", "float64", "float16", "bfloat16"])
def dtype(request: pytest.FixtureRequest, library: Backend) -> str:
    pytest.importorskip("ml_dtypes")
    if not has_dtype(library, request.param):
        pytest.skip(f"{library.name} has no {request.param}")
    return str(request.param)


def _numbers(shape: Any, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _compare(
    backend: Backend, name: str, arrays: Any, dtype: str, scale: float, **attributes: Any
) -> None:
    there = [None if array is None else backend.asarray(array.astype(dtype)) for array in arrays]
    got = backend.native[name](*there, **attributes)
    wanted = OPS[name].formula(*there, xp=backend.xp, **attributes)
    assert backend.owns(got)
    assert got.dtype == wanted.dtype == there[0].dtype
    precision = {"bfloat16": 2.0**-7}.get(dtype) or float(np.finfo(dtype).eps)
    close(
        backend.to_host(got).astype(np.float64),
        backend.to_host(wanted).astype(np.float64),
        scale * precision / np.finfo(np.float32).eps,
        "float32",
    )


def test_which_kernels_a_library_has(library: Backend) -> None:
    known = NATIVE[library.name.partition(":")[0]]
    assert set(library.native) == known


def test_conv(library: Backend, dtype: str) -> None:
    @searched(library)
    @given(layer=layers(), auto_pad=st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
    def check(layer: Layer, auto_pad: str) -> None:
        attributes = {**layer.attributes, "auto_pad": auto_pad}
        if auto_pad != "NOTSET":
            del attributes["pads"]
        bias = _numbers(layer.weight[:1], 5)
        for last in (None, bias):
            arrays = (_numbers(layer.x, 3), _numbers(layer.weight, 4), last)
            _compare(library, "conv", arrays, dtype, 10.0, **attributes)

    check()


def test_conv_transpose(library: Backend, dtype: str) -> None:
    @searched(library)
    @given(layer=layers(transposed=True), data=st.data())
    def check(layer: Layer, data: st.DataObject) -> None:
        attributes = dict(layer.attributes)
        if data.draw(st.booleans()):
            attributes["output_padding"] = tuple(s - 1 for s in attributes["strides"])
        elif data.draw(st.booleans()):
            attributes["auto_pad"] = data.draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER"]))
            del attributes["pads"]
        bias = _numbers(layer.weight[1] * attributes["group"], 5)
        for last in (None, bias):
            arrays = (_numbers(layer.x, 3), _numbers(layer.weight, 4), last)
            try:
                OPS["conv_transpose"].shape(layer.x, layer.weight, None, **attributes)
            except ShapeError:
                return
            _compare(library, "conv_transpose", arrays, dtype, 10.0, **attributes)

    check()


@pytest.mark.parametrize("shape", [(1, 4, 3, 3, 3, 3), (0, 4, 5), (2, 4, 0)])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_what_a_library_cannot_do_is_the_formula(
    library: Backend, name: str, shape: tuple[int, ...]
) -> None:
    weight = np.ones((4, 4, *(2,) * (len(shape) - 2)))
    _compare(library, name, (_numbers(shape, 3), weight, None), "float32", 30.0)


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_what_does_not_fit_is_refused_as_the_formula_does(library: Backend, name: str) -> None:
    x, weight = library.xp.ones((1, 2, 3)), library.xp.ones((3, 3, 1))
    with pytest.raises(ShapeError, match="x has 2 channels, and weight"):
        library.native[name](x, weight)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int8"])
def test_max_pool_of_pytorch(dtype: str) -> None:
    backend = obtain("torch")

    @searched(backend)
    @given(p=pools(), data=st.data())
    def check(p: Pool, data: st.DataObject) -> None:
        x = _numbers(p.x, 3) * 10
        x[..., :1] = 5 if dtype == "int8" else np.nan
        there = backend.asarray(x.astype(dtype))
        attributes = p.attributes
        if data.draw(st.booleans()):
            attributes["auto_pad"] = data.draw(st.sampled_from(["SAME_UPPER", "VALID"]))
            del attributes["pads"]
        got = backend.to_host(backend.native["max_pool"](there, **attributes))
        wanted = OPS["max_pool"].formula(there, xp=backend.xp, **attributes)
        assert got.dtype == dtype
        np.testing.assert_array_equal(
            got.astype(np.float64), backend.to_host(wanted).astype(np.float64)
        )

    check()


@pytest.mark.needs("torch")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 4, 5), (3, 4, 0)])
def test_layer_normalization_of_pytorch(
    dtype: str, axis: int, whole: bool, shape: tuple[int, ...]
) -> None:
    inner = shape[axis % 3 :] if whole else shape[-1:]
    arrays = (_numbers(shape, 3), _numbers(inner, 4), _numbers(inner, 5))
    for bias in (None, arrays[2]):
        _compare(obtain("torch"), "layer_normalization", (*arrays[:2], bias), dtype, 5.0, axis=axis)
