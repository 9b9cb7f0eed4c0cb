"""What a file says is drawn as it stands, whatever it says, and never longer than its place."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import plots
from arraynet.graph import Graph, Node, Value
from arraynet.parity import compare

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

FORMULA = r"$\foo$"
NAMES = {
    "an unknown command": FORMULA,
    "nested fractions": "$" + r"\frac{1}{" * 200 + "1" + "}" * 200 + "$",
    "one dollar": "a$",
    "long": "a" * 100_000,
    "escapes": "\x1b[31mred\x00",
    "lines": "a\nb\n" * 20,
}


def network(name: str) -> arraynet.Network:
    """Return a network of four inputs whose every name is this one."""
    nodes = (
        Node("affine", (name, f"{name}W", f"{name}b"), (f"{name}1",)),
        Node("softmax", (f"{name}1",), (f"{name}2",)),
    )
    weights = {f"{name}W": np.eye(4), f"{name}b": np.zeros(4)}
    return arraynet.Network(Graph((Value(name, ("batch", 4)),), nodes, weights, (f"{name}2",)))


def pictures(name: str) -> dict[str, Callable[[Any], Any]]:
    """Return what draws the name somewhere."""
    x = np.eye(4)
    if name not in NAMES.values():
        raise AssertionError(name)
    return {
        "confusion": lambda ax: plots.confusion(np.eye(2, dtype=int), names=[name, "b"], ax=ax),
        "graph": lambda ax: plots.graph(network(name), ax=ax),
        "images": lambda ax: plots.images(x, [name] * 4, ax=ax),
        "layers": lambda ax: plots.layers(network(name), x, ax=ax),
        "parity": lambda ax: plots.parity(compare(network(name), x), ax=ax),
        "probabilities": lambda ax: plots.probabilities(
            network(name), x[0], names=[name, "b", "c", "d"], ax=ax
        ),
        "weights": lambda ax: plots.weights(network(name), ax=ax),
    }


@pytest.fixture(params=list(pictures(FORMULA)))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def words(ax: Any) -> list[Any]:
    """Return every text of a picture."""
    from matplotlib.text import Text

    return [text for text in ax.get_figure().findobj(Text) if text.get_text()]


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_a_name_is_plain_text_and_short(kind: str, name: str) -> None:
    ax = pictures(name)[kind](None)
    figure = ax.get_figure()
    figure.set_dpi(40)
    figure.savefig(io.BytesIO(), dpi=40)
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert -0.01 < box.x0 < box.x1 < width + 0.01
    assert -0.01 < box.y0 < box.y1 < height + 0.01
    assert max(len(text.get_text()) for text in words(ax)) < 200
    assert all(c.isprintable() or c == "\n" for text in words(ax) for c in text.get_text())


def test_dollars_are_dollars_in_the_axes_of_a_person_who_writes_with_latex(kind: str) -> None:
    """Nothing of a file is a formula, and LaTeX, which reads files, never sees it."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"text.usetex": True}):
        ax = pictures(FORMULA)[kind](Figure((9, 6)).subplots())
        found = [text for text in words(ax) if FORMULA in text.get_text()]
        assert found
        assert [text for text in found if text.get_usetex() or text.get_parse_math()] == []
