"""What is written comes back bit for bit, and nothing costs the old file."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import arraynet
from arraynet import ArraynetError, DtypeError, LoadError, formats
from arraynet.chains import graph_from_contents
from arraynet.formats.writing import replace_file, replacing
from tests.formats.sample_arrays import sample_arrays

Arrays = dict[str, np.ndarray[Any, Any]]

ROOT = Path(__file__).parents[2]


def assert_same(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        wanted = np.asarray(array)
        assert found[name].shape == wanted.shape, name
        assert found[name].dtype.newbyteorder("=") == wanted.dtype.newbyteorder("="), name
        assert found[name].tobytes() == wanted.astype(found[name].dtype).tobytes(), name


def samples(suffix: str) -> Arrays:
    arrays = {name: np.asarray(array) for name, array in sample_arrays().items()}
    if suffix == ".safetensors":
        del arrays["kind_c16"]
    return arrays


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_written_and_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"file{suffix}"
    arrays = samples(suffix) | {"a/b c": np.ones(2), "größe": np.ones(1, "f4")}
    metadata = {"license": "CC BY 4.0", "": "é\n"}
    formats.write(path, arrays, metadata)
    contents = formats.read(path, allow_nonfinite=True)
    assert_same(contents.tensors, arrays)
    assert list(contents.tensors) == list(arrays)
    assert contents.metadata == metadata
    assert contents.format == suffix[1:]


def test_other_readers_read_them_too(tmp_path: Path) -> None:
    first, second = tmp_path / "file.safetensors", tmp_path / "file.npz"
    arrays = samples(".safetensors")
    formats.write(first, arrays, {"a": "b"})
    formats.write(second, arrays)
    assert_same(safetensors.numpy.load_file(first), arrays)
    with np.load(second) as archive:
        assert_same(dict(archive), arrays)


def test_what_other_writers_wrote_is_read(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.safetensors", "b.npz", "c.npz"))
    arrays = {name: np.array(a, order="C") for name, a in samples(".safetensors").items()}
    safetensors.numpy.save_file(arrays, first, {"a": "b"})
    np.savez(second, **arrays)
    np.savez_compressed(third, **arrays)
    for path in (first, second, third):
        assert_same(formats.read(path, allow_nonfinite=True).tensors, arrays)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_the_same_tensors_give_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    formats.write(first, samples(suffix), {"a": "b"})
    time.sleep(0.01)
    formats.write(second, samples(suffix), {"a": "b"})
    assert first.read_bytes() == second.read_bytes()


def test_dtypes_that_a_format_cannot_hold(tmp_path: Path) -> None:
    for path, array in [
        (tmp_path / "a.npz", np.array(["x"])),
        (tmp_path / "a.npz", np.array([None])),
        (tmp_path / "a.safetensors", np.ones(2, "c16")),
    ]:
        with pytest.raises(DtypeError, match="tensor W1: got dtype"):
            formats.write(path, {"W1": array})
    with pytest.raises(ArraynetError, match=r"a.pkl: got the suffix '.pkl', expected one of"):
        formats.write(tmp_path / "a.pkl", {})
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.npz", tmp_path / "link.npz"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    formats.write(link, {"W1": np.ones(2)})
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert formats.read(target).tensors["W1"].tolist() == [1, 1]


def test_a_new_file_has_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    formats.write(tmp_path / "new.npz", {"W1": np.ones(2)})
    assert (tmp_path / "new.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def chunks() -> Any:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(str(path), chunks())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("letters", ["a", "é", "字", "🙂", "aé", "\udcff"])
def test_the_name_of_the_new_file_is_cut_between_characters(
    letters: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some systems take no name that is not text."""
    seen = []
    real = os.replace

    def watched(source: str, target: str) -> None:
        seen.append(os.path.basename(source))
        real(source, target)

    monkeypatch.setattr(os, "replace", watched)
    for padding in range(4):
        name = "a" * padding + letters * (240 // len(os.fsencode(letters))) + ".npz"
        formats.write(tmp_path / name, {"W1": np.ones(2)})
        whole, cut = name, seen.pop()[1:].rsplit(".", 2)[0]
        assert whole.startswith(cut)
        assert 96 < len(os.fsencode(cut)) <= 100
        assert os.listdir(tmp_path) == [name]
        (tmp_path / name).unlink()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file.npz"
    with pytest.raises(FileNotFoundError) as caught:
        formats.write(path, {"W1": np.ones(2)})
    assert caught.value.filename == str(path)


# Permissions and folders: what was saved is saved.


def test_a_folder_that_may_not_be_listed_is_no_failed_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With mode 0300 a file can be written, and its folder cannot be opened to be synced."""
    path = tmp_path / "net.npz"
    real = os.open

    def watched(name: Any, flags: int, *rest: Any, **options: Any) -> int:
        if os.path.isdir(name):
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return real(name, flags, *rest, **options)

    monkeypatch.setattr(os, "open", watched)
    for value in (1, 2):
        formats.write(path, {"W1": np.full(2, value)})
    monkeypatch.undo()
    assert formats.read(path).tensors["W1"].tolist() == [2, 2]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do it all")
def test_a_folder_of_mode_0300(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o300)
    try:
        formats.write(folder / "net.npz", {"W1": np.ones(2)})
    finally:
        folder.chmod(0o700)
    assert formats.read(folder / "net.npz").tensors["W1"].tolist() == [1, 1]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_the_umask_holds_and_is_never_changed(
    mask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask for it is to set it, for all threads of a process."""
    before = os.umask(mask)
    with monkeypatch.context() as patched:

        def refused(_: int) -> int:
            raise AssertionError("the umask is the whole process's")

        patched.setattr(os, "umask", refused)
        try:
            formats.write(tmp_path / "new.npz", {"W1": np.ones(2)})
            (tmp_path / "old.npz").touch()
            (tmp_path / "old.npz").chmod(0o606)
            formats.write(tmp_path / "old.npz", {"W1": np.ones(2)})
        finally:
            patched.undo()
            os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.npz").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "old.npz").stat().st_mode) == 0o606


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_what_few_may_read_is_never_open_to_others(mode: int, tmp_path: Path) -> None:
    """Not for a moment, while it is written either."""
    path = tmp_path / "net.npz"
    path.touch()
    path.chmod(mode)
    with replacing(str(path)) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


def test_threads_that_save_at_once(tmp_path: Path) -> None:
    def save(number: int) -> int:
        path = tmp_path / f"{number % 4}.npz"
        for _ in range(5):
            formats.write(path, {"W1": np.full(9, number)})
        return stat.S_IMODE(path.stat().st_mode)

    (tmp_path / "plain").touch()
    with ThreadPoolExecutor(8) as pool:
        modes = set(pool.map(save, range(16)))
    assert modes == {stat.S_IMODE((tmp_path / "plain").stat().st_mode)}
    assert len(list(tmp_path.iterdir())) == 5


# A full disk: the process may not write files beyond a size. A crash: it is killed.

CONVERT = """
import resource, signal, sys
import arraynet
source, target, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
if size:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
print("ready", flush=True)
while True:
    arraynet.convert(source, target, hidden="sigmoid", output="softmax")
    print("done", flush=True)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.npz"
    chance = np.random.default_rng(1)
    large = {"W1": chance.standard_normal((1000, 1000)), "b1": chance.standard_normal(1000)}
    np.savez(path, **large)
    return path


def convert(source: Path, target: Path, size: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONVERT, str(source), str(target), str(size)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("size", [1, 4096, 1_000_000, 7_999_999])
def test_a_full_disk_leaves_the_old_file_whole(
    size: int, suffix: str, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / f"target{suffix}"
    formats.write(target, {"W1": np.ones((2, 2)), "b1": np.ones(2)})
    before = target.read_bytes()
    _, errors = convert(source, target, size).communicate()
    assert "File too large" in errors
    assert str(target) in errors
    assert target.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([source, target]), "no temporary file is left"


def test_a_full_disk_leaves_no_half_file(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.safetensors"
    _, errors = convert(source, target, 100_000).communicate()
    assert "File too large" in errors
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_killed_convert_leaves_a_whole_file(suffix: str, source: Path, tmp_path: Path) -> None:
    """Killed at many moments, it leaves the old file or the new one, never a part."""
    target = tmp_path / f"target{suffix}"
    contents = formats.read(source)
    whole = {"old": {"W1": np.ones((2, 2)), "b1": np.ones(2)}, "new": contents.tensors}
    seen = set()
    for number in range(12):
        formats.write(target, whole["old"])
        process = convert(source, target)
        assert process.stdout is not None
        process.stdout.readline()
        if number % 2:
            process.stdout.readline()
        time.sleep(0.003 * number)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        found = formats.read(target).tensors
        state = "new" if found["W1"].shape == (1000, 1000) else "old"
        assert_same(found, whole[state])
        seen.add(state)
    print(f"12 times killed; left: {', '.join(sorted(seen))}")
    assert "new" in seen


# Converting.


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_convert_keeps_every_bit_and_the_metadata(suffix: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source.safetensors", tmp_path / f"target{suffix}"
    chance = np.random.default_rng(1)
    arrays = {"W1": chance.standard_normal((4, 3)), "b1": chance.standard_normal(3)}
    formats.write(source, arrays, {"license": "MIT"})
    graph = arraynet.convert(source, target, hidden="sigmoid", output="softmax", scale=0.5)
    contents = formats.read(target)
    again = graph_from_contents(contents, file=target)
    assert again.nodes == graph.nodes
    assert [node.op for node in again.nodes] == ["scale_shift", "affine", "softmax"]
    assert_same(contents.tensors, dict(graph.weights))
    assert contents.tensors["W1"].tobytes() == arrays["W1"].tobytes()
    assert contents.metadata["license"] == "MIT"
    arraynet.convert(target, target)
    assert graph_from_contents(formats.read(target), file=target).nodes == graph.nodes


def test_convert_the_books_pickle(test_data: Path, tmp_path: Path) -> None:
    source = test_data / "weights" / "sample_weight.pkl"
    target = tmp_path / "book.safetensors"
    with pytest.raises(LoadError, match="expected hidden= and output="):
        arraynet.convert(source, target)
    assert not target.exists()
    arraynet.convert(source, target, hidden="sigmoid", output="softmax")
    assert_same(formats.read(target).tensors, formats.read(source).tensors)


def test_convert_to_another_suffix(tmp_path: Path) -> None:
    with pytest.raises(ArraynetError, match=r"got the suffix '.onnx', expected one of"):
        arraynet.convert(tmp_path / "missing.npz", tmp_path / "target.onnx")


def test_this_system_has_what_these_tests_need() -> None:
    assert hasattr(resource, "RLIMIT_FSIZE")
