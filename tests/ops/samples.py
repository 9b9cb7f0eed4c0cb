"""Where the ops are tried, and which count as smooth."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from arraynet.backends import Backend
from arraynet.errors import DtypeError
from arraynet.ops import OPS
from tests.oracle import Exact, Vector, exact

Attributes = dict[str, Any]

SMOOTH: list[tuple[str, Attributes]] = [
    ("celu", {}),
    ("celu", {"alpha": 0.3}),
    ("elu", {}),
    ("elu", {"alpha": 0.7}),
    ("erf", {}),
    ("erfc", {}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("log_sigmoid", {}),
    ("mish", {}),
    ("selu", {}),
    ("sigmoid", {}),
    ("silu", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 0.1}),
    ("tanh", {}),
    ("tanh_shrink", {}),
]
"""The activations whose error is held to 8 ulp."""

PIECEWISE: list[tuple[str, Attributes]] = [
    ("dropout", {}),
    ("hard_shrink", {}),
    ("hard_shrink", {"lambd": 1.5}),
    ("hard_sigmoid", {}),
    ("hard_sigmoid", {"alpha": 0.25, "beta": 0.375}),
    ("hard_sigmoid", {"alpha": 0.0}),
    ("hard_silu", {}),
    ("hard_tanh", {}),
    ("hard_tanh", {"lower": 0.0, "upper": 20.0}),
    ("identity", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"alpha": 0.0}),
    ("leaky_relu", {"alpha": -0.5}),
    ("leaky_relu", {"alpha": 1.5}),
    ("relu", {}),
    ("relu6", {}),
    ("soft_shrink", {}),
    ("soft_shrink", {"lambd": 1.5}),
    ("step", {}),
    ("thresholded_relu", {}),
    ("thresholded_relu", {"alpha": -0.5}),
]
"""The activations made of straight or quadratic pieces, held to 2 ulp."""

BRANCHES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 6.0, 10.0, 20.0, 40.0, 50.0, 64.0, 88.0, 1000.0, 2000.0)
"""Where some formula changes its form, or was once known to fail."""

LIMIT = {"float16": 20.0, "float32": 110.0, "float64": 760.0}
"""Beyond this no activation bends any more."""


def label(case: tuple[str, Attributes]) -> str:
    """Return the name of a case in test ids and tables."""
    name, attributes = case
    return " ".join([name, *(f"{key}={value}" for key, value in attributes.items())])


@cache
def points(dtype: str) -> Vector:
    """Return finite numbers of the dtype: over its whole range, densely where ops bend."""
    kind = np.finfo(dtype)
    random = np.random.default_rng(20240229)
    ends = np.log([float(kind.smallest_subnormal), float(kind.max)])
    whole = np.exp(random.uniform(*ends, size=60) * (1 - 1e-6))
    bent = np.exp(random.uniform(np.log(1e-3), np.log(LIMIT[dtype]), size=120))
    even = random.uniform(0, LIMIT[dtype], size=40)
    edges = np.array(BRANCHES, dtype)
    positive = np.concatenate(
        [
            np.concatenate([whole, bent, even]).astype(dtype),
            edges,
            np.nextafter(edges, np.array(0, dtype)),
            np.nextafter(edges, kind.max),
            [kind.max, kind.smallest_normal, kind.smallest_subnormal, np.array(0, dtype)],
        ]
    ).astype(dtype)
    return np.concatenate([positive, -positive])


def points_of(case: tuple[str, Attributes], dtype: str) -> Vector:
    """Return the points at which an op's exact value is within the dtype's range."""
    name, attributes = case
    everywhere = points(dtype)
    values = exact(name, everywhere, **attributes).rounded
    return everywhere[np.abs(values) <= float(np.finfo(dtype).max)]


def scores(dtype: str, spread: float, rows: int = 30, columns: int = 7) -> Vector:
    """Return random rows; some scores are equal, some far apart."""
    random = np.random.default_rng(7)
    x = random.standard_normal((rows, columns)) * random.uniform(0.01, spread, (rows, 1))
    x[0] = 0.0
    x[1, :3] = x[1, 3]
    return x.astype(dtype)


def has_dtype(backend: Backend, dtype: str) -> bool:
    """Return whether the backend computes in a dtype."""
    try:
        backend.dtype(dtype)
    except DtypeError:
        return False
    return True


def apply(backend: Backend, name: str, host: Vector, **attributes: Any) -> Vector:
    """Return an op's result on a backend, through the formula that programs call."""
    x = backend.asarray(host)
    return backend.to_host(OPS[name].formula(x, xp=backend.xp, **attributes))


def flushes(backend: Backend, dtype: str) -> bool:
    """Return whether the backend takes subnormal numbers for 0."""
    tiny = np.array([np.finfo(dtype).smallest_normal], dtype)
    half = backend.asarray(tiny) * 0.5
    return bool(backend.to_host(half)[0] == 0)


def judged(backend: Backend, distance: Vector, x: Vector, got: Vector, wanted: Exact) -> Vector:
    """Return the errors, but for subnormal numbers on a backend that knows none."""
    if not flushes(backend, got.dtype.name):
        return distance
    tiny = 2 * float(np.finfo(got.dtype).smallest_normal)
    small = (np.abs(wanted.rounded) < tiny) & (np.abs(got.ravel()) <= tiny)
    return np.where(small | (np.abs(x.ravel()) < tiny) & (x.ravel() != 0), 0.0, distance)
