"""MNIST from local IDX files: forms, names of files, and files that are wrong."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.datasets import load_mnist
from arraynet.errors import ArraynetError, LoadError
from arraynet.formats import Limits

RANDOM = np.random.default_rng(7)
IMAGES = {
    part: RANDOM.integers(0, 256, (n, 28, 28), np.uint8) for part, n in (("train", 5), ("t10k", 3))
}
LABELS = {"train": np.arange(5, dtype=np.uint8), "t10k": np.array([9, 0, 4], np.uint8)}


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, *, dotted: bool = False, zipped: bool = True) -> Path:
    for kind, arrays in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        for part, array in arrays.items():
            name = f"{part}-{kind}-ubyte"
            name = name.replace("-idx", ".idx") if dotted else name
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
            else:
                (folder / name).write_bytes(idx_bytes(array))
    return folder


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_name_that_the_files_go_by(tmp_path: Path, dotted: bool, zipped: bool) -> None:
    (x_train, t_train), (x_test, t_test) = load_mnist(
        write(tmp_path, dotted=dotted, zipped=zipped), normalize=False, flatten=False
    )
    assert np.array_equal(x_train, IMAGES["train"][:, np.newaxis])
    assert np.array_equal(x_test, IMAGES["t10k"][:, np.newaxis])
    assert np.array_equal(t_train, LABELS["train"])
    assert np.array_equal(t_test, LABELS["t10k"])


def test_forms(tmp_path: Path) -> None:
    (x, t), _ = load_mnist(str(write(tmp_path)), one_hot_label=True)
    assert (x.shape, x.dtype) == ((5, 784), np.float32)
    expected = np.array(
        [[pixel / 255 for pixel in image.ravel().tolist()] for image in IMAGES["train"]]
    )
    assert np.array_equal(x, expected.astype(np.float32))
    assert np.array_equal(t, np.eye(10)[:5])


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"no such folder.*fetch_mnist"):
        load_mnist(tmp_path / "missing")


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_a_missing_file_is_named_with_its_other_names(tmp_path: Path, missing: str) -> None:
    (write(tmp_path) / f"{missing}.gz").unlink()
    with pytest.raises(LoadError, match="fetch_mnist") as caught:
        load_mnist(tmp_path)
    dotted = missing.replace("-idx", ".idx")
    for name in (missing, f"{missing}.gz", dotted, f"{dotted}.gz"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("train-labels-idx1-ubyte", np.arange(4, dtype=np.uint8), "4 labels, expected 5"),
        ("t10k-labels-idx1-ubyte", np.array([1, 2, 10], np.uint8), "label of 10"),
        ("t10k-labels-idx1-ubyte", IMAGES["t10k"], r"\(3, 28, 28\), expected uint8 labels"),
        ("train-images-idx3-ubyte", LABELS["train"], r"\(5,\), expected uint8 images"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, name: str, array: np.ndarray, said: str) -> None:
    write(tmp_path, zipped=False)
    (tmp_path / name).write_bytes(idx_bytes(array))
    with pytest.raises(LoadError, match=said) as caught:
        load_mnist(tmp_path)
    assert name in caught.value.file


def test_the_real_thing(test_data: Path) -> None:
    folder = test_data / "mnist"
    (x_train, t_train), (x_test, t_test) = load_mnist(folder, normalize=False)
    assert (x_train.shape, x_test.shape) == ((60_000, 784), (10_000, 784))
    # How many there are of each digit, as LeCun's data set has them.
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(t_train).tolist() == train
    assert np.bincount(t_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    packed = (folder / "t10k-images-idx3-ubyte.gz").read_bytes()
    raw = hashlib.sha256(gzip.decompress(packed)[16:]).hexdigest()
    assert hashlib.sha256(x_test.tobytes()).hexdigest() == raw


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("x" * 5000, "got file name too long, expected a readable folder"),
        ("a\0b", r"'a\\x00b': got a null character or a surrogate"),
        ("\ud800", r"'\\ud800': got a null character or a surrogate"),
        (3, "3: got int, expected a path"),
        (b"nowhere", "nowhere: got no such folder"),
        (__file__, "no such folder"),
        (f"{__file__}/mnist", "no such folder"),
    ],
    ids=["long", "null", "surrogate", "number", "bytes", "file", "below a file"],
)
def test_folders_that_are_none(folder: Any, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        load_mnist(folder)


def test_a_folder_that_may_not_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if path == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr("os.stat", refuse)
    with pytest.raises(LoadError, match="permission denied, expected a readable folder") as caught:
        load_mnist(tmp_path)
    assert caught.value.file == str(tmp_path)


def test_a_folder_named_in_bytes(tmp_path: Path) -> None:
    (x, _), _ = load_mnist(os.fsencode(write(tmp_path)))  # type: ignore[arg-type]
    assert x.shape == (5, 784)


@pytest.mark.parametrize("shape", [(5, 0, 0), (5, 0, 28), (5, 28, 0), (0, 0, 28)])
def test_images_without_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write(tmp_path, zipped=False)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(np.zeros(shape, np.uint8)))
    with pytest.raises(LoadError, match=r"images of .* pixels, expected at least one") as caught:
        load_mnist(tmp_path)
    assert caught.value.file == str(path)


def test_no_images(tmp_path: Path) -> None:
    write(tmp_path, zipped=False)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES["train"][:0]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS["train"][:0]))
    (x, t), _ = load_mnist(tmp_path, one_hot_label=True)
    assert (x.shape, t.shape) == ((0, 784), (0, 10))


def test_what_numbers_may_take(tmp_path: Path) -> None:
    """Bytes that are within the limits, and too many once each is a float32."""
    write(tmp_path)
    limits = Limits(array_bytes=4 * 5 * 784 - 1)
    with pytest.raises(LoadError, match=r"images.*float32.*15679 bytes \(Limits.array_bytes"):
        load_mnist(tmp_path, limits=limits)
    (x, _), _ = load_mnist(tmp_path, normalize=False, limits=limits)
    assert x.dtype == np.uint8


def test_what_one_hot_rows_may_take(tmp_path: Path) -> None:
    write(tmp_path, zipped=False)
    for part, count in (("train", 50), ("t10k", 3)):
        for kind, shape in (("images-idx3", (count, 1, 1)), ("labels-idx1", (count,))):
            path = tmp_path / f"{part}-{kind}-ubyte"
            path.write_bytes(idx_bytes(np.zeros(shape, np.uint8)))
    limits = Limits(array_bytes=4 * 10 * 50 - 1)
    with pytest.raises(LoadError, match=r"labels.*\(50, 10\) of float32") as caught:
        load_mnist(tmp_path, one_hot_label=True, limits=limits)
    assert caught.value.file == str(tmp_path / "train-labels-idx1-ubyte")
    (_, t), _ = load_mnist(tmp_path, limits=limits)
    assert t.shape == (50,)


def test_limits_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match=r"limits: got int, expected arraynet.formats.Limits"):
        load_mnist(write(tmp_path), limits=3)  # type: ignore[arg-type]


def test_small_files_that_become_large_numbers(tmp_path: Path) -> None:
    """What packed files may grow to is the sum of all arrays, as they are asked for."""
    write(tmp_path)
    images, labels = 4 * 8 * 784, 4 * 8 * 10
    for form, total in (({}, images + 8), ({"one_hot_label": True}, images + labels)):
        floor = -(-total * 2 // 7)  # of which 3.5 times as much may be returned
        limits = Limits(expansion_floor=floor, expansion=0)
        (x, _), _ = load_mnist(tmp_path, **form, limits=limits)
        assert x.shape == (5, 784)
        limits = Limits(expansion_floor=floor - 1, expansion=0)
        with pytest.raises(LoadError, match=rf"{total} bytes out of \d+ compressed") as caught:
            load_mnist(tmp_path, **form, limits=limits)
        assert caught.value.file == str(tmp_path)
    packed = sum(path.stat().st_size for path in tmp_path.iterdir())
    load_mnist(tmp_path, limits=Limits(expansion_floor=0, expansion=-(-(images + 8) // packed)))


@pytest.mark.parametrize(
    ("form", "refused"),
    [
        ({}, False),
        ({"one_hot_label": True}, True),
        ({"one_hot_label": True, "normalize": False}, False),
    ],
)
def test_four_small_files_take_less_than_256_mb(
    form: dict[str, bool], refused: bool, tmp_path: Path
) -> None:
    """A third of each as much as its own file might grow to would be too much together."""
    for part in ("train", "t10k"):
        for kind, shape in (("images-idx3", (1_600_000, 1, 10)), ("labels-idx1", (1_600_000,))):
            path = tmp_path / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx_bytes(np.zeros(shape, np.uint8)), 1))
    tracemalloc.start()
    if refused:
        with pytest.raises(LoadError, match="compressed ones"):
            load_mnist(tmp_path, **form)
    else:
        load_mnist(tmp_path, **form)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 << 20


def test_mnist_may_be_packed_as_well_as_can_be(tmp_path: Path) -> None:
    """The same shapes in almost no bytes: with all that may be asked for, it is read."""
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            path = tmp_path / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx_bytes(np.zeros(shape, np.uint8)), 1))
    (x, t), _ = load_mnist(tmp_path, one_hot_label=True)
    assert (x.shape, t.shape) == ((60_000, 784), (60_000, 10))
