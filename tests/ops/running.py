"""One op on one backend: what came out, after comparing it with what meta said."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings

from arraynet.backends import Backend
from arraynet.ops import OPS
from arraynet.ops.admission import dtype_name
from arraynet.ops.meta import new_namespace

Host = np.ndarray[Any, Any]


def run(backend: Backend, name: str, *arrays: Any, **attributes: Any) -> Any:
    """Return an op's result, or its results as a tuple, on the host.

    Parameters
    ----------
    backend : Backend
    name : str
    *arrays : numpy.ndarray or None
        An absent one is None; those that the op reads on the host stay there.
    **attributes
    """
    registration = OPS[name]
    there = [
        array if host or array is None else backend.asarray(array)
        for array, host in registration.placed(arrays)
    ]
    with backend.active():
        got = registration.formula(*there, xp=backend.xp, **attributes)
    results = got if isinstance(got, tuple) else (got,)
    assert len(results) == (registration.outputs or len(results))
    hosts = []
    for result, told in zip(results, meta(name, *arrays, **attributes), strict=True):
        if registration.gives_host:
            assert type(result) is np.ndarray
        else:
            assert backend.owns(result)
        hosts.append(np.asarray(result) if registration.gives_host else backend.to_host(result))
        assert hosts[-1].shape == told.shape
        assert _same_dtype(backend, hosts[-1].dtype.name, dtype_name(told.dtype))
    return tuple(hosts) if isinstance(got, tuple) else hosts[0]


def searched(backend: Backend) -> settings:
    """Return how many examples Hypothesis tries: few on JAX, which compiles every new shape."""
    return settings(
        max_examples=4 if backend.name.startswith("jax") else 20, deadline=None, derandomize=True
    )


def meta(name: str, *arrays: Any, **attributes: Any) -> tuple[Any, ...]:
    """Return what an op's formula gives of arrays without numbers."""
    xp = new_namespace()
    blank = [
        array if host or array is None else xp.array(array.shape, array.dtype)
        for array, host in OPS[name].placed(arrays)
    ]
    told = OPS[name].formula(*blank, xp=xp, **attributes)
    return told if isinstance(told, tuple) else (told,)


def _same_dtype(backend: Backend, got: str, told: str) -> bool:
    """Return whether a dtype is as meta said; JAX has indices of 32 bits."""
    return got == told or (backend.name.startswith("jax") and (got, told) == ("int32", "int64"))


def close(got: Host, wanted: Any, scale: Any, dtype: str, units: float = 8.0) -> None:
    """Compare within some eps of the dtype, times the scale of what was summed up."""
    bound = units * float(np.finfo(dtype).eps) * np.maximum(np.abs(scale), np.abs(wanted))
    assert got.shape == np.shape(wanted)
    error = np.abs(got.astype(np.float64) - wanted)
    assert (error <= bound + float(np.finfo(dtype).smallest_normal)).all(), (
        f"{float((error / np.maximum(bound, 1e-300)).max()):.2f} times the bound"
    )
