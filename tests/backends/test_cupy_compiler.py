"""What CuPy traces and NVRTC compiles, on a machine that needs no GPU for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from arraynet.backends import cupy_kernels
from arraynet.backends.cupy_kernels import namespace
from arraynet.ops import OPS
from tests.backends.real_cupy import ARCHITECTURES, compile_source, hollow

cupy = pytest.importorskip("cupy", reason="CuPy is not installed", exc_type=ImportError)
pytestmark = pytest.mark.needs("cupy")

ELEMENTWISE = sorted(name for name, op in OPS.items() if op.elementwise and op.name == name)
INPUTS = {"add": 2, "prelu": 2, "scale_shift": 3}
ATTRIBUTES: dict[str, list[dict[str, Any]]] = {"gelu": [{}, {"approximate": "tanh"}]}
CASES = [(name, attributes) for name in ELEMENTWISE for attributes in ATTRIBUTES.get(name, [{}])]


def _trace(name: str, attributes: dict[str, Any], dtype: str) -> Any:
    """Return the kernel that `cupy.fuse` makes of an op with a bias before it.

    The call after the trace fails where there is no device; the kernel is there.
    """
    import array_api_compat.cupy as compat

    xp = namespace(cupy, compat, "highest")
    formula = partial(OPS[name].formula, xp=xp, **attributes)
    fused = cupy.fuse(kernel_name=name)(lambda x, b, *rest: formula(x + b, *rest))
    arrays = [hollow((3, 4), dtype)] + [hollow((4,), dtype)] * INPUTS.get(name, 1)
    failure: object = None
    try:
        fused(*arrays)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        failure = error
    assert fused.new_fusion is None, "it is traced as one elementwise kernel"
    assert len(fused._memo) == 1, failure
    ((kernel, _),) = fused._memo.values()
    return kernel


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "attributes"), CASES)
def test_every_elementwise_op_is_traced_and_keeps_its_dtype(
    name: str, attributes: dict[str, Any], dtype: str
) -> None:
    kernel = _trace(name, attributes, dtype)
    (result,) = kernel.out_params
    assert result.dtype == np.dtype(dtype)


def _whole(kernel: Any) -> str:
    """Return a traced kernel as CUDA C, each array with a pointer of its own."""
    parameters = [*kernel.in_params, *kernel.out_params]
    pointers = ", ".join(f"{p.ctype}* p{i}" for i, p in enumerate(parameters))
    reads = "".join(
        f"const {p.ctype} {p.name} = p{i}[0];\n" for i, p in enumerate(kernel.in_params)
    )
    (result,) = kernel.out_params
    return (
        f"#include <cupy/carray.cuh>\n#include <cupy/math_constants.h>\n{kernel.preamble}\n"
        f'extern "C" __global__ void whole({pointers}) {{\n'
        f"{reads}{result.ctype} {result.name};\n{kernel.operation};\n"
        f"p{len(parameters) - 1}[0] = {result.name};\n}}\n"
    )


@pytest.mark.parametrize(("name", "attributes"), CASES)
def test_what_is_traced_compiles(name: str, attributes: dict[str, Any]) -> None:
    source = _whole(_trace(name, attributes, "float16" if len(name) % 2 else "float32"))
    assert compile_source(source, "sm_90", [], "-std=c++17")


def test_a_formula_that_reads_a_shape_is_not_traced() -> None:
    fused = cupy.fuse(kernel_name="bad")(lambda x: x * x.shape[0])
    with pytest.raises(Exception, match="shape"):
        fused(hollow((3, 4), "float32"))
    assert not fused._memo


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_raw_kernels_compile_for_every_dtype(architecture: str) -> None:
    kinds = [(dtype, log) for dtype in cupy_kernels.TYPES for log in (False, True)]
    names = [cupy_kernels.expression(*kind) for kind in kinds]
    assert len(names) == 8
    assert compile_source(cupy_kernels.SOFTMAX, architecture, names, *cupy_kernels.OPTIONS)
