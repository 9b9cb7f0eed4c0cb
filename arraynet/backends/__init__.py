"""Which array library, on which device, a network runs on."""

from __future__ import annotations

import importlib
import os
import threading
from typing import Any

import array_api_compat

from arraynet._typing import Namespace
from arraynet.backends.base import Backend, makers
from arraynet.backends.unavailable import unavailable
from arraynet.errors import BackendUnavailableError, DeviceLostError, choices_text, shortened

__all__ = ["Backend", "get_backend"]

_MODULES = {"gpu": "cupy", "torch": "torch", "jax": "jax", "array_api_strict": "strict"}
"""Which file makes the backend of each name, from what stands behind its colon."""

_ALIASES = {"numpy": "cpu", "cuda": "gpu", "cupy": "gpu"}
"""What else a backend is called, before the colon."""

_NAMES = (
    *("cpu", "gpu", "gpu:N", "auto", "torch", "torch:cuda", "jax"),
    *("array_api_strict", "array_api_strict:device1"),
)

KNOWN = ("cpu", "auto", *_MODULES, *_ALIASES)
"""With what a name begins, up to its colon if it has one."""

_made: dict[str, Backend] = {}
_lock = threading.RLock()


def get_backend(name: str | Backend = "cpu", *, precision: str | None = None) -> Backend:
    """Return the backend of that name; the same one each time it is asked for.

    Parameters
    ----------
    name : str or Backend
        ``"cpu"`` (NumPy), ``"gpu"`` or ``"gpu:1"`` (CuPy), ``"auto"`` (the GPU where
        it is usable, else the CPU; the log says which and why), ``"torch"``,
        ``"torch:cuda"``, ``"jax"``, ``"array_api_strict"``,
        ``"array_api_strict:device1"``. "numpy" is another name of "cpu", as "cuda" and
        "cupy" are of "gpu". A `Backend` is returned as it is.
    precision : {"highest", "tf32"}, optional
        Of float32 matrix products on the GPU. "tf32" is faster, and rounds each
        factor to 10 bits of mantissa; ``"gpu:tf32"`` is the same backend.

    Returns
    -------
    Backend

    Raises
    ------
    BackendUnavailableError
        If there is no backend of that name, or it cannot work on this machine. The
        message says why, and what to type. Nothing falls back but "auto".
    DeviceLostError
        If its device stopped answering earlier in this process.

    Examples
    --------
    >>> get_backend("cpu")
    <arraynet backend 'cpu'>
    """
    if isinstance(name, Backend) and precision in (None, name.precision):
        return name
    if precision is not None and isinstance(name, str | Backend):
        name = _with_precision(name, precision)
    if not isinstance(name, str):
        wanted = "a name such as 'cpu', or a Backend"
        repair = "of a namespace, arraynet.Backend.from_namespace(xp) makes one"
        raise unavailable(type(name).__name__, "no name", wanted, repair)
    backend = _made.get(name)
    if backend is None:
        with _lock:
            backend = _made.get(name) or _make(_usual(name))
            # "gpu" and "gpu:0" are one backend: the full name decides.
            backend = _made.setdefault(backend.name, backend)
            if name != "auto":
                _made[name] = backend
    backend.ensure_usable()
    return backend


def _with_precision(name: str | Backend, precision: str) -> str:
    """Return the name of the backend with that precision of float32 products."""
    full = name.name if isinstance(name, Backend) else name
    if precision not in ("highest", "tf32"):
        raise unavailable(full, f"precision {shortened(precision)}", "'highest' or 'tf32'")
    plain = _usual(full.removesuffix(":tf32"))
    if precision == "highest":
        return plain
    if plain.partition(":")[0] != "gpu":
        raise unavailable(full, "precision 'tf32'", "'gpu' or 'gpu:N', which alone have it")
    return f"{plain}:tf32"


def _usual(name: str) -> str:
    """Return the name of a backend with its usual word before the colon."""
    library, colon, device = name.partition(":")
    return f"{_ALIASES.get(library, library)}{colon}{device}"


def _make(name: str) -> Backend:
    """Make the backend of that name."""
    if name == "auto":
        return _choose()
    library, _, device = name.partition(":")
    if name == "cpu":
        from arraynet.backends.numpy import NumpyBackend

        return NumpyBackend()
    if library not in _MODULES:
        known = choices_text(library, [*_NAMES, *_ALIASES])
        raise unavailable(name, "a name that is not known", f"a backend: {known}")
    module = importlib.import_module(f"arraynet.backends.{_MODULES[library]}")
    backend: Backend = module.make(device)
    return backend


def _choose() -> Backend:
    """Return the GPU where it is usable, else the CPU, and log which and why."""
    import logging  # slow to import, and rarely needed

    log = logging.getLogger("arraynet")
    try:
        backend = get_backend("gpu")
    except (BackendUnavailableError, DeviceLostError) as error:
        log.info("backend auto: chose cpu, because %s", error)
        return get_backend("cpu")
    log.info("backend auto: chose %s (%s)", backend.name, backend.describe()["device"])
    return backend


def _of_namespace(xp: Namespace, device: Any = None) -> Backend:
    """Return the backend of an array-API namespace on one of its devices."""
    from arraynet.backends.generic import GenericBackend, probe

    known = isinstance(getattr(xp, "__name__", None), str)
    if known and array_api_compat.is_numpy_namespace(xp):
        if device not in (None, "cpu"):
            raise unavailable("numpy", f"device {device!r}", "'cpu'")
        return get_backend("cpu")
    if known and array_api_compat.is_cupy_namespace(xp):
        number = 0 if device is None else getattr(device, "id", device)
        return get_backend(f"gpu:{str(number).rpartition(':')[2]}")
    for library in ("torch", "jax", "array_api_strict") if known else ():
        if getattr(array_api_compat, f"is_{library}_namespace")(xp):
            module = importlib.import_module(f"arraynet.backends.{_MODULES[library]}")
            return get_backend(module.make(device).name)
    return GenericBackend(*probe(xp, device))


makers.update(name=get_backend, namespace=_of_namespace)


def _renew_lock() -> None:
    """Replace the lock: another thread of the parent may have held it at the fork."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
