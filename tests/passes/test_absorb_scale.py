"""Absorbing a scale into the layer beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.backends.numpy import NumpyBackend
from arraynet.engine.program import Program
from arraynet.graph import Graph, Node, Value
from arraynet.layers import Scale
from arraynet.passes import (
    absorb_scale,
)
from tests.networks import dense
from tests.passes.helpers import assert_same, chain, ops, weights


def test_a_scale_of_the_input_goes_into_the_first_layer() -> None:
    layer = dense(4, 3)
    scale, shift = np.array([0.5, 2.0, -3.0, 0.25]), np.array([1.0, 0.0, -1.0, 2.0])
    after = absorb_scale(chain(Scale(scale, shift), layer, "relu"))
    assert ops(after) == ["affine", "relu"]
    assert after.nodes[0].inputs[0] == "x"
    weight, bias = weights(after, after.nodes[0])
    exact = layer.weight.astype(np.float64)
    np.testing.assert_allclose(weight, scale[:, None] * exact, rtol=1e-7)
    np.testing.assert_allclose(bias, shift @ exact + layer.bias, rtol=1e-6)


def test_a_scale_of_the_output_goes_into_the_last_layer() -> None:
    layer = dense(4, 3)
    scale, shift = np.array([0.5, 2.0, -3.0]), 0.75
    after = absorb_scale(chain("relu", layer, Scale(scale, shift)))
    assert ops(after) == ["relu", "affine"]
    assert after.outputs == ("scale_shift1",)
    weight, bias = weights(after, after.nodes[1])
    np.testing.assert_allclose(weight, layer.weight.astype(np.float64) * scale, rtol=1e-7)
    np.testing.assert_allclose(bias, layer.bias * scale + shift, rtol=1e-6)


def test_several_scales_go_too() -> None:
    before = chain(Scale(1 / 255), Scale(2.0, -1.0), dense(4, 3), Scale(3.0), Scale(1.0, 0.5))
    after = absorb_scale(before)
    assert ops(after) == ["affine"]
    assert_same(before, after)


def test_a_scale_between_activations_stays() -> None:
    before = chain(dense(4, 3), "relu", Scale(2.0), "tanh", dense(3, 2))
    assert ops(absorb_scale(before)) == ops(before)


@pytest.mark.parametrize(
    "layers",
    [
        (dense(3, 1), Scale(2.0, [1.0, 2.0, 3.0]), "relu"),
        (dense(3, 1), Scale([1.0, 2.0, 3.0]), dense(3, 2)),
        (dense(3, 1), Scale([1.0, 2.0, 3.0]), "relu"),
    ],
)
def test_a_scale_that_makes_several_features_of_one_stays_right(layers: Any) -> None:
    before = chain(*layers)
    after = absorb_scale(before).validated()
    assert_same(before, after)


@pytest.mark.needs("numpy", "torch")
def test_a_scale_that_is_read_twice_stays() -> None:
    layer = dense(3, 3)
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("scale_shift", ("x", "s", "t"), ("a",)),
            Node("affine", ("a", "W", "b"), ("c",)),
            Node("add", ("a", "c"), ("y",)),
        ),
        {"s": np.float32([2.0]), "t": np.float32([1.0]), "W": layer.weight, "b": layer.bias},
        ("y",),
    ).validated()
    assert ops(absorb_scale(graph)) == ops(graph)


def images(*nodes: Node, channels: int = 4, **constants: Any) -> Graph:
    """Return a graph of images x, in float64."""
    arrays = {name: np.asarray(array, np.float64) for name, array in constants.items()}
    inputs = (Value("x", ("batch", channels, 6, 6), "float64"),)
    return Graph(inputs, nodes, arrays, (nodes[-1].name,)).validated()


def assert_as_torch(before: Graph, after: Graph) -> None:
    x = np.random.default_rng(0).normal(size=(2, *before.inputs[0].shape[1:]))
    pytest.importorskip("torch")
    from tests.passes.reference import outputs

    (wanted,) = outputs(before, x)
    found = Program(after.validated(), NumpyBackend()).run(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def _normal(*shape: int) -> Any:
    return np.random.default_rng(shape).normal(size=shape)


VECTORS = {"s": _normal(4), "b": _normal(4), "m": _normal(4), "v": _normal(4) ** 2 + 0.1}
NORMALIZATION = ("s", "b", "m", "v")
CONVOLUTIONS: Any = [
    ("conv", (4, 4, 3, 3), {}),
    ("conv", (4, 2, 3, 3), {"group": 2}),
    ("conv", (4, 1, 2, 2), {"group": 4, "strides": (2, 2)}),
    ("conv_transpose", (4, 4, 3, 3), {}),
    ("conv_transpose", (4, 2, 2, 2), {"group": 2, "strides": (2, 2)}),
    ("conv_transpose", (4, 1, 2, 2), {"group": 4}),
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("op", "shape", "attributes"), CONVOLUTIONS)
@pytest.mark.needs("numpy", "torch")
def test_a_normalisation_goes_into_the_convolution_before_it(
    op: str, shape: Any, attributes: Any, bias: bool
) -> None:
    """With a border as well: the zeros are multiplied, and nothing is added to them."""
    reads = ("x", "W", "c") if bias else ("x", "W")
    before = images(
        Node(op, reads, ("z",), {**attributes, "pads": (1, 1, 1, 1)}),
        Node("batch_normalization", ("z", *NORMALIZATION), ("y",)),
        W=_normal(*shape),
        **({"c": _normal(4)} if bias else {}),
        **VECTORS,
    )
    after = absorb_scale(before)
    assert ops(after) == [op]
    assert after.nodes[0].attributes == before.nodes[0].attributes
    assert_as_torch(before, after)


@pytest.mark.parametrize(("op", "shape", "attributes"), CONVOLUTIONS)
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1)])
@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.needs("numpy", "torch")
def test_a_scale_goes_into_the_convolution_after_it_a_shift_where_no_zeros_are(
    op: str, shape: Any, attributes: Any, pads: Any, shift: float
) -> None:
    before = images(
        Node("scale_shift", ("x", "k", "t"), ("z",)),
        Node(op, ("z", "W"), ("y",), {**attributes, "pads": pads}),
        W=_normal(*shape),
        k=_normal(4, 1, 1),
        t=shift,
    )
    after = absorb_scale(before)
    stays = shift != 0 and (any(pads) or op == "conv_transpose")
    assert ops(after) == (["scale_shift", op] if stays else [op])
    assert_as_torch(before, after)


@pytest.mark.parametrize(
    ("op", "reads", "left"),
    [
        ("div", ("x", "k"), []),
        ("div", ("k", "x"), ["div"]),  # no scale of x
        ("sub", ("k", "x"), []),
        ("mul", ("k", "x"), []),
        ("add", ("x", "x"), ["add"]),  # no constant
        ("neg", ("x",), []),
        ("mul", ("x", "places"), ["mul"]),  # one for each place
        ("add", ("x", "columns"), ["add"]),
        ("mul", ("x", "one"), []),
    ],
)
@pytest.mark.needs("numpy", "torch")
def test_arithmetic_with_constants_is_a_scale(op: str, reads: Any, left: list[str]) -> None:
    known = {"k": _normal(4, 1, 1), "places": _normal(4, 6, 6), "columns": _normal(6)}
    known["one"] = _normal(1, 1, 1, 1)
    before = images(
        Node(op, reads, ("z",)),
        Node("conv", ("z", "W"), ("y",)),
        W=_normal(3, 4, 2, 2),
        **{name: array for name, array in known.items() if name in reads},
    )
    after = absorb_scale(before)
    assert ops(after) == [*left, "conv"]
    assert_as_torch(before, after)


def test_a_constant_that_makes_several_channels_of_one_is_no_scale() -> None:
    before = images(
        Node("mul", ("x", "k"), ("z",)),
        Node("conv", ("z", "W"), ("y",)),
        channels=1,
        k=_normal(4, 1, 1),
        W=_normal(3, 4, 2, 2),
    )
    assert ops(absorb_scale(before)) == ["mul", "conv"]
    after = images(
        Node("conv", ("x", "W"), ("z",)),
        Node("mul", ("z", "k"), ("y",)),
        k=_normal(4, 1, 1),
        W=_normal(1, 4, 2, 2),
    )
    assert ops(absorb_scale(after)) == ["conv", "mul"]


@pytest.mark.needs("numpy", "torch")
def test_a_normalisation_alone_becomes_a_scale() -> None:
    before = images(Node("batch_normalization", ("x", *NORMALIZATION), ("y",)), **VECTORS)
    after = absorb_scale(before)
    assert ops(after) == ["scale_shift"]
    assert {array.shape for array in after.weights.values()} == {(4, 1, 1)}
    assert_as_torch(before, after)
    assert ops(absorb_scale(before.astype("float32"))) == ["scale_shift"]
    # In 16 bits it is computed in 32 and rounded once; a scale and shift would be rounded twice.
    assert ops(absorb_scale(before.astype("float16"))) == ["batch_normalization"]


def test_a_product_of_integers_takes_no_scale() -> None:
    graph = Graph(
        (Value("x", ("batch", 2), "int64"),),
        (Node("matmul", ("x", "W"), ("z",)), Node("mul", ("z", "k"), ("y",))),
        {"W": np.full((2, 2), 2**53 + 1), "k": np.array(1)},
        ("y",),
    ).validated()
    assert absorb_scale(graph) is graph


def test_a_scale_of_another_dtype_stays() -> None:
    """The sum is in float64; the layer before it is not."""
    layer = dense(3, 3)
    graph = Graph(
        (Value("x", ("batch", 3), "float32"),),
        (
            Node("affine", ("x", "W", "b"), ("z",)),
            Node("cast", ("z",), ("w",), {"to": "float64"}),
            Node("add", ("w", "k"), ("y",)),
        ),
        {"W": layer.weight, "b": layer.bias, "k": np.ones(3)},
        ("y",),
    ).validated()
    assert absorb_scale(graph) is graph
