"""The operations: activations, softmax and its kin, products with weights.

Pure functions of arrays, written on the Python array API standard: they compute with
the library and on the device of the array they are given, and return an array of the
same dtype. `OPS` holds them under the names that graphs use.
"""

from __future__ import annotations

from arraynet.ops.activations import (
    log_sigmoid,
    sigmoid,
    softplus,
    softsign,
    squareplus,
    step,
    tanh,
)
from arraynet.ops.exponential_units import celu, elu, selu
from arraynet.ops.gates import gelu, glu, mish, silu, swish
from arraynet.ops.gaussian import erf, erfc
from arraynet.ops.linear import add, affine, dropout, identity, linear, matmul, scale_shift
from arraynet.ops.rectifiers import (
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    prelu,
    relu,
    relu6,
    thresholded_relu,
)
from arraynet.ops.registry import OPS, Op, op
from arraynet.ops.shrinkage import hard_shrink, soft_shrink, tanh_shrink
from arraynet.ops.softmax import (
    log_softmax,
    logsumexp,
    softmax,
    softmin,
    unguarded_softmax,
)
from arraynet.ops.sparse import hardmax, sparsemax

__all__ = [
    "OPS",
    "Op",
    "add",
    "affine",
    "celu",
    "dropout",
    "elu",
    "erf",
    "erfc",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hardmax",
    "identity",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "matmul",
    "mish",
    "op",
    "prelu",
    "relu",
    "relu6",
    "scale_shift",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "sparsemax",
    "squareplus",
    "step",
    "swish",
    "tanh",
    "tanh_shrink",
    "thresholded_relu",
    "unguarded_softmax",
]
