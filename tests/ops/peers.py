"""The same activations in PyTorch and onnxruntime, as their users would call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tests.oracle import Vector

Function = Callable[[Vector], Vector]

TORCH = {
    "celu": "celu",
    "elu": "elu",
    "gelu": "gelu",
    "log_sigmoid": "logsigmoid",
    "mish": "mish",
    "selu": "selu",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh_shrink": "tanhshrink",
}
"""Names in torch.nn.functional."""

TORCH_ROWS = ("log_softmax", "softmax", "softmin")
"""Names there of functions that want to be told the axis."""

ONNX = {
    "celu": "Celu",
    "elu": "Elu",
    "erf": "Erf",
    "gelu": "Gelu",
    "log_softmax": "LogSoftmax",
    "mish": "Mish",
    "selu": "Selu",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "tanh": "Tanh",
}
"""The operators that onnxruntime has for a whole activation."""


def in_torch(name: str, attributes: dict[str, Any]) -> Function | None:
    """Return PyTorch's function of NumPy arrays, or None where it has none."""
    try:
        import torch
    except ImportError:
        return None
    if name in TORCH_ROWS:
        function = partial(getattr(torch.nn.functional, name), dim=-1)
    elif name in TORCH:
        function = getattr(torch.nn.functional, TORCH[name])
    elif hasattr(torch, name):
        function = getattr(torch, name)
    else:
        return None
    return lambda x: function(torch.from_numpy(x), **attributes).numpy()  # type: ignore[no-any-return]


def in_onnxruntime(name: str, attributes: dict[str, Any]) -> Function | None:
    """Return onnxruntime's function of NumPy arrays, or None where it has none."""
    try:
        import onnxruntime
        from onnx import helper
    except ImportError:
        return None
    if name not in ONNX:
        return None

    def function(x: Vector) -> Vector:
        kind = helper.np_dtype_to_tensor_dtype(x.dtype)
        value = [helper.make_tensor_value_info(key, kind, x.shape) for key in "xy"]
        node = helper.make_node(ONNX[name], ["x"], ["y"], **attributes)
        graph = helper.make_graph([node], name, value[:1], value[1:])
        opset = helper.make_opsetid("", 20)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return np.asarray(session.run(None, {"x": x})[0])

    return function
