"""CuPy on one CUDA device."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from arraynet._typing import Array
from arraynet.backends.base import Backend
from arraynet.backends.generic import GenericBackend, import_library
from arraynet.backends.host import HostArray, host_array
from arraynet.errors import BackendUnavailableError

_INSTALL = "python -m pip install 'cupy-cuda13x[ctk]'"


class CupyBackend(GenericBackend):
    """CuPy arrays on one CUDA device.

    array-api-compat ignores ``device=`` on CuPy: arrays are placed by the current
    device, which `active` sets.
    """

    library = "gpu"

    def __init__(self, cupy: Any, number: int) -> None:
        self._cupy = cupy
        self._device = cupy.cuda.Device(number)
        with self._device:
            super().__init__(import_library("array_api_compat.cupy", "gpu", _INSTALL))
        self.out_of_memory = (MemoryError, cupy.cuda.memory.OutOfMemoryError)

    def _suffix(self) -> str:
        """Return the number of the device."""
        return f":{self._device.id}"

    def active(self) -> AbstractContextManager[Any]:
        """Return a context in which new arrays land on the device."""
        return self._device  # type: ignore[no-any-return]

    def _upload(self, host: HostArray) -> Array:
        """Copy a host array to the device."""
        with self._device:
            return self._cupy.asarray(host)

    def to_host(self, x: Array) -> HostArray:
        """Copy a device array to the host."""
        if not self.owns(x):
            return host_array(x, self.name)
        with self._device:
            return x.get()  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        self._device.synchronize()

    def free_memory(self) -> None:
        """Give cached memory, of the device and pinned, back to the system."""
        with self._device:
            self._cupy.get_default_memory_pool().free_all_blocks()
            self._cupy.get_default_pinned_memory_pool().free_all_blocks()


def make(device: str) -> Backend:
    """Return the backend "gpu" or "gpu:<number>"."""
    cupy = import_library("cupy", "gpu", _INSTALL)
    if not cupy.cuda.is_available():
        raise BackendUnavailableError(
            "backend 'gpu': got CuPy without a usable CUDA device, expected one (install the "
            "NVIDIA driver, and check it with: nvidia-smi)"
        )
    return CupyBackend(cupy, int(device or 0))
