"""Helping threads: kept for a while, gone after that or after a failure, on other cores."""

from __future__ import annotations

import _thread
import contextlib
import contextvars
import gc
import logging
import operator
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from arraynet import blocks, helpers
from arraynet.helpers import Helper, share
from tests.interrupts import interrupted_at_every_step
from tests.waiting import HANGS, comes_true

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system does not keep threads to cores"
)


def alive() -> int:
    """Return how many helpers there are, at work or not."""
    gc.collect()
    return sum(type(thing) is Helper for thing in gc.get_objects())


def threads_alive() -> int:
    """Return how many threads there are that are helpers."""
    return _thread._count() - others


others = 0
"""How many threads there were before a test."""


def allowed_cores() -> set[int]:
    """Return where this thread may run; nothing where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@pytest.fixture(autouse=True)
def none_before_and_after() -> Iterator[None]:
    global others
    helpers._dismiss(helpers._idle)
    assert comes_true(lambda: alive() == 0)
    others = 0
    while others != (others := _thread._count()):
        time.sleep(0.05)  # until those that were told to have ended
    yield
    helpers._dismiss(helpers._idle)
    assert comes_true(lambda: alive() == 0)


def ran_on(count: int) -> set[int]:
    """Return the threads that a call and its helpers ran on."""
    threads: set[int] = set()
    everybody = threading.Barrier(count + 1)

    def step() -> bool:
        threads.add(threading.get_native_id())
        everybody.wait(HANGS)
        return False

    share(step, count)
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


def fails_on(own: bool) -> Callable[[], bool]:
    """Return a step that fails on the caller's thread, or else on all others."""
    caller = threading.get_ident()
    failed = threading.Event()

    def step() -> bool:
        if (threading.get_ident() == caller) == own:
            failed.set()
            raise LookupError("mine")
        failed.wait(HANGS)
        return True

    return step


@pytest.mark.parametrize("own", [True, False])
def test_nobody_stays_behind_after_a_failure_which_is_the_caller_s(own: bool) -> None:
    with pytest.raises(LookupError, match="mine"):
        share(fails_on(own), 2)
    assert comes_true(lambda: alive() == 0)


class Held:
    """Something that can be found again as long as anybody keeps it."""


@pytest.mark.parametrize("own", [True, False])
def test_a_failure_holds_nothing_once_it_is_let_go(own: bool) -> None:
    """Not even until the garbage collector comes: input and result are large."""

    def fail() -> None:
        held = Held()
        kept.append(weakref.ref(held))
        step = fails_on(own)
        with contextlib.suppress(LookupError):
            share(lambda: step() and held is not None, 2)

    kept: list[Any] = []
    gc.collect()
    gc.disable()
    try:
        fail()
        assert comes_true(lambda: kept[0]() is None)
    finally:
        gc.enable()


def test_no_step_is_begun_after_a_failure() -> None:
    steps: list[int] = []

    def step() -> bool:
        steps.append(len(steps))
        if len(steps) > 100:
            raise LookupError
        return True

    with pytest.raises(LookupError):
        share(step, 2)
    assert len(steps) <= 103


def test_an_interrupt_at_any_step_leaves_no_thread_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helpers, "_current_core", set)  # an open file would be warned of
    allowed = allowed_cores()
    for make_new in (True, False):

        def help_once(make_new: bool = make_new) -> None:
            share(lambda: False, 2)
            if make_new:
                helpers._dismiss(helpers._idle)

        for _ in interrupted_at_every_step(help_once):
            assert allowed_cores() == allowed
            # Not one more than wait for work, and they end by themselves.
            assert comes_true(lambda: threads_alive() == len(helpers._idle))
        helpers._dismiss(helpers._idle)


def test_a_helper_that_is_let_go_ends() -> None:
    helper = Helper()
    assert threads_alive() == 1
    del helper
    assert comes_true(lambda: threads_alive() == 0)


