"""Blocks of pixels to channels and back, and sequences from back to front."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text
from arraynet.ops.admission import check_choice
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import beside
from arraynet.ops.precision import check_integral
from arraynet.ops.registry import op

_MODES = ("DCR", "CRD")


@op(dtypes=("any",), choices={"mode": _MODES})
def depth_to_space(
    x: Array, *, blocksize: int = 0, mode: str = "DCR", xp: Namespace = None
) -> Array:
    """Make blocks of pixels of channels: pixel shuffle.

    Parameters
    ----------
    x : array, shape (batch, channels, height, width)
        Of any dtype.
    blocksize : int
        The height and width of a block; it has no default.
    mode : {"DCR", "CRD"}
        Which comes first among the channels: the place in the block (DCR) or the channel of
        the result (CRD, as PyTorch's PixelShuffle).

    Returns
    -------
    array, shape (batch, channels / blocksize², height * blocksize, width * blocksize)

    Examples
    --------
    >>> import numpy as np
    >>> depth_to_space(np.arange(4).reshape(1, 4, 1, 1), blocksize=2)[0, 0]
    array([[0, 1],
           [2, 3]])
    """
    batch, channels, height, width = _image(x, "depth_to_space", blocksize, mode)
    size = blocksize
    if channels % size**2:
        raise ShapeError(f"{channels} channels are no multiple of {size**2}, the size of a block")
    rest = channels // size**2
    if mode == "DCR":
        blocks = xp.reshape(x, (batch, size, size, rest, height, width))
        moved = xp.permute_dims(blocks, (0, 3, 4, 1, 5, 2))
    else:
        blocks = xp.reshape(x, (batch, rest, size, size, height, width))
        moved = xp.permute_dims(blocks, (0, 1, 4, 2, 5, 3))
    return xp.reshape(moved, (batch, rest, height * size, width * size))


@op(dtypes=("any",), choices={"mode": _MODES})
def space_to_depth(
    x: Array, *, blocksize: int = 0, mode: str = "DCR", xp: Namespace = None
) -> Array:
    """Make channels of blocks of pixels: what `depth_to_space` undoes.

    Parameters
    ----------
    x : array, shape (batch, channels, height, width)
        Of any dtype.
    blocksize : int
        The height and width of a block; it has no default.
    mode : {"DCR", "CRD"}
        Which comes first among the new channels: the place in the block (DCR) or the old
        channel (CRD, as PyTorch's PixelUnshuffle).

    Returns
    -------
    array, shape (batch, channels * blocksize², height / blocksize, width / blocksize)

    Examples
    --------
    >>> import numpy as np
    >>> space_to_depth(np.arange(4).reshape(1, 1, 2, 2), blocksize=2)[0, :, 0, 0]
    array([0, 1, 2, 3])
    """
    batch, channels, height, width = _image(x, "space_to_depth", blocksize, mode)
    size = blocksize
    if height % size or width % size:
        raise ShapeError(f"sizes {height} and {width} are no multiples of the block's, {size}")
    rows, columns = height // size, width // size
    blocks = xp.reshape(x, (batch, channels, rows, size, columns, size))
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    moved = xp.permute_dims(blocks, order)
    return xp.reshape(moved, (batch, channels * size**2, rows, columns))


def _image(x: Array, name: str, blocksize: int, mode: str) -> tuple[int, ...]:
    """Return the sizes of images, after checking what is asked of them."""
    check_choice(name, "mode", mode, _MODES)
    if blocksize < 1:
        raise GraphError(f"{name}: got blocksize={blocksize}, expected a number from 1 on")
    if x.ndim != 4:
        raise ShapeError(f"x {shape_text(x.shape)} needs four axes: batch, channels, rows, columns")
    return tuple(x.shape)


@op(dtypes=("any",))
def reverse_sequence(
    x: Array,
    sequence_lens: Array,
    *,
    batch_axis: int = 1,
    time_axis: int = 0,
    xp: Namespace = None,
) -> Array:
    """Turn sequences back to front, each to its own length; what is behind it stays.

    Parameters
    ----------
    sequence_lens : array of integers, shape (batch,)
        The lengths.
    batch_axis, time_axis : int
        Which axis counts the sequences, and which their elements.

    Examples
    --------
    >>> import numpy as np
    >>> reverse_sequence(
    ...     np.array([[1, 2, 3], [4, 5, 6]]), np.array([2, 3]), batch_axis=0, time_axis=1
    ... )
    array([[2, 1, 3],
           [6, 5, 4]])
    """
    check_integral("reverse_sequence", sequence_lens)
    batch, time = checked_axis(batch_axis, x.shape), checked_axis(time_axis, x.shape)
    if batch == time or tuple(sequence_lens.shape) != (x.shape[batch],):
        raise ShapeError(
            f"sequence_lens {shape_text(sequence_lens.shape)} for axes {batch_axis} and "
            f"{time_axis} of {shape_text(x.shape)}: one length for each sequence is needed"
        )
    shape = [1] * x.ndim
    shape[batch] = x.shape[batch]
    lengths = xp.reshape(sequence_lens, tuple(shape))
    shape = [1] * x.ndim
    shape[time] = x.shape[time]
    turns = xp.reshape(beside(sequence_lens, xp.arange, x.shape[time]), tuple(shape))
    places = xp.where(turns < lengths, lengths - 1 - turns, turns)
    return xp.take_along_axis(x, xp.broadcast_to(places, x.shape), axis=time)
