"""Functions on tensors under Keras' names: what layers, losses and users' code are written in.

On arrays they evaluate at once, on symbolic tensors they make a node of the graph, inside a layer's
`call` they are traced. All of them are compositions of the small set of IR ops.
"""

# ruff: noqa: I001
# fmt: off
from fncompile.graph.operators import IMPLEMENTATIONS
from fncompile.missing import explain_missing
from fncompile.ops import image, nn
from fncompile.ops.adaptive import adaptive_average_pool, adaptive_max_pool
from fncompile.ops.blocks import scatter, segment_sum, slice, slice_update
from fncompile.ops.attention import dot_product_attention
from fncompile.ops.casting import (
    cast, convert_to_numpy, convert_to_tensor, dtype, is_tensor, stop_gradient,
)
from fncompile.ops.contraction import einsum
from fncompile.ops.control import cond, switch, while_loop
from fncompile.ops.convolution import conv_transpose, depthwise_conv, separable_conv
from fncompile.ops.creation import (
    arange, copy, empty, empty_like, eye, full, full_like, identity, linspace, meshgrid, ones,
    ones_like, tri, tril, triu, zeros, zeros_like,
)
from fncompile.ops.crossentropy import (
    binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy,
)
from fncompile.ops.elementwise import (
    abs, absolute, add, ceil, clip, divide, divide_no_nan, floor, floor_divide, maximum, minimum,
    mod, multiply, nan_to_num, negative, power, reciprocal, round, sign, square, subtract,
    true_divide, trunc,
)
from fncompile.ops.folding import extract_sequences, fold, unfold
from fncompile.ops.functions import (
    cos, cosh, erf, erfinv, exp, exp2, expm1, log, log1p, log2, log10, logaddexp, rsqrt, sin, sinh,
    sqrt, tan, tanh,
)
from fncompile.ops.indexing import get_item, in_top_k, one_hot, take, take_along_axis
from fncompile.ops.joining import (
    append, array_split, concatenate, hstack, pad, split, stack, unstack, vstack,
)
from fncompile.ops.linalg import (
    diag, diagonal, dot, inner, matmul, norm, outer, tensordot, trace, vdot,
)
from fncompile.ops.logic import (
    equal, greater, greater_equal, isfinite, isinf, isnan, less, less_equal, logical_and,
    logical_not, logical_or, logical_xor, not_equal, where,
)
from fncompile.ops.nn import (
    celu, elu, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu,
    log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, swish, tanh_shrink, threshold,
)
from fncompile.ops.normalization import (
    batch_normalization, layer_normalization, moments, normalize, rms_normalization,
)
from fncompile.ops.reductions import (
    all, amax, amin, any, argmax, argmin, average, count_nonzero, cumprod, cumsum, logsumexp, max,
    mean, min, prod, std, sum, var,
)
from fncompile.ops.scanning import associative_scan, fori_loop, map, scan, vectorized_map
from fncompile.ops.shaping import (
    broadcast_to, expand_dims, flip, moveaxis, ndim, ravel, repeat, reshape, roll, shape, size,
    squeeze, swapaxes, tile, transpose,
)
from fncompile.ops.windows import average_pool, conv, max_pool

# fmt: on

array = convert_to_tensor

IMPLEMENTATIONS.update(
    add=add, subtract=subtract, multiply=multiply, divide=divide, floor_divide=floor_divide,
    mod=mod, power=power, matmul=matmul, logical_and=logical_and, logical_or=logical_or,
    logical_xor=logical_xor, less=less, less_equal=less_equal, greater=greater,
    greater_equal=greater_equal, equal=equal, not_equal=not_equal, negative=negative,
    absolute=absolute, logical_not=logical_not, get_item=get_item,
)  # fmt: skip

__all__ = [
    "abs",
    "absolute",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "add",
    "all",
    "amax",
    "amin",
    "any",
    "append",
    "arange",
    "argmax",
    "argmin",
    "array",
    "array_split",
    "associative_scan",
    "average",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "broadcast_to",
    "cast",
    "categorical_crossentropy",
    "ceil",
    "celu",
    "clip",
    "concatenate",
    "cond",
    "conv",
    "conv_transpose",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "cos",
    "cosh",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "depthwise_conv",
    "diag",
    "diagonal",
    "divide",
    "divide_no_nan",
    "dot",
    "dot_product_attention",
    "dtype",
    "einsum",
    "elu",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfinv",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "extract_sequences",
    "eye",
    "flip",
    "floor",
    "floor_divide",
    "fold",
    "fori_loop",
    "full",
    "full_like",
    "gelu",
    "get_item",
    "glu",
    "greater",
    "greater_equal",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hstack",
    "identity",
    "image",
    "in_top_k",
    "inner",
    "is_tensor",
    "isfinite",
    "isinf",
    "isnan",
    "layer_normalization",
    "leaky_relu",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "log_softmax",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "map",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "mish",
    "mod",
    "moments",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "ndim",
    "negative",
    "nn",
    "norm",
    "normalize",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "power",
    "prod",
    "ravel",
    "reciprocal",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "rms_normalization",
    "roll",
    "round",
    "rsqrt",
    "scan",
    "scatter",
    "segment_sum",
    "selu",
    "separable_conv",
    "shape",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "size",
    "slice",
    "slice_update",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "split",
    "sqrt",
    "square",
    "squareplus",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "swish",
    "switch",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tanh_shrink",
    "tensordot",
    "threshold",
    "tile",
    "trace",
    "transpose",
    "tri",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "unfold",
    "unstack",
    "var",
    "vdot",
    "vectorized_map",
    "vstack",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]

explain_missing(__name__, "Another can be composed of these.")
