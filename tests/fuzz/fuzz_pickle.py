"""Fuzz the pickle reader: ``python tests/fuzz/fuzz_pickle.py -max_total_time=600``."""

from __future__ import annotations

import pickle
from pathlib import Path

import harness
import numpy as np

from tests.formats import opcodes, references

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b": np.ones(2, ">f8"), "s": np.float32(1)}

if __name__ == "__main__":
    data = Path(__file__).parents[1] / "formats" / "data"
    harness.fuzz(
        harness.read,
        ".pkl",
        [
            opcodes.GOOD,
            *(pickle.dumps(SMALL, protocol) for protocol in range(6)),
            *(path.read_bytes() for path in sorted(data.glob("*.pkl"))),
        ],
        reference=references.read_pickle,
    )
