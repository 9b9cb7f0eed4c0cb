from __future__ import annotations

import numpy as np
import pytest

from arraynet import plots
from arraynet.errors import GraphError, ShapeError

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def test_the_three_of_the_book_are_the_default() -> None:
    ax = plots.activations()
    assert [panel.get_title() for panel in ax.child_axes] == ["step", "sigmoid", "relu"]
    step, sigmoid, relu = (panel.get_lines()[-1] for panel in ax.child_axes)
    x = sigmoid.get_xdata()
    assert x[0] < -5 < 5 < x[-1]
    assert (step.get_ydata() == (x > 0)).all()
    np.testing.assert_allclose(sigmoid.get_ydata(), 1 / (1 + np.exp(-x)), rtol=1e-14)
    np.testing.assert_array_equal(relu.get_ydata(), np.maximum(x, 0))


def test_derivatives_are_lines_of_another_style() -> None:
    ax = plots.activations(["tanh", "relu"], derivative=True)
    tanh, relu = ax.child_axes
    value, derivative = tanh.get_lines()[-2:]
    x = value.get_xdata()
    np.testing.assert_allclose(derivative.get_ydata(), 1 - np.tanh(x) ** 2, atol=1e-9)
    assert value.get_linestyle() != derivative.get_linestyle()
    assert [text.get_text() for text in tanh.get_legend().get_texts()] == ["f(x)", "f′(x)"]
    y = relu.get_lines()[-1].get_ydata()
    assert np.isnan(y[x == 0]).all()
    assert np.isnan(y).sum() == 1


def test_together_lines_differ_in_style_and_have_a_legend() -> None:
    names = ["step", "sigmoid", "relu", "tanh", "gelu"]
    ax = plots.activations(names, together=True)
    lines = [line for line in ax.get_lines() if line.get_label() in names]
    assert [line.get_label() for line in lines] == names
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == len(names)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "f(x)")


@pytest.mark.parametrize("single", ["gelu", ("leaky_relu", {"alpha": 0.2})])
def test_a_single_one_has_no_panels(single: object) -> None:
    ax = plots.activations(single)
    assert ax.child_axes == []
    assert len([line for line in ax.get_lines() if len(line.get_xdata()) > 2]) == 1


@pytest.mark.parametrize("count", [2, 4, 5, 9])
def test_panels_do_not_overlap(count: int) -> None:
    ax = plots.activations(["relu"] * count, derivative=True)
    figure = ax.get_figure()
    figure.draw_without_rendering()
    boxes = [panel.get_tightbbox() for panel in ax.child_axes]
    assert len(boxes) == count
    for index, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_it_draws_into_the_axes_that_it_is_given() -> None:
    from matplotlib.figure import Figure

    left, right = Figure(figsize=(9, 3)).subplots(1, 2)
    assert plots.activations(ax=right) is right
    assert len(right.child_axes) == 3
    assert left.child_axes == []
    assert not left.lines


def test_the_range() -> None:
    ax = plots.activations("relu", lower=-1.0, upper=2.0)
    assert ax.get_xlim() == (-1.0, 2.0)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(GraphError, match="'magic'"):
        plots.activations(["relu", "magic"])
    with pytest.raises(ShapeError, match="0 names"):
        plots.activations([])
    with pytest.raises(ShapeError, match="a range"):
        plots.activations(lower=1.0, upper=1.0)
