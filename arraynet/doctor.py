"""What works on this machine, and how to repair what does not.

`report` looks, `format_text` tells. The command is ``arraynet doctor``.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from arraynet.backends import Backend, get_backend
from arraynet.backends.cupy_check import driver_version, installed_wheels, version_text
from arraynet.errors import ArraynetError, shortened
from arraynet.ops import OPS

BACKENDS = ("cpu", "gpu", "torch", "jax", "array_api_strict")
"""What `report` looks at when it is not told."""

Report = dict[str, Any]

_LIBRARIES = {"cpu": "numpy", "gpu": "cupy"}  # of backends that are not called as theirs
# TF32 rounds each factor to 10 bits; everything else is float32 throughout.
_TOLERANCE = {"highest": 1e-5, "tf32": 1e-2}


def report(backends: Iterable[str | Backend] | None = None) -> Report:
    """Return what works on this machine.

    Parameters
    ----------
    backends : iterable of (str or Backend), optional
        The backends to look at; None: `BACKENDS`.

    Returns
    -------
    dict
        ``backends`` maps each name to a dict with ``status`` ("PASS", "FAIL" or, where
        nobody asked for it, "not installed");
        one that passes has its ``library``, ``version``, ``device`` and ``largest_error`` (of a
        small computation, against NumPy in float64), and on a GPU ``memory`` (bytes),
        ``driver``, ``runtime`` and ``precision``; another has its ``error`` and
        ``repair``, the line to type or what to do. ``failed`` lists those that FAIL.
        ``blas`` lists each BLAS with its kernel (``architecture``) and ``threads``,
        ``cupy_wheels`` the installed ones, of which there must not be two.
        ``arraynet``, ``python``, ``platform`` and ``driver`` (the CUDA version of the
        NVIDIA driver, or None) are texts, ``cupy_tf32`` is the variable CUPY_TF32.

    Raises
    ------
    ArraynetError
        If ``backends`` is not a list of names, but one name alone, for example.

    Examples
    --------
    >>> report(["cpu"])["backends"]["cpu"]["status"]
    'PASS'
    """
    import arraynet

    names = BACKENDS if backends is None else _names(backends)
    # Before other libraries bring theirs: the one that NumPy computes with.
    blas = _blas()
    found = {name: examine(name) for name in names}
    for name in BACKENDS if backends is None else ():
        if find_spec(_LIBRARIES.get(name, name)) is None:
            found[name]["status"] = "not installed"
    driver = driver_version()
    return {
        "arraynet": arraynet.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "driver": version_text(driver) if driver else None,
        "blas": blas,
        "cupy_wheels": installed_wheels(),
        "cupy_tf32": os.environ.get("CUPY_TF32"),
        "backends": found,
        "failed": [name for name, facts in found.items() if facts["status"] == "FAIL"],
    }


def _names(backends: Any) -> list[str]:
    """Return the names that a caller asks for; refuse one alone, which is no list."""
    listed = isinstance(backends, Iterable) and not isinstance(backends, str)
    asked = list(backends) if listed else []
    if not listed or not all(isinstance(each, str | Backend) for each in asked):
        raise ArraynetError(
            f"doctor: got {shortened(backends)}, expected a list of names, such as ['cpu', 'gpu']"
        )
    return [each.name if isinstance(each, Backend) else each for each in asked]


def examine(name: str) -> dict[str, Any]:
    """Return what `report` tells of one backend, after a small computation on it."""
    try:
        backend = get_backend(name)
        facts = backend.describe()
        error = _largest_error(backend)
    except ArraynetError as failure:
        return _failure(str(failure), getattr(failure, "repair", ""))
    except Exception as failure:  # a broken library fails in its own ways
        return _failure(f"{type(failure).__name__}: {failure}", "reinstall the library")
    if not error <= _TOLERANCE[backend.precision]:
        return _failure(
            f"a product and an activation came out wrong by {error:.1g}",
            "reinstall the library, and its driver if it has one",
        )
    return {"status": "PASS", **facts, "largest_error": error, "unfused": dict(backend.unfused)}


def _failure(error: str, repair: str) -> dict[str, Any]:
    return {"status": "FAIL", "error": error, "repair": repair}


def _largest_error(backend: Backend) -> float:
    """Return how wrong a small computation comes out, by the way that a network takes."""
    random = np.random.default_rng(0)
    x = random.standard_normal((64, 32)).astype(np.float32)
    host = random.standard_normal((32, 8)).astype(np.float32)
    xp = backend.xp
    activation = backend.fuse(partial(OPS["sigmoid"].formula, xp=xp), "sigmoid")
    softmax = backend.native.get("softmax") or partial(OPS["softmax"].formula, xp=xp)
    with backend.active():
        weight = backend.asarray(host)

        def run(block: Any) -> Any:
            return softmax(activation(xp.matmul(backend.asarray(block), weight)))

        results = list(backend.pipeline([x[:40], x[40:]], run))
    hidden = 1 / (1 + np.exp(-(x.astype(np.float64) @ host.astype(np.float64))))
    expected = np.exp(hidden) / np.exp(hidden).sum(axis=1, keepdims=True)
    return float(np.abs(np.concatenate(results) - expected).max())


def _blas() -> list[dict[str, Any]]:
    """Return each BLAS that is loaded, with the kernel that it chose for this CPU."""
    from threadpoolctl import threadpool_info

    return [
        {
            "library": pool["internal_api"],
            "version": pool["version"],
            "architecture": pool.get("architecture"),
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


def format_text(report: Report) -> str:
    """Return a report as text, a line for each backend and one for each repair.

    Examples
    --------
    >>> print(format_text(report(["cpu"])).splitlines()[0])
    arraynet ... on Python ...
    """
    lines = [f"arraynet {report['arraynet']} on Python {report['python']}, {report['platform']}"]
    for blas in report["blas"]:
        kernel = blas["architecture"] or "unknown kernel"
        lines.append(
            f"BLAS: {blas['library']} {blas['version']}, {kernel}, {blas['threads']} thread(s)"
        )
    driver = "none" if report["driver"] is None else f"for CUDA {report['driver']}"
    lines.append(f"NVIDIA driver: {driver}")
    wheels = report["cupy_wheels"]
    twice = " (two cannot be installed together)" if len(wheels) > 1 else ""
    lines.append(f"CuPy wheels: {', '.join(wheels) or 'none'}{twice}")
    if report["cupy_tf32"] is not None:
        lines.append(
            f"CUPY_TF32={report['cupy_tf32']}: no effect here; the backend gpu:tf32 has it on"
        )
    backends = report["backends"]
    wide = max((len(facts["status"]) for facts in backends.values()), default=0)
    width = max(map(len, backends), default=0)
    for name, facts in backends.items():
        told = [] if facts["status"] == "not installed" else [_summary(facts)]
        told += [f"→ {facts['repair']}"] if facts.get("repair") else []
        lines.append(f"{facts['status']:{wide}}  {name:{width}}  {told[0]}")
        lines += [f"{'':{wide}}  {'':{width}}  {line}" for line in told[1:]]
    return "\n".join(lines)


def _summary(facts: dict[str, Any]) -> str:
    """Return what there is to say about one backend, on one line."""
    if facts["status"] == "FAIL":
        return str(facts["error"]).removesuffix(f" ({facts['repair']})")
    parts = [f"{facts['library']} {facts['version']} on {facts['device']}"]
    if "memory" in facts:
        parts.append(f"{facts['memory'] / 2**30:.1f} GiB")
    if "driver" in facts:
        parts.append(f"driver for CUDA {facts['driver']}, runtime {facts['runtime']}")
    if "precision" in facts:
        parts.append(f"TF32 {'on' if facts['precision'] == 'tf32' else 'off'}")
    parts.append(f"largest error {facts['largest_error']:.0e}")
    parts += [f"{op} runs unfused: {why}" for op, why in facts["unfused"].items()]
    return ", ".join(parts)
