"""Any graph, branches among it, in float64 (and exact integers) by PyTorch.

Nothing here uses arraynet's formulas: only its graphs, as data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from arraynet.graph import Graph, Node


def _pads(x: Any, pads: Any, value: float) -> Any:
    """Return images (N, C, H, W) with a border: pads before each axis, then after each."""
    top, left, bottom, right = pads or (0, 0, 0, 0)
    return functional.pad(x, (left, right, top, bottom), value=value)


def _conv(x: Any, weight: Any, bias: Any = None, *, pads: Any = None, **attributes: Any) -> Any:
    strides, group = attributes.get("strides") or (1, 1), attributes.get("group", 1)
    dilations = attributes.get("dilations") or (1, 1)
    return functional.conv2d(
        _pads(x, pads, 0.0), weight, bias, stride=strides, dilation=dilations, groups=group
    )


def _conv_transpose(x: Any, weight: Any, bias: Any = None, **attributes: Any) -> Any:
    return functional.conv_transpose2d(
        x,
        weight,
        bias,
        stride=attributes.get("strides") or (1, 1),
        padding=tuple(attributes.get("pads") or (0, 0))[:2],
        groups=attributes.get("group", 1),
    )


def _max_pool(x: Any, *, kernel_shape: Any, strides: Any, pads: Any) -> Any:
    return functional.max_pool2d(_pads(x, pads, -torch.inf), kernel_shape, strides)


def _average_pool(x: Any, *, kernel_shape: Any, strides: Any) -> Any:
    return functional.avg_pool2d(x, kernel_shape, strides)


def _affine(x: Any, weight: Any, bias: Any = 0.0) -> Any:
    return x @ weight + bias


def _batch_normalization(
    x: Any, scale: Any, bias: Any, mean: Any, variance: Any, epsilon: float = 1e-5
) -> Any:
    return functional.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "affine": _affine,
    "average_pool": _average_pool,
    "batch_normalization": _batch_normalization,
    "cast": lambda x, to: x.to(getattr(torch, to)),
    "concat": lambda *arrays, axis: torch.cat(arrays, dim=axis),
    "constant_of_shape": lambda shape, value: _exact(np.full(shape.tolist(), value)),
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "div": lambda x, y: x / y,
    "dropout": lambda x: x,
    "gather": lambda x, indices: x[indices],
    "identity": lambda x: x,
    "matmul": _affine,
    "max_pool": _max_pool,
    "mul": lambda x, y: x * y,
    "neg": lambda x: -x,
    "relu": torch.relu,
    "reshape": lambda x, shape: x.reshape(shape.tolist()),
    "scale_shift": lambda x, scale, shift: x * scale + shift,
    "shape": lambda x: torch.tensor(x.shape),
    "sigmoid": torch.sigmoid,
    "size": lambda x: torch.tensor(x.numel()),
    "softmax": lambda x: torch.softmax(x, dim=-1),
    "split": lambda x, split, axis: torch.split(x, split.tolist(), dim=axis),
    "sub": lambda x, y: x - y,
    "tanh": torch.tanh,
}


def outputs(graph: Graph, *arrays: Any) -> tuple[Any, ...]:
    """Return a graph's outputs for NumPy arrays, floating ones in float64."""
    return tuple(value.numpy() for value in _run(graph, [_exact(array) for array in arrays]))


def _exact(array: Any) -> Any:
    tensor = torch.from_numpy(np.array(array))
    return tensor.double() if tensor.is_floating_point() else tensor


def _run(graph: Graph, arrays: list[Any]) -> tuple[Any, ...]:
    known: dict[str | None, Any] = {None: None}
    known.update({name: _exact(weight) for name, weight in graph.weights.items()})
    known.update({value.name: array for value, array in zip(graph.inputs, arrays, strict=True)})
    for node in graph.nodes:
        result = _applied(node, [known[name] for name in node.inputs])
        several = result if isinstance(result, tuple) else (result,)
        known.update(zip(node.outputs, several, strict=False))
    return tuple(known[name] for name in graph.outputs)


def _applied(node: Node, given: list[Any]) -> Any:
    if node.op == "if":
        condition, *rest = given
        return _run(node.attributes["then_branch" if condition else "else_branch"], rest)
    return OPERATIONS[node.op](*given, **node.attributes)