def test_a_helper_keeps_nothing_of_its_work() -> None:
    held = Held()
    kept = weakref.ref(held)
    share(partial(operator.is_, held, None), 1)
    assert alive() == 1
    del held
    assert comes_true(lambda: kept() is None)


def test_context_variables_are_the_caller_s_on_every_thread() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")
    found: list[str] = []
    everybody = threading.Barrier(3)

    def step() -> bool:
        found.append(variable.get())
        variable.set("changed")  # which others do not see
        everybody.wait(HANGS)
        return False

    share(step, 2)
    assert found == ["the caller's"] * 3


def test_a_system_that_gives_no_more_threads_is_told_and_worked_with(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start = _thread.start_new_thread
    left = [1, 0]

    def refuse(*arguments: Any) -> int:
        if not left.pop(0):
            raise RuntimeError("can't start new thread")
        return start(*arguments)

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    steps = iter(range(10))
    with caplog.at_level(logging.INFO, logger="arraynet"):
        share(lambda: next(steps, None) is not None, 5)
    assert next(steps, None) is None
    assert caplog.messages == [
        "predict: got can't start new thread, went on with 1 helping threads instead of 5"
    ]


def test_many_threads_have_helpers_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        for threads in pool.map(lambda _: ran_on(2), range(100)):
            assert len(threads) == 3


@needs_affinity
def test_a_step_may_run_anywhere_that_the_caller_may() -> None:
    """So may what it starts: threads and processes inherit it."""
    allowed = allowed_cores()
    found: list[Any] = []
    everybody = threading.Barrier(2)

    def step() -> bool:
        found.append(allowed_cores())
        everybody.wait(HANGS)
        return False

    share(step, 1)
    assert found == [allowed, allowed]
    one = {min(allowed)}
    os.sched_setaffinity(0, one)
    try:
        share(step, 1)
        assert found[2:] == [one, one]
    finally:
        os.sched_setaffinity(0, allowed)
    share(step, 1)
    assert found[4:] == [allowed, allowed]
    assert allowed_cores() == allowed


@needs_affinity
def test_what_a_step_sets_for_the_caller_stays() -> None:
    allowed = allowed_cores()
    one = {max(allowed)}
    caller = threading.get_ident()

    def step() -> bool:
        if threading.get_ident() == caller:
            os.sched_setaffinity(0, one)
            return False
        return True

    try:
        share(step, 1)
        assert allowed_cores() == one
    finally:
        os.sched_setaffinity(0, allowed)


@needs_affinity
def test_helpers_are_woken_off_the_caller_s_core_and_each_other_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 7})
    monkeypatch.setattr(helpers, "_current_core", lambda: {2})
    kept: list[set[int]] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, cores: kept.append(cores))
    assert len(ran_on(2)) == 3
    assert kept[:2] == [{0, 3}, {1, 7}]
    assert kept[2:] == [{0, 1, 2, 3, 7}] * 2


@needs_affinity
def test_the_core_that_this_thread_is_on_is_found() -> None:
    allowed = allowed_cores()
    one = {max(allowed)}
    os.sched_setaffinity(0, one)
    try:
        assert helpers._current_core() == one
    finally:
        os.sched_setaffinity(0, allowed)


@needs_affinity
def test_a_system_that_refuses_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> set[int]:
        raise PermissionError

    for name in ("sched_setaffinity", "sched_getaffinity"):
        monkeypatch.setattr(os, name, refused)
        assert len(ran_on(2)) == 3
    assert blocks.cores() == os.cpu_count()
    for name in ("sched_setaffinity", "sched_getaffinity"):
        monkeypatch.delattr(os, name)
    assert len(ran_on(2)) == 3
    assert blocks.cores() == os.cpu_count()


FORKED = """
import os, threading
from arraynet.helpers import share

def both():
    together = threading.Barrier(2)
    share(lambda: together.wait() < 0, 1)

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
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr
