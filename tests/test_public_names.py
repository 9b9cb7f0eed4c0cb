"""What a module exports is what the guide documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import arraynet

GUIDE = Path(__file__).parents[1] / "docs" / "guide.md"

MACHINERY = {"OPS", "Op", "op", "unguarded_softmax"}
"""Exports of `arraynet.ops` that serve those who write ops and passes."""


def section(title: str) -> str:
    """Return the text of one of the guide's sections."""
    _, _, rest = GUIDE.read_text("utf-8").partition(f"\n## {title}\n")
    assert rest, title
    return rest.partition("\n## ")[0]


def documented() -> dict[str, str]:
    """Return the names in the guide's table, with what it says of each."""
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section("Names"), re.MULTILINE))


def test_all_is_what_the_guide_documents() -> None:
    assert sorted(arraynet.__all__) == sorted(documented())


@pytest.mark.parametrize("name", arraynet.__all__)
def test_every_name_is_there_and_has_a_docstring(name: str) -> None:
    value = getattr(arraynet, name)
    if name != "__version__":
        assert value.__doc__


def test_the_ops() -> None:
    listed = re.findall(r"`(\w+)`", section("Names").partition("`output=`:")[2])
    public = [name for name in arraynet.ops.__all__ if name not in MACHINERY]
    assert listed == public


@pytest.mark.parametrize("name", ["datasets", "metrics"])
def test_the_functions_of_a_module(name: str) -> None:
    listed = re.findall(r"`(\w+)`", documented()[name])
    assert sorted(listed) == sorted(getattr(arraynet, name).__all__)


@pytest.mark.parametrize("name", ["ops", "datasets", "metrics"])
def test_every_export_of_a_module_is_there(name: str) -> None:
    module = getattr(arraynet, name)
    for export in module.__all__:
        assert getattr(module, export).__doc__, export


def test_dir_shows_what_is_public_and_nothing_else() -> None:
    assert dir(arraynet) == sorted([*arraynet.__all__, "formats", "parity", "plots"])


@pytest.mark.parametrize("name", ["formats", "parity", "plots"])
def test_a_module_needs_no_import_of_its_own(name: str) -> None:
    script = f"import arraynet; print(arraynet.{name}.__name__, arraynet.{name}.__doc__[0])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"arraynet.{name} ")


def test_what_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(arraynet, "no_such_module")
    with pytest.raises(ImportError):
        from arraynet import no_such_module  # noqa: F401
