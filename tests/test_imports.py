"""Imports point one way, and importing arraynet brings in nothing optional."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import arraynet

ROOT = Path(arraynet.__file__).parent

BASE = {"errors", "_typing"}
LOW = BASE | {"admission", "memory", "tables"}
HOST = LOW | {"counts", "labels", "metrics"}
GRAPH = LOW | {"ops", "node", "weights", "inference", "graph"}
ENGINE = GRAPH | {"backends", "folding", "rewriting", "passes", "engine"}
CALLS = {"batching", "blocks", "classification", "cutting", "described", "inputs"}
NETWORK = ENGINE | HOST | CALLS | {"formats", "progress", "summary", "network"}

MAY_IMPORT = {
    "errors": set[str](),
    "_typing": set[str](),
    "memory": {"errors"},
    "admission": BASE | {"memory"},
    "tables": {"errors"},
    "ops": LOW,
    "backends": LOW,
    "counts": BASE,
    "labels": LOW | {"counts"},
    "metrics": HOST,
    "datasets": GRAPH | {"formats"},
    "node": LOW | {"ops", "weights"},
    "weights": LOW,
    "inference": LOW | {"ops", "node", "weights"},
    "graph": LOW | {"ops", "node", "weights", "inference"},
    "folding": GRAPH,
    "rewriting": GRAPH,
    "passes": GRAPH | {"folding", "rewriting"},
    "engine": ENGINE,
    "helpers": BASE | {"counts"},
    "mapped": BASE,
    "inputs": GRAPH,
    "cutting": GRAPH,
    "blocks": ENGINE | {"counts", "cutting"},
    "batching": ENGINE | {"blocks", "counts", "helpers", "mapped", "progress"},
    "classification": GRAPH,
    "described": ENGINE | {"classification", "formats", "inputs", "summary"},
    "formats": GRAPH,
    "progress": BASE,
    "summary": ENGINE | {"counts"},
    "network": NETWORK,
    "layers": NETWORK,
    "loading": NETWORK | {"datasets"},
}
"""What each part may import. Parts that are not listed stand above all of these."""

ARRAY_LIBRARIES = {"cupy", "cupyx", "torch", "jax", "array_api_strict", "dask", "ndonnx"}

OPTIONAL = ARRAY_LIBRARIES | {
    "click",
    "matplotlib",
    "ml_dtypes",
    "onnx",
    "PIL",
    "platformdirs",
    "rich",
    "safetensors",
    "starlette",
    "threadpoolctl",
    "uvicorn",
}
"""What ``import arraynet`` must not import (two of them are dependencies, used late)."""


ABOUT_OPS = {"admission", "control", "meta", "meta_functions", "registry"}
"""What holds no formula: these know NumPy, in which the host's numbers are."""


def part_of(path: Path) -> str:
    """Return the first name below ``arraynet`` of a source file's module."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of everything that a file imports, anywhere in it."""
    package = ("arraynet", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


SOURCES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    for line, name in imported(path):
        words = name.split(".")
        if words[0] != "arraynet" or part not in MAY_IMPORT:
            continue
        other = words[1] if len(words) > 1 else "arraynet itself"
        assert other == part or other in MAY_IMPORT[part], f"line {line}: {part} imports {other}"


def test_every_part_that_must_stand_below_is_there() -> None:
    parts = {part_of(path) for path in SOURCES}
    assert set(MAY_IMPORT) <= parts


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_backends_name_an_array_library(path: Path) -> None:
    named = {name.split(".")[0] for _, name in imported(path)}
    if part_of(path) != "backends":
        assert not named & ARRAY_LIBRARIES
    if part_of(path) == "ops" and path.stem not in ABOUT_OPS:
        assert "numpy" not in named


def modules_after(statement: str) -> set[str]:
    """Return the modules of a fresh process once it has run a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_import_brings_in_nothing_optional() -> None:
    loaded = {name.split(".")[0] for name in modules_after("import arraynet")}
    assert "arraynet" in loaded
    assert not loaded & OPTIONAL


def test_import_loads_few_modules_beyond_numpy() -> None:
    base = modules_after("import numpy, array_api_compat")
    ours = modules_after("import arraynet")
    print(f"numpy and array-api-compat: {len(base)} modules; arraynet: {len(ours)}")
    assert len(ours) < 1.25 * len(base)


def test_every_module_can_be_imported_first() -> None:
    """A cycle between modules shows when one of them is imported before the others."""
    names = [
        ".".join(["arraynet", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
            ".__init__"
        )
        for path in SOURCES
        if path.name != "__main__.py"
    ]
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.split('.')[0] == 'arraynet']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, *names], check=True, capture_output=True, timeout=120
    )
