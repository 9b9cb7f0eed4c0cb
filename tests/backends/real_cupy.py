"""CuPy itself, on a machine without a GPU: arrays over host memory, and its compiler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")

_MEMORY = np.zeros(1 << 16, np.uint8)


def hollow(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a CuPy array whose memory must never be read: enough for a trace."""
    import cupy

    memory = cupy.cuda.UnownedMemory(_MEMORY.ctypes.data, _MEMORY.nbytes, _MEMORY, 0)
    return cupy.ndarray(shape, dtype, memptr=cupy.cuda.MemoryPointer(memory, 0))


def compile_source(source: str, architecture: str, names: list[str], *options: str) -> bytes:
    """Return the machine code that NVRTC makes of CUDA C; its messages fail the test."""
    import cupy
    from cupy.cuda import nvrtc

    program = nvrtc.createProgram(source, "kernel.cu", [], [])
    for name in names:
        nvrtc.addNameExpression(program, name)
    include = Path(cupy.__file__).parent / "_core" / "include"
    folders = [headers(), include, include / "cupy" / "_cccl" / "libcudacxx"]
    try:
        nvrtc.compileProgram(
            program,
            [f"-arch={architecture}", *options, *(f"-I{folder}" for folder in folders)],
        )
        return nvrtc.getCUBIN(program)  # type: ignore[no-any-return]
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program), pytrace=False)
    finally:
        nvrtc.destroyProgram(program)


def headers() -> Path:
    """Return the folder of CUDA's headers, or skip the test."""
    import cupy

    folder = Path(cupy.cuda.get_cuda_path() or "") / "include"
    if not (folder / "cuda_fp16.h").is_file():
        pytest.skip("CUDA's headers are not installed (python -m pip install 'cupy-cuda13x[ctk]')")
    return folder
