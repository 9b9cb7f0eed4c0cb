"""Pooling against its definition, and PyTorch, on every backend."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arraynet import ops
from arraynet.backends import Backend
from arraynet.errors import ShapeError
from arraynet.ops import OPS
from tests.ops.references_pooling import count, pool, windows
from tests.ops.running import close, run, searched
from tests.ops.samples import has_dtype

NAMES = ["max_pool", "average_pool", "lp_pool"]


@pytest.fixture(params=["float32", "float64", "float16"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


class Pool(NamedTuple):
    """The images and attributes of a pooling."""

    x: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    ceil: bool

    @property
    def attributes(self) -> dict[str, Any]:
        return {
            "kernel_shape": self.kernel,
            "strides": self.strides,
            "dilations": self.dilations,
            "pads": self.pads,
            "ceil_mode": self.ceil,
        }


@st.composite
def pools(draw: st.DrawFn, most_pads: int = 2) -> Pool:
    """Give poolings of one to three spatial axes, each window with an element of the image."""
    rank = draw(st.integers(1, 3))
    largest = 8 if rank < 3 else 5

    def each(low: int, high: int, count: int = rank) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel, strides, dilations = each(1, 3), each(1, 3), each(1, 2)
    pads = tuple(min(p, kernel[a % rank] // 2) for a, p in enumerate(each(0, most_pads, 2 * rank)))
    sizes = tuple(
        draw(st.integers((k - 1) * d + 1, largest)) for k, d in zip(kernel, dilations, strict=True)
    )
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *sizes)
    return Pool(shape, kernel, strides, dilations, pads, draw(st.booleans()))


def _numbers(shape: tuple[int, ...], dtype: str, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def _exact(x: np.ndarray, judge: Any, p: Pool) -> np.ndarray:
    return pool(
        x,
        judge,
        kernel=p.kernel,
        strides=p.strides,
        dilations=p.dilations,
        pads=p.pads,
        ceil=p.ceil,
    )


def _mean(with_pads: bool) -> Any:
    return lambda values, padded: sum(values) / max(1, padded if with_pads else len(values))


def _norm(p: int) -> Any:
    return lambda values, padded: sum(abs(value) ** p for value in values) ** (1 / p)


def test_pooling_is_its_definition(backend: Backend, dtype: str) -> None:
    @searched(backend)
    @given(p=pools())
    def check(p: Pool) -> None:
        x = _numbers(p.x, dtype)
        largest = _exact(x, lambda values, padded: max(values, default=-math.inf), p)
        np.testing.assert_array_equal(run(backend, "max_pool", x, **p.attributes), largest)
        for with_pads in (False, True):
            mean = _exact(x, _mean(with_pads), p)
            got = run(backend, "average_pool", x, count_include_pad=with_pads, **p.attributes)
            close(got, mean, np.abs(x).max(), dtype)
        for norm in (1, 2, 3):
            exact = _exact(x, _norm(norm), p)
            got = run(backend, "lp_pool", x, p=norm, **p.attributes)
            close(got, exact, np.abs(x).max(), dtype)

    check()


@pytest.mark.parametrize("order", [0, 1])
def test_where_the_largest_elements_are(backend: Backend, order: int) -> None:
    @searched(backend)
    @given(p=pools(), seed=st.integers(0, 9))
    def check(p: Pool, seed: int) -> None:
        # Few different numbers, so that windows have their largest element several times.
        x = np.random.default_rng(seed).integers(-1, 2, p.x).astype(np.float32)
        x[x < 0] = -np.inf
        values, places = run(
            backend, "max_pool_with_indices", x, storage_order=order, **p.attributes
        )
        np.testing.assert_array_equal(values, ops.max_pool(x, **p.attributes))
        sizes = p.x[2:]
        for place, inside, _ in windows(
            sizes, values.shape[2:], p.kernel, p.strides, p.dilations, p.pads
        ):
            for n, c in np.ndindex(*p.x[:2]):
                best = max(inside, key=lambda where: x[(n, c, *where)], default=None)
                wanted = -1
                if best is not None:
                    within = np.ravel_multi_index(best, sizes, order="CF"[order])
                    wanted = (n * p.x[1] + c) * math.prod(sizes) + int(within)
                assert places[(n, c, *place)] == wanted

    check()


@pytest.mark.needs("torch")
@settings(max_examples=40, deadline=None, derandomize=True)
@given(p=pools())
def test_pooling_is_that_of_pytorch(p: Pool) -> None:
    """PyTorch has other pads than symmetric ones nowhere, and dilations for maxima alone."""
    torch = pytest.importorskip("torch")
    rank = len(p.kernel)
    half = p.pads[:rank]
    same = p._replace(pads=half * 2)
    x = _numbers(p.x, "float64")
    there = torch.from_numpy(x)
    largest = getattr(torch.nn.functional, f"max_pool{rank}d")
    wanted, places = largest(
        there, p.kernel, p.strides, half, p.dilations, ceil_mode=p.ceil, return_indices=True
    )
    got, found = ops.max_pool_with_indices(x, **same.attributes)
    np.testing.assert_array_equal(got, wanted.numpy())
    offset = np.arange(math.prod(p.x[:2])).reshape(*p.x[:2], *(1,) * rank) * math.prod(p.x[2:])
    np.testing.assert_array_equal(found, places.numpy() + offset)
    average = getattr(torch.nn.functional, f"avg_pool{rank}d")
    same = same._replace(dilations=(1,) * rank)
    for with_pads in (False, True):
        wanted = average(
            there, p.kernel, p.strides, half, ceil_mode=p.ceil, count_include_pad=with_pads
        )
        got = ops.average_pool(x, count_include_pad=with_pads, **same.attributes)
        close(got, wanted.numpy(), 4.0, "float64")


@pytest.mark.needs("torch")
@settings(max_examples=20, deadline=None, derandomize=True)
@given(p=pools(), seed=st.integers(0, 99))
def test_unpooling_is_that_of_pytorch(p: Pool, seed: int) -> None:
    torch = pytest.importorskip("torch")
    rank = len(p.kernel)
    half = p.pads[:rank]
    p = p._replace(pads=half * 2, dilations=(1,) * rank, ceil=False)
    x = torch.from_numpy(_numbers(p.x, "float32", seed))
    pooled = getattr(torch.nn.functional, f"max_pool{rank}d")
    values, places = pooled(x, p.kernel, p.strides, half, return_indices=True)
    back = getattr(torch.nn.functional, f"max_unpool{rank}d")
    sizes = [
        (n - 1) * s - 2 * h + k
        for n, s, h, k in zip(values.shape[2:], p.strides, half, p.kernel, strict=True)
    ]
    assume(list(p.x[2:]) == sizes)
    wanted = back(values, places, p.kernel, p.strides, half).numpy()
    found, indices = ops.max_pool_with_indices(x.numpy(), **p.attributes)
    got = ops.max_unpool(found, indices, kernel_shape=p.kernel, strides=p.strides, pads=p.pads)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32"])
def test_integers_stay_exact(backend: Backend, kind: str) -> None:
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    x = np.array([[[low, high - 1, high, low, low]]], kind)
    got = run(backend, "max_pool", x, kernel_shape=(2,), pads=(1, 1))
    np.testing.assert_array_equal(got, [[[low, high - 1, high, high, low, low]]])
    assert got.dtype == kind
    np.testing.assert_array_equal(run(backend, "global_max_pool", x), [[[high]]])


def test_nan_and_infinity(backend: Backend) -> None:
    x = np.float32([[[1, np.nan, 2, -np.inf, -np.inf, np.inf, 3]]])
    got, places = run(backend, "max_pool_with_indices", x, kernel_shape=(2,))
    np.testing.assert_array_equal(got, [[[np.nan, np.nan, 2, -np.inf, np.inf, np.inf]]])
    np.testing.assert_array_equal(places, [[[1, 1, 2, 3, 5, 5]]])
    again = run(backend, "max_pool", x, kernel_shape=(2,))
    np.testing.assert_array_equal(again, got)


def test_global_pooling(backend: Backend, dtype: str) -> None:
    x = _numbers((2, 3, 4, 5), dtype)
    flat = x.reshape(2, 3, 20).astype(np.float64)
    largest = run(backend, "global_max_pool", x)
    np.testing.assert_array_equal(largest[:, :, 0, 0], flat.max(axis=2))
    close(run(backend, "global_average_pool", x)[:, :, 0, 0], flat.mean(axis=2), 1.0, dtype)
    for p in (1, 2, 4):
        wanted = (np.abs(flat) ** p).sum(axis=2) ** (1 / p)
        close(run(backend, "global_lp_pool", x, p=p)[:, :, 0, 0], wanted, wanted, dtype, 10)


@pytest.mark.parametrize("name", [*NAMES, "max_pool_with_indices"])
@pytest.mark.parametrize("shape", [(0, 2, 5), (2, 0, 5), (2, 2, 0)])
def test_axes_of_size_0(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    got = run(backend, name, np.zeros(shape, np.float32), kernel_shape=(2,), strides=(2,))
    wanted = (*shape[:2], shape[2] // 2)
    assert all(y.shape == wanted for y in (got if isinstance(got, tuple) else (got,)))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_pads_are_chosen(backend: Backend, auto_pad: str) -> None:
    x = _numbers((1, 1, 7, 6), "float32")
    # 7 in steps of 2 by windows of 3 need 2 pads, 6 need 1; ceil_mode adds none.
    pads = {"SAME_UPPER": (1, 0, 1, 1), "SAME_LOWER": (1, 1, 1, 0), "VALID": (0, 0, 0, 0)}
    for name in NAMES:
        got = run(
            backend, name, x, kernel_shape=(3, 3), strides=(2, 2), auto_pad=auto_pad, ceil_mode=True
        )
        wanted = run(backend, name, x, kernel_shape=(3, 3), strides=(2, 2), pads=pads[auto_pad])
        np.testing.assert_array_equal(got, wanted)


X = np.ones((1, 2, 4, 4))


@pytest.mark.parametrize(
    ("name", "arrays", "attributes", "message"),
    [
        *((name, (X,), {}, r"kernel_shape \(\) needs 2 whole numbers from 1 on") for name in NAMES),
        ("max_pool", (X,), {"kernel_shape": (5, 1)}, "kernel 5 is larger than the padded size 4"),
        ("max_pool", (np.ones((2, 3)),), {"kernel_shape": ()}, r"x \(2, 3\) needs at least 3"),
        ("lp_pool", (X,), {"kernel_shape": (1, 1), "p": 0}, "p is 0"),
        ("global_lp_pool", (X,), {"p": -1}, "p is -1"),
        ("global_average_pool", (np.ones((1, 2, 0)),), {}, r"axes of \(1, 2, 0\) hold no element"),
        ("global_max_pool", (np.ones((2, 3)),), {}, r"x \(2, 3\) needs at least 3 axes"),
        ("max_pool_with_indices", (X,), {"kernel_shape": (1, 1), "storage_order": 2}, "is 2"),
        ("max_unpool", (X, np.ones((1, 2))), {"kernel_shape": (1, 1)}, "need the shape of x"),
        ("max_unpool", (X, X, [1, 2, 4]), {"kernel_shape": (1, 1)}, "is no image like"),
        ("max_unpool", (X, X), {"kernel_shape": (1, 1), "pads": (3, 3, 3, 3)}, "leave nothing"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, arrays: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=rf"^{name}: got shape .*{message}") as caught:
        getattr(ops, name)(*arrays, **attributes)
    assert "\n" not in str(caught.value)


def test_shapes_may_have_symbols() -> None:
    for name in NAMES:
        found = OPS[name].shape(("batch", 3, 8, 8), kernel_shape=(2, 2), strides=(2, 2))
        assert found == ("batch", 3, 4, 4)


def test_the_count_of_windows_is_that_of_the_documentation() -> None:
    for size in range(1, 9):
        for stride in (1, 2, 3):
            for before, after in ((0, 0), (1, 0), (0, 1), (1, 1)):
                for ceil in (False, True):
                    if size + before + after < 3:
                        continue
                    found = OPS["max_pool"].shape(
                        (1, 1, size),
                        kernel_shape=(3,),
                        strides=(stride,),
                        pads=(before, after),
                        ceil_mode=ceil,
                    )
                    assert found[2] == count(size, 3, stride, 1, before, after, ceil)
