"""Run trained neural networks on NumPy or CuPy, with every formula written once."""

from __future__ import annotations

from typing import Any

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
from arraynet.loading import load, load_pretrained
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
    "datasets",
    "get_backend",
    "load",
    "load_pretrained",
    "metrics",
    "ops",
    "perceptron",
    "show_versions",
]

_LATE = ("formats", "parity", "plots")
"""The public modules that are imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    """Import a public module that ``import arraynet`` leaves out, because it takes time."""
    if name in _LATE:
        import importlib

        return importlib.import_module(f"arraynet.{name}")
    raise AttributeError(f"module 'arraynet' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what is public."""
    return sorted([*__all__, *_LATE])
