"""Drawings become images like the data set's: size, place, strokes; and bad drawings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from arraynet.datasets import load_digits
from arraynet.datasets.preprocess import to_digits, to_mnist
from arraynet.errors import DtypeError, ShapeError
from tests.drawings import VARIANTS, Variant, draw

DIGITS = range(10)
PREPARED = [(to_digits, (8, 8)), (to_mnist, (28, 28))]
BAR = np.zeros((60, 40))
BAR[10:50, 15:25] = 1.0


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_digits_fill_the_height_and_have_the_data_sets_ink(digit: int, variant: Variant) -> None:
    (x_train, _), _ = load_digits(normalize=False, flatten=False)
    ink = x_train.sum(axis=(1, 2, 3), dtype=int)
    image = to_digits(draw(digit, variant))
    assert (image.shape, image.dtype) == ((8, 8), np.uint8)
    assert image.max() <= 16
    assert image[0].any()
    assert image[-1].any()
    assert ink.min() <= image.sum(dtype=int) <= ink.max()


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_mnist_is_centred_by_mass_and_fits_20_by_20(digit: int, variant: Variant) -> None:
    image = to_mnist(draw(digit, variant))
    assert (image.shape, image.dtype) == ((28, 28), np.uint8)
    rows, columns = np.nonzero(image)
    sides = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert max(sides) == 20
    for places in (rows, columns):
        middle = np.average(places + 0.5, weights=image[rows, columns])
        assert abs(middle - 14) <= 0.5


def test_a_bar_is_counted_in_blocks() -> None:
    # 40 × 10 pixels become 32 × 8 points of ink, columns 12 to 19: two whole blocks.
    assert to_digits(BAR).tolist() == [[0, 0, 0, 16, 16, 0, 0, 0]] * 8


def test_a_bar_keeps_its_proportions_in_mnist() -> None:
    expected = np.zeros((28, 28))
    expected[4:24, 11:16] = 255  # 5 wide: its middle cannot be nearer to 14 than half a pixel
    found = to_mnist(BAR)
    assert np.array_equal(found, expected) or np.array_equal(found, np.roll(expected, 1, axis=1))


@pytest.mark.parametrize("prepare", [to_digits, to_mnist])
@pytest.mark.parametrize("digit", DIGITS)
def test_place_on_the_canvas_and_brightness_change_nothing(
    prepare: Callable[..., np.ndarray], digit: int
) -> None:
    canvas = draw(digit, VARIANTS[0], 100)
    expected = prepare(canvas)
    assert np.array_equal(prepare(np.roll(canvas, (-7, 12), axis=(0, 1))), expected)
    assert np.array_equal(prepare(canvas * 0.25), expected)
    assert np.array_equal(prepare(canvas > 0), prepare((canvas > 0) * np.uint8(255)))


def test_a_slanted_stroke_is_set_upright() -> None:
    slanted = np.zeros((64, 64))
    for row in range(64):
        slanted[row, row // 2 : row // 2 + 12] = 1.0
    columns = np.flatnonzero(to_digits(slanted).any(axis=0))
    assert len(columns) <= 4


@pytest.mark.parametrize(("prepare", "shape"), PREPARED)
@pytest.mark.parametrize("empty", [np.zeros((28, 28)), np.zeros((0, 0)), -np.ones((3, 3))])
def test_no_ink_gives_no_ink(
    prepare: Callable[..., np.ndarray], shape: tuple[int, int], empty: np.ndarray
) -> None:
    assert np.array_equal(prepare(empty), np.zeros(shape))


@pytest.mark.parametrize(("prepare", "shape"), PREPARED)
@pytest.mark.parametrize("canvas", [(1, 1), (1, 50), (50, 1), (3, 400), (400, 3)])
def test_any_size_of_ink_works(
    prepare: Callable[..., np.ndarray], shape: tuple[int, int], canvas: tuple[int, int]
) -> None:
    image = prepare(np.ones(canvas))
    assert image.shape == shape
    assert image.any()


@pytest.mark.parametrize("prepare", [to_digits, to_mnist])
def test_the_canvas_is_not_written_to(prepare: Callable[..., np.ndarray]) -> None:
    canvas = draw(5, VARIANTS[0], 50)
    before = canvas.copy()
    canvas.setflags(write=False)
    prepare(canvas)
    assert np.array_equal(canvas, before)


@pytest.mark.parametrize("prepare", [to_digits, to_mnist])
@pytest.mark.parametrize(
    ("canvas", "error", "said"),
    [
        (np.ones(9), ShapeError, r"got shape \(9,\), expected \(height, width\)"),
        (np.ones((2, 2, 3)), ShapeError, r"got shape \(2, 2, 3\)"),
        ([[1], [1, 2]], ShapeError, "rows of different lengths"),
        ([["a"]], DtypeError, "got list of <U1, expected real numbers"),
        ([[1j]], DtypeError, "got list of complex128"),
        ([[math.nan]], DtypeError, "NaN or infinite"),
        ([[math.inf]], DtypeError, "NaN or infinite"),
    ],
)
def test_what_is_no_drawing(
    prepare: Callable[..., np.ndarray], canvas: object, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        prepare(canvas)
