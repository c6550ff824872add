"""The only way to make nodes, with NumPy-like broadcasting.

Functions here take and give nodes; what a user calls is in `fncompile.ops`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fncompile.ir.dims import Dim, Shape, is_static, product
from fncompile.ir.elements import decode, encode, fit
from fncompile.ir.infer import same_dim
from fncompile.ir.node import Node, make
from fncompile.ir.region import Region
from fncompile.ir.types import DTYPES, TensorType

# leaves ---------------------------------------------------------------------------------------


def input(name: str, type: TensorType) -> Node:
    return make("input", (), name, type)


def param(name: str, type: TensorType) -> Node:
    return make("param", (), name, type)


def const(value, dtype: str) -> Node:
    array = np.ascontiguousarray(value, dtype=DTYPES[dtype].numpy).reshape(np.shape(value))
    return make("const", (), TensorType(dtype, array.shape), encode(array, dtype).tobytes())


def full(shape: Shape, value, dtype: str) -> Node:
    """The scalar `value` broadcast to `shape`."""
    return broadcast_to(const(value, dtype), tuple(shape))


def iota(shape: Shape, axis: int, dtype: str = "int32") -> Node:
    return make("iota", (), TensorType(dtype, tuple(shape)), axis)


# element-wise ---------------------------------------------------------------------------------


def ew(fn: str, *args: Node) -> Node:
    """Scalar function `fn` of operands broadcast to one shape."""
    shape = broadcast_shapes(*(a.shape for a in args))
    return make("ew", tuple(broadcast_to(a, shape) for a in args), fn)


def cast(x: Node, dtype: str) -> Node:
    return x if x.dtype == dtype else make("cast", (x,), dtype)


def like(x: Node, value) -> Node:
    """The scalar constant `value` in the dtype of `x`."""
    return const(value, x.dtype)


# views ----------------------------------------------------------------------------------------


def broadcast_shapes(*shapes: Shape) -> Shape:
    """NumPy's broadcast; a symbolic extent against another unknown is assumed equal."""
    ndim = max(map(len, shapes))
    out: list[Dim] = [1] * ndim
    for shape in shapes:
        for i, d in enumerate(shape, ndim - len(shape)):
            if d != 1:
                out[i] = (
                    d
                    if out[i] == 1
                    else same_dim(out[i], d, f"broadcast of shapes {_text(shapes)}")
                )
    return tuple(out)


def _text(shapes: Sequence[Shape]) -> str:
    return " and ".join(str(tuple(s)) for s in shapes)


def broadcast_to(x: Node, shape: Shape) -> Node:
    """`x` with leading axes added and extents of 1 grown, as NumPy does."""
    if x.shape == tuple(shape):
        return x
    if len(shape) < x.ndim:
        raise ValueError(f"Cannot broadcast {x.type} to shape {tuple(shape)}")
    x = reshape(x, (1,) * (len(shape) - x.ndim) + x.shape)
    return x if x.shape == tuple(shape) else make("broadcast", (x,), tuple(shape))


def reshape(x: Node, shape: Sequence[Dim]) -> Node:
    shape = tuple(shape)
    return x if shape == x.shape else make("reshape", (x,), shape)


def permute(x: Node, perm: Sequence[int]) -> Node:
    perm = tuple(int(p) for p in perm)
    return x if perm == tuple(range(x.ndim)) else make("permute", (x,), perm)


def slice(
    x: Node, start: Sequence[Dim], size: Sequence[Dim], step: Sequence[int] | None = None
) -> Node:
    step = tuple(step) if step is not None else (1,) * x.ndim
    if tuple(size) == x.shape and all(s == 1 for s in step) and all(s == 0 for s in start):
        return x
    return make("slice", (x,), tuple(start), tuple(size), step)


def slice_axis(x: Node, axis: int, start: Dim, size: Dim, step: int = 1) -> Node:
    """`x[..., start : start + size*step : step, ...]` along one axis."""
    starts: list[Dim] = [0] * x.ndim
    sizes, steps = list(x.shape), [1] * x.ndim
    starts[axis], sizes[axis], steps[axis] = start, size, step
    return slice(x, starts, sizes, steps)


def pad(
    x: Node, start: Sequence[Dim], size: Sequence[Dim], step: Sequence[int] | None = None, value=0
) -> Node:
    """A tensor of shape `size` holding x[i] at `start + i*step`, and `value` elsewhere."""
    step = tuple(step) if step is not None else (1,) * x.ndim
    return make("pad", (x,), tuple(start), tuple(size), step, _exact(value, x.dtype))


def window(
    x: Node,
    axes: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    low: Sequence[Dim] | None = None,
    high: Sequence[Dim] | None = None,
    fill=0,
) -> Node:
    """What windows of `size` taps see along each of `axes`; the taps are the last axes."""
    ones, none = (1,) * len(axes), (0,) * len(axes)
    return make(
        "window", (x,), tuple(axes), tuple(size), tuple(stride or ones), tuple(dilation or ones),
        tuple(low or none), tuple(high or none), _exact(fill, x.dtype),
    )  # fmt: skip


def unwindow(
    x: Node,
    axes: Sequence[int],
    extents: Sequence[Dim],
    stride: Sequence[int],
    dilation: Sequence[int],
    low: Sequence[Dim],
) -> Node:
    """The sum of what windows saw of each element, in a tensor with `extents` along `axes`."""
    attrs = (axes, extents, stride, dilation, low)
    return make("unwindow", (x,), *map(tuple, attrs))


