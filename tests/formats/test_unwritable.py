"""Whatever is written can be read again; the rest is refused, and the old file stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import arraynet
from arraynet import ArraynetError, LoadError, formats
from arraynet.formats import Limits
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp

SUFFIXES = (".npz", ".safetensors")
MATRIX = np.arange(12, dtype="f4").reshape(3, 4)
CUBE = np.arange(24.0).reshape(2, 3, 4)

VIEWS = {
    "a column": MATRIX[:, 0],
    "every second": np.arange(10.0)[::2],
    "backwards": np.arange(10.0)[::-1],
    "broadcast": np.broadcast_to(np.float32(1), (5,)),
    "broadcast twice": np.broadcast_to(np.float32(1), (3, 4)),
    "a slice of three axes": CUBE[:, :, 1],
    "three axes in another order": CUBE.transpose(1, 0, 2),
    "one column": MATRIX[:, 1:2],
    "half of a row": MATRIX[:1, ::2],
    "half of Fortran's": np.asfortranarray(MATRIX)[:2],
    "Fortran's": np.asfortranarray(MATRIX),
    "of no axes": np.array(3.0, "f4"),
    "a scalar": np.float32(3),
    "empty": MATRIX[:0, ::2],
    "records": MATRIX.view(np.recarray),
}


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give an old file that must not be lost."""
    old = tmp_path / f"file{request.param}"
    old.write_bytes(b"old")
    return old


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_written_as_their_values(view: str, path: Path) -> None:
    formats.write(path, {"W1": VIEWS[view]})
    wanted = np.asarray(VIEWS[view])
    readers = {".npz": np.load, ".safetensors": safetensors.numpy.load_file}
    for found in (formats.read(path).tensors["W1"], readers[path.suffix](path)["W1"]):
        assert type(found) is np.ndarray
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted, strict=True)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_written_as_an_array(path: Path) -> None:
    formats.write(path, {"W1": np.matrix(MATRIX), "b1": np.ones(2)})
    found = formats.read(path).tensors
    np.testing.assert_array_equal(found["W1"], MATRIX, strict=True)
    assert found["b1"].tolist() == [1, 1]


def zeros(count: int, longer: int = 0) -> dict[str, Any]:
    return {f"t{number}{'x' * longer}": np.zeros(1, "u1") for number in range(count)}


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "an empty name": ({"": MATRIX}, None, "the name ''"),
    "a line": ({"a\nb": MATRIX}, None, r"the name 'a\\nb'"),
    "right to left": ({"\u202e": MATRIX}, None, "the name .*u202e"),
    "half a character": ({"\ud800": MATRIX}, None, "the name .*ud800"),
    "a null": ({"a\0b": MATRIX}, None, "the name .*x00b"),
    "a long name": ({"a" * 513: MATRIX}, None, "a name of 513 characters, 'aaa"),
    "a huge name": ({"a" * 70_000: MATRIX}, None, "a name of 70000 characters, 'aaa"),
    "the name of the metadata": ({"__metadata__": MATRIX}, None, "the name '__metadata__'"),
    "a number for a name": ({3: MATRIX}, None, "the name 3, expected a str"),
    "bytes for a name": ({b"W1": MATRIX}, None, "the name b'W1', expected a str"),
    "33 axes": ({"W1": np.ones((1,) * 33)}, None, "W1: got 33 dimensions"),
    "a huge empty array": ({"W1": np.ones((0, 1 << 50))}, None, r"W1: got shape \(0, 11258"),
    "a masked array": (
        {"W1": np.ma.masked_array(MATRIX, MATRIX > 2)}, None, "W1: got a masked array"
    ),
    "a list": ({"W1": [1.0, 2.0]}, None, "W1: got list, expected an array"),
    "nothing for an array": ({"W1": None}, None, "W1: got NoneType, expected an array"),
    "no tensors": ({}, None, "expected arrays by name, at least one"),
    "no mapping": ([MATRIX], None, "expected arrays by name, at least one"),
    "10,001 tensors": (zeros(10_001), None, "10001 tensors, expected at most 10000"),
    "70,000 tensors": (zeros(70_000), None, "70000 tensors, expected at most 10000"),
    "9,000 long names": (zeros(9_000, 200), None, "expected at most 1048576"),
    "a number in the metadata": ({"W1": MATRIX}, {"a": 3}, "metadata: got 'a': 3"),
    "a number for a key": ({"W1": MATRIX}, {3: "a"}, "metadata: got 3: 'a'"),
    "metadata that are none": ({"W1": MATRIX}, "text", "metadata: got 'text'"),
    "a graph that is none": ({"W1": MATRIX}, {"arraynet.graph": "{}"}, "arraynet.graph: got {}"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_not_be_read_again(case: str, path: Path) -> None:
    tensors, metadata, message = REFUSED[case]
    with pytest.raises(ArraynetError, match=message) as caught:
        formats.write(path, tensors, metadata)
    assert not isinstance(caught.value, LoadError)
    assert str(caught.value).isprintable()
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


def test_at_the_limits(path: Path) -> None:
    tensors = zeros(9_000) | {"é" * 512: np.ones((1,) * 32)}
    formats.write(path, tensors, {"": "", "a\nb": "\x1b"})
    assert formats.read(path).tensors.keys() == tensors.keys()


def test_an_archive_with_metadata_has_one_tensor_less(tmp_path: Path) -> None:
    formats.write(tmp_path / "file.npz", zeros(10_000))
    assert len(formats.read(tmp_path / "file.npz").tensors) == 10_000
    with pytest.raises(ArraynetError, match="10001 members of an archive, expected at most 10000"):
        formats.write(tmp_path / "file.npz", zeros(10_000), {"a": "b"})


def test_an_archive_of_4_gib_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match=r"bytes of an archive, .*save as .safetensors"):
        formats.write(tmp_path / "file.npz", {"W1": np.broadcast_to(np.float32(1), (1 << 30,))})
    assert not list(tmp_path.iterdir())


def test_as_many_members_as_a_directory_counts(tmp_path: Path) -> None:
    large = Limits(tensors=10**6, header_bytes=1 << 30)
    with pytest.raises(ArraynetError, match="65535 members of an archive, expected at most 65534"):
        formats.write(tmp_path / "file.npz", zeros(65_535), limits=large)
    formats.write(tmp_path / "file.npz", zeros(65_534), limits=large)
    assert len(formats.read(tmp_path / "file.npz", limits=large).tensors) == 65_534


def test_other_limits_hold_for_what_is_written_too(path: Path) -> None:
    small, large = Limits(dimensions=1), Limits(dimensions=40)
    deep = {"W1": np.ones((1,) * 33)}
    formats.write(path, deep, limits=large)
    assert formats.read(path, limits=large).tensors["W1"].ndim == 33
    with pytest.raises(ArraynetError, match="2 dimensions, expected at most 1"):
        formats.write(path, {"W1": MATRIX}, limits=small)
    with pytest.raises(ArraynetError, match="limits: got int"):
        formats.write(path, {"W1": MATRIX}, limits=3)  # type: ignore[arg-type]


def test_a_network_is_not_saved_over_a_file_that_it_would_cost(path: Path) -> None:
    names = [("W\n", "b1"), ("__metadata__", "b1"), ("W1", "b" * 600)]
    for weight, bias in names:
        graph = Graph(
            (Value("x", ("batch", 3)),),
            (Node("affine", ("x", weight, bias), ("y",)),),
            {weight: np.ones((3, 4), "f4"), bias: np.ones(4, "f4")},
            ("y",),
        )
        with pytest.raises(ArraynetError, match="name"):
            arraynet.Network(graph).save(path)
        assert path.read_bytes() == b"old"


def test_a_target_that_is_no_file(path: Path) -> None:
    source = path.with_name("source.npz")
    mlp(3, 2).save(source)
    for make in (os.mkfifo, os.mkdir):
        path.unlink()
        make(path)
        kind = stat.S_IFMT(path.lstat().st_mode)
        with pytest.raises(ArraynetError, match="got a folder, a pipe or a device there"):
            arraynet.convert(source, path)
        assert stat.S_IFMT(path.lstat().st_mode) == kind
    link = path.with_name(f"link{path.suffix}")
    link.symlink_to("/dev/null")
    with pytest.raises(ArraynetError, match="got a folder, a pipe or a device there"):
        arraynet.convert(source, link)
    assert sorted(os.listdir(path.parent)) == sorted([source.name, path.name, link.name])
