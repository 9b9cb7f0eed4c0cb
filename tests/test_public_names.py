"""What a module exports is what the guide documents."""

from __future__ import annotations

import re
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
