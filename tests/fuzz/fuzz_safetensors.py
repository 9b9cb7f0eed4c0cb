"""Fuzz the safetensors reader: ``python tests/fuzz/fuzz_safetensors.py -max_total_time=600``."""

from __future__ import annotations

import harness
import numpy as np
import safetensors.numpy

from tests.formats import references

SMALL = {"W1": np.arange(6, dtype="f4").reshape(2, 3), "b1": np.ones(2, "f8")}


def build(data: bytes) -> bytes:
    """Take the first byte as a choice: a file, or a header of which the length is right."""
    choice, rest = data[:1], data[1:]
    if choice == b"H":
        header, _, tensors = rest.partition(b"|||")
        return len(header).to_bytes(8, "little") + header + tensors
    return rest


if __name__ == "__main__":
    good = safetensors.numpy.save(SMALL, {"a": "b"})
    length = int.from_bytes(good[:8], "little")
    header, tensors = good[8 : 8 + length], good[8 + length :]
    harness.fuzz(
        harness.read,
        ".safetensors",
        [b"A" + good, b"H" + header + b"|||" + tensors],
        reference=references.read_safetensors,
        build=build,
    )
