"""Writes the fixtures ``data/numpy1_protocol*.pkl``; run it where NumPy is below 2.

``python tests/formats/make_numpy1_pickles.py`` with numpy 1.26 on Python 3.11 made
those in the repository.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from sample_arrays import sample_arrays  # type: ignore[import-not-found]

if __name__ == "__main__":
    if not np.__version__.startswith("1."):
        raise SystemExit(f"got NumPy {np.__version__}, expected 1.x")
    for protocol in range(6):
        target = Path(__file__).parent / "data" / f"numpy1_protocol{protocol}.pkl"
        target.write_bytes(pickle.dumps(sample_arrays(), protocol))
