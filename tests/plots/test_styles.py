"""arraynet's own styles, and that nothing else decides how a picture of the command looks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from arraynet import plots
from tests.plots.conftest import Draw
from tests.plots.test_canvas import every_picture

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def contrast(one: object, other: object) -> float:
    """Return the contrast of two colours, as WCAG 2 defines it."""
    from matplotlib.colors import to_rgb

    def luminance(color: object) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)
        ]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", plots.STYLES)
def test_texts_and_lines_stand_out_from_the_page(name: str) -> None:
    import matplotlib

    with matplotlib.style.context(["default", plots.STYLES[name]]):
        settings = dict(matplotlib.rcParams)
    page = settings["figure.facecolor"]
    assert settings["axes.facecolor"] == page
    for key in ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"):
        assert contrast(settings[key], page) > 7, key  # WCAG 2.2, 1.4.6
    for color in settings["axes.prop_cycle"].by_key()["color"]:
        assert contrast(color, page) > 3, color  # 1.4.11
    assert contrast(settings["axes.edgecolor"], page) > 3


@every_picture
@pytest.mark.parametrize("name", plots.STYLES)
def test_nothing_touches_the_edge(draw: Draw, name: str) -> None:
    import matplotlib

    with matplotlib.style.context(["default", plots.STYLES[name]]):
        figure, buffer = draw().get_figure(), io.BytesIO()
        figure.savefig(buffer, format="rgba", dpi=100)
    height = int(100 * figure.get_size_inches()[1] + 1e-6)
    pixels = np.frombuffer(buffer.getvalue(), np.uint8).reshape(height, -1, 4)
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert (edge == pixels[0, 0]).all()


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arraynet", "plot", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", plots.STYLES)
def test_a_matplotlibrc_in_the_folder_changes_nothing(tmp_path: Path, name: str) -> None:
    """It may ask for LaTeX, which runs programs."""
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\naxes.facecolor: ff0000\nfigure.dpi: 7\n\x1b[31mno such key: 1\n"
    )
    arguments = ("graph", "--style", name, "--dpi", "30", "--out")
    done = run(tmp_path, *arguments, "here.png")
    assert (done.returncode, done.stderr) == (0, "")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert run(elsewhere, *arguments, "there.png").returncode == 0
    assert (tmp_path / "here.png").read_bytes() == (elsewhere / "there.png").read_bytes()


def test_the_backend_of_windows_is_not_asked_for(tmp_path: Path) -> None:
    """A picture that goes to a file needs none."""
    done = run(tmp_path, "graph", "--dpi", "30", MPLBACKEND="nonsense")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", ["plot", "library"])
def test_settings_that_cannot_be_read_are_one_line(tmp_path: Path, program: str) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00")
    if program == "plot":
        done = run(tmp_path, "graph", "--dpi", "30")
        assert done.returncode == 1
        message = done.stderr
    else:
        script = (
            "import arraynet, arraynet.plots\n"
            "try:\n    arraynet.plots.activations()\n"
            "except arraynet.ArraynetError as error:\n    print(error)"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        message = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert message.count("\n") == 1
    assert "matplotlib" in message
    assert "matplotlibrc" in message
