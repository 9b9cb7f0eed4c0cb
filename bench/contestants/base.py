"""What `bench.worker` asks of a contestant."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from bench.networks import HostArray, Layers
from bench.workloads import Workload


class UnavailableError(Exception):
    """A contestant cannot take part on this machine."""


class UnsupportedError(Exception):
    """A contestant has no way to run this network."""


@dataclass(frozen=True)
class Timed:
    """Something to time.

    Parameters
    ----------
    call : callable
        What is timed, the device waited for.
    result : callable
        Makes a NumPy array of what the call returned; not timed.
    against : {"network", "products", "input"}
        Which reference the result is held to.
    """

    call: Callable[[], Any]
    result: Callable[[Any], HostArray] = np.asarray
    against: str = "network"


class Contestant(Protocol):
    """An engine that runs networks."""

    def facts(self) -> dict[str, Any]:
        """Return the versions and whatever else a reader of the figures should know."""

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        """Return what is to be timed, by phase: "whole" from host to host, always.

        Raises
        ------
        UnsupportedError
        """


class Device(Protocol):
    """How arrays get to a device and back."""

    def to_device(self, x: HostArray) -> Any:
        """Return the array on the device."""

    def to_host(self, x: Any) -> HostArray:
        """Return the array on the host."""

    def wait(self) -> None:
        """Return when the device has done everything."""


class Phases:
    """The phases of a forward pass on a device, each synchronised inside the timed call.

    "steady" starts and ends on the device; "to device" and "to host" are the copies of
    its input and output; "whole" is all of it, from host to host.
    """

    def __init__(
        self,
        device: Device,
        forward: Callable[[Any], Any],
        x: HostArray,
        whole: Callable[[], HostArray] | None = None,
        against: str = "network",
    ) -> None:
        self._device, self._forward, self._x = device, forward, x
        self._whole, self._against = whole or self._in_turn, against

    def timed(self) -> dict[str, Timed]:
        """Return the phases; nothing has run yet but the copy of the input."""
        self._here  # noqa: B018 (so that the first call is a call and no copy)
        to_host = self._device.to_host
        return {
            "steady": Timed(self._steady, to_host, self._against),
            "to device": Timed(self._to_device, to_host, "input"),
            "to host": Timed(lambda: to_host(self._made), np.asarray, self._against),
            "whole": Timed(self._whole, np.asarray, self._against),
        }

    @cached_property
    def _here(self) -> Any:
        return self._to_device()

    @cached_property
    def _made(self) -> Any:
        return self._steady()

    def _to_device(self) -> Any:
        array = self._device.to_device(self._x)
        self._device.wait()
        return array

    def _steady(self) -> Any:
        result = self._forward(self._here)
        self._device.wait()
        return result

    def _in_turn(self) -> HostArray:
        return self._device.to_host(self._forward(self._device.to_device(self._x)))


def imported(module: str, package: str | None = None) -> Any:
    """Import an optional library.

    Raises
    ------
    UnavailableError
        If it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        line = f"python -m pip install {package or module}"
        raise UnavailableError(f"{error.name} is not installed ({line})") from error
    except Exception as error:  # a broken installation fails in many ways
        raise UnavailableError(f"{module} cannot be imported ({error})") from error


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
