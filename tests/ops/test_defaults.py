"""Defaults are those of ONNX where it has the operator, else those of PyTorch."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from arraynet import ops
from tests.ops.onnx_nodes import NAMED

DEFAULTS: dict[str, dict[str, Any]] = {
    "celu": {"alpha": 1.0},
    "dropout": {"ratio": 0.5},
    "elu": {"alpha": 1.0},
    "gelu": {"approximate": "none"},
    "global_lp_pool": {"p": 2},
    "glu": {"axis": -1},
    "hard_shrink": {"lambd": 0.5},
    "hard_sigmoid": {"alpha": 0.2, "beta": 0.5},
    "hard_tanh": {"lower": -1.0, "upper": 1.0},
    "hardmax": {"axis": -1},
    "leaky_relu": {"alpha": 0.01},
    "log_softmax": {"axis": -1},
    "logsumexp": {"axis": -1, "keepdims": False},
    "scaled_dot_product_attention": {"is_causal": False, "scale": None, "softcap": 0.0},
    "selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "soft_shrink": {"lambd": 0.5},
    "softmax": {"axis": -1},
    "softmin": {"axis": -1},
    "sparsemax": {"axis": -1},
    "squareplus": {"b": 4.0},
    "thresholded_relu": {"alpha": 1.0},
    "unguarded_softmax": {"axis": -1},
}
"""As the operators' documentation states them."""

ONNX = {
    "celu": "Celu",
    "dropout": "Dropout",
    "elu": "Elu",
    "erf": "Erf",
    "gelu": "Gelu",
    "hard_shrink": "Shrink",
    "hard_sigmoid": "HardSigmoid",
    "hard_silu": "HardSwish",
    "hardmax": "Hardmax",
    "identity": "Identity",
    "leaky_relu": "LeakyRelu",
    "log_softmax": "LogSoftmax",
    "mish": "Mish",
    "relu": "Relu",
    "selu": "Selu",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
    "thresholded_relu": "ThresholdedRelu",
}
"""The ONNX operator of one array that each op is."""

TORCH = {
    "celu": "celu",
    "elu": "elu",
    "gelu": "gelu",
    "glu": "glu",
    "hard_shrink": "hardshrink",
    "hard_silu": "hardswish",
    "hard_tanh": "hardtanh",
    "leaky_relu": "leaky_relu",
    "log_sigmoid": "logsigmoid",
    "mish": "mish",
    "relu6": "relu6",
    "selu": "selu",
    "silu": "silu",
    "soft_shrink": "softshrink",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh_shrink": "tanhshrink",
}
"""The PyTorch function that each op is, with PyTorch's own defaults."""


def _attributes(name: str) -> dict[str, Any]:
    parameters = inspect.signature(getattr(ops, name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "xp"}


CONTROL = {name for name, op in ops.OPS.items() if op.control}
"""Branches and loops, whose attributes are graphs: an importer gives them all."""


@pytest.mark.parametrize("name", sorted(set(ops.OPS) - NAMED - CONTROL))
def test_defaults(name: str) -> None:
    assert _attributes(name) == DEFAULTS.get(ops.OPS[name].name, {})


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.random.default_rng(17).normal(scale=3, size=(8, 6)).astype(np.float32)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", sorted(ONNX))
def test_the_defaults_are_those_of_onnx(name: str) -> None:
    onnx = pytest.importorskip("onnx")
    schema = onnx.defs.get_schema(ONNX[name])
    for key, value in _attributes(name).items():
        if key in schema.attributes:
            wanted = onnx.helper.get_attribute_value(schema.attributes[key].default_value)
            if isinstance(wanted, bytes):
                assert value == wanted.decode()
            else:  # ONNX keeps a number in float32
                assert value == pytest.approx(wanted, rel=1e-7)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", sorted(ONNX))
def test_the_same_function_as_onnx_reference(name: str, inputs: np.ndarray) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(ONNX[name], ["x"], ["y"])],
        name,
        [value("x", onnx.TensorProto.FLOAT, inputs.shape)],
        [value("y", onnx.TensorProto.FLOAT, inputs.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": inputs})
    np.testing.assert_allclose(getattr(ops, name)(inputs), wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.needs("torch")
@pytest.mark.parametrize("name", sorted(TORCH))
def test_the_same_function_as_pytorch(name: str, inputs: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    function = getattr(torch.nn.functional, TORCH[name])
    wanted = function(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(getattr(ops, name)(inputs), wanted, rtol=2e-5, atol=1e-6)


def test_gelu_knows_two_forms() -> None:
    from arraynet.errors import GraphError

    with pytest.raises(GraphError, match="gelu: got approximate='fast', expected 'none' or 'tanh'"):
        ops.gelu(np.ones(2), approximate="fast")
