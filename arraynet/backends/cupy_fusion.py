"""One kernel for a chain of elementwise ops."""

from __future__ import annotations

import functools
import logging
import re
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.admission import host_dtype
from arraynet.backends import cupy_failures
from arraynet.errors import DtypeError

_log = logging.getLogger("arraynet")

BFLOAT16_VERSION = 14
"""The first version of CuPy with bfloat16."""


def fuse(cupy: Any, function: Kernel, name: str, backend: str, unfused: dict[str, str]) -> Kernel:
    """Return the elementwise function as one kernel, traced at its first call.

    Parameters
    ----------
    cupy : module
    function : callable
        Takes arrays only.
    name : str
        The op or ops that it computes.
    backend : str
        The backend's name, for the log.
    unfused : dict of str to str
        Gets the reason if the trace fails; the function itself is called from then on.
    """
    narrow = bfloat16_of(cupy)
    kernel_name = re.sub(r"\W+", "_", f"arraynet_{name}")
    fused = _widened(cupy, cupy.fuse(kernel_name=kernel_name)(function), narrow)
    plain = _widened(cupy, function, narrow)

    @functools.wraps(function)
    def call(*arrays: Array) -> Array:
        if name in unfused:
            return plain(*arrays)
        try:
            return fused(*arrays)
        except Exception as error:  # CuPy has no one kind for a trace that fails
            if isinstance(error, MemoryError) or cupy_failures.status(error) is not None:
                raise
            unfused[name] = f"{type(error).__name__}: {error}"
            _log.warning("%s: %s runs unfused (%s)", backend, name, unfused[name])
            return plain(*arrays)

    return call


def bfloat16_of(cupy: Any) -> Any:
    """Return the dtype bfloat16, or None where CuPy or NumPy lacks it."""
    if int(cupy.__version__.partition(".")[0]) < BFLOAT16_VERSION:
        return None
    try:
        return host_dtype("bfloat16")
    except DtypeError:
        return None


def _widened(cupy: Any, function: Kernel, narrow: Any) -> Kernel:
    """Return the function, computed in float32 for arrays of bfloat16.

    CuPy neither traces a bfloat16 array nor keeps its dtype beside a Python number.
    """
    if narrow is None:
        return function

    def widened(*arrays: Array) -> Array:
        if arrays[0].dtype != narrow:
            return function(*arrays)
        wide = (array.astype(cupy.float32) for array in arrays)
        return function(*wide).astype(narrow)

    return widened
