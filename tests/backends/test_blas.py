"""How many threads BLAS uses: held to one from any thread, and put back by any other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from threadpoolctl import ThreadpoolController

from arraynet.backends.numpy import blas
from arraynet.backends.numpy.blas import SingleThread
from tests.interrupts import interrupted_at_every_step
from tests.waiting import HANGS


def counts() -> list[int]:
    """Return how many threads each BLAS library uses that was there before other tests'."""
    return [library.get_num_threads() for library in blas.libraries()]


def held() -> list[int]:
    with SingleThread():
        return counts()


@pytest.fixture
def two_threads() -> Iterator[list[int]]:
    """Let BLAS use two threads, so that one is fewer, on a machine with one core too."""
    before = counts()
    for library in blas.libraries():
        blas._set_threads(library, 2)
        library.set_num_threads(2)  # as anybody may, who then keeps others from doing so
    yield counts()
    for library, count in zip(blas.libraries(), before, strict=True):
        blas._set_threads(library, count)


def test_any_thread_holds_blas_to_one_and_puts_it_back(two_threads: list[int]) -> None:
    assert set(two_threads) == {2}
    assert set(held()) == {1}
    assert counts() == two_threads
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(held).result()) == {1}
    assert counts() == two_threads
    assert set(held()) == {1}
    assert counts() == two_threads


def test_the_last_thread_out_puts_it_back_whoever_came_first(two_threads: list[int]) -> None:
    entered, leave = threading.Event(), threading.Event()

    def first_in() -> None:
        with SingleThread():
            entered.set()
            leave.wait(HANGS)

    first = threading.Thread(target=first_in)
    first.start()
    assert entered.wait(HANGS)
    with SingleThread():
        leave.set()
        first.join()
        assert set(counts()) == {1}
    assert counts() == two_threads


def test_others_may_set_the_number_while_a_thread_that_has_lives_on(
    two_threads: list[int],
) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(held).result()) == {1}
        with ThreadpoolController().limit(limits=1):
            assert set(counts()) == {1}
        assert counts() == two_threads


def test_an_interrupt_at_any_step_leaves_the_number_as_it_was(two_threads: list[int]) -> None:
    def enter_and_leave() -> None:
        context = SingleThread()
        try:
            with context:
                pass
        except KeyboardInterrupt:
            context.__exit__()
            raise

    for _ in interrupted_at_every_step(enter_and_leave):
        assert counts() == two_threads
        with ThreadPoolExecutor(1) as pool:  # no lock is held
            assert set(pool.submit(held).result(HANGS)) == {1}
        assert counts() == two_threads


def test_a_context_that_never_left_counts_no_more_once_it_is_let_go(
    two_threads: list[int],
) -> None:
    """As after a second interrupt on the way out."""
    context = SingleThread()
    context.__enter__()
    del context
    assert set(held()) == {1}
    assert counts() == two_threads


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [
        (["SkylakeX"], True),
        (["Cooperlake"], True),
        (["SAPPHIRERAPIDS"], True),
        (["Haswell"], False),
        (["Zen"], False),
        (["neoversev1"], False),
        ([], False),
        ([None], False),
        ([None, "SkylakeX"], True),
    ],
)
def test_which_kernels_read_operands_unpacked(
    kernels: list[str | None], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries other than OpenBLAS have no architecture."""
    found = [SimpleNamespace(**({"architecture": k} if k else {})) for k in kernels]
    monkeypatch.setattr(blas, "libraries", lambda: found)
    assert blas.reads_unpacked.__wrapped__() is expected
