"""The embedded digits: what they hold, how they are split, in which forms they come."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from arraynet.datasets import load_digits


def test_forms() -> None:
    (x_train, t_train), (x_test, t_test) = load_digits()
    assert (x_train.shape, x_test.shape) == ((1442, 64), (355, 64))
    assert (t_train.shape, t_test.shape) == ((1442,), (355,))
    assert (x_train.dtype, t_train.dtype) == (np.float32, np.uint8)
    assert (x_train.min(), x_train.max()) == (0.0, 1.0)


def test_unflattened_bytes_hold_the_same_pixels() -> None:
    (flat, _), _ = load_digits()
    (square, _), _ = load_digits(normalize=False, flatten=False)
    assert square.shape == (1442, 1, 8, 8)
    assert square.dtype == np.uint8
    assert np.array_equal(square.reshape(1442, 64), flat * 16)


def test_one_hot_labels() -> None:
    (_, labels), _ = load_digits()
    (_, rows), _ = load_digits(one_hot_label=True)
    assert rows.shape == (1442, 10)
    assert np.array_equal(np.argmax(rows, axis=1), labels)
    assert np.array_equal(np.sum(rows, axis=1), np.ones(1442))


def test_the_split_is_every_fifth_image_of_each_digit() -> None:
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn holds the original")
    original = sklearn.load_digits()
    seen = dict.fromkeys(range(10), 0)
    parts: tuple[list[int], list[int]] = ([], [])
    for index, digit in enumerate(original.target):
        seen[digit] += 1
        parts[seen[digit] % 5 == 0].append(index)
    for (x, t), indices in zip(load_digits(normalize=False), parts, strict=True):
        assert np.array_equal(x, original.data[indices])
        assert np.array_equal(t, original.target[indices])


def test_changing_what_was_loaded_changes_nothing() -> None:
    (x, t), _ = load_digits(normalize=False)
    x[:] = 99
    t[:] = 99
    (again, labels), _ = load_digits(normalize=False)
    assert again.max() == 16
    assert labels.max() == 9


def test_the_archive_is_small_and_its_licence_is_beside_it() -> None:
    folder = resources.files("arraynet.datasets")
    assert len((folder / "digits.npz").read_bytes()) < 64 * 1024
    notice = (folder / "digits.LICENSE.md").read_text(encoding="utf-8")
    for said in ("CC BY 4.0", "Alpaydin", "archive.ics.uci.edu|doi.org/10.24432/C50P49"):
        assert any(form in notice for form in said.split("|"))


def test_how_many_there_are_of_each_digit() -> None:
    # As UCI's optdigits.names counts the test set; a fifth of each, rounded down, is ours.
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    (_, t_train), (_, t_test) = load_digits()
    assert np.bincount(t_test).tolist() == [count // 5 for count in counts]
    assert (np.bincount(t_train) + np.bincount(t_test)).tolist() == counts
