"""One contestant's process: it is told what to time by lines of JSON, and answers so.

``python -m bench.worker CONTESTANT THREADS``, started by `bench.process`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bench.checking import WrongResultError, check
from bench.contestants import make
from bench.contestants.base import Contestant, Timed, UnavailableError, UnsupportedError
from bench.networks import HostArray, layers_of
from bench.timing import calls_for, come_to_rest, time_calls
from bench.workloads import WORKLOADS, Workload, inputs_of

KINDS: dict[type[Exception], str] = {
    UnavailableError: "unavailable",
    UnsupportedError: "unsupported",
    WrongResultError: "wrong",
}
"""What an answer calls an exception; any other one is "failed"."""

# Consecutive workloads often have one network; only the latest is kept.
_layers = lru_cache(maxsize=1)(layers_of)


class Sampler:
    """What is prepared in this process, and how to time it.

    Parameters
    ----------
    contestant : Contestant
    """

    def __init__(self, contestant: Contestant) -> None:
        self._contestant = contestant
        self._phases: dict[str, Timed] = {}
        self._references: dict[str, HostArray] = {}
        self._tolerance = 0.0

    def prepare(
        self,
        workload: Workload,
        references: dict[str, HostArray],
        phases: list[str],
        seconds: float,
    ) -> dict[str, Any]:
        """Build a workload, call each phase once, and find how many calls make a sample.

        Parameters
        ----------
        workload : Workload
        references : dict of str to numpy.ndarray
            "network" and "products", in float64.
        phases : list of str
            Which to time; none means all that there are.
        seconds : float
            How long a sample should take at least.

        Returns
        -------
        dict
            ``load_seconds``, and of each phase the ``number`` of calls in a sample
            and the ``first_seconds`` of its very first call.
        """
        self._phases.clear()  # the last workload's memory goes before there is more
        layers = _layers(workload.network)
        x = inputs_of(workload, layers)
        self._references = {**references, "input": x}
        self._tolerance = workload.tolerance
        started = time.perf_counter()
        timed = self._contestant.prepare(layers, workload, x)
        answer: dict[str, Any] = {"load_seconds": time.perf_counter() - started, "phases": {}}
        for phase in phases or timed:
            self._phases[phase] = timed[phase]
            first, _ = self._time(timed[phase], 1)
            number = calls_for(timed[phase].call, seconds)
            answer["phases"][phase] = {"number": number, "first_seconds": first}
        come_to_rest()
        return answer

    def sample(self, phase: str, number: int) -> dict[str, float]:
        """Time a number of calls after one that is not counted; check what they gave.

        Returns
        -------
        dict
            ``seconds`` of one call, and the ``difference`` of the last result from
            the reference.
        """
        timed = self._phases[phase]
        timed.call()
        seconds, difference = self._time(timed, number)
        come_to_rest()
        return {"seconds": seconds, "difference": difference}

    def _time(self, timed: Timed, number: int) -> tuple[float, float]:
        seconds, result = time_calls(timed.call, number)
        host = timed.result(result)
        return seconds, check(host, self._references[timed.against], self._tolerance)


def blas_facts() -> list[dict[str, Any]]:
    """Return the BLAS libraries of this process: their kernels, versions and threads."""
    from threadpoolctl import threadpool_info

    wanted = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    return [
        {key: library[key] for key in wanted if key in library}
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def serve(name: str, threads: int, requests: Iterator[str], answers: TextIO) -> None:
    """Answer requests until there are no more."""

    def answer(**facts: Any) -> None:
        answers.write(json.dumps(facts) + "\n")
        answers.flush()

    try:
        contestant = make(name, threads)
        sampler = Sampler(contestant)
        answer(facts=contestant.facts(), blas=blas_facts())
    except Exception as error:
        answer(error=_kind(error), message=str(error) or type(error).__name__)
        return
    for line in requests:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                answer(
                    **sampler.prepare(
                        WORKLOADS[request["workload"]],
                        _read_references(Path(request["references"])),
                        request["phases"],
                        request["seconds"],
                    )
                )
            else:
                answer(**sampler.sample(request["phase"], request["number"]))
        except Exception as error:  # told to the parent, which decides
            answer(error=_kind(error), message=_text(error))


def _read_references(folder: Path) -> dict[str, HostArray]:
    return {path.stem: np.load(path) for path in folder.glob("*.npy")}


def _kind(error: Exception) -> str:
    return KINDS.get(type(error), "failed")


def _text(error: Exception) -> str:
    return str(error) if type(error) in KINDS else f"{type(error).__name__}: {error}"


def main() -> None:
    """Serve on the standard streams; what libraries print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    name, threads = sys.argv[1:]
    serve(name, int(threads), iter(sys.stdin), answers)


if __name__ == "__main__":
    main()
