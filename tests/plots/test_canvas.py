"""What all pictures have in common: axes, figures, styles, and no side effects."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from arraynet import plots
from arraynet.errors import ArraynetError
from tests.plots.conftest import Draw

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


PICTURES = [name for name in plots.__all__ if name != "STYLES"]
every_picture = pytest.mark.parametrize("draw", PICTURES, indirect=True)


@every_picture
def test_a_picture_is_drawn_into_the_axes_given_and_only_there(draw: Draw) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    before = left.get_children()
    assert draw(ax=right) is right
    assert left.get_children() == before
    assert right.get_title()


@every_picture
def test_without_axes_there_is_a_new_figure_each_time(draw: Draw) -> None:
    first, second = draw(), draw()
    assert first.get_figure() is not second.get_figure()


@every_picture
@pytest.mark.parametrize("name", ["default", "dark_background"])
def test_a_picture_takes_the_style_and_nothing_is_cut_off(draw: Draw, name: str) -> None:
    from matplotlib import style

    with style.context(name):
        figure = draw().get_figure()
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=50)
    assert buffer.getvalue().startswith(b"\x89PNG")
    assert figure.get_facecolor()[:3] == ((1, 1, 1) if name == "default" else (0, 0, 0))
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert -0.01 < box.x0 < box.x1 < width + 0.01
    assert -0.01 < box.y0 < box.y1 < height + 0.01


@pytest.mark.parametrize("name", PICTURES)
def test_every_function_takes_axes(name: str) -> None:
    import inspect

    parameter = inspect.signature(getattr(plots, name)).parameters["ax"]
    assert parameter.default is None
    assert parameter.kind is parameter.KEYWORD_ONLY


def test_something_else_than_axes_is_refused() -> None:
    from matplotlib.figure import Figure

    several = Figure().subplots(1, 2)
    with pytest.raises(ArraynetError, match="got ndarray, expected one matplotlib Axes"):
        plots.activations(ax=several)


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_pyplot_is_never_imported() -> None:
    script = (
        "import sys; from arraynet import plots; print('matplotlib' in sys.modules)\n"
        "plots.activations()\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    assert run(script).split() == ["False", "True", "False"]


def test_without_matplotlib_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from arraynet import ArraynetError, plots\n"
        "try:\n    plots.activations()\nexcept ArraynetError as error:\n    print(error)"
    )
    assert "pip install 'arraynet[plot]'" in run(script)
