"""Files and arguments at the edges: slow to scan, greedy when loaded, unreadable when written."""

from __future__ import annotations

import json
import os
import pickle
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import ArraynetError, LoadError, formats
from arraynet.datasets.images import read_images
from arraynet.formats import Limits
from tests.effort import assert_light
from tests.formats.archives import archive, npy, shape_of
from tests.networks import mlp


def safetensors(folder: Path, header: bytes, data: bytes = b"") -> Path:
    path = folder / "edge.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def peak_of(call: Callable[[], object]) -> int:
    """Return the most memory that a call holds at once, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused_soon(path: Path, match: str | None = None, **options: Any) -> None:
    """Assert that a file is refused with little work and in 64 MB."""

    def refusal() -> None:
        with pytest.raises(LoadError, match=match):
            formats.read(path, **options)

    assert_light(refusal)
    assert peak_of(refusal) < 64 << 20


def read_in(path: Path, megabytes: int) -> None:
    """Assert that a file is read with little work and in so much memory."""
    assert_light(lambda: formats.read(path))
    assert peak_of(lambda: formats.read(path)) < megabytes << 20


def packed_zeros(path: Path, megabytes: int, noise: int) -> None:
    """Write zeros that compress well beside noise that does not, in MB each."""
    chance = np.random.default_rng(1).bytes(noise << 20)
    noise_array = np.frombuffer(chance, "u1")
    np.savez_compressed(path, W1=np.zeros(megabytes << 17, "f8"), noise=noise_array)


def test_what_a_file_of_less_than_10_mb_takes(tmp_path: Path) -> None:
    path = tmp_path / "edge.npz"
    packed_zeros(path, 174, 9)
    assert path.stat().st_size < 10_000_000
    read_in(path, 256)
    packed_zeros(path, 190, 9)
    refused_soon(path, r"compressed ones, .*Limits.expansion")


def test_headers_of_spaces_in_many_members(tmp_path: Path) -> None:
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"
    for count, length in ((60, 1_000_000), (5, 1_040_000)):
        members = [(f"{n}.npy", npy(text.ljust(length), b"\0", b"\2\0")) for n in range(count)]
        (tmp_path / "edge.npz").write_bytes(archive(members, method=8))
        refused_soon(tmp_path / "edge.npz", "headers of more than 4194304 bytes")
        with pytest.raises(LoadError, match="headers of more than"):
            formats.inspect(tmp_path / "edge.npz")
    (tmp_path / "edge.npz").write_bytes(archive(members[:4], method=8))
    assert len(formats.read(tmp_path / "edge.npz").tensors) == 4


@pytest.mark.parametrize("compressed", [False, True])
def test_an_empty_array_is_what_its_checksum_says(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "edge.npz"
    header = shape_of(7, 0, descr="<f8")
    whole = archive([("W1.npy", npy(header, b""))], method=8 if compressed else 0)
    path.write_bytes(whole)
    assert formats.read(path).tensors["W1"].shape == (7, 0)
    wrong = zlib.crc32(npy(shape_of(3, 0, descr="<f8"), b""))
    path.write_bytes(
        archive([("W1.npy", npy(header, b""))], method=8 if compressed else 0, crc=wrong)
    )
    with pytest.raises(zipfile.BadZipFile), np.load(path) as found:
        found["W1"]
    refused_soon(path, "checksum")


def test_many_short_strings_of_python_2(tmp_path: Path) -> None:
    """Only a long string is looked at again, where it lies."""
    path = tmp_path / "edge.pkl"
    strings = b"".join(b"S'%d'\n" % (number % 10) for number in range(120_000))
    path.write_bytes(b"(" + strings + b"S'%s'\nt." % (b"x" * 5_000_000))
    refused_soon(path, "got a tuple")


def test_a_string_that_never_ends(tmp_path: Path) -> None:
    refused_soon(safetensors(tmp_path, b'{"a":"' + b'\\"' * 400_000))


@pytest.mark.parametrize("shape", [b"(1,1%sL)", b"(1%s,x)", b"(%s1 1)", b"(1,%s)x"])
def test_a_header_of_spaces(shape: bytes, tmp_path: Path) -> None:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape % (b" " * 500_000)
    header = text + b", }\n"
    member = b"\x93NUMPY\2\0" + len(header).to_bytes(4, "little") + header + b"\0" * 4
    with zipfile.ZipFile(tmp_path / "edge.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("W1.npy", member)
    refused_soon(tmp_path / "edge.npz")
    (tmp_path / "edge.npy").write_bytes(member)

    def refusal() -> None:
        with pytest.raises(LoadError):
            read_images(tmp_path / "edge.npy")

    assert_light(refusal)


def test_nan_everywhere_in_many_dimensions(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "edge.npz", W1=np.full((2,) * 22, np.nan, "f2"))
    refused_soon(tmp_path / "edge.npz", r"nan at index \(0, 0, .*0\)")


def test_the_place_of_nan_is_its_index(tmp_path: Path) -> None:
    for order in "CF":
        array = np.zeros((3, 4, 5), order=order)
        array[1, 2, 3] = np.inf
        np.savez(tmp_path / "edge.npz", W1=array)
        refused_soon(tmp_path / "edge.npz", r"inf at index \(1, 2, 3\)")


def shared(folder: Path, array: Any, names: int) -> Path:
    """Return a pickle in which names share an array."""
    path = folder / "edge.pkl"
    with path.open("wb") as file:
        pickle.dump({f"W{number}": array for number in range(1, names + 1)}, file, protocol=4)
    return path


def test_an_array_of_many_names_is_what_it_would_be_without_sharing(tmp_path: Path) -> None:
    refused_soon(shared(tmp_path, np.ones(440_000, "f2"), 9999), "names that share arrays")
    refused_soon(shared(tmp_path, np.eye(450, dtype="f4"), 500), "names that share arrays")
    for names in (2, 80):
        found = formats.read(shared(tmp_path, np.ones(100_000, "f4"), names)).tensors
        assert len({id(array) for array in found.values()}) == 1


def test_one_look_for_nan_at_an_array_of_many_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(formats.reading, "check_finite", lambda *args: looks.append(args[2]))
    formats.read(shared(tmp_path, np.ones(10), 50))
    assert looks == ["W1"]


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff", "a\\uDBFFb"])
def test_half_a_character_is_no_text(text: str, tmp_path: Path) -> None:
    tensor = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    header = f'{{"__metadata__":{{"note":"{text}"}},{tensor}}}'.encode()
    refused_soon(safetensors(tmp_path, header, b"\0" * 4))
    metadata = f'{{"note":"{text}"}}'.encode()
    np.savez(tmp_path / "edge.npz", w=np.ones(1), __metadata__=np.frombuffer(metadata, np.uint8))
    refused_soon(tmp_path / "edge.npz")


def test_whole_characters_are_text(tmp_path: Path) -> None:
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"edge{suffix}"
        formats.write(path, {"w": np.ones(1)}, {"note": "é 😀 \\ud800"})
        assert formats.read(path).metadata == {"note": "é 😀 \\ud800"}


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_converted_onto_itself_can_be_read_again(suffix: str, tmp_path: Path) -> None:
    first, path = tmp_path / "first.safetensors", tmp_path / f"edge{suffix}"
    mlp(3, 2).save(first)
    contents = formats.read(first)
    formats.write(path, contents.tensors, contents.metadata | {"note": "é" * 300_000})
    for _ in range(2):
        arraynet.convert(path, path)
        assert formats.read(path).metadata["note"] == "é" * 300_000


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_metadata_that_could_not_be_read_again_are_not_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"edge{suffix}"
    path.write_bytes(b"old")
    for text, found in (("x" * (1 << 20), "bytes of JSON"), ("\ud800", "half a character")):
        with pytest.raises(ArraynetError, match=found):
            formats.write(path, {"w": np.ones(1)}, {"note": text})
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == [path.name]


def test_a_name_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("😀" * 60 + ".npz")
    mlp(3, 2).save(path)
    assert arraynet.load(path).input_shape == ("batch", 3)


@pytest.mark.parametrize("target", ["a\0.safetensors", "\ud800.npz", None, 3])
def test_a_target_that_is_no_path(target: Any, tmp_path: Path) -> None:
    source = tmp_path / "edge.npz"
    mlp(3, 2).save(source)
    with pytest.raises(ArraynetError, match="expected the path of a file"):
        arraynet.convert(source, target)


@pytest.mark.parametrize(
    "budget",
    [
        {"array_bytes": None},
        {"file_bytes": "1"},
        {"array_bytes": float("nan")},
        {"tensors": -1},
        {"nodes": True},
        {"dimensions": 65},
        {"depth": 10**6},
        {"name_bytes": 10_000},
    ],
)
def test_a_budget_is_a_whole_number_within_what_can_be_held(budget: dict[str, Any]) -> None:
    with pytest.raises(ArraynetError, match=f"Limits: got {next(iter(budget))}="):
        Limits(**budget)


def test_the_largest_budgets_let_nothing_else_out(tmp_path: Path) -> None:
    large = Limits(array_bytes=1 << 90, dimensions=64, depth=200, name_bytes=4000)
    header = json.dumps({"__metadata__": json.loads("[" * 190 + "]" * 190)}).encode()
    refused_soon(safetensors(tmp_path, header), limits=large)
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999999999999), }\n"
    member = b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(tmp_path / "edge.npz", "w") as archive:
        archive.writestr("W1.npy", member)
    refused_soon(tmp_path / "edge.npz", limits=large)
    names = {f"{'1' * 3990}.{kind}": np.ones(3) for kind in ("weight", "bias")}
    np.savez(tmp_path / "edge.npz", **names)
    with pytest.raises(LoadError):
        arraynet.load(tmp_path / "edge.npz", hidden="relu", output="softmax", limits=large)
