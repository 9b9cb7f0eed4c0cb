"""What the tests of windows and normalisation share: one op's results, and how close they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings

from arraynet.backends import Backend
from arraynet.ops import OPS
from tests.ops.applied import outputs

Host = np.ndarray[Any, Any]


def run(backend: Backend, name: str, *arrays: Any, **attributes: Any) -> Any:
    """Return an op's result, or its results as a tuple, on the host, held to what meta says."""
    got = outputs(backend, name, arrays, **attributes)
    return got[0] if OPS[name].outputs == 1 else tuple(got)


def searched(backend: Backend) -> settings:
    """Return how many examples Hypothesis tries: few on JAX, which compiles every new shape."""
    return settings(
        max_examples=4 if backend.name.startswith("jax") else 20, deadline=None, derandomize=True
    )


def close(got: Host, wanted: Any, scale: Any, dtype: str, units: float = 8.0) -> None:
    """Compare within some eps of the dtype, times the scale of what was summed up."""
    bound = units * float(np.finfo(dtype).eps) * np.maximum(np.abs(scale), np.abs(wanted))
    assert got.shape == np.shape(wanted)
    error = np.abs(got.astype(np.float64) - wanted)
    assert (error <= bound + float(np.finfo(dtype).smallest_normal)).all(), (
        f"{float((error / np.maximum(bound, 1e-300)).max()):.2f} times the bound"
    )
