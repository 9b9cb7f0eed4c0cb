"""What only a GPU can show; skipped with the reason on a machine without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import ops
from arraynet.backends import Backend, get_backend
from arraynet.ops import OPS

pytestmark = pytest.mark.parametrize("backend", ["cupy"], indirect=True)

ROOT = Path(__file__).parents[2]
ELEMENTWISE = sorted(name for name, op in OPS.items() if op.elementwise and op.name == name)
INPUTS = {"add": 2, "prelu": 2, "scale_shift": 3}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_op_that_is_fused_is_what_it_is_unfused(backend: Backend, name: str, dtype: str) -> None:
    formula = partial(OPS[name].formula, xp=backend.xp)
    host = np.linspace(-20, 20, 4000, dtype=np.float32).reshape(400, 10)
    arrays = [backend.asarray(host, dtype)]
    arrays += [backend.asarray(host[7], dtype)] * (INPUTS.get(name, 1) - 1)
    fused = backend.to_host(backend.fuse(formula, f"test {name} {dtype}")(*arrays))
    with np.errstate(all="ignore"):
        cpu = get_backend("cpu")
        wanted = OPS[name].formula(
            *(backend.to_host(array).astype(np.float64) for array in arrays), xp=cpu.xp
        )
    assert f"test {name} {dtype}" not in backend.unfused
    assert fused.dtype == backend.to_host(arrays[0]).dtype
    eps = {"float16": 1e-3, "float32": 1.2e-7, "float64": 2.3e-16, "bfloat16": 8e-3}[dtype]
    np.testing.assert_allclose(
        fused.astype(np.float64), wanted, rtol=16 * eps, atol=16 * eps, equal_nan=True
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "unguarded_softmax"])
@pytest.mark.parametrize(("shape", "axis"), [((100, 10), -1), ((3, 5000), -1), ((4, 7, 3), 1)])
def test_a_native_kernel_is_its_formula(
    backend: Backend, name: str, dtype: str, shape: tuple[int, ...], axis: int
) -> None:
    host = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    x = backend.asarray(host, dtype)
    result = backend.to_host(backend.native[name](x, axis=axis))
    wanted = getattr(ops, name)(backend.to_host(x).astype(np.float64), axis=axis)
    eps = {"float16": 1e-3, "float32": 1.2e-7, "float64": 2.3e-16, "bfloat16": 8e-3}[dtype]
    assert result.dtype == backend.to_host(x).dtype
    np.testing.assert_allclose(result.astype(np.float64), wanted, rtol=8 * eps, atol=1e-7)


def test_rows_of_special_values_are_as_the_formula_has_them(backend: Backend) -> None:
    inf, nan = np.inf, np.nan
    x = np.float32([[0, -inf, 1], [inf, 0, 0], [-inf] * 3, [nan, 0, 0], [3e38, -3e38, 0]])
    for name in ("softmax", "log_softmax"):
        with np.errstate(over="ignore"):
            wanted = getattr(ops, name)(x)
        result = backend.to_host(backend.native[name](backend.asarray(x)))
        np.testing.assert_allclose(result, wanted, rtol=1e-6)


def test_the_pipeline_is_what_plain_copies_are(backend: Backend) -> None:
    random = np.random.default_rng(2)
    blocks = [random.integers(0, 256, (rows, 784), dtype=np.uint8) for rows in (4096, 999, 1, 5000)]
    weight = backend.asarray(random.standard_normal((784, 512)).astype(np.float32))

    def run(x: Any) -> Any:
        return backend.xp.tanh(backend.xp.matmul(backend.asarray(x, "float32"), weight))

    plain = [backend.to_host(run(backend.asarray(block))) for block in blocks]
    for _ in range(5):
        for wanted, result in zip(plain, backend.pipeline(iter(blocks), run), strict=True):
            np.testing.assert_array_equal(result, wanted)


def test_fifty_repeats_are_equal_bit_by_bit(backend: Backend) -> None:
    net = arraynet.load_pretrained("digits", backend=backend)
    _, (x, _) = arraynet.datasets.load_digits()
    first = net.predict(x)
    for _ in range(50):
        np.testing.assert_array_equal(net.predict(x), first)


def test_every_label_of_mnist_is_that_of_the_cpu(backend: Backend, test_data: Path) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    cpu = arraynet.load(path, hidden="sigmoid", output="softmax")
    gpu = cpu.to(backend)
    _, (x, t) = arraynet.datasets.load_mnist(test_data / "mnist")
    assert gpu.evaluate(x, t).correct == 9352
    np.testing.assert_array_equal(gpu.classify(x), cpu.classify(x))
    np.testing.assert_allclose(gpu.predict(x), cpu.predict(x), atol=2e-6)


@pytest.mark.parametrize(("dtype", "most"), [("float16", 2), ("bfloat16", 30)])
def test_narrow_dtypes_flip_few_labels_of_mnist(
    backend: Backend, test_data: Path, dtype: str, most: int
) -> None:
    path = test_data / "weights" / "sample_weight.pkl"
    cpu = arraynet.load(path, hidden="sigmoid", output="softmax")
    _, (x, _) = arraynet.datasets.load_mnist(test_data / "mnist")
    labels = cpu.to(backend).astype(dtype).classify(x)
    assert int((labels != cpu.classify(x)).sum()) <= most


def test_tf32_is_off_unless_asked_for(backend: Backend) -> None:
    random = np.random.default_rng(3)
    x, y = (random.standard_normal((512, 512)).astype(np.float32) for _ in range(2))
    wanted = x.astype(np.float64) @ y.astype(np.float64)
    highest = backend.to_host(backend.xp.matmul(backend.asarray(x), backend.asarray(y)))
    assert np.abs(highest - wanted).max() < 1e-3
    fast = get_backend(backend, precision="tf32")
    rounded = fast.to_host(fast.xp.matmul(fast.asarray(x), fast.asarray(y)))
    assert 1e-3 < np.abs(rounded - wanted).max() < 1


def test_a_full_memory_gives_the_same_result_in_parts(backend: Backend) -> None:
    script = """
import json, sys
import numpy as np
import arraynet
random = np.random.default_rng(4)
weights = [random.standard_normal(s).astype("float32") * 0.02 for s in ((784, 4096), (4096, 10))]
zeros = [np.zeros(4096, "float32"), np.zeros(10, "float32")]
layers = [arraynet.Dense(weights[0], zeros[0]), "relu", arraynet.Dense(weights[1], zeros[1])]
net = arraynet.Sequential(*layers, "softmax", backend="gpu")
x = random.standard_normal((20000, 784)).astype("float32")
result = net.predict(x, batch_size=20000)
wanted = net.to("cpu").predict(x)
print(json.dumps(float(np.abs(result - wanted).max())))
"""
    # A block of 20,000 rows needs 313 MiB for its hidden layer alone.
    environment = {**os.environ, "CUPY_GPU_MEMORY_LIMIT": str(200 << 20)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) < 1e-5
