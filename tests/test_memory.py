"""Memory that runs out, and memory maps larger than memory."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import Network
from arraynet.backends.numpy import NumpyBackend
from arraynet.errors import ArraynetError, OutOfMemoryError
from arraynet.memory import forget_pages
from tests.networks import mlp, normal, single
from tests.reference import assert_right, forward

ROWS = 100
LIMIT = 300 << 20
"""What a process may hold, at its peak, while it predicts on a memory map of 1 GB."""


class FullError(Exception):
    """What this device raises when its memory is full."""


class Small(NumpyBackend):
    """A device on which a number of rows fit, and no more."""

    name = "small"
    resolvable = False
    out_of_memory = (FullError,)

    def __init__(self, fitting: int, *, threaded: bool = False) -> None:
        super().__init__()
        self.fitting, self.threaded = fitting, threaded
        self.tried: list[int] = []
        self.freed = 0

    def capture(self, function: Any) -> Any:
        def run(x: Any) -> Any:
            self.tried.append(len(x))
            if len(x) > self.fitting:
                raise FullError(f"{len(x)} rows")
            return function(x)

        return run

    def free_memory(self) -> None:
        self.freed += 1


@pytest.mark.parametrize("batch_size", [None, ROWS, 33, 1 << 40])
@pytest.mark.parametrize("fitting", range(1, 65))
def test_batches_are_halved_until_they_fit(fitting: int, batch_size: int | None) -> None:
    backend = Small(fitting)
    network = mlp(12, 9, 3, backend=backend)
    x = normal(ROWS, 12)
    counts: list[int] = []
    result = network.predict(x, batch_size=batch_size, progress=counts.append)
    assert_right(result, forward(network.graph, x), "float32")
    assert sum(counts) == ROWS
    failures = [rows for rows in backend.tried if rows > fitting]
    assert len(failures) <= 7  # ceil(log2(100))
    assert backend.freed == len(failures)
    assert max(backend.tried) <= ROWS
    # What fits is kept to: no smaller than half of what would.
    assert all(2 * rows >= fitting for rows in backend.tried[:-1])


@pytest.mark.parametrize("fitting", [1, 2, 3, 100, 499])
def test_blocks_on_threads_are_halved_too(fitting: int) -> None:
    backend = Small(fitting, threaded=True)
    network = mlp(64, 300, 10, backend=backend)
    x = normal(2000, 64)
    counts: list[int] = []
    result = network.predict(x, batch_size=500, progress=counts.append, threads=2)
    assert_right(result, forward(network.graph, x), "float32")
    assert counts == [500] * 4
    assert backend.freed > 0


@pytest.mark.parametrize("threaded", [False, True])
def test_not_even_one_row_is_one_clear_error(threaded: bool) -> None:
    backend = Small(0, threaded=threaded)
    network = mlp(64, 300, 10, backend=backend)
    x = normal(2000, 64)
    with pytest.raises(OutOfMemoryError) as caught:
        network.predict(x, batch_size=500, threads=2)
    text = str(caught.value)
    assert isinstance(caught.value, ArraynetError)
    assert isinstance(caught.value, MemoryError)
    assert text.startswith("predict on small: got FullError (")
    assert "bytes of free memory for a single row" in text
    assert len(text.splitlines()) == 1
    assert isinstance(caught.value.__cause__, FullError)
    backend.fitting = 1 << 40  # somebody else has gone: it works again
    assert_right(network.predict(x, batch_size=500), forward(network.graph, x), "float32")


def test_a_batch_that_must_not_be_cut_is_not_cut() -> None:
    graph = single("softmax", axis=0)
    network = Network(graph, Small(10))
    with pytest.raises(OutOfMemoryError, match="for 20 rows that belong together"):
        network.predict(normal(20, 8))
    assert network.predict(normal(10, 8)).shape == (10, 8)


def test_memory_that_runs_out_in_the_middle() -> None:
    """The rows before it stay as they are, and only the rest is cut smaller."""
    backend = Small(1 << 40)
    network = mlp(12, 9, 3, backend=backend)
    x = normal(ROWS, 12)

    def fill(rows: int) -> None:
        backend.fitting = 5

    assert_right(
        network.predict(x, batch_size=20, progress=fill), forward(network.graph, x), "float32"
    )
    assert backend.tried[:5] == [20, 20, 10, 5, 5]


MAPPED = """
import sys
import numpy as np
import arraynet

random = np.random.default_rng(0)
sizes = (784, 50, 100, 10)
layers = []
for before, after, activation in zip(sizes, sizes[1:], ("sigmoid", "sigmoid", "softmax")):
    weight = random.standard_normal((before, after), np.float32)
    layers += [arraynet.Dense(weight, np.zeros(after, np.float32)), activation]
network = arraynet.Sequential(*layers)
x = np.memmap(sys.argv[1], np.float32, "r").reshape(-1, 784)
if sys.argv[2] == "columns":
    x = x.reshape(-1, 1568)[:, 784:]
result = network.predict(x)
assert result.shape == (len(x), 10)
expected = network(np.zeros((1, 784), np.float32))
assert np.allclose(result[:: len(x) // 7], expected, atol=1e-6)
assert np.isfinite(result).all()
# getrusage would count the parent's memory too, from before this process began.
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""


@pytest.fixture(scope="module")
def sparse_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of 1 GB of zeros that take no place on the disk."""
    folder = tmp_path_factory.mktemp("mapped")
    row = 784 * 4
    size = (1 << 30) // (2 * row) * (2 * row)
    if shutil.disk_usage(folder).total < 2 * size:
        pytest.skip("the disk is too small for a file of 1 GB")
    path = folder / "zeros.dat"
    with path.open("wb") as file:
        file.truncate(size)
    if path.stat().st_blocks * 512 > size // 2:
        pytest.skip("this file system has no sparse files")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("part", ["all", "columns"])
def test_a_memory_map_of_1_gb_is_read_in_little_memory(sparse_file: Path, part: str) -> None:
    """``columns``: half of each row, which is no contiguous part of the file."""
    done = subprocess.run(
        [sys.executable, "-c", MAPPED, str(sparse_file), part],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout)
    print(f"peak of memory while predicting on 1 GB ({part}): {peak / 2**20:.0f} MiB")
    assert peak < LIMIT


def test_pages_that_are_let_go_can_be_read_again(tmp_path: Path) -> None:
    values = normal(5000, 100)
    path = tmp_path / "values.dat"
    values.tofile(path)
    for mode in ("r", "r+", "c"):
        mapped = np.memmap(path, np.float32, mode, shape=values.shape)
        if mode != "r":
            mapped[17] = 3.0
            values[17] = 3.0
        for part in (mapped, mapped[1000:2000], mapped[::3], mapped[:, 10:20], mapped[:0]):
            forget_pages(part)
        np.testing.assert_array_equal(mapped, values)
    forget_pages(values)
    forget_pages([1, 2])


@pytest.mark.skipif(sys.platform != "linux", reason="memory is locked with Linux's mlock")
def test_pages_that_are_locked_stay(tmp_path: Path) -> None:
    network = mlp(8, 5, 3)
    values = normal(512, 8)
    values.tofile(tmp_path / "values.dat")
    mapped = np.memmap(tmp_path / "values.dat", np.float32, "r", shape=values.shape)
    library = ctypes.CDLL(None, use_errno=True)
    if library.mlock(ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.nbytes)):
        pytest.skip("this process may lock no memory")
    expected = forward(network.graph, values)
    assert_right(network.predict(mapped, batch_size=100), expected, "float32")


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_written_memory_map_keeps_what_was_written(tmp_path: Path, order: Any) -> None:
    network = mlp(64, 30, 3)
    mapped = np.lib.format.open_memmap(
        tmp_path / "x.npy", "w+", np.float32, (20_000, 64), fortran_order=order == "F"
    )
    values = normal(20_000, 64)
    mapped[...] = values
    expected = forward(network.graph, values)
    assert_right(network.predict(mapped, batch_size=1000, threads=2), expected, "float32")
    np.testing.assert_array_equal(mapped, values)
    read = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_right(network.predict(read, batch_size=999, threads=1), expected, "float32")
