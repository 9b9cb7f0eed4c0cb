"""Run trained neural networks on NumPy or CuPy, with every formula written once."""

from __future__ import annotations

from arraynet import datasets, metrics, ops
from arraynet.backends import Backend, get_backend
from arraynet.errors import (
    ArraynetError,
    BackendUnavailableError,
    DeviceLostError,
    DeviceMismatchError,
    DtypeError,
    GraphError,
    LoadError,
    OutOfMemoryError,
    ShapeError,
)
from arraynet.layers import Dense, Scale, Sequential, perceptron
from arraynet.loading import convert, load, load_pretrained
from arraynet.network import Network
from arraynet.versions import show_versions

__version__ = "0.1.0"

__all__ = [
    "ArraynetError",
    "Backend",
    "BackendUnavailableError",
    "Dense",
    "DeviceLostError",
    "DeviceMismatchError",
    "DtypeError",
    "GraphError",
    "LoadError",
    "Network",
    "OutOfMemoryError",
    "Scale",
    "Sequential",
    "ShapeError",
    "__version__",
    "convert",
    "datasets",
    "get_backend",
    "load",
    "load_pretrained",
    "metrics",
    "ops",
    "perceptron",
    "show_versions",
]
