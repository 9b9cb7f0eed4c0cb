"""PyTorch on any of its devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from arraynet._typing import Array, Namespace
from arraynet.admission import HostArray, host_dtype
from arraynet.backends.base import Backend
from arraynet.backends.generic import GenericBackend, probe
from arraynet.backends.torch_kernels import kernels
from arraynet.backends.unavailable import failure, import_library, unavailable

NARROW = 16
"""Most columns of a weight whose products are summed in float64 on the CPU."""

SMALL = 4096
"""Most numbers in such a weight: converting them takes next to no time."""

BLOCK = 1 << 22
"""Most numbers of a batch that are held in float64 at a time."""


class TorchBackend(GenericBackend):
    """PyTorch tensors on one device."""

    library = "torch"

    def __init__(self, torch: Any, xp: Namespace, device: Any, array_type: type[Any]) -> None:
        self._torch = torch
        super().__init__(xp, device, array_type)
        self.out_of_memory = (MemoryError, self._torch.OutOfMemoryError)
        self._on_cuda = self.device.type == "cuda"
        self.native = kernels(torch, xp)
        if self.device.type == "cpu":
            self.native = {**self.native, "matmul": self._matmul}

    def _suffix(self) -> str:
        """Return nothing for the CPU, else the device with its number."""
        return "" if str(self.device) == "cpu" else f":{self.device}"

    def _upload(self, host: HostArray) -> Array:
        """Copy a host array to the device; on the CPU it is shared where it can be."""
        if not host.flags.writeable or any(step < 0 for step in host.strides):
            host = host.copy()
        if host.dtype.name == "bfloat16":
            tensor = self._torch.from_numpy(host.view(np.int16)).view(self._torch.bfloat16)
        else:
            tensor = self._torch.from_numpy(host)
        return tensor.to(self.device)

    def _matmul(self, x: Array, weight: Array) -> Array:
        """Multiply; sum small float32 products in float64.

        PyTorch adds the terms of a narrow product one after the other. The scores of a
        classifier, at the end of a network, would carry more of that error than of
        everything before it.
        """
        narrow = weight.ndim == 2 and weight.shape[1] <= NARROW and weight.numel() <= SMALL
        if not (narrow and weight.dtype == self._torch.float32):
            return self._torch.matmul(x, weight)
        exact = weight.double()
        if x.ndim == 1 or x.numel() <= BLOCK:
            return self._torch.matmul(x.double(), exact).float()
        blocks = x.split(max(1, BLOCK * len(x) // x.numel()))
        return self._torch.cat([self._torch.matmul(b.double(), exact).float() for b in blocks])

    def to_host(self, x: Array) -> HostArray:
        """Copy a tensor to the host; one on the CPU is shared."""
        host = x.detach().cpu()
        if host.dtype == self._torch.bfloat16:
            return host.view(self._torch.int16).numpy().view(host_dtype("bfloat16"))  # type: ignore[no-any-return]
        return host.numpy()  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        if self._on_cuda:
            self._torch.cuda.synchronize(self.device)

    def free_memory(self) -> None:
        """Give cached memory back to the device."""
        if self._on_cuda:
            self._torch.cuda.empty_cache()

    def describe(self) -> dict[str, Any]:
        """Return PyTorch's version and the device, with its name on CUDA."""
        facts = {**super().describe(), "library": "PyTorch"}
        if self._on_cuda:
            facts["device"] = f"{self._torch.cuda.get_device_name(self.device)} ({self.device})"
            facts["memory"] = self._torch.cuda.mem_get_info(self.device)[1]
            facts["runtime"] = self._torch.version.cuda
        return facts


def make(device: Any) -> Backend:
    """Return the backend "torch" or "torch:<device>"."""
    torch = import_library("torch", "torch")
    name = f"torch:{device}"
    if str(device).partition(":")[0] == "cuda" and not torch.cuda.is_available():
        raise unavailable(
            name,
            f"PyTorch {torch.__version__} without a usable CUDA device",
            "a CUDA build of it, and a driver",
            "python -m pip install --force-reinstall torch, then check with: nvidia-smi",
        )
    xp = import_library("array_api_compat.torch", "torch")
    backend = TorchBackend(torch, *probe(xp, "cpu" if device == "" else device, name))
    try:
        backend.to_host(backend.xp.ones(1, device=backend.device))
    except Exception as error:  # such as the device "meta", whose arrays hold nothing
        raise unavailable(name, failure(error), "a device that arrays come back from") from error
    return backend
