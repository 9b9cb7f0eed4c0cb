"""Files that are no images: each is told what it is, and what helps."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.datasets import load_mnist, read_idx, read_images
from arraynet.errors import LoadError
from tests.datasets.test_mnist import write


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, images=np.zeros((2, 3)))
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("seven.txt", "x")
    return file.getvalue()


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("images"))
    return file.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
SAVE = "numpy.save('images.npy', images)"

OTHERS = {
    "lfs": (POINTER, "a Git LFS pointer", "git lfs pull"),
    "html": (b"<!DOCTYPE html>\n<html>", "a web page", "download the file itself"),
    "npz": (npz(), "a NumPy archive", SAVE),
    "pickle": (pickle.dumps({"a": np.zeros(3)}), "a pickle", SAVE),
    "torch": (b"PK\3\4" + bytes(26) + b"archive/data.pkl" + bytes(99), "a PyTorch file", SAVE),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", SAVE),
    "zip": (archive(), "a zip archive", "unpack it"),
    "tar": (tar(), "a tar archive", "unpack it"),
    "csv": (b"label,pixel0,pixel1\n7,0,0\n", "a table of text", "numpy.loadtxt"),
    "gif": (b"GIF89a" + bytes(99), "a GIF image", "PNG"),
    "tiff": (b"II*\0" + bytes(99), "a TIFF image", "PNG"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIF", "PNG"),
    "json": (json.dumps({"a": [1]}).encode(), "JSON", SAVE),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("reader", [read_images, read_idx])
def test_what_it_is_and_what_helps(reader: Callable[..., Any], kind: str, tmp_path: Path) -> None:
    data, what, advice = OTHERS[kind]
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(LoadError) as caught:
        reader(path)
    assert what in caught.value.found
    assert advice in caught.value.expected
    assert "b'" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("kind", ["lfs", "html"])
def test_a_download_that_went_wrong_in_mnists_folder(kind: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(OTHERS[kind][0])
    with pytest.raises(LoadError, match=OTHERS[kind][1]):
        load_mnist(tmp_path)


def test_gzip_in_gzip(tmp_path: Path) -> None:
    """Browsers unpack what servers pack once more, or do not."""
    inside = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 8]))
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(inside))
    with pytest.raises(LoadError, match="a gzip file with a gzip file") as caught:
        read_idx(path)
    assert "unpack it first" in caught.value.expected


def test_a_picture_for_idx(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    with pytest.raises(LoadError, match=r"a PNG image.*read_images"):
        read_idx(path)
    path.write_bytes(gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(99)))
    with pytest.raises(LoadError, match="a gzip file with a PNG image inside"):
        read_idx(path)


def test_the_name_counts_where_the_bytes_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "seven.tiff"
    path.write_bytes(b"no such thing")
    with pytest.raises(LoadError, match="a TIFF image, by its name"):
        read_images(path)
