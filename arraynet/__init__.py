"""Run trained neural networks on NumPy or CuPy, with every formula written once."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
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

_HOMES = ("errors", "backends", "network", "layers", "loading", "versions")
"""Where the names that are no modules live."""

_LATE = ("formats", "parity", "plots")
"""The public modules that ``from arraynet import *`` leaves out."""

_MODULES = ("datasets", "doctor", "errors", "metrics", "ops", *_LATE)
"""What can be used after ``import arraynet`` alone."""


def __getattr__(name: str) -> Any:
    """Import what a name stands for when it is first used.

    Nothing is imported before, so that the command, whose first line this package is, can
    answer Ctrl-C while NumPy is still being imported.
    """
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"arraynet.{name}")
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"arraynet.{home}")
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module 'arraynet' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what is public."""
    return sorted([*__all__, *_LATE])
