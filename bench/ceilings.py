"""What a GPU can do at best: how fast it copies, how fast it multiplies large matrices.

``python -m bench.ceilings copies|float32|tf32|float16`` prints one JSON object; the
report of `bench.gpu_report` starts one such process for each.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.checking import check
from bench.networks import SEED, HostArray
from bench.process import ROOT
from bench.timing import calls_for, time_calls

SIZE = 8192
"""Rows and columns of the matrices."""

COPIED = 256 << 20
"""Bytes of a copy."""

ROUNDS = 9
SECONDS = 0.05

TOLERANCES = {"float32": 1e-5, "tf32": 5e-3, "float16": 5e-3}
"""How far a product may be off, by the precision of its factors; `bench.checking` has the unit."""

WHAT = ("copies", *TOLERANCES)


def copy_rates(cupy: Any, empty_pinned: Callable[..., HostArray], size: int) -> dict[str, float]:
    """Return how many bytes a second are copied, by where from and where to.

    Parameters
    ----------
    cupy : module
        CuPy, or what stands in for it.
    empty_pinned : callable
        ``empty_pinned(shape, dtype)``: host memory that the device reaches directly.
    size : int
        Bytes to copy.

    Returns
    -------
    dict of str to float
        A copy within the device counts its bytes once, though it reads and writes them.
    """
    source = np.random.default_rng(SEED).integers(0, 256, size, np.uint8)
    ordinary, pinned = np.empty(size, np.uint8), empty_pinned(size, np.uint8)
    pinned[...] = source
    there, other = cupy.asarray(source), cupy.empty(size, cupy.uint8)
    wait = cupy.cuda.runtime.deviceSynchronize
    rates = {}
    for name, copy, result in (
        ("host to device", lambda: other.set(source), other),
        ("pinned host to device", lambda: other.set(pinned), other),
        ("device to host", lambda: there.get(out=ordinary), ordinary),
        ("device to pinned host", lambda: there.get(out=pinned), pinned),
        ("device to device", lambda: cupy.copyto(other, there), other),
    ):
        rates[name] = size / _median(copy, wait)
        host = result if isinstance(result, np.ndarray) else cupy.asnumpy(result)
        check(host, source.astype(np.float64), 0.0)
    return rates


def product_rate(cupy: Any, precision: str, size: int) -> float:
    """Return how many floating-point operations a second a large product makes.

    Parameters
    ----------
    cupy : module
        Started with CUPY_TF32=1 for "tf32", and without it for the others.
    precision : {"float32", "tf32", "float16"}
    size : int
        Rows and columns of the matrices.
    """
    dtype = "float16" if precision == "float16" else "float32"
    random = np.random.default_rng(SEED)
    factors = [random.uniform(-1, 1, (size, size)).astype(dtype) for _ in range(2)]
    a, b = (cupy.asarray(factor) for factor in factors)
    result = cupy.empty((size, size), dtype)
    seconds = _median(lambda: cupy.matmul(a, b, out=result), cupy.cuda.runtime.deviceSynchronize)
    wanted = factors[0][:8].astype(np.float64) @ factors[1].astype(np.float64)
    check(cupy.asnumpy(result)[:8].astype(np.float64), wanted, TOLERANCES[precision])
    return 2.0 * size**3 / seconds


def _median(work: Callable[[], object], wait: Callable[[], object]) -> float:
    """Return the median time of a call, the device waited for inside the timed region."""

    def call() -> None:
        work()
        wait()

    call()
    number = calls_for(call, SECONDS)
    return statistics.median(time_calls(call, number)[0] for _ in range(ROUNDS))


def ceilings() -> tuple[dict[str, float], list[str]]:
    """Measure all of them, each in a process of its own.

    Returns
    -------
    rates : dict of str to float
        Bytes or operations a second, by what was measured.
    failures : list of str
        What could not be measured, and why.
    """
    rates: dict[str, float] = {}
    failures = []
    for what in WHAT:
        environment = {**os.environ, "CUPY_TF32": "1" if what == "tf32" else "0"}
        done = subprocess.run(
            [sys.executable, "-m", "bench.ceilings", what],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = done.stderr.strip().splitlines() or ["no reason given"]
            failures.append(f"{what}: {last[-1]}")
        else:
            rates.update(json.loads(done.stdout.splitlines()[-1]))
    return rates, failures


def main() -> None:
    """Measure one of them, and print it."""
    import cupy

    (what,) = sys.argv[1:]
    if what == "copies":
        import cupyx

        print(json.dumps(copy_rates(cupy, cupyx.empty_pinned, COPIED)))
    else:
        print(json.dumps({f"product in {what}": product_rate(cupy, what, SIZE)}))


if __name__ == "__main__":
    main()
