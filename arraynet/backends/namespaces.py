"""From an array-API namespace to the backend that serves it."""

from __future__ import annotations

import importlib
from typing import Any

import array_api_compat

from arraynet._typing import Namespace
from arraynet.backends import get_backend
from arraynet.backends.base import Backend
from arraynet.backends.generic import GenericBackend, probe
from arraynet.backends.unavailable import unavailable


def backend_of(xp: Namespace, device: Any = None) -> Backend:
    """Return the backend of an array-API namespace on one of its devices."""
    if not isinstance(getattr(xp, "__name__", None), str):
        return GenericBackend(*probe(xp, device))
    if array_api_compat.is_numpy_namespace(xp):
        if device not in (None, "cpu"):
            raise unavailable("numpy", f"device {device!r}", "'cpu'")
        return get_backend("cpu")
    if array_api_compat.is_cupy_namespace(xp):
        number = 0 if device is None else getattr(device, "id", device)
        return get_backend(f"gpu:{str(number).rpartition(':')[2]}")
    for asks, library in (
        (array_api_compat.is_torch_namespace, "torch"),
        (array_api_compat.is_jax_namespace, "jax"),
        (array_api_compat.is_array_api_strict_namespace, "strict"),
    ):
        if asks(xp):
            module = importlib.import_module(f"arraynet.backends.{library}")
            return get_backend(module.make(device).name)
    return GenericBackend(*probe(xp, device))
