"""Helping threads: kept for a while, gone after that or after a failure, on other cores."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from arraynet import helpers
from arraynet.helpers import Helper, with_helpers

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system does not keep threads to cores"
)


def alive() -> int:
    """Return how many helpers there are, at work or not."""
    gc.collect()
    return sum(type(thing) is Helper for thing in gc.get_objects())


def comes_true(condition: Callable[[], bool]) -> bool:
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.005)
    return False


@pytest.fixture(autouse=True)
def none_before_and_after() -> Iterator[None]:
    helpers.retire()
    assert comes_true(lambda: alive() == 0)
    yield
    helpers.retire()
    assert comes_true(lambda: alive() == 0)


def ran_on(count: int) -> set[int]:
    """Return the threads that a call and its helpers ran on."""
    threads: set[int] = set()
    everybody = threading.Barrier(count + 1)

    def work() -> None:
        threads.add(threading.get_native_id())
        everybody.wait(10)

    with_helpers(work, count, threading.Event())
    return threads


@pytest.mark.parametrize("count", [0, 1, 3])
def test_everybody_works_at_once(count: int) -> None:
    threads = ran_on(count)
    assert len(threads) == count + 1
    assert threading.get_native_id() in threads


def test_a_helper_helps_again() -> None:
    first = ran_on(2)
    assert ran_on(2) == first
    assert len(ran_on(1) & first) == 2
    assert alive() == 2


def test_a_helper_that_nobody_wants_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "IDLE_SECONDS", 0.02)
    ran_on(2)
    assert comes_true(lambda: alive() == 0)
    assert not helpers._idle
    assert len(ran_on(1)) == 2


def test_helpers_that_are_about_to_end_are_taken_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helpers, "IDLE_SECONDS", 0.001)
    for number in range(300):
        assert len(ran_on(1)) == 2
        time.sleep(0.0008 + number % 5 * 0.0001)


def test_nobody_stays_behind_after_a_failure() -> None:
    stop = threading.Event()
    with_helpers(stop.set, 2, stop)  # as work does that fails
    assert comes_true(lambda: alive() == 0)


def test_nobody_stays_behind_after_an_interrupt() -> None:
    caller = threading.get_ident()
    stop = threading.Event()

    def work() -> None:
        if threading.get_ident() == caller:
            raise KeyboardInterrupt
        stop.wait(10)

    with pytest.raises(KeyboardInterrupt):
        with_helpers(work, 2, stop)
    assert comes_true(lambda: alive() == 0)


class Work:
    """Work that can be found again as long as anybody keeps it."""

    def __call__(self) -> None:
        """Do nothing."""


def test_a_helper_keeps_nothing_of_its_work() -> None:
    with_helpers(Work(), 1, threading.Event())
    gc.collect()
    assert alive() == 1
    assert not any(type(thing) is Work for thing in gc.get_objects())


def test_many_threads_have_helpers_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        for threads in pool.map(lambda _: ran_on(2), range(100)):
            assert len(threads) == 3


@needs_affinity
@pytest.mark.parametrize("fails", [False, True])
def test_the_caller_may_run_anywhere_afterwards(fails: bool) -> None:
    before = os.sched_getaffinity(0)
    caller = threading.get_ident()

    def work() -> None:
        if fails and threading.get_ident() == caller:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        with_helpers(work, 1, threading.Event())
    assert os.sched_getaffinity(0) == before


@needs_affinity
def test_helpers_stay_off_the_caller_s_core_and_each_other_s() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("this process may use one core only")
    found: dict[int, set[int]] = {}
    count = len(allowed) - 1
    everybody = threading.Barrier(count + 1)

    def work() -> None:
        found[threading.get_native_id()] = os.sched_getaffinity(0)
        everybody.wait(10)

    with_helpers(work, count, threading.Event())
    assert sorted(core for cores in found.values() for core in cores) == sorted(allowed)
    assert all(len(cores) == 1 for cores in found.values())


@needs_affinity
def test_a_system_that_refuses_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: int, cores: set[int]) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refused)
    assert len(ran_on(2)) == 3
    monkeypatch.delattr(os, "sched_setaffinity")
    assert len(ran_on(2)) == 3


FORKED = """
import os, threading
from arraynet.helpers import with_helpers

def both():
    together = threading.Barrier(2)
    with_helpers(lambda: together.wait(10), 1, threading.Event())

both()
child = os.fork()
both()
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print("both")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_makes_its_own() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr
