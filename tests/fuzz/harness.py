"""What the fuzzers share: a file, a loader, and what may come of it.

Each ``fuzz_*.py`` runs by itself, with libFuzzer's options behind it:
``python tests/fuzz/fuzz_pickle.py -max_total_time=600``. Whatever it finds belongs
into the tests of that format.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import atheris
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["arraynet"]):
    from arraynet import LoadError, formats
    from arraynet.datasets.idx import read_idx
    from arraynet.datasets.images import read_images

__all__ = ["formats", "fuzz", "read_idx", "read_images"]

Arrays = dict[str, np.ndarray[Any, Any]]

DEFAULTS = {"-rss_limit_mb": "700", "-timeout": "5", "-max_len": "4096"}


def fuzz(
    load: Callable[[str], Arrays],
    suffix: str,
    seeds: Iterable[bytes],
    *,
    reference: Callable[[str], Arrays | None] | None = None,
    build: Callable[[bytes], bytes] = bytes,
) -> None:
    """Load what the fuzzer makes of the seeds until it stops.

    Parameters
    ----------
    load : callable
        Returns arrays, or raises LoadError; anything else is a finding.
    suffix : str
        Of the file that it reads.
    seeds : iterable of bytes
        What to begin with.
    reference : callable, optional
        A second reader: of a file that loads, it must get the same arrays.
    build : callable
        Makes a file of the fuzzer's bytes, with checksums that are right.
    """
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    path = os.path.join(folder.name, f"case{suffix}")
    corpus = Path(folder.name, "corpus")
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)

    def one(data: bytes) -> None:
        Path(path).write_bytes(build(data))
        try:
            arrays = load(path)
        except LoadError:
            return
        theirs = reference(path) if reference else None
        if theirs is not None and not _same(arrays, theirs):
            raise AssertionError("a second reader gets other arrays")

    given = {argument.split("=")[0] for argument in sys.argv}
    options = [f"{name}={value}" for name, value in DEFAULTS.items() if name not in given]
    atheris.Setup([*sys.argv, *options, str(corpus)], one)
    atheris.Fuzz()


def _same(ours: Arrays, theirs: Arrays) -> bool:
    return ours.keys() == theirs.keys() and all(
        ours[name].shape == theirs[name].shape
        and ours[name].tobytes() == theirs[name].astype(ours[name].dtype).tobytes()
        for name in ours
    )


def read(path: str) -> Arrays:
    """Read a file of tensors."""
    return formats.read(path, allow_nonfinite=True).tensors
