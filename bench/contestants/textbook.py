"""The forward pass as textbooks write it, and its matrix products alone.

The code is the same for NumPy and CuPy, whose functions have the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.contestants.base import Phases, Timed, imported
from bench.networks import HostArray, Layer, Layers
from bench.workloads import Workload


def sigmoid(xp: Any, x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + xp.exp(-x))


def softmax(xp: Any, x: Any) -> Any:
    """Return exp(x) / sum(exp(x)) of each row."""
    x = x - xp.max(x, axis=-1, keepdims=True)
    exponentials = xp.exp(x)
    return exponentials / xp.sum(exponentials, axis=-1, keepdims=True)


def activate(xp: Any, x: Any, layer: Layer) -> Any:
    """Return a layer's activation."""
    alpha = layer.attributes.get("alpha", 1.0)
    if layer.activation == "sigmoid":
        return sigmoid(xp, x)
    if layer.activation == "tanh":
        return xp.tanh(x)
    if layer.activation == "relu":
        return xp.maximum(x, 0)
    if layer.activation == "leaky_relu":
        return xp.where(x > 0, x, alpha * x)
    if layer.activation == "elu":
        return xp.where(x > 0, x, alpha * (xp.exp(x) - 1))
    if layer.activation == "softmax":
        return softmax(xp, x)
    return x


def forward(xp: Any, layers: Layers, dtype: str) -> Callable[[Any], Any]:
    """Return the forward pass of layers whose weights lie on the library's device."""

    def predict(x: Any) -> Any:
        if dtype == "uint8":
            x = x.astype(xp.float32) / 255
        for layer in layers:
            x = activate(xp, xp.dot(x, layer.weight) + layer.bias, layer)
        return x

    return predict


def products(xp: Any, layers: Layers, rows: int) -> Callable[[Any], Any]:
    """Return the products alone, into arrays that are there already."""
    weights = [layer.weight for layer in layers]
    results = [xp.empty((rows, weight.shape[1]), xp.float32) for weight in weights]
    pairs = list(zip(weights, results, strict=True))
    if len(pairs) != 3:

        def multiply(x: Any) -> Any:
            for weight, result in pairs:
                x = xp.matmul(x, weight, out=result)
            return x

        return multiply
    (first, one), (second, two), (third, three) = pairs
    matmul = xp.matmul

    def multiply_three(x: Any) -> Any:
        matmul(x, first, out=one)
        matmul(one, second, out=two)
        return matmul(two, third, out=three)

    return multiply_three


def scaled(x: HostArray) -> HostArray:
    """Return bytes as float32 between 0 and 1; floating input as it is."""
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


class Textbook:
    """Textbook NumPy."""

    def __init__(self, threads: int) -> None:
        # exp(-x) of a very negative x is infinite, and 1 / (1 + that) rightly 0.
        np.seterr(over="ignore")

    def facts(self) -> dict[str, Any]:
        """Return the version of NumPy."""
        return {"numpy": np.__version__}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        predict = forward(np, layers, workload.dtype)
        return {"whole": Timed(lambda: predict(x))}


class Products:
    """The products alone, with NumPy; of bytes, those of the scaled input."""

    def __init__(self, threads: int) -> None:
        pass

    def facts(self) -> dict[str, Any]:
        """Return the version of NumPy."""
        return {"numpy": np.__version__}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        multiply, ready = products(np, layers, workload.rows), scaled(x)
        return {"whole": Timed(lambda: multiply(ready), against="products")}


class DeviceTextbook:
    """Textbook code on a device, with a library that is written like NumPy."""

    def __init__(self, threads: int, library: str) -> None:
        self._xp = imported(library)

    def facts(self) -> dict[str, Any]:
        """Return the version of the library."""
        return {self._xp.__name__: self._xp.__version__}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the phases."""
        predict = forward(self._xp, self._uploaded(layers), workload.dtype)
        return Phases(self, predict, x).timed()

    def _uploaded(self, layers: Layers) -> Layers:
        return tuple(
            Layer(
                self.to_device(layer.weight),
                self.to_device(layer.bias),
                layer.activation,
                layer.attributes,
            )
            for layer in layers
        )

    def to_device(self, x: HostArray) -> Any:
        """Return the array on the device."""
        return self._xp.asarray(x)

    def to_host(self, x: Any) -> HostArray:
        """Return the array on the host."""
        host: HostArray = self._xp.asnumpy(x)
        return host

    def wait(self) -> None:
        """Return when the device has done everything."""
        self._xp.cuda.runtime.deviceSynchronize()


class DeviceProducts(DeviceTextbook):
    """The products alone on a device."""

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the phases."""
        multiply = products(self._xp, self._uploaded(layers), workload.rows)
        return Phases(self, multiply, scaled(x), against="products").timed()
