"""Why the GPU is unusable, what CUDA's errors mean, and the line to type."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import importlib.util
import os
import sys
from typing import Any

from arraynet.backends.unavailable import failure, unavailable
from arraynet.errors import BackendUnavailableError

WHEELS = (
    "cupy",
    *(f"cupy-cuda{major}x" for major in range(11, 17)),
    *("cupy-rocm-4-3", "cupy-rocm-5-0", "cupy-rocm-7-0", "cupy-rocm-7-1", "amd-cupy"),
)
"""The distributions that all install the one package ``cupy``, over each other."""

SPAWN = 'start the child with multiprocessing.get_context("spawn")'
_NEWEST = 13

INITIALIZATION = 3
NO_DRIVER = 35
NO_DEVICE = 100
_MEMORY_ALLOCATION = 2
_CUBLAS_ALLOCATION_FAILED = 3

LOST = {
    46: "the device is busy or not reachable",
    201: "its context is not valid",
    214: "a memory error that could not be corrected",
    220: "an NVLink error that could not be corrected",
    700: "a kernel used an illegal address",
    702: "a kernel ran into the time limit",
    709: "its context was destroyed",
    710: "an assertion failed in a kernel",
    714: "the call stack of a kernel broke",
    715: "a kernel met an illegal instruction",
    716: "a kernel used a misaligned address",
    717: "a kernel used an address of the wrong space",
    718: "a kernel jumped out of its code",
    719: "a kernel failed",
    999: "an unknown error",
}
"""The CUDA error codes after which no call of this process succeeds any more.

They are the same in the runtime's ``cudaError_t`` and in the driver's ``CUresult``.
"""


def installed_wheels() -> list[str]:
    """Return the installed distributions that bring the package ``cupy``."""
    found = []
    for name in WHEELS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.distribution(name)
            found.append(name)
    return found


def driver_version() -> int:
    """Return the CUDA version that the driver supports, as 13020 for 13.2; 0 without one."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    version = ctypes.c_int(0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(name).cuDriverGetVersion(ctypes.byref(version))
    return version.value


def version_text(version: int) -> str:
    """Return "13.2" for 13020."""
    return f"{version // 1000}.{version % 1000 // 10}"


