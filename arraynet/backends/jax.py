"""JAX on any of its devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from arraynet._typing import Array, Kernel, Namespace
from arraynet.admission import HostArray
from arraynet.backends.base import Backend
from arraynet.backends.generic import GenericBackend, probe
from arraynet.backends.jax_kernels import kernels
from arraynet.backends.unavailable import import_library, unavailable
from arraynet.errors import DtypeError
from arraynet.memory import telling_full_memory


class JaxBackend(GenericBackend):
    """JAX arrays on one device."""

    library = "jax"

    def __init__(self, jax: Any, xp: Namespace, device: Any) -> None:
        self._jax = jax
        super().__init__(xp, device, jax.Array)
        self.native = kernels(jax, xp)

    def _suffix(self) -> str:
        """Return the platform and the number of the device."""
        return f":{self.device.platform}:{self.device.id}"

    def _has(self, name: str) -> bool:
        """Return whether JAX has the dtype: 64-bit ones only when it is told to."""
        if name.endswith("64") and not self._jax.config.jax_enable_x64:
            return False
        return super()._has(name)

    def owns(self, x: Any) -> bool:
        """Return whether ``x`` is a JAX array on this device, or stands for one in a trace."""
        return isinstance(x, self._jax.core.Tracer) or super().owns(x)

    def to_host(self, x: Array) -> HostArray:
        """Copy an array to the host, once it is computed; what failed on the way shows here."""
        with telling_full_memory(f"result on {self.name}"):
            # To read what has failed would end the process.
            return np.array(self._jax.block_until_ready(x))

    def synchronize(self) -> None:
        """Wait until every array that is still held has been computed."""
        self._jax.block_until_ready(self._jax.live_arrays())

    def describe(self) -> dict[str, Any]:
        """Return JAX's version and the device."""
        return {**super().describe(), "library": "JAX", "device": str(self.device)}

    def capture(self, function: Kernel) -> Kernel:
        """Return the function compiled by XLA, once for each shape of its inputs."""
        compiled = self._jax.jit(function)

        def run(*arrays: Any) -> Any:
            with self.active():
                return compiled(*map(self._taken, arrays))

        return run

    def _taken(self, x: Any) -> Array:
        """Return what XLA compiles for: an array on the device."""
        try:
            return self.asarray(x)
        except DtypeError:
            # 64-bit numbers, where JAX has none: then no function computes in them.
            return self.asarray(x, "float32")


def make(device: Any) -> Backend:
    """Return the backend "jax" or "jax:<platform>:<number>"."""
    jax = import_library("jax", "jax")
    if isinstance(device, str):
        device = _find(jax, device)
    xp, device, _ = probe(import_library("jax.numpy", "jax"), device)
    return JaxBackend(jax, xp, device)


def _find(jax: Any, name: str) -> Any:
    """Return JAX's device of a name like "cpu", "gpu:1" or "" (its first one)."""
    platform, _, number = name.partition(":")
    try:
        return jax.devices(platform or None)[int(number or 0)]
    except (RuntimeError, IndexError, ValueError) as error:
        known = ", ".join(f"{device.platform}:{device.id}" for device in jax.devices())
        raise unavailable(f"jax:{name}", f"no such device ({error})", f"one of {known}") from error
