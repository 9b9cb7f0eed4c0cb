"""Every reference in a docstring leads somewhere."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import arraynet
from docs.references import broken, modules

ROOT = Path(__file__).parents[2]

PAGE = '''
"""A page: see `Shape.area`, `corners`, `os.path.join()`, ``nothing at all`` and `{broken}`."""

class Shape:
    """Has `sides`."""

    corners: int

    def __init__(self, sides):
        self.sides = sides

    def area(self, unit):
        """Return an area in a `unit`; `sides` and `Shape.sides` are known."""
'''


def page(folder: Path, broken: str) -> ModuleType:
    """Import a module whose docstring has that reference."""
    path = folder / "page.py"
    path.write_text(PAGE.replace("`corners`", "`Shape.corners`").format(broken=broken), "utf-8")
    spec = importlib.util.spec_from_file_location("page", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["page"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(autouse=True)
def _forget_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "page", raising=False)


def test_every_reference_of_arraynet_leads_somewhere() -> None:
    found = [line for module in modules(arraynet) for line in broken(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "wrong", ["Shpae", "Shape.perimeter", "os.pth", "numpy.nothing", "x + y", "unit", "two words"]
)
def test_one_that_leads_nowhere_is_found(wrong: str, tmp_path: Path) -> None:
    (line,) = broken(page(tmp_path, wrong))
    assert line == f"{tmp_path / 'page.py'}:2: `{wrong}` leads nowhere (``literal text``?)"


@pytest.mark.parametrize("right", ["Shape", "len", "numpy.linalg.norm", "page.Shape", "Shape.area"])
def test_one_that_leads_somewhere_is_not(right: str, tmp_path: Path) -> None:
    assert not list(broken(page(tmp_path, right)))


def test_a_broken_reference_fails_the_site(tmp_path: Path) -> None:
    """Before anything is written: this needs no pdoc."""
    (tmp_path / "page.py").write_text('"""See `nothing_of_that_name`."""\n', "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "docs", str(tmp_path / "site"), "page"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "`nothing_of_that_name` leads nowhere" in done.stderr
    assert not (tmp_path / "site").exists()


def test_the_site_has_a_page_for_each_public_module(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="pdoc is not installed (nox -s docs installs it)")
    subprocess.run([sys.executable, "-m", "docs", str(tmp_path)], cwd=ROOT, check=True)
    assert "softmax" in (tmp_path / "arraynet" / "ops.html").read_text("utf-8")
    text = (tmp_path / "arraynet.html").read_text("utf-8")
    assert 'href="arraynet/ops.html' in text
    assert 'id="Network.predict"' in text
