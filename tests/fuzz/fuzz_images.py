"""Fuzz the image reader: ``python tests/fuzz/fuzz_images.py -max_total_time=600``."""

from __future__ import annotations

import zlib

import harness

from tests.datasets.pictures import chunk, png
from tests.formats import references
from tests.formats.archives import npy


def build(data: bytes) -> bytes:
    """Take the first byte as a choice: a file, or a PNG of which the checksums are right."""
    choice, rest = data[:1], data[1:]
    if choice != b"P":
        return rest
    header, pixels, *more = rest.split(b"|||")[:20] + [b""] * 2
    body = b"".join(chunk(part[:4].ljust(4, b"a"), part[4:]) for part in more if part)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body
        + chunk(b"IDAT", zlib.compress(pixels, 1)) + chunk(b"IEND", b"")
    )  # fmt: skip


if __name__ == "__main__":
    header = b"\0\0\0\3\0\0\0\2\10\0\0\0\0"
    harness.fuzz(
        lambda path: {"": harness.read_images(path)},
        "",
        [b"A" + png(), b"A" + npy(), b"P" + header + b"|||" + b"\0\1\2\3" * 2 + b"|||tRNS\0\0"],
        reference=references.read_images,
        build=build,
    )
