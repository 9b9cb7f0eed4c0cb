"""How the command ends: after Ctrl-C, without readers, without memory, whatever is set."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import arraynet
from arraynet.errors import OutOfMemoryError
from arraynet.network import Network
from tests.cli.test_process import COMMAND, environment
from tests.cli.test_process import run as process

Run = Callable[..., Result]

INTERRUPTING = """
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.{handler})
sys.meta_path.insert(0, Interrupt())
sys.argv = ["arraynet", "evaluate"]
runpy.run_module("arraynet", run_name="__main__", alter_sys=True)
"""
"""Presses Ctrl-C when a module is about to be imported."""


def interrupted(name: str, handler: str) -> subprocess.CompletedProcess[str]:
    script = INTERRUPTING.format(name=name, handler=handler)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment()
    )


@pytest.mark.parametrize(
    "name",
    ["rich", "numpy", "numpy.random", "click", "arraynet.errors", "arraynet.cli.group",
     "arraynet.network", "arraynet.datasets.digits", "rich.progress"],
)  # fmt: skip
def test_an_interrupt_is_status_130_and_silent_also_while_importing(name: str) -> None:
    done = interrupted(name, "default_int_handler")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    """As under nohup, and in the background of a script."""
    done = interrupted("numpy", "SIG_IGN")
    assert done.returncode == 0, done.stderr
    assert "of 355 right" in done.stdout


def test_an_interrupt_while_it_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any, **given: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Network, "evaluate", interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run("evaluate", status=130).output.strip() == ""
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("summary",), 0),
        (("evaluate", "--json"), 0),
        (("--help",), 0),
        (("--version",), 0),
        (("plot", "--help"), 0),
        (("plot", "layers", "--help"), 0),
        (("parity", "--tolerance", "1e-30"), 1),
        (("doctor", "--backend", "cpu"), 0),
    ],
    ids=str,
)
def test_a_closed_pipe_is_no_failure_and_hides_none(
    arguments: tuple[str, ...], status: int
) -> None:
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == status


def test_a_closed_pipe_for_errors_is_no_traceback() -> None:
    with subprocess.Popen(
        [*COMMAND, "summary", "nowhere.npz"], stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stderr is not None
        running.stderr.close()
        assert running.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "evaluate"], stdout=full, stderr=subprocess.PIPE, env=environment()
        )
    assert done.returncode == 1
    assert done.stderr == b"arraynet: No space left on device\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("summary",),
        ("predict", "digits", "IMAGES"),
        ("inspect", "FILE"),
        ("convert", "FILE", "out.npz", "--output", "softmax"),
        ("parity",),
        ("plot", "graph"),
        ("plot", "digits", "--images", "IMAGES"),
    ],
    ids=str,
)
@pytest.mark.parametrize("text", ["", "Unable to allocate 7.45 TiB for an array"])
def test_too_little_memory_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, brightest: Path, pixels: Path,
    arguments: tuple[str, ...], text: str,
) -> None:  # fmt: skip
    def fail(*arguments: Any, **given: Any) -> None:
        raise MemoryError(text)

    modules = ("samples.open_network", "reports.open_network", "predict.open_network",
               "plot.open_network", "files.inspect_file", "files.convert_file",
               "plot.read_images")  # fmt: skip
    for name in modules:
        module, _, function = name.partition(".")
        # By its file: the package has the subcommand of that name, not the module.
        monkeypatch.setattr(sys.modules[f"arraynet.cli.{module}"], function, fail)
    files = {"FILE": str(brightest), "IMAGES": str(pixels)}
    error = run(*(files.get(word, word) for word in arguments), status=1).stderr
    assert error.startswith("arraynet: memory: got too little (")
    assert text in error
    assert error.count("\n") == 1


def test_an_error_about_memory_says_what_it_says(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **given: Any) -> None:
        raise OutOfMemoryError("not even one row fits")

    monkeypatch.setattr(Network, "evaluate", fail)
    assert run("evaluate", status=1).stderr == "arraynet: not even one row fits\n"


def test_warnings_of_numpy_do_not_reach_a_terminal(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", W1=np.full((4, 2), np.inf, np.float32), b1=np.zeros(2, "f4"))
    np.save(tmp_path / "x.npy", np.eye(4, dtype=np.float32))
    arguments = ("predict", str(tmp_path / "w.npz"), str(tmp_path / "x.npy"), "--output", "linear")
    done = process(*arguments, "--allow-nonfinite", PYTHONWARNINGS="")
    assert (done.returncode, done.stderr) == (0, "")
    # Somebody who asks for them gets them.
    shown = process(*arguments, "--allow-nonfinite", PYTHONWARNINGS="always")
    assert "RuntimeWarning: invalid value" in shown.stderr


def test_warnings_of_arraynet_are_one_line(tmp_path: Path) -> None:
    script = (
        "import sys, warnings, arraynet.cli, arraynet.network\n"
        "def warn(self): exec(code, vars(arraynet.network))\n"
        "code = compile('import warnings; warnings.warn(\"odd \\x1b[31m\")', 'n', 'exec')\n"
        "arraynet.network.Network.summary = warn\n"
        "sys.argv = ['arraynet', 'summary']; arraynet.cli.main()"
    )
    env = environment(PYTHONWARNINGS="")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env)
    assert done.stderr == "arraynet: odd \\x1b[31m\n"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_any_encoding_can_print_what_there_is(encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "doctor", "--backend", "gpu:99"],
        capture_output=True,
        env=environment(PYTHONIOENCODING=encoding),
    )
    assert done.returncode == 1
    assert done.stderr == b""
    arrow = "→".encode(encoding, "backslashreplace")
    assert arrow in done.stdout


@pytest.mark.parametrize(
    ("arguments", "changes", "status"),
    [
        (("plot", "graph", "--out", "OUT"), {"MPLBACKEND": "nonsense"}, 0),
        (("plot", "graph", "--out", "OUT"), {"MPLBACKEND": "qtagg", "DISPLAY": ""}, 0),
        (("fetch", "mnist", "--offline"), {"ARRAYNET_CACHE": "~nosuchuser/x"}, 1),
        (("evaluate",), {"ARRAYNET_CACHE": "~nosuchuser/x"}, 0),
        (("fetch", "mnist", "--offline"), {"ARRAYNET_CACHE": "nowhere\x1b[31m"}, 1),
        (("evaluate",), {"COLUMNS": "x", "LINES": "x"}, 0),
        (("--help",), {"COLUMNS": "0"}, 0),
        (("evaluate",), {"OPENBLAS_NUM_THREADS": "0"}, 0),
    ],
    ids=str,
)
def test_whatever_is_set(
    tmp_path: Path, arguments: tuple[str, ...], changes: dict[str, str], status: int
) -> None:
    if arguments[0] == "plot":
        pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    out = str(tmp_path / "picture.png")
    done = process(*(word.replace("OUT", out) for word in arguments), **changes)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == status  # one line where it fails, else none
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("escape", ["\x1b[31mred", "a\nb", "a\x9b31mb"], ids=ascii)
def test_no_name_that_is_printed_steers_the_terminal(
    run: Run, brightest: Path, pixels: Path, labels: Path, tmp_path: Path, escape: str
) -> None:
    """Each subcommand that prints the name of a file prints it whole, and as plain text."""
    model = tmp_path / f"{escape}.safetensors"
    images, truth = tmp_path / f"{escape}.npy", tmp_path / f"{escape}.labels.npy"
    images.write_bytes(pixels.read_bytes())
    truth.write_bytes(labels.read_bytes())
    lines = (
        (("convert", brightest, model, "--output", "softmax"), 1),
        (("inspect", model), 6),
        (("evaluate", model, "--images", images, "--labels", truth), 2),
        (("parity", model, "--images", images), 8),
        (("plot", "graph", model, "--out", tmp_path / f"{escape}.png"), 1),
        (("plot", "layers", model, "--images", images, "--out", tmp_path / f"{escape}.svg"), 1),
        (("predict", model, images), 4),
    )
    shown = ascii(escape)[1:-1]
    for arguments, count in lines:
        if arguments[0] == "plot":
            pytest.importorskip("matplotlib", reason="matplotlib is not installed")
        text = run(*arguments).stdout
        assert text.count("\n") == count, arguments
        assert all(line.isprintable() for line in text.splitlines()), arguments
        assert (shown in text) == (arguments[0] != "predict")
    assert len(os.listdir(tmp_path)) >= 7


def test_the_command_prints_in_one_place() -> None:
    """All else hands its text over: what is printed there cannot steer a terminal."""
    for path in Path(arraynet.__file__).with_name("cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "click.echo", "click.secho", "sys.stdout.write"):
                    assert path.name == "commands.py", f"{path.name}:{node.lineno}"
