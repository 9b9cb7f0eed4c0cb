"""The networks that are timed, as plain layers: every contestant builds its own of them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from arraynet.formats import read

HostArray: TypeAlias = np.ndarray[Any, Any]

SEED = 19981110
MNIST_SIZES = (784, 50, 100, 10)
WIDE_SIZES = (4096, 4096, 4096, 1000)
MIXED_SIZES = (64, 96, 80, 64, 64, 48, 32, 3)
MIXED_ACTIVATIONS = ("sigmoid", "relu", "tanh", "leaky_relu", "sigmoid", "elu", "softmax")
ATTRIBUTES = {"leaky_relu": {"alpha": 0.1}, "elu": {"alpha": 1.0}}


@dataclass(frozen=True)
class Layer:
    """A dense layer and what follows it.

    Parameters
    ----------
    weight : numpy.ndarray, shape (in, out)
        float32.
    bias : numpy.ndarray, shape (out,)
        float32.
    activation : str
        By its name in arraynet; "identity" for none.
    attributes : mapping of str to float
    """

    weight: HostArray
    bias: HostArray
    activation: str
    attributes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


Layers: TypeAlias = tuple[Layer, ...]


def layers_of(network: str) -> Layers:
    """Return the layers of a network by its name.

    Parameters
    ----------
    network : str
        "mnist" (the book's weights where `book_weights` finds them, else random
        ones of that shape), "wide", "mixed", or "width-N": 784-N-N-10.

    Returns
    -------
    tuple of Layer
        The same ones in every process.

    Examples
    --------
    >>> [layer.weight.shape for layer in layers_of("width-16")]
    [(784, 16), (16, 16), (16, 10)]
    """
    if network == "mnist":
        return _book_layers() or _seeded(MNIST_SIZES, ("sigmoid", "sigmoid", "softmax"))
    if network == "wide":
        return _seeded(WIDE_SIZES, ("relu", "relu", "identity"))
    if network == "mixed":
        return _seeded(MIXED_SIZES, MIXED_ACTIVATIONS)
    width = int(network.removeprefix("width-"))
    return _seeded((784, width, width, 10), ("sigmoid", "sigmoid", "softmax"))


def book_weights() -> Path | None:
    """Return the file of the book's weights, if ARRAYNET_TEST_DATA leads to it."""
    folder = os.environ.get("ARRAYNET_TEST_DATA")
    path = Path(folder or "", "weights", "sample_weight.pkl")
    return path if folder and path.is_file() else None


def _book_layers() -> Layers:
    path = book_weights()
    if path is None:
        return ()
    tensors = read(path).tensors
    activations = ("sigmoid", "sigmoid", "softmax")
    return tuple(
        Layer(tensors[f"W{number}"], tensors[f"b{number}"], activation)
        for number, activation in enumerate(activations, start=1)
    )


def _seeded(sizes: Sequence[int], activations: Sequence[str]) -> Layers:
    """Return random layers whose values neither die out nor grow from layer to layer."""
    random = np.random.default_rng([SEED, *sizes])
    layers = []
    for inputs, outputs, activation in zip(sizes, sizes[1:], activations, strict=False):
        weight = random.standard_normal((inputs, outputs), np.float32)
        weight *= np.float32(math.sqrt(2 / inputs))
        bias = np.float32(0.1) * random.standard_normal(outputs, np.float32)
        layers.append(Layer(weight, bias, activation, ATTRIBUTES.get(activation, {})))
    return tuple(layers)
