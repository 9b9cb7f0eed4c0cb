"""Any other library that follows the array API standard."""

from __future__ import annotations

import sys
from typing import Any

import array_api_compat
import numpy as np

from arraynet._typing import Array, Namespace
from arraynet.admission import DTYPES, HostArray, host_dtype
from arraynet.backends.base import Backend
from arraynet.backends.unavailable import failure, unavailable
from arraynet.errors import DtypeError, shortened


class GenericBackend(Backend):
    """An array-API namespace, as array-api-compat gives it, on one of its device objects."""

    library: str = ""
    """What stands before the colon in the name; "" when `get_backend` knows no such name."""

    def __init__(self, xp: Namespace, device: Any, array_type: type[Any]) -> None:
        super().__init__()
        self.xp = xp
        self.device = device
        known = self.library or getattr(xp, "__name__", type(xp).__name__)
        self.name = f"{known}{self._suffix()}"
        self.resolvable = bool(self.library)
        self._array_type = array_type
        self._dtypes: dict[str, Any] = {}

    def _suffix(self) -> str:
        """Return what stands behind the library in the name, with its colon."""
        return f":{self.device}"

    def dtype(self, name: str) -> Any:
        """Return the library's dtype of that name ("float32"), or raise DtypeError."""
        if name in self._dtypes:
            return self._dtypes[name]
        if name not in DTYPES or not self._has(name):
            known = ", ".join(known for known in DTYPES if self._has(known))
            raise DtypeError(f"dtype on {self.name}: got {name!r}, expected one of {known}")
        return self._dtypes.setdefault(name, getattr(self.xp, name))

    def _has(self, name: str) -> bool:
        """Return whether the library has a dtype of that name."""
        return hasattr(self.xp, name)

    def owns(self, x: Any) -> bool:
        """Return whether ``x`` is this library's array, on this device."""
        return isinstance(x, self._array_type) and array_api_compat.device(x) == self.device

    def asarray(self, x: Any, dtype: str | None = None) -> Array:
        """Bring a host array to the device; keep one that already lives there.

        A dtype that the library lacks is converted on the host, before the transfer.
        """
        wanted = None if dtype is None else self.dtype(dtype)
        if self.owns(x):
            array = x
        else:
            host = self.on_host(x)
            if not self._has(host.dtype.name) and dtype is not None:
                host = host.astype(host_dtype(dtype))
            self.dtype(host.dtype.name)
            array = self._upload(host)
        if wanted is None or array.dtype == wanted:
            return array
        if not self.xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
            advice = "nothing is dropped by itself: take the real part first"
            raise DtypeError(
                f"input: got an array of {array.dtype}, expected real numbers ({advice})"
            )
        return self.xp.astype(array, wanted)

    def _upload(self, host: HostArray) -> Array:
        """Copy a host array, of a dtype that the library has, to the device."""
        return self.xp.asarray(host, device=self.device)

    def to_host(self, x: Array) -> HostArray:
        """Copy a device array to the host."""
        return np.asarray(x)

    def describe(self) -> dict[str, Any]:
        """Return the library's name and version, and the device."""
        package = self.xp.__name__.removeprefix("array_api_compat.").partition(".")[0]
        version = getattr(sys.modules.get(package), "__version__", "unknown")
        return {
            "name": self.name,
            "library": package,
            "version": str(getattr(self.xp, "__version__", version)),
            "device": self._suffix().removeprefix(":") or "cpu",
        }


def probe(xp: Namespace, device: Any = None, name: str = "") -> tuple[Namespace, Any, type[Any]]:
    """Return a library's namespace, device object and array type, from an empty array.

    ``name`` is what was asked for, for the BackendUnavailableError where it cannot make one.
    """
    try:
        array = xp.empty((0,), dtype=xp.float32, device=device)
        return array_api_compat.array_namespace(array), array_api_compat.device(array), type(array)
    except Exception as error:  # each library has its own kind
        raise unavailable(
            name or getattr(xp, "__name__", type(xp).__name__),
            failure(error),
            f"an array-API namespace that can make an array on device {shortened(device)}",
        ) from error
