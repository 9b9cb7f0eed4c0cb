"""MNIST from local IDX files: forms, names of files, and files that are wrong."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from arraynet.datasets import load_mnist
from arraynet.errors import LoadError

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
