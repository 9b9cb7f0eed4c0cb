from __future__ import annotations

import shlex
from collections.abc import Callable

import click
import pytest
from click.testing import Result

import arraynet
from arraynet.cli.group import commands

Run = Callable[..., Result]


def leaves(group: click.Group, *before: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return the words and the command of everything that can be run."""
    found = []
    for name, command in group.commands.items():
        words = (*before, name)
        if isinstance(command, click.Group):
            found += leaves(command, *words)
        else:
            found.append((words, command))
    return found


SUBCOMMANDS = leaves(commands)
GROUPS = [
    ((name,), command)
    for name, command in commands.commands.items()
    if isinstance(command, click.Group)
]


def test_a_newcomer_learns_what_to_do_first(run: Run) -> None:
    text = run("--help").stdout
    assert text.index("Start here") < text.index("arraynet evaluate") < text.index("Options:")
    for words, _ in SUBCOMMANDS:
        assert f"\n  {words[0]} " in text
    assert "_ARRAYNET_COMPLETE" in text
    assert "..." not in text.split("Commands:")[1].split("Exit status")[0]


def test_no_subcommand_is_wrong_usage_and_shows_the_help(run: Run) -> None:
    assert "Start here" in run(status=2).output


@pytest.mark.parametrize(("words", "command"), SUBCOMMANDS + GROUPS, ids=lambda v: str(v))
def test_every_subcommand_has_examples_that_parse(
    run: Run, words: tuple[str, ...], command: click.Command
) -> None:
    text = run(*words, "--help").stdout
    examples = text.split("Examples:\n")[1].replace("\\\n", " ").splitlines()
    assert examples
    for line in examples:
        program, *arguments = shlex.split(line)
        assert program == "arraynet"
        assert tuple(arguments[: len(words)]) == words
        command.make_context(words[-1], arguments[len(words) :])


@pytest.mark.parametrize(("words", "command"), SUBCOMMANDS, ids=lambda v: str(v))
def test_everything_that_prints_results_has_json(
    words: tuple[str, ...], command: click.Command
) -> None:
    assert any("--json" in parameter.opts for parameter in command.params)


@pytest.mark.parametrize(("words", "command"), SUBCOMMANDS, ids=lambda v: str(v))
def test_every_option_is_explained(words: tuple[str, ...], command: click.Command) -> None:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_the_version(run: Run) -> None:
    assert run("--version").stdout == f"arraynet, version {arraynet.__version__}\n"


def test_an_unknown_subcommand(run: Run) -> None:
    assert "No such command 'train'" in run("train", status=2).stderr
