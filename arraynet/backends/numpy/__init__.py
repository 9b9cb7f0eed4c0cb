"""NumPy on the CPU: calls that are recorded, planned over buffers, and replayed."""

from __future__ import annotations

from arraynet.backends.numpy.backend import NumpyBackend

__all__ = ["NumpyBackend"]
