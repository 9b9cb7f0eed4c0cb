"""The command as a process: exit status, pipes, terminals, missing packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

ESCAPE = "\x1b"
COLOR = re.compile(r"\x1b\[[0-9;]*m")
COMMAND = [sys.executable, "-m", "arraynet"]


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what forces or forbids colours."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    return {**kept, "TERM": "xterm-256color", **changes}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command with pipes."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(**changes),
    )


def on_terminal(*arguments: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Run the command with standard error on a terminal; return both outputs."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=follower, env=env
    ) as process:
        os.close(follower)
        shown = b""
        try:
            while block := os.read(leader, 4096):
                shown += block
        except OSError:
            pass  # Linux says so when the other side has closed
        assert process.stdout is not None
        output = process.stdout.read().decode()
        assert process.wait() == 0
    os.close(leader)
    return output, shown.decode()


def test_success_in_a_pipe_has_no_escape_codes() -> None:
    done = run("evaluate")
    assert done.returncode == 0
    assert "of 355 right" in done.stdout
    assert ESCAPE not in done.stdout
    assert done.stderr == ""


def test_json_in_a_pipe_is_one_object() -> None:
    done = run("evaluate", "--json")
    assert json.loads(done.stdout)["total"] == 355


def test_failure_is_one_line_and_status_1() -> None:
    done = run("summary", "nowhere.npz")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("arraynet: nowhere.npz: ")
    assert done.stderr.count("\n") == 1


def test_wrong_usage_is_status_2() -> None:
    done = run("evaluate", "--colour")
    assert done.returncode == 2
    assert "--colour" in done.stderr


def test_a_terminal_gets_a_bar_and_the_pipe_beside_it_does_not() -> None:
    output, shown = on_terminal("evaluate", "--batch-size", "1", env=environment())
    assert "evaluating" in shown
    assert COLOR.search(shown)
    assert "of 355 right" in output
    assert ESCAPE not in output


def test_no_color_means_no_colors() -> None:
    _, shown = on_terminal("evaluate", env=environment(NO_COLOR="1"))
    assert "evaluating" in shown
    assert not COLOR.search(shown)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_packages_the_command_says_what_to_install(missing: str) -> None:
    script = (
        f"import sys, runpy; sys.modules[{missing!r}] = None; "
        "sys.argv = ['arraynet']; runpy.run_module('arraynet', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert 'python -m pip install "arraynet[cli]"' in done.stderr
    assert done.stderr.count("\n") == 1
