"""Functions on tensors under Keras' names: what layers, losses and users' code are written in.

On arrays they evaluate at once, on symbolic tensors they make a node of the graph, inside a layer's
`call` they are traced. All of them are compositions of the small set of IR ops.
"""

# ruff: noqa: F401, I001
# fmt: off
from fncompile.graph.operators import IMPLEMENTATIONS
from fncompile.ops import nn
from fncompile.ops.blocks import scatter, segment_sum, slice, slice_update
from fncompile.ops.casting import (
    cast, convert_to_numpy, convert_to_tensor, dtype, is_tensor, stop_gradient,
)
from fncompile.ops.contraction import einsum
from fncompile.ops.creation import (
    arange, empty, empty_like, eye, full, full_like, identity, linspace, meshgrid, ones, ones_like,
    tri, tril, triu, zeros, zeros_like,
)
from fncompile.ops.crossentropy import (
    binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy,
)
from fncompile.ops.elementwise import (
    abs, absolute, add, ceil, clip, divide, divide_no_nan, floor, floor_divide, maximum, minimum,
    mod, multiply, nan_to_num, negative, power, reciprocal, round, sign, square, subtract,
    true_divide, trunc,
)
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
from fncompile.ops.shaping import (
    broadcast_to, expand_dims, flip, moveaxis, ndim, ravel, repeat, reshape, roll, shape, size,
    squeeze, swapaxes, tile, transpose,
)

# fmt: on

array = convert_to_tensor

IMPLEMENTATIONS.update(
    add=add, subtract=subtract, multiply=multiply, divide=divide, floor_divide=floor_divide,
    mod=mod, power=power, matmul=matmul, logical_and=logical_and, logical_or=logical_or,
    logical_xor=logical_xor, less=less, less_equal=less_equal, greater=greater,
    greater_equal=greater_equal, equal=equal, not_equal=not_equal, negative=negative,
    absolute=absolute, logical_not=logical_not, get_item=get_item,
)  # fmt: skip
