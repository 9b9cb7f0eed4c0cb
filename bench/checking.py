"""Whether a timed result is right."""

from __future__ import annotations

import numpy as np

from bench.networks import HostArray


class WrongResultError(Exception):
    """A contestant gave something else than the network's output."""


def check(result: HostArray, reference: HostArray, tolerance: float) -> float:
    """Return how far a result is from the reference; refuse it if that is too far.

    Parameters
    ----------
    result : numpy.ndarray
    reference : numpy.ndarray
        float64, of the shape that the result must have.
    tolerance : float
        The largest difference allowed, as a part of the largest value of the
        reference, or of 1 where that is smaller.

    Returns
    -------
    float
        The largest difference, measured likewise.

    Raises
    ------
    WrongResultError
        For another shape, values that are not finite, or too large a difference.

    Examples
    --------
    >>> check(np.array([0.5]), np.array([0.25]), tolerance=1.0)
    0.25
    """
    if result.shape != reference.shape:
        raise WrongResultError(f"got shape {result.shape}, expected {reference.shape}")
    if not np.isfinite(result).all():
        raise WrongResultError("got values that are not finite, expected finite ones")
    if not result.size:
        return 0.0
    scale = max(1.0, float(np.abs(reference).max()))
    difference = float(np.abs(result - reference).max()) / scale
    if difference > tolerance:
        raise WrongResultError(
            f"got a result that is {difference:.1e} off, expected at most {tolerance:.1e}"
        )
    return difference
