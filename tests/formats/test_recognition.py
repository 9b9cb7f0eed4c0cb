"""What a file is, told by files that others' libraries wrote."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from arraynet.formats.recognition import HEAD, KINDS, recognize

WEIGHTS = {"W1": np.ones((2, 3), "f4"), "b1": np.zeros(3, "f4")}


def written(save: Any, *arguments: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arguments, **options)
    return file.getvalue()


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights/W1.npy"))
    return file.getvalue()


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, b"data")
    return file.getvalue()


def without_names(save: Any, arrays: dict[str, Any]) -> bytes:
    return written(lambda file: save(file, **arrays))


BOOK = {"train_img": np.zeros((2, 784), "u1"), "train_label": np.zeros(2, "u1")}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
NPZ = without_names(np.savez, WEIGHTS)
IDX = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7])

FILES: dict[str, list[bytes]] = {
    "lfs": [LFS],
    "html": [
        b"<!DOCTYPE html><html>", b"\n<!doctype HTML>", b"\xef\xbb\xbf<html lang='en'>", b"<HEAD>"
    ],
    "npz": [NPZ, without_names(np.savez_compressed, WEIGHTS), without_names(np.savez, {})],
    "npy": [written(np.save, np.ones(3))],
    "keras": [archive("metadata.json", "config.json", "model.weights.h5")],
    "zip": [archive("readme.txt")],
    "safetensors": [safetensors.numpy.save(WEIGHTS), safetensors.numpy.save(WEIGHTS, {"a": "b"})],
    "pickle": [
        *(pickle.dumps(WEIGHTS, protocol) for protocol in range(6)),
        *(pickle.dumps(list(WEIGHTS.values()), protocol) for protocol in range(6)),
    ],
    "mnist": [pickle.dumps(BOOK, protocol) for protocol in range(6)],
    "text pickle": [
        pickle.dumps(WEIGHTS, protocol).replace(b"\n", b"\r\n") for protocol in (0, 1, 2)
    ],
    "tar": [tar()],
    "gzip": [gzip.compress(b"\xf0\xf1" * 9), gzip.compress(IDX)],
    "bzip2": [bz2.compress(b"data")],
    "xz": [lzma.compress(b"data")],
    "joblib": [zlib.compress(b"data"), b"\x80\x04\x95\0\0\0\0\0\0\0\0\x8c\x12joblib.numpy_pickle"],
    "hdf5": [b"\x89HDF\r\n\x1a\n" + bytes(40)],
    "idx": [IDX],
    "labels": [bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])],
    "csv": [b"label,pixel0,pixel1\n5,0,0\n", b"7;0;0;0\n", b"0.5,1.5,-2e-3\n"],
    "json": [b'{"W1": [[1, 2]]}', b"[[1.0, 2.0]]"],
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_files_are_told_by_their_first_bytes(kind: str) -> None:
    for data in FILES[kind]:
        for name in ("weights.npz", "weights.pkl", "weights", "images.png"):
            found = recognize(data[:HEAD], name)
            assert found is not None
            assert found.kind == kind, data[:60]


def test_what_pytorch_writes() -> None:
    torch = pytest.importorskip("torch")
    state = torch.nn.Linear(3, 2).state_dict()
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        found = recognize(written(lambda f: torch.save(state, f, **options))[:HEAD], "x.pkl")  # noqa: B023
        assert found is not None
        assert found.kind == "torch"
        assert "safetensors.torch.save_file(model.state_dict()" in found.advice


def test_what_onnx_writes() -> None:
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [value], [value])
    model = onnx.helper.make_model(graph, producer_name="pytorch", producer_version="2.0")
    found = recognize(model.SerializeToString()[:HEAD], "weights.npz")
    assert found is not None
    assert found.kind == "onnx"


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "tiff", "webp"])
def test_what_pillow_writes(kind: str) -> None:
    image = pytest.importorskip("PIL.Image").new("L", (28, 28))
    found = recognize(written(image.save, kind)[:HEAD], "picture.png")
    assert found is not None
    assert found.kind == kind


def test_what_is_inside_of_gzip() -> None:
    for inside, what in ((IDX, "an IDX file"), (gzip.compress(IDX), "a gzip file with an IDX")):
        found = recognize(gzip.compress(inside)[:HEAD], "t10k-images-idx3-ubyte.gz")
        assert found is not None
        assert found.what.startswith(f"a gzip file with {what}")
        assert found.advice == "unpack it first"


def test_a_safetensors_file_is_one_whatever_its_length_looks_like(tmp_path: Path) -> None:
    """Its header's length stands where other formats have their magic."""
    from arraynet import formats

    for length in (0x8B1F, 640, 0x4D42, 0x5A42, 0x3150):
        tensor = b'{"W1":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        path = tmp_path / "weights.safetensors"
        path.write_bytes(length.to_bytes(8, "little") + tensor.ljust(length) + bytes(4))
        assert safetensors.numpy.load_file(path)["W1"].tolist() == [0]
        assert formats.read(path).tensors["W1"].tolist() == [0]


def test_names_tell_where_the_first_bytes_do_not() -> None:
    for name, kind in (
        ("a.PT", "torch"),
        ("b.h5", "hdf5"),
        ("c.onnx", "onnx"),
        ("d.mat", "matlab"),
    ):
        found = recognize(b"\xf0\xf1\xf2", name)
        assert found is not None
        assert found.kind == kind
        assert found.what.endswith(", by its name")
    assert recognize(b"\xf0\xf1\xf2", "weights") is None
    assert recognize(b"", "") is None


def test_every_kind_is_told_in_one_short_line() -> None:
    kinds = [kind.recognized.kind for kind in KINDS]
    assert len(set(kinds)) == len(kinds)
    for kind in KINDS:
        for text in (kind.recognized.what, kind.recognized.advice):
            assert text.isprintable()
            assert len(text) < 140
