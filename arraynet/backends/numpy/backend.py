"""NumPy on the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from arraynet._typing import Array, Kernel
from arraynet.admission import DTYPES, HostArray, host_dtype
from arraynet.backends.base import Backend
from arraynet.backends.numpy.blas import SingleThread
from arraynet.backends.numpy.namespace import NAMESPACE
from arraynet.backends.numpy.recording import Recorded
from arraynet.backends.numpy.replay import replaying


class NumpyBackend(Backend):
    """NumPy on the CPU, the backend ``"cpu"``."""

    name = "cpu"
    xp = NAMESPACE
    device = "cpu"
    # NumPy releases the GIL inside its loops and inside BLAS.
    threaded = True
    reads_host = True
    # A third of the second-level cache of a present-day core: the part of the input
    # that is being multiplied takes as much.
    block_bytes = 720 << 10

    def __init__(self) -> None:
        super().__init__()
        self._dtypes = {name: np.dtype(name) for name in DTYPES if name != "bfloat16"}

    def dtype(self, name: str) -> np.dtype[Any]:
        """Return NumPy's dtype of that name ("float32"), or raise DtypeError."""
        return self._dtypes.get(name) or host_dtype(name)

    def owns(self, x: Any) -> bool:
        """Return whether ``x`` is a NumPy array."""
        return isinstance(x, np.ndarray | Recorded)

    def asarray(self, x: Any, dtype: str | None = None) -> HostArray:
        """Return ``x`` as a NumPy array of that dtype, itself where it is one already."""
        if type(x) is np.ndarray and dtype is not None and x.dtype is self._dtypes.get(dtype):
            return x
        if isinstance(x, Recorded):
            plain = self.on_host(x.array)
            kind = plain.dtype if dtype is None else self.dtype(dtype)
            converted: HostArray = x.astype(kind, copy=False)
            return converted
        array = self.on_host(x)
        return array if dtype is None else array.astype(self.dtype(dtype), copy=False)

    def constant(self, array: HostArray) -> HostArray:
        """Return a constant; products with it are asked for in the parts that suit BLAS."""
        there = self.asarray(array)
        if there.ndim == 2 and not there.flags.writeable:
            NAMESPACE.layouts.add(there)
        return there

    def copied(self, x: Array) -> HostArray:
        """Return a copy of an array, in the order of its rows."""
        return np.copy(x, order="C")

    def to_host(self, x: Array) -> HostArray:
        """Return the array itself: it is on the host."""
        return np.asarray(x)

    def single_threaded(self) -> AbstractContextManager[Any]:
        """Return a context in which BLAS keeps to one thread."""
        return SingleThread()

    def capture(self, function: Kernel) -> Kernel:
        """Return the function with its NumPy calls recorded once and then replayed."""
        return replaying(function)

    def pipeline(self, blocks: Iterable[Any], run: Kernel) -> Iterator[Any]:
        """Yield ``run(*block)`` for each block: there is nothing to copy."""
        return (run(*block) if type(block) is tuple else run(block) for block in blocks)

    def describe(self) -> dict[str, Any]:
        """Return NumPy's version and the device."""
        return {
            "name": self.name,
            "library": "NumPy",
            "version": np.__version__,
            "device": "CPU",
        }
