"""The examples of the README and of the pages beside it run, and print what they say."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

PAGES = {
    name: (ROOT / name).read_text("utf-8")
    for name in (
        "README.md",
        "docs/guide.md",
        "bench/README.md",
        ".github/CONTRIBUTING.md",
        ".github/SECURITY.md",
        "CHANGELOG.md",
    )
}

README = PAGES["README.md"]

LIBRARIES = ("torch", "keras", "sklearn")
"""What an example may need, by the name that it is imported by."""

BLOCK = re.compile(
    r"(?:<!-- (?P<comment>[^\n]*) -->\n)?```(?P<language>python|console)\n(?P<code>.*?)```\n"
    r"(\n```text\n(?P<output>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    """A block of Python or of a console, what it prints, and the comment above it."""

    language: str
    code: str
    output: str
    comment: str

    def __str__(self) -> str:
        return self.code.strip().splitlines()[-1]

    @property
    def library(self) -> str:
        """The library that it needs beside arraynet's own; empty where none."""
        needed = self.comment.removeprefix("needs: ")
        return needed if needed in LIBRARIES else ""


EXAMPLES = [
    Example(m["language"], m["code"], m["output"] or "", m["comment"] or "")
    for text in PAGES.values()
    for m in BLOCK.finditer(text)
]


def written_in(language: str) -> list[Any]:
    """Return the examples of a language; one that needs PyTorch runs with its backend too."""
    return [
        pytest.param(
            example,
            id=str(example),
            marks=[pytest.mark.needs("torch")] if example.library == "torch" else [],
        )
        for example in EXAMPLES
        if example.language == language
    ]


def run(command: list[str], folder: Path) -> str:
    """Run a process in a folder and return what it prints."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            "ARRAYNET_CACHE": str(folder),
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a folder to run in, with the book's files where the example needs them."""
    example = request.getfixturevalue("example")
    if example.library:
        if importlib.util.find_spec(example.library) is None:
            pytest.skip(f"{example.library} is not installed")
    elif example.comment.startswith("needs: "):
        data = request.getfixturevalue("test_data")
        (tmp_path / "sample_weight.pkl").symlink_to(data / "weights" / "sample_weight.pkl")
        (tmp_path / "mnist").symlink_to(data / "mnist")
    return tmp_path


@pytest.mark.parametrize("example", written_in("python"))
def test_python(example: Example, folder: Path) -> None:
    assert run([sys.executable, "-c", example.code], folder) == example.output


@pytest.mark.parametrize("example", written_in("console"))
def test_console(example: Example, folder: Path) -> None:
    text = example.code.replace("\\\n> ", "")
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
        program, *arguments = shlex.split(command)
        assert program == "arraynet"
        printed = run([sys.executable, "-m", "arraynet", *arguments], folder)
        if example.comment == "numbers vary":
            assert without_numbers(printed) == without_numbers(output)
        elif example.comment != "depends on the machine":
            assert printed == output


def without_numbers(text: str) -> list[str]:
    """Return the words of a text without those that are numbers."""
    return [word for word in re.split(r"[\s()]+", text) if not re.fullmatch(r"[\d.,e+-]+", word)]


def test_there_are_examples_of_both_kinds() -> None:
    assert {example.language for example in EXAMPLES} == {"python", "console"}
    assert {example.library for example in EXAMPLES} == {"", *LIBRARIES}
    shown = [example for example in EXAMPLES if "def " not in example.code]
    assert all(example.output for example in shown if example.language == "python")


def test_the_two_commands() -> None:
    assert 'python -m pip install ".[all]" && arraynet evaluate\n' in README
    assert "python -m pip install nox && nox\n" in README


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 200
    assert re.findall("^## (.*)$", README, re.MULTILINE) == [
        "The two commands",
        "Bring your own network",
        "Ten lines of Python",
        "The book",
        "Backends, and what is tested",
        "Limits",
        "Licence",
    ]
    assert README.index("## The two") < README.index("![") < README.index("## Bring")


def headings(text: str) -> set[str]:
    """Return the names that a page's headings can be linked by."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path
        assert target.is_file(), link
        assert not anchor or anchor in headings(target.read_text("utf-8")), link


def test_the_core_path_is_there() -> None:
    """What one reads first is named, and short."""
    text = PAGES[".github/CONTRIBUTING.md"].partition("## Read")[2].partition("All else")[0]
    files = [name.removeprefix("arraynet/") for name in re.findall(r"`([\w/]+\.py)`", text)]
    assert len(files) == 11
    for name in files:
        assert (ROOT / "arraynet" / name).is_file(), name
