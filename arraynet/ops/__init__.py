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
from arraynet.ops.arithmetic import (
    abs,
    add,
    clip,
    cum_prod,
    cum_sum,
    div,
    mod,
    mul,
    neg,
    pow,
    sign,
    sub,
)
from arraynet.ops.attention import attention, scaled_dot_product_attention
from arraynet.ops.bits import bit_shift, bitwise_and, bitwise_not, bitwise_or, bitwise_xor
from arraynet.ops.casting import cast, cast_like
from arraynet.ops.comparison import (
    equal,
    greater,
    greater_or_equal,
    is_inf,
    is_nan,
    less,
    less_or_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    where,
)
from arraynet.ops.control import if_, loop, scan
from arraynet.ops.convolution import conv
from arraynet.ops.creation import eye_like, one_hot, trilu
from arraynet.ops.einsum import einsum
from arraynet.ops.elementary import ceil, exp, floor, log, reciprocal, round, sqrt
from arraynet.ops.exponential_units import celu, elu, selu
from arraynet.ops.gates import gelu, glu, mish, silu, swish
from arraynet.ops.gaussian import erf, erfc
from arraynet.ops.global_pooling import global_average_pool, global_lp_pool, global_max_pool
from arraynet.ops.indexing import compress, embedding, gather, gather_elements, gather_nd, non_zero
from arraynet.ops.joining import concat, slice, split
from arraynet.ops.layer_normalisation import (
    layer_normalization,
    layer_normalization_with_statistics,
    rms_normalization,
)
from arraynet.ops.linear import affine, dropout, identity, linear, matmul, scale_shift
from arraynet.ops.lstm import lstm
from arraynet.ops.normalisation import (
    batch_normalization,
    group_normalization,
    instance_normalization,
    mean_variance_normalization,
)
from arraynet.ops.norms import (
    reduce_l1,
    reduce_l2,
    reduce_log_sum,
    reduce_log_sum_exp,
    reduce_sum_square,
)
from arraynet.ops.padding import pad
from arraynet.ops.pooling import average_pool, lp_pool, max_pool
from arraynet.ops.products import det, gemm
from arraynet.ops.ranking import arg_max, arg_min, top_k, unique
from arraynet.ops.rearranging import depth_to_space, reverse_sequence, space_to_depth
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
from arraynet.ops.recurrent import gru, rnn
from arraynet.ops.reductions import reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum
from arraynet.ops.registry import OPS, Op, op
from arraynet.ops.response_normalisation import lp_normalization, lrn
from arraynet.ops.rotary import rotary_embedding
from arraynet.ops.scattering import scatter_elements, scatter_nd
from arraynet.ops.shaping import expand, flatten, reshape, squeeze, tile, transpose, unsqueeze
from arraynet.ops.shrinkage import hard_shrink, soft_shrink, tanh_shrink
from arraynet.ops.sizes import constant_of_shape, range, shape, size
from arraynet.ops.softmax import (
    log_softmax,
    logsumexp,
    softmax,
    softmin,
    unguarded_softmax,
)
from arraynet.ops.sparse import hardmax, sparsemax
from arraynet.ops.transposed_convolution import col2im, conv_transpose
from arraynet.ops.trigonometry import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
)
from arraynet.ops.unpooling import max_pool_with_indices, max_unpool
from arraynet.ops.variadic import max, mean, min, sum

__all__ = [
    "OPS",
    "Op",
    "abs",
    "acos",
    "acosh",
    "add",
    "affine",
    "arg_max",
    "arg_min",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "attention",
    "average_pool",
    "batch_normalization",
    "bit_shift",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "cast",
    "cast_like",
    "ceil",
    "celu",
    "clip",
    "col2im",
    "compress",
    "concat",
    "constant_of_shape",
    "conv",
    "conv_transpose",
    "cos",
    "cosh",
    "cum_prod",
    "cum_sum",
    "depth_to_space",
    "det",
    "div",
    "dropout",
    "einsum",
    "elu",
    "embedding",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expand",
    "eye_like",
    "flatten",
    "floor",
    "gather",
    "gather_elements",
    "gather_nd",
    "gelu",
    "gemm",
    "global_average_pool",
    "global_lp_pool",
    "global_max_pool",
    "glu",
    "greater",
    "greater_or_equal",
    "group_normalization",
    "gru",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hardmax",
    "identity",
    "if_",
    "instance_normalization",
    "is_inf",
    "is_nan",
    "layer_normalization",
    "layer_normalization_with_statistics",
    "leaky_relu",
    "less",
    "less_or_equal",
    "linear",
    "log",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "loop",
    "lp_normalization",
    "lp_pool",
    "lrn",
    "lstm",
    "matmul",
    "max",
    "max_pool",
    "max_pool_with_indices",
    "max_unpool",
    "mean",
    "mean_variance_normalization",
    "min",
    "mish",
    "mod",
    "mul",
    "neg",
    "non_zero",
    "one_hot",
    "op",
    "pad",
    "pow",
    "prelu",
    "range",
    "reciprocal",
    "reduce_l1",
    "reduce_l2",
    "reduce_log_sum",
    "reduce_log_sum_exp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "reduce_sum_square",
    "relu",
    "relu6",
    "reshape",
    "reverse_sequence",
    "rms_normalization",
    "rnn",
    "rotary_embedding",
    "round",
    "scale_shift",
    "scaled_dot_product_attention",
    "scan",
    "scatter_elements",
    "scatter_nd",
    "selu",
    "shape",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "size",
    "slice",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparsemax",
    "split",
    "sqrt",
    "squareplus",
    "squeeze",
    "step",
    "sub",
    "sum",
    "swish",
    "tan",
    "tanh",
    "tanh_shrink",
    "thresholded_relu",
    "tile",
    "top_k",
    "transpose",
    "trilu",
    "unguarded_softmax",
    "unique",
    "unsqueeze",
    "where",
]
