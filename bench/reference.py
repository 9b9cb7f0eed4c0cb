"""What a right result is: the same networks in float64, from the formulas of a textbook."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.networks import HostArray, Layer, Layers

BLOCK = 2000  # rows at a time: the float64 copy of a large batch stays small


def network_output(layers: Layers, x: HostArray) -> HostArray:
    """Return the output of a network in float64.

    Parameters
    ----------
    layers : tuple of Layer
    x : numpy.ndarray, shape (rows, features)
        Bytes are divided by 255.

    Returns
    -------
    numpy.ndarray, shape (rows, outputs)
        float64.
    """
    return _by_blocks(lambda values, layer: _activate(values + layer.bias, layer), layers, x)


def products_output(layers: Layers, x: HostArray) -> HostArray:
    """Return the product of a batch with every weight in turn, in float64."""
    return _by_blocks(lambda values, layer: values, layers, x)


def _by_blocks(
    follow: Callable[[HostArray, Layer], HostArray], layers: Layers, x: HostArray
) -> HostArray:
    parts = []
    wide = [layer.weight.astype(np.float64) for layer in layers]
    for start in range(0, len(x), BLOCK):
        values = x[start : start + BLOCK].astype(np.float64)
        if x.dtype == np.uint8:
            values /= 255
        for weight, layer in zip(wide, layers, strict=True):
            values = follow(values @ weight, layer)
        parts.append(values)
    return np.concatenate(parts)


def _activate(a: HostArray, layer: Layer) -> HostArray:
    alpha = layer.attributes.get("alpha", 1.0)
    if layer.activation == "sigmoid":
        return 0.5 + 0.5 * np.tanh(0.5 * a)
    if layer.activation == "tanh":
        return np.tanh(a)
    if layer.activation == "relu":
        return np.maximum(a, 0)
    if layer.activation == "leaky_relu":
        return np.where(a > 0, a, alpha * a)
    if layer.activation == "elu":
        return np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))
    if layer.activation == "softmax":
        exponentials = np.exp(a - a.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)
    if layer.activation == "identity":
        return a
    raise ValueError(f"activation: got {layer.activation!r}, expected one that is timed")
