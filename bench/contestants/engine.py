"""arraynet itself, by the calls that everybody makes."""

from __future__ import annotations

from functools import partial
from typing import Any

import arraynet
from arraynet.errors import BackendUnavailableError
from bench.contestants.base import Phases, Timed, UnavailableError
from bench.networks import HostArray, Layers
from bench.workloads import Workload


def network_of(layers: Layers, dtype: str, backend: str | arraynet.Backend) -> arraynet.Network:
    """Return arraynet's network of some layers; for bytes it starts with a scale of 1/255."""
    parts: list[Any] = [arraynet.Scale(1 / 255)] if dtype == "uint8" else []
    for layer in layers:
        parts.append(arraynet.Dense(layer.weight, layer.bias))
        if layer.activation != "identity":
            parts.append((layer.activation, dict(layer.attributes)))
    return arraynet.Sequential(*parts, backend=backend)


class Arraynet:
    """``net(x)`` below a thousand rows, ``net.predict(x, threads=…)`` from there on."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def facts(self) -> dict[str, Any]:
        """Return the version."""
        return {"arraynet": arraynet.__version__}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the call."""
        net = network_of(layers, workload.dtype, "cpu")
        if workload.predicts:
            return {"whole": Timed(partial(net.predict, x, threads=self._threads))}
        return {"whole": Timed(partial(net, x))}


class ArraynetDevice:
    """arraynet on a device: ``net.predict(x)`` from host to host, ``net(x)`` on the device."""

    def __init__(self, threads: int, backend: str) -> None:
        try:
            self._backend = arraynet.get_backend(backend)
        except BackendUnavailableError as error:
            raise UnavailableError(str(error)) from error

    def facts(self) -> dict[str, Any]:
        """Return the version, and what the backend says of itself."""
        return {"arraynet": arraynet.__version__, **self._backend.describe()}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return the phases."""
        net = network_of(layers, workload.dtype, self._backend)
        return Phases(self, net, x, whole=partial(net.predict, x)).timed()

    def to_device(self, x: HostArray) -> Any:
        """Return the array on the device."""
        return self._backend.asarray(x)

    def to_host(self, x: Any) -> HostArray:
        """Return the array on the host."""
        return self._backend.to_host(x)

    def wait(self) -> None:
        """Return when the device has done everything."""
        self._backend.synchronize()
