"""Convolutions against their definitions and PyTorch, on every backend."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arraynet import ops
from arraynet.backends import Backend, get_backend
from arraynet.errors import DtypeError, ShapeError
from arraynet.ops import OPS
from tests.ops.references_convolution import convolve, convolve_transposed
from tests.ops.running import close, run, searched
from tests.ops.samples import has_dtype


@pytest.fixture(params=["float32", "float64", "float16"])
def dtype(request: pytest.FixtureRequest, backend: Backend) -> str:
    if not has_dtype(backend, request.param):
        pytest.skip(f"{backend.name} has no {request.param}")
    return str(request.param)


class Layer(NamedTuple):
    """The shapes and attributes of a convolution."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    attributes: dict[str, Any]


@st.composite
def layers(draw: st.DrawFn, transposed: bool = False) -> Layer:
    """Give convolutions of one to three spatial axes that fit."""
    rank = draw(st.integers(1, 3))
    largest = 7 if rank < 3 else 4
    group = draw(st.sampled_from([1, 1, 2, 3]))
    inner, outer = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    if draw(st.booleans()):
        inner = 1  # depthwise, where there are groups

    def each(low: int, high: int, count: int = rank) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel, dilations, strides = each(1, 3), each(1, 2), each(1, 3)
    pads = each(0, 2, 2 * rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if transposed:
        sizes = tuple(
            max(1, draw(st.integers(1, largest)), -(-(p + q) // s) + 1)
            for p, q, s in zip(pads, pads[rank:], strides, strict=False)
        )
    else:
        sizes = tuple(
            draw(st.integers(max(1, r - p - q), max(largest, r)))
            for r, p, q in zip(reach, pads, pads[rank:], strict=False)
        )
    batch = draw(st.integers(1, 2))
    weight = (group * inner, outer) if transposed else (group * outer, inner)
    return Layer(
        (batch, group * inner, *sizes),
        (*weight, *kernel),
        {"strides": strides, "pads": pads, "dilations": dilations, "group": group},
    )


def _numbers(shape: tuple[int, ...], dtype: str, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def _scale(x: np.ndarray, weight: np.ndarray, reference: Any, **attributes: Any) -> Any:
    """Return the sums of the terms' magnitudes, which rounding errors are multiples of."""
    return reference(np.abs(x), np.abs(weight), **attributes) + 1.0


def test_conv_is_its_definition(backend: Backend, dtype: str) -> None:
    @searched(backend)
    @given(layer=layers())
    def check(layer: Layer) -> None:
        x, weight = _numbers(layer.x, dtype), _numbers(layer.weight, dtype, 4)
        bias = _numbers(layer.weight[:1], dtype, 5)
        wanted = convolve(x, weight, **layer.attributes)
        scale = _scale(x, weight, convolve, **layer.attributes)
        close(run(backend, "conv", x, weight, None, **layer.attributes), wanted, scale, dtype)
        shift = bias.astype(float).reshape((-1, *(1,) * (x.ndim - 2)))
        got = run(backend, "conv", x, weight, bias, **layer.attributes)
        close(got, wanted + shift, scale + np.abs(shift), dtype)

    check()


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_conv_chooses_pads(backend: Backend, auto_pad: str) -> None:
    @searched(backend)
    @given(layer=layers())
    def check(layer: Layer) -> None:
        x, weight = _numbers(layer.x, "float32"), _numbers(layer.weight, "float32", 4)
        given_ = dict(layer.attributes)
        rank, pads = x.ndim - 2, []
        for size, k, s, d in zip(
            layer.x[2:], layer.weight[2:], given_["strides"], given_["dilations"], strict=True
        ):
            reach = (k - 1) * d + 1
            total = max(0, (-(-size // s) - 1) * s + reach - size) if auto_pad != "VALID" else 0
            small, large = total // 2, total - total // 2
            pads.append((small, large) if auto_pad == "SAME_UPPER" else (large, small))
            if auto_pad == "VALID" and reach > size:
                return
        given_["pads"] = tuple(p[0] for p in pads) + tuple(p[1] for p in pads)
        wanted = convolve(x, weight, **given_)
        if auto_pad != "VALID":
            assert wanted.shape[2:] == tuple(
                -(-size // s) for size, s in zip(layer.x[2:], given_["strides"], strict=True)
            )
        del given_["pads"]
        got = run(backend, "conv", x, weight, auto_pad=auto_pad, **given_)
        close(got, wanted, 10.0 * rank, "float32")

    check()


def test_conv_transpose_is_its_definition(backend: Backend, dtype: str) -> None:
    @searched(backend)
    @given(layer=layers(transposed=True), data=st.data())
    def check(layer: Layer, data: st.DataObject) -> None:
        x, weight = _numbers(layer.x, dtype), _numbers(layer.weight, dtype, 4)
        given_ = layer.attributes
        rank, pads = x.ndim - 2, given_["pads"]
        more = tuple(data.draw(st.integers(0, s - 1)) for s in given_["strides"])
        sizes = tuple(
            given_["strides"][a] * (x.shape[2 + a] - 1)
            + (weight.shape[2 + a] - 1) * given_["dilations"][a]
            + 1
            + more[a]
            - pads[a]
            - pads[a + rank]
            for a in range(rank)
        )
        if min(sizes) < 1:
            return
        wanted = convolve_transposed(x, weight, sizes=sizes, **given_)
        scale = _scale(x, weight, convolve_transposed, sizes=sizes, **given_)
        got = run(backend, "conv_transpose", x, weight, None, output_padding=more, **given_)
        close(got, wanted, scale, dtype)
        bias = _numbers(got.shape[1:2], dtype, 5)
        shift = bias.astype(float).reshape((-1, *(1,) * rank))
        got = run(backend, "conv_transpose", x, weight, bias, output_padding=more, **given_)
        close(got, wanted + shift, scale + np.abs(shift), dtype)

    check()


@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("size", "stride", "wanted"), [(4, 3, 11), (4, 3, 12), (5, 2, 15)])
def test_conv_transpose_of_a_wanted_shape(
    backend: Backend, auto_pad: str, size: int, stride: int, wanted: int
) -> None:
    x, weight = _numbers((1, 2, size), "float32"), _numbers((2, 3, 4), "float32", 4)
    # As the operator's documentation says: the odd pad is behind for SAME_UPPER alone.
    total = max(0, stride * (size - 1) + 4 - wanted)
    before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
    exact = convolve_transposed(
        x,
        weight,
        strides=(stride,),
        pads=(before, 0),
        dilations=(1,),
        group=1,
        sizes=(wanted,),
    )
    attributes: dict[str, Any] = {"strides": (stride,), "auto_pad": auto_pad}
    got = run(backend, "conv_transpose", x, weight, None, output_shape=(wanted,), **attributes)
    close(got, exact, 10.0, "float32")


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_conv_transpose_that_is_stride_times_as_large(
    backend: Backend, auto_pad: str, stride: int
) -> None:
    x, weight = _numbers((2, 1, 5), "float32"), _numbers((1, 2, 3), "float32", 4)
    total = max(0, stride * 4 + 3 - 5 * stride)
    before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
    exact = convolve_transposed(
        x,
        weight,
        strides=(stride,),
        pads=(before, 0),
        dilations=(1,),
        group=1,
        sizes=(5 * stride,),
    )
    got = run(backend, "conv_transpose", x, weight, strides=(stride,), auto_pad=auto_pad)
    close(got, exact, 10.0, "float32")


@pytest.mark.needs("torch")
@settings(max_examples=20, deadline=None, derandomize=True)
@given(layer=layers())
def test_conv_is_that_of_pytorch(layer: Layer) -> None:
    torch = pytest.importorskip("torch")
    x, weight = _numbers(layer.x, "float64"), _numbers(layer.weight, "float64", 4)
    bias = _numbers(layer.weight[:1], "float64", 5)
    rank, given_ = x.ndim - 2, dict(layer.attributes)
    pads = given_.pop("pads")
    around = [n for a in reversed(range(rank)) for n in (pads[a], pads[a + rank])]
    wide = torch.nn.functional.pad(torch.from_numpy(x), around)
    function = getattr(torch.nn.functional, f"conv{rank}d")
    wanted = function(
        wide,
        torch.from_numpy(weight),
        torch.from_numpy(bias),
        stride=given_["strides"],
        dilation=given_["dilations"],
        groups=given_["group"],
    ).numpy()
    got = ops.conv(x, weight, bias, pads=pads, **given_)
    close(got, wanted, 50.0, "float64")


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
@pytest.mark.parametrize("shape", [(0, 2, 5, 5), (2, 2, 0, 5), (2, 0, 5, 5)])
def test_axes_of_size_0(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    channels = (3, shape[1]) if name == "conv" else (shape[1], 3)
    weight, bias = np.ones((*channels, 3, 3), np.float32), np.float32([1, 2, 3])
    got = run(backend, name, x, weight, bias, strides=(2, 2))
    wanted = np.broadcast_to(bias[:, None, None], got.shape)
    np.testing.assert_array_equal(got, wanted)
    assert got.shape[0] == shape[0]


def test_integers_as_attributes_may_be_numpy_s_or_a_list() -> None:
    x, weight = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    got = ops.conv(x, weight, strides=[2, 2], pads=np.array([0, 0, 0, 0]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(got, np.full((1, 1, 2, 2), 4.0))


X, W = np.ones((1, 4, 3, 3)), np.ones((2, 4, 2, 2))


@pytest.mark.parametrize(
    ("name", "arrays", "attributes", "message"),
    [
        ("conv", (np.ones((1, 4)), W), {}, r"x \(1, 4\) needs at least 3 axes"),
        ("conv", (X, np.ones((2, 4, 2))), {}, r"weight \(2, 4, 2\) needs as many axes as x"),
        ("conv", (X, np.ones((2, 3, 2, 2))), {}, r"x has 4 channels, and weight .* takes 3"),
        ("conv", (X, np.ones((3, 2, 2, 2))), {"group": 2}, "gives a multiple of 2"),
        ("conv", (X, W), {"group": 0}, "group is 0"),
        ("conv", (X, np.ones((2, 4, 5, 5))), {}, "kernel 5 is larger than the padded size 3"),
        ("conv", (X, W), {"dilations": (3, 1)}, r"kernel 4 \(dilated 2\) is larger than .* 3"),
        ("conv", (X, W), {"strides": (1,)}, r"strides \(1,\) needs 2 whole numbers from 1 on"),
        ("conv", (X, W), {"strides": (0, 1)}, r"strides \(0, 1\) needs 2 whole numbers from 1"),
        ("conv", (X, W), {"strides": (1.5, 1)}, r"strides \(1.5, 1\) needs 2 whole numbers"),
        ("conv", (X, W), {"pads": (1, 1)}, r"pads \(1, 1\) needs 4 whole numbers from 0 on, two"),
        ("conv", (X, W), {"pads": (-1, 0, 0, 0)}, r"pads \(-1, 0, 0, 0\) needs 4 whole numbers"),
        ("conv", (X, W), {"dilations": 2}, "dilations 2 needs 2 whole numbers"),
        ("conv", (X, W), {"kernel_shape": (3, 3)}, r"kernel_shape \(3, 3\) is not that of weight"),
        ("conv", (X, W), {"auto_pad": "SAME"}, "auto_pad is 'SAME'"),
        ("conv", (X, W), {"auto_pad": "VALID", "pads": (1, 0, 0, 0)}, "auto_pad=VALID chooses"),
        ("conv", (X, W, np.ones(3)), {}, r"bias \(3,\) needs one number for each of 2 channels"),
        ("conv_transpose", (X, W), {}, r"x has 4 channels, and weight .* takes 2"),
        ("conv_transpose", (X, np.ones((4, 1, 1, 1))), {"pads": (2, 0, 2, 0)}, "leave nothing"),
        ("conv_transpose", (X, np.ones((4, 1, 1, 1))), {"output_shape": (2,)}, "output_shape"),
        ("col2im", (np.ones((1, 4, 3)), [2, 2], [2, 2]), {}, "a multiple of 4 .* and 1 blocks"),
        ("col2im", (np.ones((1, 4, 3)), [2.5, 2], [2, 2]), {}, "image_shape .* whole numbers"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, arrays: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=rf"^{name}: got shape .*{message}") as caught:
        getattr(ops, name)(*arrays, **attributes)
    assert "\n" not in str(caught.value)


def test_a_group_must_be_a_whole_number() -> None:
    from arraynet.errors import GraphError

    with pytest.raises(GraphError, match=r"^conv: got group=1.0, expected a value like 1"):
        ops.conv(X, W, group=1.0)  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match=r"^conv: got an array of int64, expected a floating"):
        ops.conv(X.astype(int), W.astype(int))


@pytest.mark.parametrize(
    ("x", "weight", "attributes", "wanted"),
    [
        ((1, 1, 28, 28), (16, 1, 3, 3), {"pads": (1, 1, 1, 1)}, 28 * 28 * 16 * 9),
        ((2, 8, 5, 5), (4, 8, 1, 1), {}, 2 * 25 * 4 * 8),
        ((1, 8, 5, 5), (8, 4, 3, 3), {"group": 2}, 9 * 8 * 4 * 9),
        ((1, 8, 5, 5), (8, 1, 3, 3), {"group": 8, "strides": (2, 2)}, 4 * 8 * 9),
        ((1, 8, 5, 5), (16, 1, 3, 3), {"group": 8}, 9 * 16 * 9),
    ],
)
def test_multiply_adds(x: Any, weight: Any, attributes: dict[str, Any], wanted: int) -> None:
    assert OPS["conv"].multiply_adds(x, weight, **attributes) == wanted


def test_multiply_adds_of_the_transpose() -> None:
    assert OPS["conv_transpose"].multiply_adds((1, 8, 5, 5), (8, 3, 2, 2)) == 25 * 8 * 3 * 4


def test_shapes_may_have_symbols() -> None:
    shape = OPS["conv"].shape(("batch", 3, "height", 32), (8, 3, 3, 3), strides=(2, 1))
    assert shape == ("batch", 8, "height/2", 30)
    assert OPS["conv"].shape(("batch", 3, 9), (8, 3, 3), None) == ("batch", 8, 7)


class _Calls:
    """A namespace that counts the calls of another."""

    def __init__(self, xp: Any) -> None:
        self._xp, self.calls = xp, []  # type: ignore[var-annotated]

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._xp, name)


@pytest.mark.parametrize(
    ("weight", "attributes", "wanted"),
    [
        ((4, 4, 1, 1), {}, ["matmul", *["reshape"] * 3]),
        ((4, 4, 3, 3), {}, ["matmul", *["reshape"] * 3, "stack"]),
        ((4, 2, 3, 3), {"group": 2}, ["matmul", *["reshape"] * 3, "stack"]),
        ((4, 1, 3, 3), {"group": 4}, ["reshape"]),
    ],
)
def test_which_way_it_is_computed(weight: Any, attributes: Any, wanted: list[str]) -> None:
    xp = _Calls(get_backend("cpu").xp)
    OPS["conv"].formula(np.ones((2, 4, 6, 6)), np.ones(weight), xp=xp, **attributes)
    assert sorted(call for call in xp.calls if hasattr(np, call)) == wanted


def test_conv_merges_with_a_scale_of_its_channels() -> None:
    """The identity that ``merges="channels"`` states."""
    x, weight, bias = _numbers((2, 4, 5, 5), "float64"), _numbers((6, 2, 3, 3), "float64"), 0.5
    scale, shift = _numbers((6,), "float64", 8), _numbers((6,), "float64", 9)
    shape = (6, 1, 1)
    assert OPS["conv"].merges == "channels"
    wanted = ops.conv(x, weight, np.full(6, bias), group=2) * scale.reshape(shape) + shift.reshape(
        shape
    )
    got = ops.conv(x, weight * scale.reshape(6, 1, 1, 1), scale * bias + shift, group=2)
    np.testing.assert_allclose(got, wanted, atol=1e-13)


def test_bfloat16_is_summed_in_float32() -> None:
    pytest.importorskip("ml_dtypes")
    x, weight = np.ones((1, 1, 20, 20)), np.ones((1, 1, 20, 20))
    short = np.dtype("bfloat16")
    assert float(ops.conv(x.astype(short), weight.astype(short))[0, 0, 0, 0]) == 400.0
    assert ops.conv(x.astype(short), weight.astype(short)).dtype == short
