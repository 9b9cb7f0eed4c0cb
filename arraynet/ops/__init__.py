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
from arraynet.ops.control import if_, loop, scan
from arraynet.ops.convolution import conv
from arraynet.ops.exponential_units import celu, elu, selu
from arraynet.ops.gates import gelu, glu, mish, silu, swish
from arraynet.ops.gaussian import erf, erfc
from arraynet.ops.global_pooling import global_average_pool, global_lp_pool, global_max_pool
from arraynet.ops.layer_normalisation import (
    layer_normalization,
    layer_normalization_with_statistics,
    rms_normalization,
)
from arraynet.ops.linear import add, affine, dropout, identity, linear, matmul, scale_shift
from arraynet.ops.normalisation import (
    batch_normalization,
    group_normalization,
    instance_normalization,
    mean_variance_normalization,
)
from arraynet.ops.padding import pad
from arraynet.ops.pooling import average_pool, lp_pool, max_pool
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
from arraynet.ops.response_normalisation import lp_normalization, lrn
from arraynet.ops.shrinkage import hard_shrink, soft_shrink, tanh_shrink
from arraynet.ops.softmax import (
    log_softmax,
    logsumexp,
    softmax,
    softmin,
    unguarded_softmax,
)
from arraynet.ops.sparse import hardmax, sparsemax
from arraynet.ops.transposed_convolution import col2im, conv_transpose
from arraynet.ops.unpooling import max_pool_with_indices, max_unpool

__all__ = [
    "OPS",
    "Op",
    "add",
    "affine",
    "average_pool",
    "batch_normalization",
    "celu",
    "col2im",
    "conv",
    "conv_transpose",
    "dropout",
    "elu",
    "erf",
    "erfc",
    "gelu",
    "global_average_pool",
    "global_lp_pool",
    "global_max_pool",
    "glu",
    "group_normalization",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hardmax",
    "identity",
    "if_",
    "instance_normalization",
    "layer_normalization",
    "layer_normalization_with_statistics",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "loop",
    "lp_normalization",
    "lp_pool",
    "lrn",
    "matmul",
    "max_pool",
    "max_pool_with_indices",
    "max_unpool",
    "mean_variance_normalization",
    "mish",
    "op",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "rms_normalization",
    "scale_shift",
    "scan",
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
