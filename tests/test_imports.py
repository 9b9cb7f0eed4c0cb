"""Imports point one way, and importing arraynet brings in nothing optional."""

from __future__ import annotations

import ast
import importlib
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
HOST = LOW | {"labels", "metrics"}
GRAPH = LOW | {"ops", "node", "weights", "inference", "graph"}
ENGINE = GRAPH | {"backends", "passes", "engine"}
CALLS = {"batching", "blocks", "classification", "cutting", "described", "inputs"}
NETWORK = ENGINE | HOST | CALLS | {"formats", "progress", "scaling", "summary", "network"}

MAY_IMPORT = {
    "errors": set[str](),
    "_typing": set[str](),
    "memory": {"errors"},
    "admission": BASE | {"memory"},
    "tables": {"errors"},
    "ops": LOW,
    "backends": LOW | {"ops"},
    "labels": LOW,
    "metrics": HOST,
    "datasets": GRAPH | {"formats"},
    "node": LOW | {"ops", "weights"},
    "weights": LOW,
    "inference": LOW | {"ops", "node", "weights"},
    "graph": LOW | {"ops", "node", "weights", "inference"},
    "passes": GRAPH,
    "engine": ENGINE,
    "helpers": BASE,
    "inputs": GRAPH,
    "cutting": GRAPH,
    "blocks": ENGINE | {"cutting", "helpers"},
    "batching": ENGINE | {"blocks", "helpers", "progress"},
    "classification": GRAPH,
    "described": ENGINE | {"classification", "formats", "inputs", "summary"},
    "formats": GRAPH,
    "progress": BASE,
    "scaling": GRAPH,
    "summary": ENGINE,
    "network": NETWORK,
    "layers": NETWORK,
    "chains": NETWORK | {"layers"},
    "loading": NETWORK | {"chains", "datasets"},
}
"""What each part may import. Parts that are not listed stand above all of these."""

ON_THE_HOST = {
    *("admission.py", "control.py", "meta.py", "meta_functions.py", "registry.py"),
    *("creation.py", "padding.py", "shaping.py", "sizes.py"),
}
"""Files of ops that read numbers on the host: sizes and axes, which are NumPy's."""

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
    if part_of(path) == "ops" and path.name not in ON_THE_HOST:
        assert "numpy" not in named


def modules_after(statement: str) -> set[str]:
    """Return the modules of a fresh process once it has run a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


USED = "import arraynet; [getattr(arraynet, name) for name in dir(arraynet)]"
"""What imports all that is public: each name when it is first used."""


def test_import_brings_in_nothing_at_all() -> None:
    loaded = modules_after("import arraynet") - modules_after("import __future__")
    assert loaded == {"arraynet"}


def test_use_brings_in_nothing_optional() -> None:
    loaded = {name.split(".")[0] for name in modules_after(USED)}
    assert "numpy" in loaded
    assert not loaded & OPTIONAL


def test_every_public_name_is_what_a_type_checker_takes_it_for() -> None:
    """Those are imported for a type checker alone: the names, from the same places."""
    (block,) = (
        node for node in ast.parse(Path(arraynet.__file__).read_text("utf-8")).body
        if isinstance(node, ast.If)
    )  # fmt: skip
    found = {
        alias.name: importlib.import_module(f"{node.module}.{alias.name}")
        if node.module == "arraynet"
        else getattr(importlib.import_module(str(node.module)), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert {*found, "__version__"} == {*arraynet.__all__}
    for name, value in found.items():
        assert getattr(arraynet, name) is value


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="netwrok"):
        arraynet.netwrok  # noqa: B018
    assert not {"annotations", "Any", "TYPE_CHECKING"} & set(dir(arraynet))


def test_use_loads_few_modules_beyond_numpy() -> None:
    base = modules_after("import numpy, array_api_compat")
    used = modules_after("import arraynet; arraynet.load")
    others = {name for name in used - base if name.split(".")[0] != "arraynet"}
    print(f"numpy and array-api-compat: {len(base)} modules; beside them {sorted(others)}")
    assert len(others) < 10


def test_every_module_can_be_imported_first() -> None:
    """A cycle between modules shows when one of them is imported before the others.

    Whichever comes first, the package itself comes before it, and all that it imports.
    """
    names = [
        ".".join(["arraynet", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
            ".__init__"
        )
        for path in SOURCES
        if path.name != "__main__.py"
    ]
    script = (
        "import importlib, sys\n"
        "import arraynet\n"
        "before = {name for name in sys.modules if name.split('.')[0] == 'arraynet'}\n"
        "for first in set(sys.argv[1:]) - before:\n"
        "    for name in [m for m in sys.modules if m.split('.')[0] == 'arraynet']:\n"
        "        if name not in before:\n"
        "            del sys.modules[name]\n"
        "    importlib.import_module(first)\n"
    )
    subprocess.run([sys.executable, "-c", script, *names], check=True, capture_output=True)