def install_line(wheel: str = "") -> str:
    """Return the line that installs a CuPy wheel that suits the driver."""
    major = min(driver_version() // 1000 or _NEWEST, _NEWEST)
    return f"python -m pip install '{wheel or f'cupy-cuda{major}x'}[ctk]'"


def load_cupy(number: int) -> Any:
    """Return CuPy, after seeing that it works on the device of that number, or say why not."""
    name = f"gpu:{number}"
    cupy = _import(name)
    _check_driver(name, cupy)
    count = _count_devices(name, cupy)
    if number >= count:
        known = ", ".join(f"gpu:{known}" for known in range(count))
        raise unavailable(name, f"a machine with {count} CUDA device(s)", f"one of {known}")
    _try_out(name, cupy, number)
    return cupy


def _import(name: str) -> Any:
    """Import CuPy, if exactly one wheel of it is installed."""
    wheels = installed_wheels()
    if len(wheels) > 1:
        kept = next((wheel for wheel in wheels if wheel in install_line()), wheels[-1])
        raise unavailable(
            name,
            f"{len(wheels)} CuPy wheels that overwrite each other ({', '.join(wheels)})",
            "one of them",
            f"python -m pip uninstall -y {' '.join(wheels)} && {install_line(kept)}",
        )
    if importlib.util.find_spec("cupy") is None:
        raise unavailable(name, "no CuPy", "it installed", install_line())
    try:
        import cupy
    except Exception as error:  # a broken installation fails in many ways
        repair = f"{install_line(wheels[0] if wheels else '')} --force-reinstall --no-cache-dir"
        raise unavailable(
            name,
            f"a CuPy that cannot be imported ({failure(error)})",
            "one that fits this Python, NumPy and CUDA",
            repair,
        ) from error
    return cupy


def _check_driver(name: str, cupy: Any) -> None:
    """Refuse a machine without a driver, or with one older than CuPy's CUDA."""
    runtime = cupy.cuda.runtime
    driver, wanted = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if driver == 0:
        raise unavailable(
            name,
            "no NVIDIA driver",
            f"one for CUDA {version_text(wanted)}",
            "install the driver (on Ubuntu: sudo ubuntu-drivers install; in a container: "
            "docker run --gpus all), then check it with: nvidia-smi",
        )
    # Within one major version of CUDA an older driver serves a newer runtime.
    if driver // 1000 < wanted // 1000:
        wheels = " ".join(installed_wheels()) or "cupy"
        raise unavailable(
            name,
            f"a driver for CUDA {version_text(driver)}",
            f"one for CUDA {version_text(wanted)}, which this CuPy was built for",
            f"update the driver, or: python -m pip uninstall -y {wheels} && "
            f"{install_line(f'cupy-cuda{driver // 1000}x')}",
        )


def _count_devices(name: str, cupy: Any) -> int:
    """Return how many devices there are, which must not be none."""
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except RuntimeError as error:
        code = status(error)
        if code == INITIALIZATION:
            raise forked(name) from error
        if code not in (NO_DEVICE, NO_DRIVER):
            raise unavailable(
                name, f"a driver that fails ({failure(error)})", "one that works", "nvidia-smi"
            ) from error
        count = 0
    if count == 0:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        found, repair = "no CUDA device", "nvidia-smi -L"
        if hidden is not None:
            found += f" while CUDA_VISIBLE_DEVICES is {hidden!r}"
            repair = "unset CUDA_VISIBLE_DEVICES"
        raise unavailable(name, found, "at least one", repair)
    return count


def _try_out(name: str, cupy: Any, number: int) -> None:
    """Run one kernel and one product: they need the compiler, its headers and cuBLAS."""
    try:
        with cupy.cuda.Device(number):
            matrix = cupy.ones((2, 2), dtype=cupy.float32) * 2
            cupy.matmul(matrix, matrix).get()
    except Exception as error:  # each missing part fails in its own way
        code = status(error)
        if isinstance(error, MemoryError) or is_out_of_memory(error):
            found, repair = "a device with no free memory", "see who holds it: nvidia-smi"
            raise unavailable(name, found, "some megabytes of it", repair) from error
        if code == INITIALIZATION and not is_cublas(error):
            raise forked(name) from error
        wheels = installed_wheels()
        raise unavailable(
            name,
            f"a CuPy that cannot run a kernel and a matrix product ({failure(error)})",
            "one with the CUDA libraries that it was built for",
            install_line(wheels[0] if wheels else ""),
        ) from error


def forked(name: str) -> BackendUnavailableError:
    """Return the error for a process that was forked after CUDA had started."""
    return unavailable(
        name,
        "a process that was forked after its parent had started CUDA",
        "a fresh one: CUDA does not survive a fork",
        SPAWN,
    )


def status(error: BaseException) -> int | None:
    """Return the code of a CUDA error, or None for an error of another kind."""
    code = getattr(error, "status", None)
    return code if isinstance(code, int) and isinstance(error, RuntimeError) else None


def is_cublas(error: BaseException) -> bool:
    """Return whether the error's code is one of cuBLAS, which counts differently."""
    return type(error).__name__ == "CUBLASError"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the device's memory is full, though CuPy's error is not a MemoryError."""
    wanted = _CUBLAS_ALLOCATION_FAILED if is_cublas(error) else _MEMORY_ALLOCATION
    return status(error) == wanted


def loss(error: BaseException) -> str | None:
    """Return what happened to the device, or None if it is still there."""
    code = status(error)
    return None if code is None or is_cublas(error) else LOST.get(code)
