"""What runs elsewhere is what `.ci/run` runs, on each Python that the package names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import arraynet

ROOT = Path(__file__).parents[1]


def test_each_supported_python_runs_the_same_checks() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith(prefix)]
    matrix = re.search(r"python: \[(.*)\]", workflow)
    assert matrix
    assert re.findall(r'"([\d.]+)"', matrix[1]) == named
    assert "- run: .ci/run\n" in workflow


def test_the_version_has_a_date_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    version, date = headings[1]
    assert version == arraynet.__version__
    assert date
