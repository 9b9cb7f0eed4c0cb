"""The README's examples run, and print what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

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


EXAMPLES = [
    Example(m["language"], m["code"], m["output"] or "", m["comment"] or "")
    for m in BLOCK.finditer(README.read_text("utf-8"))
]


def run(command: list[str], folder: Path) -> str:
    """Run a process in a folder and return what it prints."""
    root = str(README.parent)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a folder to run in, with the book's files where the example needs them."""
    if request.getfixturevalue("example").comment.startswith("needs: "):
        data = request.getfixturevalue("test_data")
        (tmp_path / "sample_weight.pkl").symlink_to(data / "weights" / "sample_weight.pkl")
        (tmp_path / "mnist").symlink_to(data / "mnist")
    return tmp_path


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.language == "python"], ids=str)
def test_python(example: Example, folder: Path) -> None:
    assert run([sys.executable, "-c", example.code], folder) == example.output


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.language == "console"], ids=str)
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
    assert all(example.output for example in EXAMPLES if example.language == "python")


def test_the_two_commands() -> None:
    text = README.read_text("utf-8")
    for extra in ("all", "cli"):
        assert f'python -m pip install ".[{extra}]" && arraynet evaluate\n' in text
    assert "python -m pip install nox && nox\n" in text
