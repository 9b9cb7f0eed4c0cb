"""Arrays of every kind that a pickle may hold, by formula."""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")


def sample_arrays() -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays that the fixtures of NumPy 1 were made from."""
    counting = np.arange(24)
    arrays: dict[str, Any] = {
        "W1": (counting[:6].reshape(2, 3) / 7).astype("f4"),
        "fortran": np.asfortranarray((counting[:12].reshape(4, 3) / 3).astype("f8")),
        "transposed": (counting.reshape(2, 3, 4) / 5).astype("f4").transpose(2, 0, 1),
        "strided": (counting.reshape(4, 6) / 9).astype("f4")[::2, 1::2],
        "big": np.array([1.5, -0.0, np.inf, -np.pi], ">f8"),
        "big_fortran": np.asfortranarray((counting[:6].reshape(3, 2) / 11).astype(">f4")),
        "empty": np.zeros((0, 3), "f4"),
        "no_axes": np.array(2.5, "f4"),
        "scalar": np.float32(-3.25),
        "bytes": np.array([0, 9, 10, 13, 26, 34, 39, 92, 127, 128, 255], "u1"),
        "nan": np.array([0x7FC00001, 0xFF800001, 0x80000000], "u4").view("f4"),
    }
    for kind in KINDS:
        arrays[f"kind_{kind}"] = np.array([0, 1, 1, 0, 1]).astype(kind)
    arrays["same"] = arrays["W1"]
    return arrays
