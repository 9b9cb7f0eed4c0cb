"""The parent's end of a contestant's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[1]

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""What limits the threads of the libraries that contestants use, set before they start."""


class ContestantError(Exception):
    """A contestant's process answered with an error, or ended.

    Parameters
    ----------
    kind : {"unavailable", "unsupported", "wrong", "failed"}
    message : str
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Process:
    """A contestant in a process of its own, kept alive between requests.

    Parameters
    ----------
    name : str
        The contestant's name.
    threads : int
        How many threads its libraries may use.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env=_environment(threads),
            text=True,
            encoding="utf-8",
        )
        self._greeting: Mapping[str, Any] = {}

    @property
    def greeting(self) -> Mapping[str, Any]:
        """What the contestant says of itself; waits until it is ready.

        Raises
        ------
        ContestantError
            If it cannot take part.
        """
        if not self._greeting:
            self._greeting = self._answer()
        return self._greeting

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        ContestantError
            If the answer is an error, or the process ended.
        """
        self.greeting  # noqa: B018 (which comes before any answer)
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantError(answer["error"], answer["message"])
        return answer

    def _ended(self) -> ContestantError:
        status = self._child.wait()
        self._printed.seek(0)
        printed = self._printed.read().decode(errors="replace").strip().splitlines()
        last = f": {printed[-1]}" if printed else ""
        return ContestantError("failed", f"its process ended with status {status}{last}")

    def close(self) -> None:
        """End the process."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._printed.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _environment(threads: int) -> dict[str, str]:
    """Return the variables of a child: this tree's modules, and so many threads."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    limits = dict.fromkeys(THREAD_VARIABLES, str(threads))
    return {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(paths)}
