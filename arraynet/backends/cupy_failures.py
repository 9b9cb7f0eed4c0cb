"""What an error of CUDA means: full memory, a lost device, a forked process."""

from __future__ import annotations

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
