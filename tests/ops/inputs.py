"""Inputs with which any op runs: what the tests of every op give it."""

from __future__ import annotations

from typing import Any

import numpy as np

from arraynet.ops import OPS

Vector = np.ndarray[Any, Any]


def _whole(*numbers: int) -> Vector:
    return np.array(numbers, np.int64)


def _recurrent(gates: int, x: Vector) -> list[Vector]:
    rows = np.linspace(-0.5, 0.5, gates * 2 * 4, dtype=x.dtype)
    return [
        x[:, None, :],
        rows.reshape(1, gates * 2, 4),
        rows[: gates * 4].reshape(1, gates * 2, 2),
    ]


def _given(name: str, x: Vector) -> tuple[list[Any], dict[str, Any]] | None:
    """Return what an op takes that is no vector beside its first array; x has 4 columns."""
    columns = np.arange(12, dtype=x.dtype).reshape(4, 3) / 8
    image = np.arange(len(x) * 16, dtype=x.dtype).reshape(len(x), 4, 2, 2)
    heads = np.stack([x, x[:, ::-1]])[:, None]
    square = (
        np.stack([np.eye(3, dtype=x.dtype) * 2] * len(x)) if len(x) else columns[None, :0, :0][:0]
    )
    places = np.zeros(x.shape, np.int64)
    lines = x[:, :2, None] * np.ones(5, x.dtype) + x[:, :1, None] * np.arange(5, dtype=x.dtype)
    kernel = np.arange(12, dtype=x.dtype).reshape(3, 2, 2) / 8
    pair, row = columns[0, 1:], columns[1:3, 0]
    return {
        "acosh": ([np.abs(x) + 1], {}),
        "affine": ([x, columns, columns[0]], {}),
        "asin": ([x / 4], {}),
        "acos": ([x / 4], {}),
        "atanh": ([x / 4], {}),
        "average_pool": ([lines], {"kernel_shape": (2,)}),
        "batch_normalization": ([lines, pair, row, row, pair], {}),
        "attention": ([heads, heads, heads], {}),
        "bit_shift": ([_whole(1, 2, 3), _whole(1, 2, 3)], {"direction": "LEFT"}),
        "cast": ([x], {"to": "int32"}),
        "col2im": ([x[:, :, None] * np.ones(2, x.dtype), _whole(3), _whole(2)], {}),
        "compress": ([x, np.array([True, False, True])], {"axis": 1}),
        "concat": ([x, x], {"axis": 0}),
        "conv": ([lines, kernel, columns[0]], {}),
        "conv_transpose": ([lines, kernel.reshape(2, 3, 2), columns[0]], {}),
        "constant_of_shape": ([_whole(2, 3)], {}),
        "cum_prod": ([x, _whole(1)], {}),
        "cum_sum": ([x, _whole(1)], {}),
        "depth_to_space": ([image], {"blocksize": 2}),
        "det": ([square], {}),
        "einsum": ([x, columns], {"equation": "ij,jk"}),
        "embedding": ([_whole(2, 0), columns], {}),
        "expand": ([x, _whole(2, 1, 1)], {}),
        "gather": ([x, _whole(0, -1)], {"axis": 1}),
        "gather_elements": ([x, places], {"axis": 1}),
        "gather_nd": ([columns, _whole(0, -1).reshape(2, 1)], {}),
        "gemm": ([x, columns], {}),
        "global_average_pool": ([lines], {}),
        "global_lp_pool": ([lines], {}),
        "global_max_pool": ([lines], {}),
        "group_normalization": ([lines, pair, row], {"num_groups": 2}),
        "instance_normalization": ([lines, pair, row], {}),
        "gru": (_recurrent(3, x), {}),
        "log": ([np.abs(x) + 0.5], {}),
        "logical_and": ([x > 0, x[..., :1] > 1], {}),
        "logical_not": ([x > 0], {}),
        "logical_or": ([x > 0, x[..., :1] > 1], {}),
        "logical_xor": ([x > 0, x[..., :1] > 1], {}),
        "lp_pool": ([lines], {"kernel_shape": (2,)}),
        "lrn": ([lines], {"size": 3}),
        "lstm": (_recurrent(4, x), {}),
        "matmul": ([x, columns], {}),
        "max_pool": ([lines], {"kernel_shape": (2,)}),
        "max_pool_with_indices": ([lines], {"kernel_shape": (2,)}),
        "max_unpool": (
            [lines[:, :, :1], _whole(*range(2 * len(x))).reshape(-1, 2, 1)],
            {"kernel_shape": (1,)},
        ),
        "mean_variance_normalization": ([x], {"axes": (1,)}),
        "one_hot": ([_whole(1, -1), _whole(3), columns[0, :2]], {}),
        "pad": ([x, _whole(0, 1, 0, 1)], {}),
        "pow": ([np.abs(x) + 0.5, x[..., :1] * 0 + 2], {}),
        "range": ([_whole(0), _whole(7), _whole(2)], {}),
        "reshape": ([x, _whole(-1, 2)] if x.size else [x, _whole(0, 2, 2)], {}),
        "reverse_sequence": ([x, _whole(2, 3, 1)[: len(x)]], {"batch_axis": 0, "time_axis": 1}),
        "rnn": (_recurrent(1, x), {}),
        "rotary_embedding": ([heads, *[heads[:, 0, :, :2]] * 2], {}),
        "scaled_dot_product_attention": ([heads, heads, heads], {}),
        "scatter_elements": ([x, places, x * 0 + 9], {"axis": 1}),
        "scatter_nd": ([columns, _whole(0, -1).reshape(2, 1), columns[:2] + 9], {}),
        "slice": ([x, _whole(1), _whole(3), _whole(1)], {}),
        "space_to_depth": ([image], {"blocksize": 2}),
        "split": ([x], {"axis": 1, "num_outputs": 2}),
        "sqrt": ([np.abs(x)], {}),
        "tile": ([x, _whole(1, 2)], {}),
        "top_k": ([x, _whole(2)], {}),
        "unsqueeze": ([x, _whole(0)], {}),
        "where": ([x > 0, x[..., :1], x * 0 + 7], {}),
    }.get(name)


def sample(name: str, x: Vector | None = None) -> tuple[list[Any], dict[str, Any]]:
    """Return arrays and attributes with which an op runs.

    Parameters
    ----------
    name : str
    x : numpy.ndarray, shape (rows, 4), optional
        The first array, or what it is made of.
    """
    if x is None:
        x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
    if "integral" in OPS[name].dtypes:
        x = np.round(x).astype(np.int64)
    given = _given(name, x)
    if given is not None:
        return given
    required = sum(
        p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in OPS[name].arrays
    )
    vector = (np.arange(4) / 2 + 0.5).astype(x.dtype)
    return [x, *[vector] * (required - 1)], {}
