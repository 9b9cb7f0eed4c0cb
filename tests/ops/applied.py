"""One way to run any op on any backend: what meta says is compared with what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from arraynet.backends import Backend
from arraynet.errors import DtypeError
from arraynet.ops import OPS
from arraynet.ops.admission import dtype_name
from arraynet.ops.meta import NeedsValueError, new_namespace
from tests.ops.samples import has_dtype

Vector = np.ndarray[Any, Any]

COUNTED_BY_NUMBERS = ("compress", "non_zero", "unique")
"""Ops whose shapes no run but a real one tells."""


def outputs(
    backend: Backend, name: str, inputs: Sequence[Vector | None], **attributes: Any
) -> list[Vector]:
    """Return an op's outputs on the host, after holding them to what meta says.

    What the formula reads on the host stays there, and what a library has no dtype for is
    skipped: JAX has no 64-bit numbers, so that indices and their like are 32-bit ones there.
    """
    for kind in map(attributes.get, ("to", "dtype", "softmax_precision")):
        if kind is not None and not has_dtype(backend, kind):
            pytest.skip(f"{backend.name} has no {kind}")
    op = OPS[name]
    arrays = prepared(backend, name, inputs)
    try:
        got = op.formula(*arrays, xp=backend.xp, **attributes)
    except NotImplementedError as error:
        if backend.name != "torch":
            raise
        pytest.skip(str(error))  # it has little for unsigned integers
    results = got if isinstance(got, tuple) else (got,)
    assert isinstance(got, tuple) is (op.outputs != 1)
    assert op.outputs in (0, len(results))
    for result in results:
        if op.gives_host:
            assert isinstance(result, np.ndarray)
        else:
            assert backend.owns(result) or isinstance(result, np.generic)
    _compare_with_meta(backend, name, arrays, results, attributes)
    return [result if op.gives_host else np.asarray(backend.to_host(result)) for result in results]


def prepared(backend: Backend, name: str, inputs: Sequence[Any]) -> list[Any]:
    """Return inputs where the op takes them: on the device, or on the host."""
    return [
        x if x is None else np.asarray(x) if host else _brought(backend, np.asarray(x))
        for x, host in OPS[name].placed(inputs)
    ]


def _brought(backend: Backend, x: Vector) -> Any:
    try:
        return backend.asarray(x)
    except DtypeError:
        short = {"int64": "int32", "uint64": "uint32"}.get(x.dtype.name)
        if short is None:
            pytest.skip(f"{backend.name} has no {x.dtype.name}")
        return backend.asarray(x.astype(short))


def _compare_with_meta(
    backend: Backend,
    name: str,
    arrays: Sequence[Any],
    results: Sequence[Any],
    attributes: dict[str, Any],
) -> None:
    xp = new_namespace()
    described = [
        x if x is None or host else xp.array(tuple(x.shape), dtype_name(x.dtype))
        for x, host in OPS[name].placed(arrays)
    ]
    if name in COUNTED_BY_NUMBERS:
        with pytest.raises(NeedsValueError):
            OPS[name].formula(*described, xp=xp, **attributes)
        return
    said = OPS[name].formula(*described, xp=xp, **attributes)
    told = said if isinstance(said, tuple) else (said,)
    assert len(told) == len(results)
    for one, result in zip(told, results, strict=True):
        assert tuple(one.shape) == tuple(result.shape)
        found = dtype_name(result.dtype)
        if found != one.dtype.name:  # indices
            assert (one.dtype.name, found) == ("int64", "int32")
            assert not hasattr(backend, "_has") or not backend._has("int64")


def close(got: Vector, wanted: Any, *, ulps: float = 16) -> None:
    """Compare numbers within a multiple of the dtype's eps of the output's scale.

    Integers and truth values are equal, and so are infinities and NaN.
    """
    wanted = np.asarray(wanted)
    assert got.shape == wanted.shape
    if got.dtype.kind in "biu":
        np.testing.assert_array_equal(got, wanted)
        return
    eps = float(np.finfo(got.dtype).eps) if got.dtype.name != "bfloat16" else 2.0**-7
    wide = wanted.astype(np.float64)
    finite = np.abs(wide[np.isfinite(wide)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    np.testing.assert_allclose(got.astype(np.float64), wide, rtol=0, atol=ulps * eps * scale)


def search(backend: Backend) -> settings:
    """Return how Hypothesis searches: few examples on JAX, which compiles every new shape."""
    return settings(
        max_examples=3 if backend.name.startswith("jax") else 20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
