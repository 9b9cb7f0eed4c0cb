"""Images have their channels on axis 1: vectors of one number for each channel."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text


def check_image(x: Array, least: int = 3) -> None:
    """Refuse what has no batch, channels and, by default, a spatial axis.

    Raises
    ------
    ShapeError
    """
    if x.ndim < least:
        wanted = "(batch, channels, …)" if least < 3 else "(batch, channels, and spatial axes)"
        raise ShapeError(f"x {shape_text(x.shape)} needs at least {least} axes {wanted}")


def per_channel(name: str, vector: Array, channels: int, rank: int, xp: Namespace) -> Array:
    """Return a vector so that it broadcasts with an array of that rank along axis 1.

    Raises
    ------
    ShapeError
        If it has not one number for each channel.
    """
    if tuple(vector.shape) != (channels,):
        raise ShapeError(
            f"{name} {shape_text(vector.shape)} needs one number for each of {channels} channels"
        )
    return xp.reshape(vector, (channels, *(1,) * (rank - 2))) if rank > 2 else vector
