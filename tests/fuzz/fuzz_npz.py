"""Fuzz the npz reader: ``python tests/fuzz/fuzz_npz.py -max_total_time=600``."""

from __future__ import annotations

import io

import harness
import numpy as np

from tests.formats import references
from tests.formats.archives import archive, npy

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b1": np.ones(2, ">f8")}


def saved(compressed: bool) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **SMALL)
    return file.getvalue()


def build(data: bytes) -> bytes:
    """Take the first byte as a choice: an archive, or members of one with right checksums."""
    choice, rest = data[:1], data[1:]
    if choice in (b"M", b"D"):
        method = 8 if choice == b"D" else 0
        parts = rest.split(b"|||")
        return archive([(f"{n}.npy", part) for n, part in enumerate(parts)], method=method)
    return rest


if __name__ == "__main__":
    harness.fuzz(
        harness.read,
        ".npz",
        [b"A" + saved(False), b"A" + saved(True), b"M" + npy(), b"D" + npy() + b"|||" + npy()],
        reference=references.read_npz,
        build=build,
    )
