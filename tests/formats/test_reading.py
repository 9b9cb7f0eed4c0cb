"""Paths, suffixes, limits; what inspect tells of a file."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import arraynet
from arraynet import ArraynetError, LoadError, formats
from arraynet.formats import Limits
from arraynet.formats.recognition import HEAD, recognize
from tests.formats.sample_arrays import sample_arrays
from tests.formats.test_recognition import FILES

ARRAYS = {"W1": np.ones((2, 3), "f4"), "b1": np.zeros(3, "f4")}


def save(path: Path, arrays: Any = ARRAYS) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        safetensors.numpy.save_file(arrays, path)
    else:
        path.write_bytes(pickle.dumps(arrays))
    return path


@pytest.mark.parametrize("name", ["w.pkl", "w.PKL", "w.pickle", "w.npz", "w.NPZ", "w.safetensors"])
def test_suffixes(name: str, tmp_path: Path) -> None:
    lower = save(tmp_path / name.lower())
    path = lower.rename(tmp_path / name)
    for given in (path, str(path), os.fsencode(path)):
        assert formats.read(given).tensors.keys() == ARRAYS.keys()  # type: ignore[arg-type]
    assert formats.inspect(path).format == formats.read(path).format


@pytest.mark.parametrize("name", ["w", "w.pt", "w.bin", "w.npy", "w.gz", "w.h5", "pkl", ".pkl"])
def test_unknown_suffixes(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / "w.pkl").rename(tmp_path / name)
    with pytest.raises(LoadError, match=r"suffix.*, expected one of .pkl, .pickle, .npz, .safe"):
        formats.read(path)


@pytest.mark.parametrize("told", [".pkl", ".npz", ".safetensors"])
@pytest.mark.parametrize("real", [".pkl", ".npz", ".safetensors"])
def test_a_file_of_another_format_than_its_name(real: str, told: str, tmp_path: Path) -> None:
    path = save(tmp_path / f"w{real}").rename(tmp_path / f"wrong{told}")
    if real == told:
        assert formats.read(path).tensors.keys() == ARRAYS.keys()
        return
    what = {".pkl": "a pickle", ".npz": "a NumPy archive", ".safetensors": "a safetensors file"}
    with pytest.raises(
        LoadError,
        match=rf"got {what[real]}.*, expected {what[told]}.*, as the name says \(call it {real}\)",
    ):
        formats.read(path)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
def test_what_a_file_is_and_what_helps_are_told(kind: str, suffix: str, tmp_path: Path) -> None:
    """The table of `arraynet.formats.recognition` has more: here it reaches the reader."""
    path = tmp_path / f"file{suffix}"
    for data in FILES[kind]:
        told = recognize(data[:HEAD], "")
        assert told is not None
        if kind == suffix[1:] or (kind, suffix) in {("pickle", ".pkl"), ("zip", ".npz")}:
            continue
        path.write_bytes(data)
        for function in (formats.read, formats.inspect):
            with pytest.raises(LoadError) as caught:
                function(path)
            assert caught.value.found == told.what
            assert told.advice in caught.value.expected
            assert len(str(caught.value)) < 500


def test_a_suffix_that_is_not_read_is_told_with_what_helps(tmp_path: Path) -> None:
    pickled = pickle.dumps(ARRAYS)
    cases = {
        "model.pt": (b"anything", "suffix '.pt' of a PyTorch file", "safetensors.torch.save_file"),
        "model.h5": (b"\x89HDF\r\n\x1a\n", "suffix '.h5' of an HDF5 file", "in Keras: "),
        "model.onnx": (b"anything", "suffix '.onnx' of an ONNX model", "numpy.savez"),
        "model.dat": (pickled, "suffix '.dat' of a pickle", "(call it .pkl)"),
        "model": (pickled, "no suffix of a pickle", "(call it .pkl)"),
        "w.pkl.gz": (gzip.compress(pickled), "of a gzip file with a pickle inside", "unpack it"),
    }
    for name, (data, found, advice) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LoadError) as caught:
            formats.read(tmp_path / name)
        assert found in caught.value.found
        assert advice in caught.value.expected


@pytest.mark.parametrize("function", [formats.read, formats.inspect, arraynet.load])
@pytest.mark.parametrize(
    "thing", [pickle.dumps(ARRAYS) * 900, b"W" * 100_000, "W" * 100_000, ["w.npz"] * 50_000,
              np.ones(50_000), "W\0" * 50_000]
)  # fmt: skip
def test_what_is_no_path_is_not_printed(function: Any, thing: Any) -> None:
    """``load(file.read())`` would fill a terminal."""
    with pytest.raises(LoadError, match=r"a path|the path of a file") as caught:
        function(thing)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    (tmp_path / "dangling.npz").symlink_to("nothing.npz")
    cases = {
        "missing.npz": "no such file, expected an existing file",
        "none/missing.npz": "no such file",
        "dangling.npz": "no such file",
        "folder.npz": "a folder, expected a file",
        "pipe.npz": "a pipe, a device or a socket, expected a regular file",
        "empty.npz": "an empty file",
        "loop.npz": "too many levels of symbolic links",
        "empty.npz/x.npz": "not a directory",
        "x" * 300 + ".npz": "file name too long",
        "nul\0.npz": "a null character",
        "half\ud800.npz": "a surrogate",
    }
    for name, message in cases.items():
        for function in (formats.read, formats.inspect):
            with pytest.raises(LoadError, match=message):
                function(f"{tmp_path}/{name}")
    for path in ("/dev/zero", "/dev/full"):
        with pytest.raises(LoadError, match="a pipe, a device or a socket"):
            formats.read(path)
    for thing in (None, 7, ["w.npz"], b"\xff\xfe.npz"):
        with pytest.raises(LoadError):
            formats.read(thing)  # type: ignore[arg-type]


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.npz")
        with pytest.raises(LoadError, match="a readable file"):
            formats.read("s.npz")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = save(tmp_path / "w.npz")
    path.chmod(0)
    with pytest.raises(LoadError, match="permission denied"):
        formats.read(path)


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"file_bytes": 40}, r"at most 40 \(Limits.file_bytes\)"),
        ({"array_bytes": 20}, r"at most 20 bytes \(Limits.array_bytes\)"),
        ({"array_bytes": 30}, r"36 bytes together, expected at most 30 \(Limits.array_bytes\)"),
        ({"tensors": 1}, r"Limits.tensors"),
        ({"dimensions": 1}, r"2 dimensions, expected at most 1 \(Limits.dimensions\)"),
    ],
)
def test_limits(limits: dict[str, int], message: str, suffix: str, tmp_path: Path) -> None:
    path = save(tmp_path / f"w{suffix}")
    for function in (formats.read, formats.inspect):
        with pytest.raises(LoadError, match=message):
            function(path, limits=Limits(**limits))


def test_larger_limits_let_more_through(tmp_path: Path) -> None:
    path = save(tmp_path / "w.pkl", {str(n): np.ones(1, "f4") for n in range(30)})
    with pytest.raises(LoadError, match=r"Limits.opcodes"):
        formats.read(path, limits=Limits(opcodes=200))
    with pytest.raises(LoadError, match=r"Limits.memo"):
        formats.read(path, limits=Limits(memo=50))
    assert len(formats.read(path, limits=Limits(opcodes=2_000, memo=500)).tensors) == 30


def test_ten_thousand_tensors_keep_to_the_default_limits(tmp_path: Path) -> None:
    arrays = {f"layer{n}": np.ones(1, "f4") for n in range(9_999)}
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        formats.write(path, arrays)
        assert len(formats.read(path).tensors) == 9_999


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
def test_inspect_agrees_with_read(suffix: str, tmp_path: Path) -> None:
    arrays = {name: np.asarray(a) for name, a in sample_arrays().items()}
    if suffix == ".safetensors":
        arrays = {n: np.array(a, order="C") for n, a in arrays.items() if n != "kind_c16"}
    path = save(tmp_path / f"w{suffix}", arrays)
    inspection = formats.inspect(path)
    contents = formats.read(path, allow_nonfinite=True)
    assert inspection.file == str(path)
    assert inspection.file_bytes == path.stat().st_size
    assert [info.name for info in inspection.tensors] == list(contents.tensors)
    for info in inspection.tensors:
        array = contents.tensors[info.name]
        assert (info.shape, info.dtype, info.bytes) == (array.shape, array.dtype.name, array.nbytes)


def test_inspect_loads_nothing(tmp_path: Path) -> None:
    """A file with a hole of 900 MiB is described at once; its data are not read."""
    path = tmp_path / "w.safetensors"
    size = 900 << 20
    header = b'{"W1":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    assert formats.inspect(path).tensors[0].bytes == size


def test_inspect_shows_graph_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    source = save(tmp_path / "source.npz")
    arraynet.convert(source, path, hidden="relu", output="softmax")
    inspection = formats.inspect(path)
    assert [node.op for node in inspection.nodes] == ["affine", "softmax"]
    assert inspection.metadata == {}
    assert formats.inspect(source).nodes == ()


@pytest.mark.parametrize("suffix", [".pkl", ".npz", ".safetensors"])
@pytest.mark.parametrize("name", ["\x1b[2J", "W1\n", "\u202e1W", "\x00", "a" * 600])
def test_names_that_would_act_on_a_terminal(name: str, suffix: str, tmp_path: Path) -> None:
    path = save(tmp_path / f"w{suffix}", {name: np.ones(1, "f4")})
    for function in (formats.read, formats.inspect):
        with pytest.raises(LoadError, match="name") as caught:
            function(path)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("limits", ["all", 3, {"tensors": 1}])
def test_what_is_no_limits_is_told(limits: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "w.npz")
    for function in (formats.read, formats.inspect):
        with pytest.raises(ArraynetError, match=r"^limits: got .*, expected arraynet.formats.Lim"):
            function(path, limits=limits)