def _exact(value, dtype: str):
    """The number that `value` is as an element of `dtype`."""
    return fit(DTYPES[dtype].numpy.type(value), dtype).item()


def concat(xs: Sequence[Node], axis: int) -> Node:
    return xs[0] if len(xs) == 1 else make("concat", tuple(xs), axis)


def expand_dims(x: Node, axes: Sequence[int]) -> Node:
    """Extents of 1 inserted so that they stand at `axes` of the result."""
    shape = list(x.shape)
    for axis in sorted(axes):
        shape.insert(axis, 1)
    return reshape(x, shape)


def flip(x: Node, axis: int) -> Node:
    n = x.shape[axis]
    return slice_axis(x, axis, n - 1, n, -1)


# reductions, contraction, indexing --------------------------------------------------------------


def reduce(x: Node, kind: str, axes: Sequence[int], keepdims: bool = False) -> Node:
    axes = tuple(sorted(axes))
    out = make("reduce", (x,), kind, axes) if axes else x
    return expand_dims(out, axes) if keepdims else out


def argmax(x: Node, axis: int) -> Node:
    return make("argmax", (x,), axis)


def argsort(x: Node, descending: bool = False) -> Node:
    """Along the last axis."""
    return make("argsort", (x,), descending)


def dot(
    a: Node,
    b: Node,
    contract: tuple[Sequence[int], Sequence[int]],
    batch: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> Node:
    return make(
        "dot", (a, b), tuple(batch[0]), tuple(batch[1]), tuple(contract[0]), tuple(contract[1])
    )


def matmul2(a: Node, b: Node) -> Node:
    """`a[..., k] @ b[k, n]`."""
    return dot(a, b, ((a.ndim - 1,), (0,)))


def attention(sources: Sequence[Node], scale: float, hidden: float) -> Node:
    """The row that the attention of (q, k, v, bias, mask, factor) is: see OPS."""
    return make("attention", tuple(sources), float(scale), float(hidden))


def attention_grad(sources: Sequence[Node], result: Node, g: Node, *attrs: float) -> Node:
    return make("attention_grad", (*sources, result, g), *attrs)


def pieces(row: Node, *shapes: Shape) -> list[Node]:
    """The pieces of a row, of these shapes, one behind the other."""
    found: list[Node] = []
    start: Dim = 0
    for shape in shapes:
        size = product(shape)
        found.append(reshape(slice(row, (start,), (size,)), shape))
        start = start + size
    return found


def gather(x: Node, idx: Node) -> Node:
    return make("gather", (x, idx))


def scatter_add(updates: Node, idx: Node, size: Dim) -> Node:
    return make("scatter_add", (updates, idx), size)


def bits(seed: Node, shape: Shape) -> Node:
    return make("bits", (seed,), tuple(shape))


def uniform(seed: Node, shape: Shape, dtype: str) -> Node:
    """Uniform numbers in [0, 1): as many of the top random bits as the dtype has digits, 24 at
    most, over two to that power, exactly."""
    kept = min(DTYPES[dtype].digits, 24)
    top = make("ew", (bits(seed, shape), full(shape, 32 - kept, "uint32")), "shr")
    return ew("mul", cast(top, dtype), const(2.0**-kept, dtype))


def stop_gradient(x: Node) -> Node:
    return make("stop_gradient", (x,))


def straight_through(x: Node, path: Node) -> Node:
    """`x`, whose gradient goes the way of `path`: another formula for the same value."""
    return make("straight_through", (x, path))


def own_gradient(
    x: Node, body: Region, read: Sequence[Node], of: Sequence[Node]
) -> Node:
    """`x`, whose gradient is what `body` makes of the cotangent and of what it reads: cotangents
    of the nodes `of`."""
    return make("own_gradient", (x, *read, *of), body)


# regions ----------------------------------------------------------------------------------------


def scan(
    body: Region, sources: Sequence[Node], count: Dim, reverse: bool = False
) -> tuple[Node, ...]:
    """The last carries, then the sequences that come out; `sources` are first carries, sequences
    and invariants."""
    return parts(make("scan", tuple(sources), body, count, reverse))


def parts(bundle: Node) -> tuple[Node, ...]:
    return tuple(make("part", (bundle,), i) for i in range(len(bundle.type.parts)))


# small compositions that autodiff, ops and optimizers share -------------------------------------


def mean(x: Node, axes: Sequence[int], keepdims: bool = False) -> Node:
    """In the dtype of registers, as bfloat16 has too few bits for a count."""
    if DTYPES[x.dtype].widens:
        return cast(mean(cast(x, DTYPES[x.dtype].in_register), axes, keepdims), x.dtype)
    total = reduce(x, "sum", axes, keepdims)
    return ew("div", total, extent(product(x.shape[a] for a in axes), x.dtype))


def extent(dim: Dim, dtype: str) -> Node:
    """The number of elements `dim` as a scalar of `dtype`: a constant where it is known."""
    return const(dim, dtype) if is_static((dim,)) else make("size", (), dim, dtype)


def is_const(x: Node, value: float | None = None) -> bool:
    """Is `x` a constant whose elements are all equal (to `value`, when given)?"""
    found = splat(x)
    return found is not None and (value is None or found == value)


def splat(x: Node) -> float | int | bool | None:
    """The value of a tensor known to be one number throughout, else None."""
    while x.op in ("broadcast", "reshape", "permute", "slice"):
        x = x.src[0]
    if x.op != "const" or x.type.size != 1:
        return None
    return decode(np.frombuffer(x["data"], DTYPES[x.dtype].storage), x.dtype)[0].item()
