"""Throws hostile files at a loader, in a process that cannot take much or do much."""

from __future__ import annotations

import atexit
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.effort import LIGHT

ROOT = Path(__file__).parents[2]

Case = tuple[str, bytes]


@dataclass(frozen=True)
class Report:
    """What became of the files: see `tests.formats.victim`."""

    cases: int
    loaded: int
    refused: int
    units: float
    slowest: str
    memory: int
    largest: str
    failures: list[str]
    events: dict[str, list[str]]
    messages: dict[str, str]

    def __str__(self) -> str:
        return (
            f"{self.cases} files: {self.refused} refused, {self.loaded} loaded; at most "
            f"{self.units:.1f} units ({self.slowest}) and {self.memory / 2**20:.1f} MB "
            f"({self.largest})"
        )

    def check(self) -> None:
        """Assert what holds for every loader and every file.

        Each file was loaded as a second reader loads it, or refused with LoadError;
        with little work (see `tests.effort`) and 256 MB; and nothing else happened.
        """
        print(self)
        assert not self.failures, "\n".join(self.failures[:10])
        assert not self.events, list(self.events.items())[:10]
        assert self.loaded + self.refused == self.cases > 0
        assert self.units < LIGHT, f"{self.slowest} took {self.units} units"
        assert self.memory < 256 << 20, f"{self.largest} took {self.memory} bytes"


def attack(cases: Iterable[Case], loader: str, suffix: str, good: bytes) -> Report:
    """Load each case in one process of its own; ``good`` is a file that loads."""
    # Thousands of small files: in memory, where the system has a folder for that.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        all_cases = Path(folder, "cases")
        with all_cases.open("wb") as file:
            for name, data in cases:
                encoded = name.encode()
                file.write(struct.pack("<II", len(encoded), len(data)) + encoded + data)
        well_formed = Path(folder, f"good{suffix}")
        well_formed.write_bytes(good)
        found = _answer([loader, suffix, str(all_cases), str(well_formed)])
    return Report(**found)


@cache
def _victims() -> subprocess.Popen[str]:
    """Start the process that has imported what each victim needs, and forks them."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.formats.victim"],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)
    return process


def _answer(arguments: list[str]) -> dict[str, Any]:
    """Return what a victim found; it is gone whatever happened."""
    process = _victims()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        print(json.dumps(arguments), file=process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(process.stdout.readline())
    except BaseException:  # whoever comes next must not get this answer
        process.kill()
        process.communicate()
        _victims.cache_clear()
        raise
    assert "crash" not in answer, answer["crash"]
    return answer


def truncations(good: bytes) -> Iterator[Case]:
    """Yield every beginning of a file."""
    for length in range(len(good)):
        yield f"first {length} bytes", good[:length]


def bit_flips(good: bytes, count: int, seed: int = 1) -> Iterator[Case]:
    """Yield a file with one to four random bits changed."""
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield f"flip {number}", bytes(data)


def structures(strategy: st.SearchStrategy[bytes]) -> list[Case]:
    """Return files that Hypothesis makes: the same 600 every time, or more in `thorough`."""
    made: list[bytes] = []

    @settings(
        max_examples=15 * settings().max_examples,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(data: bytes) -> None:
        made.append(data)

    collect()
    return [(f"structure {number}", data) for number, data in enumerate(made)]


def odd_values() -> st.SearchStrategy[Any]:
    """Return JSON values of every kind, for places where another kind belongs."""
    return st.sampled_from(
        [None, True, False, 0, 1, -1, 1.5, 1e300, 2**63, 2**70, -(2**63), "", "x", "\ud800", "é",
         [], [1], [[[[]]]], [None], ["x"], {}, {"x": 1}, {"x": {"x": {"x": []}}}]
    )  # fmt: skip
