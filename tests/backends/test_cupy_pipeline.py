"""Copies that overlap with the computation, on a GPU that punishes a wrong order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.backends import get_backend
from arraynet.errors import DeviceLostError
from tests.backends.conftest import Install
from tests.backends.fake_cuda import Machine, Stream

ROWS = (8, 8, 3, 8, 1, 20, 8)


def _blocks() -> list[Any]:
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (rows, 6), dtype=np.uint8) for rows in ROWS]


def _weight() -> Any:
    return np.random.default_rng(6).standard_normal((6, 4)).astype(np.float32)


def test_results_are_those_of_plain_copies_in_order(machine: Machine) -> None:
    gpu = get_backend("gpu")
    weight = gpu.asarray(_weight())

    def run(x: Any) -> Any:
        wide = gpu.xp.astype(x, gpu.xp.float32)
        return gpu.xp.tanh(gpu.xp.matmul(wide, weight))

    results = list(gpu.pipeline(iter(_blocks()), run))
    assert len(results) == len(ROWS)
    for block, result in zip(_blocks(), results, strict=True):
        expected = np.tanh(block.astype(np.float32) @ _weight())
        np.testing.assert_array_equal(result, expected)


def test_a_result_that_is_its_input_comes_back_whole(machine: Machine) -> None:
    gpu = get_backend("gpu")
    for block, result in zip(_blocks(), gpu.pipeline(_blocks(), lambda x: x), strict=True):
        np.testing.assert_array_equal(result, block)
    for block, result in zip(_blocks(), gpu.pipeline(_blocks(), lambda x: x[:, ::2]), strict=True):
        np.testing.assert_array_equal(result, block[:, ::2])


def test_results_stay_what_they_were_while_later_blocks_run(machine: Machine) -> None:
    gpu = get_backend("gpu")
    kept = list(gpu.pipeline(_blocks(), lambda x: x + x))
    for block, result in zip(_blocks(), kept, strict=True):
        np.testing.assert_array_equal(result, block + block)


def test_two_pipelines_take_turns(machine: Machine) -> None:
    gpu = get_backend("gpu")
    once, twice = (gpu.pipeline(_blocks(), run) for run in (lambda x: x, lambda x: x + x))
    for block, one, two in zip(_blocks(), once, twice, strict=True):
        np.testing.assert_array_equal(one, block)
        np.testing.assert_array_equal(two, block + block)


def test_blocks_that_are_on_the_device_are_used_there(machine: Machine) -> None:
    gpu = get_backend("gpu")
    results = gpu.pipeline((gpu.asarray(block) for block in _blocks()), lambda x: x + x)
    for block, result in zip(_blocks(), results, strict=True):
        np.testing.assert_array_equal(result, block + block)
    assert max(buffer.nbytes for buffer in machine.pinned) <= 2 * 20 * 6, "only results are staged"


@pytest.mark.parametrize("there", [(), (0,), (1,), (0, 1)])
def test_blocks_of_several_arrays_give_several_results(
    machine: Machine, there: tuple[int, ...]
) -> None:
    """Some of them on the device already, made by what its stream has not yet done."""
    gpu = get_backend("gpu")
    others = [np.float32(block[:, :2]) / 3 for block in _blocks()]

    def blocks() -> Any:
        for pair in zip(_blocks(), others, strict=True):
            yield tuple(
                gpu.asarray(x) + gpu.asarray(np.zeros_like(x)) if place in there else x
                for place, x in enumerate(pair)
            )

    results = list(gpu.pipeline(blocks(), lambda x, y: (y + y, x + x, x[:, :2])))
    assert len(results) == len(ROWS)
    for x, y, found in zip(_blocks(), others, results, strict=True):
        for part, expected in zip(found, (y + y, x + x, x[:, :2]), strict=True):
            np.testing.assert_array_equal(part, expected)


def test_an_empty_block_gives_an_empty_result(machine: Machine) -> None:
    gpu = get_backend("gpu")
    (result,) = gpu.pipeline([np.empty((0, 6), np.float32)], lambda x: x + x)
    assert result.shape == (0, 6)


@pytest.mark.parametrize("bad", range(len(ROWS)))
def test_an_error_comes_after_the_results_before_it(machine: Machine, bad: int) -> None:
    gpu = get_backend("gpu")
    seen = 0

    def run(x: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == bad + 1:
            raise MemoryError
        return x + x

    results: list[Any] = []
    with pytest.raises(MemoryError):
        results.extend(gpu.pipeline(_blocks(), run))  # extend keeps what came before
    assert len(results) == bad
    for block, result in zip(_blocks(), results, strict=False):
        np.testing.assert_array_equal(result, block + block)
    # The streams and buffers of the one that failed serve the next one.
    np.testing.assert_array_equal(next(gpu.pipeline(_blocks(), lambda x: x)), _blocks()[0])


def test_the_stream_and_device_of_the_caller_are_untouched_between_results(
    machine: Machine,
) -> None:
    gpu = get_backend("gpu")
    for _ in gpu.pipeline(_blocks(), lambda x: x):
        assert machine.current is machine.default_stream
        assert machine.devices == [0]


def test_copies_overlap_with_the_computation(install: Install) -> None:
    machine = install("lazy")
    gpu = get_backend("gpu")
    pipeline = gpu.pipeline(_blocks(), lambda x: x + x)
    next(pipeline)
    own = machine.streams[1:]
    assert [bool(stream.queue) for stream in own] == [True] * 3, "the next block is under way"


def test_every_pinned_buffer_is_reused(install: Install) -> None:
    machine = install("lazy")
    gpu = get_backend("gpu")
    many = [np.full((4, 6), number, np.float32) for number in range(50)]
    for number, result in enumerate(gpu.pipeline(many, lambda x: x)):
        assert (result == number).all()
    for number, result in enumerate(gpu.pipeline(many, lambda x: x)):
        assert (result == number).all()
    assert len(machine.pinned) == 4


def _skip_wait(self: Stream, event: object) -> None:
    """Let a stream run ahead of the event that it should wait for."""


@pytest.mark.parametrize("pace", ["lazy", 4, 5])
def test_the_machine_notices_a_wait_that_is_left_out(
    install: Install, monkeypatch: pytest.MonkeyPatch, pace: str | int
) -> None:
    install(pace)
    gpu = get_backend("gpu")
    monkeypatch.setattr(Stream, "wait_event", _skip_wait)
    results = list(gpu.pipeline(_blocks(), lambda x: x + x))
    expected = [block + block for block in _blocks()]
    assert not all(map(np.array_equal, results, expected))


def test_a_lost_device_ends_the_pipeline_with_its_error(install: Install) -> None:
    machine = install("lazy")
    gpu = get_backend("gpu")
    pipeline = gpu.pipeline(_blocks(), lambda x: x)
    next(pipeline)
    machine.lost = 700
    with pytest.raises(DeviceLostError, match=r"illegal address.*restart the process"):
        next(pipeline)
