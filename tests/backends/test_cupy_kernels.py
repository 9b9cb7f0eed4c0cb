"""The GPU's own kernels, run on the CPU, against the formulas that they replace."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import ops
from arraynet.backends.cupy_kernels import SOFTMAX, launch_shape

Kernel = Callable[..., Any]


@pytest.mark.parametrize("rows", [1, 3, 8, 1000])
@pytest.mark.parametrize("length", [1, 10, 1024, 1025, 5000, 10**6])
def test_a_launch_covers_every_row_with_whole_warps(rows: int, length: int) -> None:
    (grid,), (width, height) = launch_shape(rows, length)
    assert (grid - 1) * height < rows <= grid * height
    assert width % 32 == 0
    assert 32 <= width * height <= 1024
    assert height == 1 or width == 32, "a block that rows share has a warp for each"


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    """Compile the softmax kernel for the CPU, or skip without a C++ compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler to run CUDA C with")
    folder = tmp_path_factory.mktemp("kernel")
    for header in ("cuda_fp16.h", "cuda_bf16.h"):
        (folder / header).write_text("")
    (folder / "kernel.cu").write_text(SOFTMAX)
    source = Path(__file__).with_name("emulator.cpp")
    target = folder / "kernel.so"
    command = [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", f"-I{folder}"]
    command += ['-DKERNEL="kernel.cu"', str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if "barrier" in done.stderr and "No such file" in done.stderr:
            pytest.skip("the C++ compiler is too old to know C++20's barrier")
        pytest.fail(done.stderr)
    library = ctypes.CDLL(str(target))

    def run(x: Any, axis: int, logarithm: bool) -> Any:
        result = np.empty_like(x)
        length, inner = x.shape[axis], math.prod(x.shape[axis % x.ndim + 1 :])
        rows = x.size // length
        (grid,), (width, height) = launch_shape(rows, length)
        pointers = (ctypes.c_void_p(array.ctypes.data) for array in (x, result))
        sizes = (ctypes.c_longlong(size) for size in (rows, length, inner))
        call = getattr(library, f"run_{x.dtype.name}")
        call(*pointers, *sizes, grid, width, height, int(logarithm))
        return result

    return run


SHAPES = [((5, 10), -1), ((1, 1), -1), ((9, 33), -1), ((3, 1500), -1), ((2, 4, 3), 1), ((40, 3), 0)]


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_softmax_is_that_of_the_formula(
    emulated: Kernel, shape: tuple[int, ...], axis: int, dtype: str, logarithm: bool
) -> None:
    x = (15 * np.random.default_rng(3).standard_normal(shape)).astype(dtype)
    formula = ops.log_softmax if logarithm else ops.softmax
    expected = formula(x.astype(np.float64), axis=axis)
    eps = float(np.finfo(dtype).eps)
    # Where scores are 90 apart, too: what rounds the difference off is given back.
    tiny = float(np.finfo(dtype).smallest_normal)
    np.testing.assert_allclose(emulated(x, axis, logarithm), expected, rtol=8 * eps, atol=tiny)
    if not logarithm:
        sums = emulated(x, axis, False).astype(np.float64).sum(axis=axis)
        np.testing.assert_allclose(sums, 1, rtol=4 * eps)


@pytest.mark.parametrize("length", [3, 1500])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_special_values_are_as_the_formula_has_them(
    emulated: Kernel, dtype: str, length: int
) -> None:
    largest, inf = float(np.finfo(dtype).max), math.inf
    starts = [
        (0, 0, 0),
        (1000, 1000, 0),
        (-1000, 0, 1000),
        (largest, -largest, 0),
        (0, -inf, 1),
        (inf, 0, 0),
        (inf, inf, -inf),
        (math.nan, 0, 0),
        (0, 0, math.nan),
        (50, 0, -inf),
    ]
    x = np.full((len(starts) + 1, length), -1.0, dtype)
    x[: len(starts), :3] = starts
    x[-1] = -inf
    for logarithm, formula in ((False, ops.softmax), (True, ops.log_softmax)):
        with np.errstate(over="ignore"):
            expected = formula(x)
        result = emulated(x, -1, logarithm)
        np.testing.assert_allclose(result, expected, rtol=8 * float(np.finfo(dtype).eps))


def test_the_logarithm_of_a_lone_large_score_keeps_its_relative_accuracy(
    emulated: Kernel,
) -> None:
    result = emulated(np.array([[0.0, -50.0], [-30.0, 0.0]], np.float32), -1, True)
    expected = np.float32([[-math.exp(-50), -50], [-30, -math.exp(-30)]])
    np.testing.assert_allclose(result, expected, rtol=4e-7)
