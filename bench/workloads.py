"""What is timed: which network, on how many rows, of which dtype, by which call."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.networks import SEED, HostArray, Layers

PREDICT_ROWS = 1000
"""From so many rows on arraynet is asked by ``net.predict(x)``, below by ``net(x)``."""


@dataclass(frozen=True)
class Workload:
    """One line of the table, or one point of a growth curve.

    Parameters
    ----------
    name : str
        What ``--workloads`` takes.
    title : str
        What the table prints.
    network : str
        A name for `bench.networks.layers_of`.
    rows : int
        The size of the batch.
    dtype : {"float32", "uint8"}
        Of the input. Bytes stand for pixels, to be divided by 255.
    curve : {"", "batch", "width"}
        The growth curve that it is a point of.
    place : int
        Where on the curve.
    tolerance : float
        How far a right result may be from the float64 reference: see `bench.checking`.
    """

    name: str
    title: str
    network: str
    rows: int
    dtype: str = "float32"
    curve: str = ""
    place: int = 0
    tolerance: float = 5e-6

    @property
    def predicts(self) -> bool:
        """Whether arraynet is asked by ``net.predict(x)``."""
        return self.rows >= PREDICT_ROWS


def _table() -> list[Workload]:
    return [
        Workload("mnist-1", "MNIST network, 1 row", "mnist", 1),
        Workload("mnist-100", "MNIST network, 100 rows", "mnist", 100),
        Workload("mnist-10000", "MNIST network, 10,000 rows", "mnist", 10_000),
        Workload("mnist-10000-uint8", "MNIST network, 10,000 of bytes", "mnist", 10_000, "uint8"),
        Workload("wide-1", "wide network, 1 row", "wide", 1, tolerance=2e-5),
        Workload("wide-256", "wide network, 256 rows", "wide", 256, tolerance=2e-5),
        Workload("mixed-1", "mixed network, 1 row", "mixed", 1),
        Workload("mixed-100", "mixed network, 100 rows", "mixed", 100),
        Workload("mixed-10000", "mixed network, 10,000 rows", "mixed", 10_000),
    ]


def _curves() -> list[Workload]:
    batches = [10**power for power in range(6)]
    widths = [4**power for power in range(2, 7)]
    return [
        *(
            Workload(f"batch-{n}", f"MNIST network, {n:,} rows", "mnist", n, curve="batch", place=n)
            for n in batches
        ),
        *(
            Workload(f"width-{w}", f"784-{w}-{w}-10, 100 rows", f"width-{w}", 100, curve="width",
                     place=w, tolerance=2e-5)
            for w in widths
        ),
    ]  # fmt: skip


WORKLOADS = {workload.name: workload for workload in [*_table(), *_curves()]}

SLOW = {"batch-100000", "width-4096"}
"""The workloads that ``--quick`` leaves out, unless they are asked for by name."""


def chosen(patterns: Sequence[str], *, quick: bool = False) -> list[Workload]:
    """Return the workloads of some names, which may hold ``*``; all if there are none.

    Raises
    ------
    ValueError
        If a name is that of no workload.

    Examples
    --------
    >>> [workload.name for workload in chosen(["wide-*"])]
    ['wide-1', 'wide-256']
    """
    if not patterns:
        return [w for name, w in WORKLOADS.items() if not (quick and name in SLOW)]
    names: list[str] = []
    for pattern in patterns:
        found = fnmatch.filter(WORKLOADS, pattern)
        if not found:
            raise ValueError(f"got {pattern!r}, expected some of {', '.join(WORKLOADS)}")
        names += found
    return [workload for name, workload in WORKLOADS.items() if name in names]


def inputs_of(workload: Workload, layers: Layers) -> HostArray:
    """Return the workload's batch: the same one in every process.

    Returns
    -------
    numpy.ndarray, shape (rows, features)
        float32 between 0 and 1, or bytes.
    """
    random = np.random.default_rng([SEED, workload.rows])
    shape = (workload.rows, layers[0].weight.shape[0])
    if workload.dtype == "uint8":
        return random.integers(0, 256, shape, np.uint8)
    return random.random(shape, np.float32)
