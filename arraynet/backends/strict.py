"""array_api_strict, which refuses whatever the standard does not promise.

Its ``device1`` refuses `numpy.asarray` too, and mixing: it stands in for a GPU on a
machine without one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from arraynet._typing import Array, Namespace
from arraynet.admission import HostArray
from arraynet.backends.base import Backend
from arraynet.backends.generic import GenericBackend, probe
from arraynet.backends.unavailable import import_library, unavailable


class StrictBackend(GenericBackend):
    """array_api_strict on one of its pretended devices."""

    library = "array_api_strict"

    def __init__(self, xp: Namespace, device: Any, array_type: type[Any]) -> None:
        self._cpu = xp.Device("CPU_DEVICE")
        super().__init__(xp, device, array_type)

    def _suffix(self) -> str:
        """Return nothing for the CPU, else the device's name."""
        name = str(self.device).split("'")[1]
        return "" if name == "CPU_DEVICE" else f":{name}"

    def to_host(self, x: Array) -> HostArray:
        """Copy a device array to the host."""
        return np.asarray(x.to_device(self._cpu))


def make(device: Any) -> Backend:
    """Return the backend "array_api_strict" or "array_api_strict:<device>"."""
    name = "array_api_strict"
    xp = import_library(name, name)
    if isinstance(device, str):
        try:
            device = xp.Device("CPU_DEVICE" if device in ("", "cpu") else device)
        except ValueError as error:
            raise unavailable(name, f"device {device!r}", "cpu, device1 or device2") from error
    return StrictBackend(*probe(xp, device))
