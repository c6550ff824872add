"""The type of every op: the only place where a shape is computed.

Two extents of which at least one is symbolic are taken to be equal; `assumed()` collects such pairs
so that `passes/unify.py` can substitute them and the compiled entry can check them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fncompile.ir.dims import Dim, Poly, is_static, product, reduced
from fncompile.ir.ops import OPS, REDUCTIONS, SCALARS
from fncompile.ir.region import split
from fncompile.ir.types import DTYPES, Bundle, TensorType
from fncompile.ir.windows import window_count

_assumed: ContextVar[list[tuple[Dim, Dim]] | None] = ContextVar("assumed", default=None)


@contextmanager
def assumed() -> Iterator[list[tuple[Dim, Dim]]]:
    """Collects the pairs of dimensions that inference takes to be equal inside the block."""
    found: list[tuple[Dim, Dim]] = []
    token = _assumed.set(found)
    try:
        yield found
    finally:
        _assumed.reset(token)


def same_dim(a: Dim, b: Dim, what: str) -> Dim:
    """`a` and `b` as one dimension; an int wins over a symbol."""
    if a == b:
        return a
    if isinstance(a, int) and isinstance(b, int):
        raise ValueError(f"{what}: extents {a} and {b} differ")
    found = _assumed.get()
    if found is not None:
        found.append((a, b))
    return b if isinstance(b, int) else a


def same_shape(a: tuple[Dim, ...], b: tuple[Dim, ...], what: str) -> tuple[Dim, ...]:
    if a == b:
        return a
    if len(a) != len(b):
        raise ValueError(f"{what}: ranks differ: {a} and {b}")
    return tuple(same_dim(x, y, f"{what} of {a} and {b}") for x, y in zip(a, b))


def infer(op: str, src: tuple[TensorType, ...], attr: tuple[Any, ...]) -> TensorType:
    """The type of `op` on operands of types `src`; ValueError where they do not fit."""
    row = OPS[op]
    if row.arity not in (-1, len(src)):
        raise ValueError(f"{op} takes {row.arity} operands, received {len(src)}")
    if len(attr) != len(row.attrs):
        raise ValueError(f"{op} takes attributes {row.attrs}, received {attr}")
    return RULES[op](*src, *attr)


def _leaf(name: str, type: TensorType) -> TensorType:
    return type


def _const(type: TensorType, data: bytes) -> TensorType:
    if len(data) != type.nbytes:
        raise ValueError(f"const {type} needs {type.nbytes} bytes, received {len(data)}")
    return type


def _iota(type: TensorType, axis: int) -> TensorType:
    if not (0 <= axis < type.ndim):
        raise ValueError(f"iota axis {axis} outside {type}")
    return type


def _size(dim: Dim, dtype: str) -> TensorType:
    return TensorType(dtype, ())


def _ew(*args: Any) -> TensorType:
    *types, fn = args
    row = SCALARS[fn]
    if len(types) != row.arity:
        raise ValueError(f"{fn} takes {row.arity} operands, received {len(types)}")
    if fn == "select":
        if types[0].dtype != "bool":
            raise ValueError(f"select needs a bool condition, received {types[0]}")
        types[0] = TensorType(types[1].dtype, types[0].shape)
    shape = types[0].shape
    for t in types[1:]:
        if t.dtype != types[0].dtype:
            raise ValueError(f"{fn}: dtypes differ: {', '.join(map(str, types))}")
        shape = same_shape(shape, t.shape, fn)
    if types[0].kind not in row.takes:
        raise ValueError(f"{fn} does not take {types[0]}")
    return TensorType("bool" if row.result == "bool" else types[0].dtype, shape)


def _cast(x: TensorType, dtype: str) -> TensorType:
    return TensorType(dtype, x.shape)


def _reshape(x: TensorType, shape: tuple[Dim, ...]) -> TensorType:
    same_dim(*reduced(x.size, product(shape)), f"reshape of {x} to {shape}")
    return TensorType(x.dtype, shape)


def _permute(x: TensorType, perm: tuple[int, ...]) -> TensorType:
    if sorted(perm) != list(range(x.ndim)):
        raise ValueError(f"permutation {perm} of {x}")
    return TensorType(x.dtype, tuple(x.shape[p] for p in perm))


def _broadcast(x: TensorType, shape: tuple[Dim, ...]) -> TensorType:
    if len(shape) != x.ndim:
        raise ValueError(f"broadcast of {x} to {shape}")
    for have, want in zip(x.shape, shape):
        if have != 1:
            same_dim(have, want, f"broadcast of {x} to {shape}")
    return TensorType(x.dtype, shape)


def _slice(x: TensorType, start, size, step) -> TensorType:
    _check_steps("slice", x.shape, start, size, step, x)
    return TensorType(x.dtype, size)


def _pad(x: TensorType, start, size, step, value) -> TensorType:
    _check_steps("pad", size, start, x.shape, step, x)
    return TensorType(x.dtype, size)


def _check_steps(what: str, outer, start, count, step, x: TensorType) -> None:
    """Elements `start + i*step`, i < count, lie inside `outer` wherever all are known."""
    if not (len(outer) == len(start) == len(count) == len(step)):
        raise ValueError(f"{what} of {x}: ranks differ")
    for n, first, m, by in zip(outer, start, count, step):
        if by == 0:
            raise ValueError(f"{what} of {x}: step 0")
        last = first + (m - 1) * by
        known = isinstance(m, int) and m > 0
        for index in (first, last) if known else ():
            inside = not isinstance(index, int) or index >= 0
            room = n - 1 - index
            if not (inside and (isinstance(room, Poly) or room >= 0)):
                raise ValueError(f"{what} of {x}: {index} is outside {n}")


def _concat(*args: Any) -> TensorType:
    *types, axis = args
    first = types[0]
    if not (0 <= axis < first.ndim):
        raise ValueError(f"concat axis {axis} outside {first}")
    dims, total = list(first.shape), first.shape[axis]
    for t in types[1:]:
        if not (t.dtype == first.dtype and t.ndim == first.ndim):
            raise ValueError(f"concat of {first} and {t}")
        for i, d in enumerate(t.shape):
            if i != axis:
                dims[i] = same_dim(dims[i], d, f"concat of {first} and {t}")
        total = total + t.shape[axis]
    dims[axis] = total
    return TensorType(first.dtype, tuple(dims))


def _window(x: TensorType, axes, size, stride, dilation, low, high, fill) -> TensorType:
    what = f"window of {x} along {axes}"
    per_axis = (size, stride, dilation, low, high)
    if len(set(axes)) != len(axes) or not all(0 <= a < x.ndim for a in axes):
        raise ValueError(f"{what}: axes")
    if any(len(values) != len(axes) for values in per_axis):
        raise ValueError(f"{what}: one number per axis, received {per_axis}")
    if any(n < 1 for n in (*size, *stride, *dilation)):
        raise ValueError(f"{what}: size, stride and dilation are at least 1, received {per_axis}")
    shape = list(x.shape)
    for axis, *row in zip(axes, *per_axis):
        shape[axis] = count = window_count(shape[axis], *row)
        if isinstance(count, int) and count < 0:
            raise ValueError(f"{what}: {row[0]} taps {row[2]} apart do not fit {x.shape[axis]}")
    return TensorType(x.dtype, (*shape, *size))


def _unwindow(x: TensorType, axes, extents, stride, dilation, low) -> TensorType:
    what = f"unwindow of {x} along {axes}"
    if x.kind == "b" or any(len(v) != len(axes) for v in (extents, stride, dilation, low)):
        raise ValueError(f"{what}: {(extents, stride, dilation, low)}")
    shape = list(x.shape[: x.ndim - len(axes)])
    if len(set(axes)) != len(axes) or not all(0 <= a < len(shape) for a in axes):
        raise ValueError(f"{what}: axes")
    if not is_static(x.shape[len(shape) :]):
        raise ValueError(f"{what}: taps are known numbers")
    for axis, extent in zip(axes, extents):
        shape[axis] = extent
    return TensorType(x.dtype, tuple(shape))


def _reduce(x: TensorType, kind: str, axes: tuple[int, ...]) -> TensorType:
    if not (kind in REDUCTIONS and x.kind != "b"):
        raise ValueError(f"reduce {kind} of {x}")
    if not (list(axes) == sorted(set(axes)) and all(0 <= a < x.ndim for a in axes)):
        raise ValueError(f"reduce axes {axes} of {x}")
    return TensorType(x.dtype, _without(x.shape, axes))


def _argmax(x: TensorType, axis: int) -> TensorType:
    if not (0 <= axis < x.ndim and x.kind != "b"):
        raise ValueError(f"argmax axis {axis} of {x}")
    return TensorType("int32", _without(x.shape, (axis,)))


def _without(shape, axes) -> tuple[Dim, ...]:
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def _dot(a: TensorType, b: TensorType, batch_a, batch_b, contract_a, contract_b) -> TensorType:
    what = f"dot of {a} and {b}"
    if not (a.dtype == b.dtype and a.kind != "b"):
        raise ValueError(f"{what}: dtypes")
    if not (len(batch_a) == len(batch_b) and len(contract_a) == len(contract_b)):
        raise ValueError(f"{what}: axes")
    if len({*batch_a, *contract_a}) != len(batch_a) + len(contract_a):
        raise ValueError(f"{what}: repeated axes")
    batch = tuple(same_dim(a.shape[i], b.shape[j], what) for i, j in zip(batch_a, batch_b))
    for i, j in zip(contract_a, contract_b):
        same_dim(a.shape[i], b.shape[j], what)
    free_a = _without(a.shape, (*batch_a, *contract_a))
    free_b = _without(b.shape, (*batch_b, *contract_b))
    return TensorType(a.dtype, (*batch, *free_a, *free_b))


def _attention(*args: Any) -> TensorType:
    q, k, v, bias, mask, factor = args[:6]
    what = f"attention of {q}, {k}, {v}, {bias}, {mask} and {factor}"
    floats = {x.dtype for x in (q, k, v, bias, factor)}
    if (q.ndim, k.ndim, v.ndim, len(floats), mask.dtype) != (5, 4, 4, 1, "bool"):
        raise ValueError(what)
    (b, t, heads, groups, width), (_, s, _, _) = q.shape, k.shape
    same_shape(k.shape, (b, s, heads, width), what)
    same_shape(v.shape[:3], (b, s, heads), what)
    for x in (bias, mask, factor):
        same_shape(x.shape, (b, heads, groups, t, s), what)
    rows = b * heads * groups * t
    return TensorType(q.dtype, (rows * v.shape[3] + rows * 2,))


def _attention_grad(*args: Any) -> TensorType:
    q, k, v, result, g = *args[:3], args[6], args[7]
    what = f"attention_grad of {result} and {g}"
    same_shape(result.shape, _attention(*args[:6]).shape, what)
    same_shape(g.shape, (*q.shape[:4], v.shape[3]), what)
    if {result.dtype, g.dtype} != {q.dtype}:
        raise ValueError(what)
    return TensorType(q.dtype, (q.size + k.size + v.size,))


def _argsort(x: TensorType, descending: bool) -> TensorType:
    if x.ndim < 1 or DTYPES[x.dtype].widens:
        raise ValueError(f"argsort of {x}")
    return TensorType("int32", x.shape)


def _gather(x: TensorType, idx: TensorType) -> TensorType:
    if not (x.ndim >= 1 and idx.dtype in ("int32", "int64")):
        raise ValueError(f"gather of {x} by {idx}")
    return TensorType(x.dtype, (*idx.shape, *x.shape[1:]))


def _scatter_add(updates: TensorType, idx: TensorType, size: Dim) -> TensorType:
    what = f"scatter_add of {updates} by {idx}"
    if not (idx.dtype in ("int32", "int64") and updates.kind != "b"):
        raise ValueError(what)
    same_shape(updates.shape[: idx.ndim], idx.shape, what)
    return TensorType(updates.dtype, (size, *updates.shape[idx.ndim :]))


def _bits(seed: TensorType, shape: tuple[Dim, ...]) -> TensorType:
    if seed != TensorType("uint32", (2,)):
        raise ValueError(f"bits needs a seed u32[2], received {seed}")
    return TensorType("uint32", shape)


def _same(x: TensorType) -> TensorType:
    return x


def _straight_through(x: TensorType, path: TensorType) -> TensorType:
    same_shape(x.shape, path.shape, "straight_through")
    if x.dtype != path.dtype:
        raise ValueError(f"straight_through of {x} and {path}")
    return x


def _own_gradient(*args: Any) -> TensorType:
    *types, body = args
    read, given = types[1 : len(body.inputs)], types[len(body.inputs) :]
    if body.sequences != 1 or len(given) != len(body.outputs):
        raise ValueError(f"own_gradient of {len(types)} operands by {body}")
    for x, inside in zip([types[0], *read], body.inputs):
        _same_type(x, inside.type, "an operand of own_gradient")
    for x, inside in zip(given, body.outputs):
        _same_type(x, inside.type, "a cotangent of own_gradient")
    return types[0]


def _scan(*args: Any) -> TensorType:
    *types, body, count, _ = args
    if len(types) != len(body.inputs) or len(body.outputs) < body.carries:
        raise ValueError(f"scan of {len(types)} operands by {body}")
    carries, sequences, others = split(types, body.carries, body.sequences)
    inputs = body.groups
    for x, inside, new in zip(carries, inputs[0], body.outputs):
        _same_type(x, inside.type, "a carry of a scan")
        _same_type(inside.type, new.type, "a carry of a scan")
    for x, inside in zip(sequences, inputs[1]):
        _same_type(x, TensorType(inside.dtype, (count, *inside.shape)), "a sequence of a scan")
    for x, inside in zip(others, inputs[2]):
        _same_type(x, inside.type, "an operand of a scan")
    out = [TensorType(n.dtype, (count, *n.shape)) for n in body.elements_out]
    return Bundle(members=(*(n.type for n in inputs[0]), *out))


def _same_type(a: TensorType, b: TensorType, what: str) -> None:
    if a.dtype != b.dtype:
        raise ValueError(f"{what}: {a} and {b}")
    same_shape(a.shape, b.shape, what)


def _part(x: TensorType, index: int) -> TensorType:
    if not isinstance(x, Bundle) or not 0 <= index < len(x.parts):
        raise ValueError(f"part {index} of {x}")
    return x.parts[index]


RULES: dict[str, Callable[..., TensorType]] = {
    "input": _leaf,
    "param": _leaf,
    "const": _const,
    "iota": _iota,
    "size": _size,
    "ew": _ew,
    "cast": _cast,
    "reshape": _reshape,
    "permute": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
    "pad": _pad,
    "concat": _concat,
    "window": _window,
    "unwindow": _unwindow,
    "reduce": _reduce,
    "argmax": _argmax,
    "dot": _dot,
    "argsort": _argsort,
    "attention": _attention,
    "attention_grad": _attention_grad,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "bits": _bits,
    "stop_gradient": _same,
    "straight_through": _straight_through,
    "own_gradient": _own_gradient,
    "scan": _scan,
    "part": _part,
}
