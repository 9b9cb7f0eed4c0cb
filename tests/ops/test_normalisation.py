"""Normalisation against its definitions in float64, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import ShapeError
from arraynet.ops import OPS
from tests.ops.running import close, run, searched
from tests.ops.samples import has_dtype


@pytest.fixture(params=["float32", "float64", "float16"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


def _numbers(shape: Any, dtype: str, seed: int = 3) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) + 0.5).astype(dtype)


IMAGES = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))


def _columns(vector: np.ndarray, rank: int) -> np.ndarray:
    return vector.astype(np.float64).reshape((-1, *(1,) * (rank - 2)))


def _standard(x: np.ndarray, axes: Any, epsilon: float) -> np.ndarray:
    wide = x.astype(np.float64)
    mean = wide.mean(axis=axes, keepdims=True)
    return (wide - mean) / np.sqrt(((wide - mean) ** 2).mean(axis=axes, keepdims=True) + epsilon)


def test_channels(backend: Backend, dtype: str) -> None:
    """Batch, instance and group normalisation, as their definitions say."""

    @searched(backend)
    @given(shape=IMAGES, rank=st.integers(2, 4), epsilon=st.sampled_from([1e-5, 0.1]))
    def check(shape: tuple[int, ...], rank: int, epsilon: float) -> None:
        shape = shape[:rank]
        x, channels = _numbers(shape, dtype), shape[1]
        scale, bias, mean = (_numbers(channels, dtype, seed) for seed in (4, 5, 6))
        variance = np.abs(_numbers(channels, dtype, 7)) + np.array(0.25, dtype)
        s, b, m, v = (_columns(vector, rank) for vector in (scale, bias, mean, variance))
        wanted = (x - m) / np.sqrt(v + epsilon) * s + b
        factor = np.abs(s) / np.sqrt(v + epsilon)
        size = (np.abs(x) + np.abs(m)) * factor + np.abs(b)
        got = run(backend, "batch_normalization", x, scale, bias, mean, variance, epsilon=epsilon)
        close(got, wanted, size, dtype)
        # What is left of a sum after its mean is taken off is as exact as the largest term.
        loss = 8.0 * np.abs(s) / np.sqrt(epsilon) + np.abs(b)
        if rank > 2:
            wanted = _standard(x, tuple(range(2, rank)), epsilon) * s + b
            got = run(backend, "instance_normalization", x, scale, bias, epsilon=epsilon)
            close(got, wanted, loss, dtype)
        for groups in {1, channels, 2 if channels % 2 == 0 else 1}:
            rows = x.reshape(shape[0], groups, -1)
            wanted = _standard(rows, 2, epsilon).reshape(shape) * s + b
            got = run(
                backend,
                "group_normalization",
                x,
                scale,
                bias,
                num_groups=groups,
                epsilon=epsilon,
            )
            close(got, wanted, loss, dtype)

    check()


def test_rows(backend: Backend, dtype: str) -> None:
    """Layer and root mean square normalisation, as their definitions say."""

    @searched(backend)
    @given(shape=IMAGES, axis=st.integers(-4, 3), whole=st.booleans(), epsilon=st.just(0.01))
    def check(shape: tuple[int, ...], axis: int, whole: bool, epsilon: float) -> None:
        x = _numbers(shape, dtype)
        axes = tuple(range(axis % 4, 4))
        inner = shape[axes[0] :] if whole else (1, shape[-1])[-len(axes) :]
        scale, bias = _numbers(inner, dtype, 4), _numbers(inner, dtype, 5)
        wide = x.astype(np.float64)
        normal = _standard(x, axes, epsilon) * scale.astype(float)
        attributes = {"axis": axis, "epsilon": epsilon}
        got = run(backend, "layer_normalization", x, scale, None, **attributes)
        close(got, normal, 80.0, dtype)
        wanted = normal + bias.astype(float)
        got, mean, inverse = run(
            backend, "layer_normalization_with_statistics", x, scale, bias, **attributes
        )
        close(got, wanted, 80.0, dtype)
        average = wide.mean(axis=axes, keepdims=True)
        close(mean, average, 2.0, dtype)
        deviation = np.sqrt(((wide - average) ** 2).mean(axis=axes, keepdims=True) + epsilon)
        close(inverse, 1 / deviation, 10.0, dtype)
        square = np.sqrt((wide**2).mean(axis=axes, keepdims=True) + epsilon)
        got = run(backend, "rms_normalization", x, scale, **attributes)
        close(got, wide / square * scale.astype(float), 10.0, dtype)

    check()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_lp_normalization(backend: Backend, dtype: str, axis: int, p: int) -> None:
    x = _numbers((3, 4, 5), dtype)
    if axis == -1:
        x[1, 2] = 0
    wide = x.astype(np.float64)
    norm = (np.abs(wide) ** p).sum(axis=axis, keepdims=True) ** (1 / p)
    got = run(backend, "lp_normalization", x, axis=axis, p=p)
    close(got, wide / np.where(norm == 0, 1, norm), 1.0, dtype)


def test_lp_normalization_of_large_and_small_rows(backend: Backend) -> None:
    x = np.float32([[3e30, -4e30], [3e-30, 4e-30], [0, 0]])
    got = run(backend, "lp_normalization", x)
    np.testing.assert_allclose(got, [[0.6, -0.8], [0.6, 0.8], [0, 0]], rtol=1e-6)


def test_lrn(backend: Backend, dtype: str) -> None:
    @searched(backend)
    @given(shape=IMAGES, rank=st.integers(2, 4), size=st.integers(1, 5))
    def check(shape: tuple[int, ...], rank: int, size: int) -> None:
        x = _numbers(shape[:rank], dtype)
        wide = x.astype(np.float64)
        wanted = np.zeros_like(wide)
        for c in range(shape[1]):
            # As the operator's documentation says.
            low = max(0, c - (size - 1) // 2)
            high = min(shape[1] - 1, c + -(-(size - 1) // 2))
            total = (wide[:, low : high + 1] ** 2).sum(axis=1)
            wanted[:, c] = wide[:, c] / (1.5 + 0.7 / size * total) ** 0.6
        got = run(backend, "lrn", x, size=size, alpha=0.7, beta=0.6, bias=1.5)
        close(got, wanted, np.abs(wide), dtype)

    check()


@pytest.mark.parametrize("axes", [(0, 2, 3), (1,), (-1, 0), ()])
def test_mean_variance_normalization(backend: Backend, dtype: str, axes: tuple[int, ...]) -> None:
    x = _numbers((3, 2, 4, 5), dtype)
    got = run(backend, "mean_variance_normalization", x, axes=axes)
    wide = x.astype(np.float64)
    mean = wide.mean(axis=axes, keepdims=True)
    deviation = np.sqrt(((wide - mean) ** 2).mean(axis=axes, keepdims=True))
    # 1 over the smallest deviation is what rounding errors of x are multiplied by.
    scale = 10.0 / np.where(deviation == 0, 1.0, deviation)
    close(got, (wide - mean) / (deviation + 1e-9), scale, dtype)


def test_batch_normalization_of_a_single_axis(backend: Backend) -> None:
    one = np.float32([1])
    got = run(backend, "batch_normalization", np.float32([1, 3]), one, one, one, one)
    np.testing.assert_allclose(got, [1, 1 + 2 / np.sqrt(1 + 1e-5)], rtol=1e-6)


def test_batch_normalization_is_a_scale_of_channels() -> None:
    """What ``scaling`` states."""
    x, vectors = _numbers((2, 3, 4), "float64"), np.abs(_numbers((4, 3), "float64", 4)) + 0.1
    told = OPS["batch_normalization"].scaling
    assert told is not None
    scale, shift = told(None, *vectors, epsilon=0.01, rank=3)
    wanted = ops.batch_normalization(x, *vectors, epsilon=0.01)
    np.testing.assert_allclose(x * scale + shift, wanted, rtol=1e-13)
    assert told(vectors[0], *vectors[:3], None, rank=3) is None  # no scale of the variance


CALLS: dict[str, Any] = {
    "batch_normalization": lambda x, c: ((x, c, c, c, c), {}),
    "group_normalization": lambda x, c: ((x, c, c), {"num_groups": 1}),
    "instance_normalization": lambda x, c: ((x, c, c), {}),
    "layer_normalization": lambda x, c: ((x, np.ones(x.shape[-1:], x.dtype)), {}),
    "lp_normalization": lambda x, c: ((x,), {}),
    "lrn": lambda x, c: ((x,), {"size": 3}),
    "mean_variance_normalization": lambda x, c: ((x,), {"axes": (0, 2)}),
    "rms_normalization": lambda x, c: ((x, np.ones(x.shape[-1:], x.dtype)), {}),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shape", [(0, 2, 5), (2, 2, 0)])
def test_axes_of_size_0(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    arrays, attributes = CALLS[name](x, np.ones(shape[1], np.float32))
    assert run(backend, name, *arrays, **attributes).shape == shape


@pytest.mark.parametrize("name", CALLS)
def test_a_level_image_and_nan_make_no_noise(backend: Backend, name: str) -> None:
    x = np.zeros((1, 2, 4), np.float32)
    arrays, attributes = CALLS[name](x, np.float32([0, 1]))
    assert np.isfinite(run(backend, name, *arrays, **attributes)).all()
    x[0, 1, 2] = np.nan
    assert np.isnan(run(backend, name, *arrays, **attributes)[0, 1, 2])


X, C = np.ones((2, 3, 4)), np.ones(3)


@pytest.mark.parametrize(
    ("name", "arrays", "attributes", "message"),
    [
        ("batch_normalization", (X, C, C, np.ones(2), C), {}, r"mean \(2,\) needs one number"),
        ("instance_normalization", (np.ones((2, 3)), C, C), {}, r"x \(2, 3\) needs at least 3"),
        ("group_normalization", (X, C, C), {}, "num_groups is 0, and no divisor of 3 channels"),
        ("group_normalization", (X, C, C), {"num_groups": 2}, "num_groups is 2, and no divisor"),
        ("layer_normalization", (X, C), {}, r"scale \(3,\) does not broadcast to .*\(4,\)"),
        ("layer_normalization", (X, X, C), {"axis": 0}, r"bias \(3,\) does not broadcast"),
        ("layer_normalization", (X, np.ones((2, 4))), {}, r"scale \(2, 4\) does not broadcast"),
        ("layer_normalization", (X, C), {"axis": 3}, r"axis 3 does not exist"),
        ("rms_normalization", (X, C), {}, r"scale \(3,\) does not broadcast to .*\(4,\)"),
        ("lrn", (X,), {}, "size is 0, and one channel at least"),
        ("lp_normalization", (X,), {"p": 0}, "p is 0"),
        ("mean_variance_normalization", (X,), {}, "axis 3 does not exist"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, arrays: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=rf"^{name}: got shape .*{message}") as caught:
        getattr(ops, name)(*arrays, **attributes)
    assert "\n" not in str(caught.value)
