"""Fuzz the IDX reader: ``python tests/fuzz/fuzz_idx.py -max_total_time=600``."""

from __future__ import annotations

import gzip

import harness

from tests.formats import references

GOOD = bytes([0, 0, 11, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(24)])


def build(data: bytes) -> bytes:
    """Take the first byte as a choice: a file, or one to compress."""
    choice, rest = data[:1], data[1:]
    return gzip.compress(rest, 1) if choice == b"Z" else rest


if __name__ == "__main__":
    harness.fuzz(
        lambda path: {"": harness.read_idx(path)},
        "",
        [b"A" + GOOD, b"Z" + GOOD, b"A" + gzip.compress(GOOD)],
        reference=references.read_idx,
        build=build,
    )
