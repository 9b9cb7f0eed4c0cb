"""``arraynet draw`` as a process: its address, its end, and how it fails."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from arraynet.cli.group import commands
from arraynet.errors import ArraynetError
from arraynet.web import serving
from arraynet.web.viewer import Viewer
from tests.waiting import comes_true
from tests.web.conftest import Client, drawing

COMMAND = [sys.executable, "-m", "arraynet", "draw", "--no-open", "--port", "0"]


def failed(*arguments: object, status: int = 1) -> str:
    """Run the command, which must fail before it serves, and return what it says."""
    done = CliRunner().invoke(commands, ["draw", "--no-open", *map(str, arguments)])
    assert done.exit_code == status, done.output
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_stops(end: signal.Signals) -> None:
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Draw on http://127\.0\.0\.1:(\d+)/  \(Ctrl-C stops\)\n", line)
        assert found, line
        client = Client(int(found[1]))
        assert client.look(drawing(3).tobytes()).json["label"] == 3
        with client.connect():  # somebody who stays connected does not hold it up
            process.send_signal(end)
            status = process.wait()
        assert status == (0 if end == signal.SIGINT else -signal.SIGTERM)
        assert process.stderr.read() == ""
        assert process.stdout.read() == ""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Viewer, str]]:
    """Run the command up to where it would serve; return the viewer and what it prints."""
    viewers: list[Viewer] = []

    def serve(
        viewer: Viewer, host: str, bound: socket.socket, *, ready: Callable[[], None]
    ) -> None:
        viewers.append(viewer)
        ready()
        bound.close()

    def invoke(*arguments: object) -> tuple[Viewer, str]:
        words = ["draw", "--no-open", "--port", "0", *map(str, arguments)]
        done = CliRunner().invoke(commands, words)
        assert done.exit_code == 0, done.output
        return viewers.pop(), done.output

    monkeypatch.setattr(serving, "serve", serve)
    return invoke


Run = Callable[..., tuple[Viewer, str]]


def test_json(run: Run) -> None:
    viewer, text = run("--json")
    told = json.loads(text)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", told.pop("url"))
    assert told == {"model": None, "backend": "cpu"}
    assert viewer.describe()["name"] == "the embedded network"


def test_another_backend(run: Run) -> None:
    viewer, _ = run("--backend", "array_api_strict")
    assert viewer.describe()["backend"] == "array_api_strict"
    assert viewer.look(drawing(7))["backend"] == "array_api_strict"


def test_a_server_for_others_is_said_to_be_one(run: Run) -> None:
    _, text = run("--host", "0.0.0.0")
    assert "arraynet: whoever reaches 0.0.0.0 can use this page" in text
    assert "Draw on http://127.0.0.1:" in text


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = failed("--port", str(port))
    assert said == (
        f"arraynet: port: got {port}, which another program uses, expected a free one "
        f"(--port 0 takes any)\n"
    )


def test_a_host_that_is_not_this_machine() -> None:
    for host in ("192.0.2.1", "no such name", "a" * 300):
        said = failed("--host", host)
        assert said.startswith(f"arraynet: host: got {host!r}"[:100])
        assert "leave --host out" in said
        assert said.count("\n") == 1


def test_the_addresses() -> None:
    with serving.listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        assert serving.address("127.0.0.1", bound) == f"http://127.0.0.1:{port}/"
        assert serving.address("0.0.0.0", bound) == f"http://127.0.0.1:{port}/"
        assert serving.address("::", bound) == f"http://[::1]:{port}/"
        assert serving.is_loopback(bound)
    with serving.listen("0.0.0.0", 0) as bound:
        assert not serving.is_loopback(bound)


def test_a_port_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ArraynetError, match="got 80, which this user may not take"):
        serving.listen("127.0.0.1", 80)


def test_a_network_for_something_else(tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    np.savez(path, W1=np.eye(4, dtype=np.float32), b1=np.zeros(4, np.float32))
    said = failed(str(path), "--output", "softmax")
    assert "got a network with 4 inputs, expected 64 (8 × 8 pixels) or 784 (28 × 28)" in said


def test_mnist_for_the_embedded_network_is_wrong_usage(tmp_path: Path) -> None:
    assert "784 inputs" in failed("--mnist", str(tmp_path), status=2)


def test_without_the_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = failed()
    assert 'python -m pip install "arraynet[cli,web]"' in said
    assert said.count("\n") == 1


def weights_of_784(folder: Path) -> Path:
    """Write a network of one layer that takes 28 × 28 pixels."""
    path = folder / "wide.npz"
    W = np.random.default_rng(0).standard_normal((784, 10)).astype(np.float32)
    np.savez(path, W1=W, b1=np.zeros(10, np.float32))
    return path


def test_mnist_from_a_folder(run: Run, tmp_path: Path, test_data: Path) -> None:
    path = weights_of_784(tmp_path)
    viewer, _ = run(path, "--output", "softmax", "--mnist", test_data / "mnist")
    assert viewer.describe()["tests"] == "MNIST's 10,000 test images"
    assert len(viewer.look(drawing(7))["nearest"]) == 10


def test_mnist_from_the_cache(
    run: Run, tmp_path: Path, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist").symlink_to(test_data / "mnist")
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path))
    viewer, _ = run(weights_of_784(tmp_path), "--output", "softmax")
    assert viewer.describe()["tests"] == "MNIST's 10,000 test images"


def test_without_mnist_it_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path))
    told = run(weights_of_784(tmp_path), "--output", "softmax")[0].describe()
    assert told["tests"] is None
    assert "run arraynet fetch mnist" in told["without"]


def test_a_network_that_scales_bytes_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways to scale give the same outputs: none is applied twice, none is lost."""
    monkeypatch.setenv("ARRAYNET_CACHE", str(tmp_path))
    path = weights_of_784(tmp_path)
    plain, _ = run(path, "--output", "softmax")
    scaling, _ = run(path, "--output", "softmax", "--scale", "1/255")
    np.testing.assert_allclose(
        scaling.look(drawing(3))["outputs"], plain.look(drawing(3))["outputs"], rtol=1e-3, atol=1e-6
    )


def test_a_folder_without_mnist(tmp_path: Path) -> None:
    path = weights_of_784(tmp_path)
    said = failed(str(path), "--output", "softmax", "--mnist", str(tmp_path / "nowhere"))
    assert "got no such folder" in said


@pytest.mark.parametrize("display", [True, False])
def test_a_browser_is_opened_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, display: bool
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(serving.webbrowser, "open", opened.append)
    monkeypatch.setattr(serving.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", ":0")
    serving.open_browser("http://127.0.0.1:1/")
    assert not display or comes_true(lambda: bool(opened))
    assert opened == (["http://127.0.0.1:1/"] if display else [])
