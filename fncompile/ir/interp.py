"""The meaning of every op, in NumPy: the oracle of every later stage.

`run(program, inputs, params)` computes in the dtypes of the program, or, with `float64=True`, every
floating-point value in float64, which is the reference that compiled float32 code is held against.
Every op of dtype bfloat16 is computed in float32 and its result rounded; sums and products thus add
up in float32, and are rounded once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fncompile.ir.dims import Dim, Poly, evaluate, floordiv, is_symbol, symbols_of
from fncompile.ir.elements import decode, fit
from fncompile.ir.node import Node, Program, toposort
from fncompile.ir.philox import philox
from fncompile.ir.region import split
from fncompile.ir.routines import ROUTINES
from fncompile.ir.types import DTYPES, TensorType, is_float

Env = Mapping[str, int]


def run(
    program: Program,
    inputs: Sequence[np.ndarray],
    params: Mapping[str, np.ndarray],
    float64: bool = False,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs by name, and updated parameters by name."""
    env = bind_symbols(program, inputs)
    values: dict[Node, np.ndarray] = dict(zip(program.inputs, inputs))
    values.update((p, params[p["name"]]) for p in program.params)
    compute = evaluate_nodes(program.roots, values, env, float64, whole=False)
    outputs = {k: compute[n] for k, n in program.outputs.items()}
    return outputs, {p["name"]: compute[n] for p, n in program.updates.items()}


def evaluate_nodes(
    roots, leaves: Mapping[Node, np.ndarray], env: Env, float64: bool = False, whole: bool = True
):
    """Values of all nodes below `roots`, given the values of inputs and params; unless `whole` is
    asked for, each goes after the last node that reads it, but for those of the roots."""
    values: dict[Node, np.ndarray] = {}
    order = toposort(roots)
    readers = Counter(source for node in order for source in node.src)
    readers.update(order if whole else roots)
    with np.errstate(all="ignore"):
        for node in order:
            if node in leaves:
                value = decode(np.asarray(leaves[node]), node.dtype)
            else:
                args = [values[s] for s in node.src]
                wide = {"float64": float64} if node.op == "scan" else {}
                value = RULES[node.op](node, args, env, **wide)
            values[node] = value if node.op == "scan" else _fit(value, node.dtype, float64)
            readers.subtract(node.src)
            for source in set(node.src):
                if not readers[source]:
                    del values[source]
    return values


def _fit(value, dtype: str, float64: bool) -> np.ndarray:
    if float64 and is_float(dtype):
        return np.asarray(value).astype(np.float64, copy=False)
    return fit(value, dtype)


def bind_symbols(program: Program, inputs: Sequence[np.ndarray]) -> dict[str, int]:
    """Sizes of the symbols, read off the arrays; ValueError where they contradict each other."""
    if len(inputs) != len(program.inputs):
        raise ValueError(f"The program takes {len(program.inputs)} inputs, received {len(inputs)}")
    env: dict[str, int] = {}
    for node, array in zip(program.inputs, inputs):
        _bind_shape(node, np.shape(array), env)
    for node, array in zip(program.inputs, inputs):
        want = tuple(evaluate(d, env) for d in node.shape)
        if want != np.shape(array):
            raise ValueError(
                f"Input {node['name']!r}: expected shape {want}, received {np.shape(array)}"
            )
    check_constraints(program, env)
    return env


def check_constraints(program: Program, env: Env) -> None:
    """ValueError where sizes differ that the program takes to be equal."""
    for a, b in program.constraints:
        if evaluate(a, env) != evaluate(b, env):
            raise ValueError(_disagreement(a, b, env))


def _disagreement(a: Dim, b: Dim, env: Env) -> str:
    for whole, parts in ((a, b), (b, a)):
        count = parts.terms[0][1] if isinstance(parts, Poly) else 0
        if count > 1 and floordiv(whole, count) * count == parts:
            return f"{whole} is {evaluate(whole, env)}, which {count} does not divide."
    return f"Sizes that must agree do not: {a} is {evaluate(a, env)}, {b} is {evaluate(b, env)}"


def _bind_shape(node: Node, shape: tuple[int, ...], env: dict[str, int]) -> None:
    if len(shape) != node.ndim:
        raise ValueError(f"Input {node['name']!r}: expected {node.type}, received shape {shape}")
    for dim, n in zip(node.shape, shape):
        if is_symbol(dim):
            env.setdefault(symbols_of((dim,))[0], n)


def shape_of(shape: Sequence[Dim], env: Env) -> tuple[int, ...]:
    return tuple(evaluate(d, env) for d in shape)


# one rule per op: (node, values of its sources, sizes of symbols) -> value -----------------------


def _const(node: Node, args, env: Env):
    data = np.frombuffer(node["data"], DTYPES[node.dtype].storage)
    return decode(data, node.dtype).reshape(node.shape)


def _iota(node: Node, args, env: Env):
    shape = shape_of(node.shape, env)
    index = np.arange(shape[node["axis"]])
    index = index.reshape([-1 if i == node["axis"] else 1 for i in range(len(shape))])
    return np.broadcast_to(index, shape)


def _size(node: Node, args, env: Env):
    return np.asarray(evaluate(node["dim"], env))


def _ew(node: Node, args, env: Env):
    return SCALAR_RULES[node["fn"]](*args)


def _cast(node: Node, args, env: Env):
    return cast_array(args[0], node["dtype"])


def cast_array(x: np.ndarray, dtype: str) -> np.ndarray:
    """Float to integer truncates and saturates, NaN becomes 0; to bool asks "is it not zero?"."""
    target = DTYPES[dtype].numpy
    if DTYPES[dtype].kind not in "iu" or x.dtype.kind != "f":
        return x.astype(target)
    info = np.iinfo(target)
    x = np.nan_to_num(np.trunc(x), nan=0.0, posinf=np.inf, neginf=-np.inf)
    inside = np.clip(x, float(info.min), float(info.max))
    out = np.where(inside >= float(info.max), 0, inside).astype(target)
    return np.where(inside >= float(info.max), target.type(info.max), out)


def _slices(start, size, step, env: Env) -> tuple[slice, ...]:
    out = []
    for first, count, by in zip(shape_of(start, env), shape_of(size, env), step):
        stop = first + count * by
        out.append(slice(first, None if stop < 0 else stop, by) if count else slice(0, 0))
    return tuple(out)


def _slice(node: Node, args, env: Env):
    start, size = shape_of(node["start"], env), shape_of(node["size"], env)
    for n, first, count, by in zip(args[0].shape, start, size, node["step"]):
        last = first + (count - 1) * by
        if count < 0 or (count and not (0 <= first < n and 0 <= last < n)):
            raise ValueError(
                f"{node} reaches {first}..{last} of an extent that turned out to be {n}"
            )
    return args[0][_slices(node["start"], node["size"], node["step"], env)]


def _pad(node: Node, args, env: Env):
    out = np.full(shape_of(node["size"], env), node["value"], args[0].dtype)
    out[_slices(node["start"], node.src[0].shape, node["step"], env)] = args[0]
    return out


def _window(node: Node, args, env: Env):
    x = args[0]
    for axis, size, stride, dilation, low in zip(
        node["axes"], node["size"], node["stride"], node["dilation"], shape_of(node["low"], env)
    ):
        count = evaluate(node.shape[axis], env)
        first = np.arange(max(count, 0)) * stride - low
        at = first[:, None] + np.arange(size) * dilation
        around = [(0, 0)] * x.ndim
        around[axis] = (max(0, -at.min(initial=0)), max(0, at.max(initial=0) + 1 - x.shape[axis]))
        wide = np.pad(x, around, constant_values=x.dtype.type(node["fill"]))
        x = np.moveaxis(np.take(wide, at + around[axis][0], axis), axis + 1, -1)
    return x


def _unwindow(node: Node, args, env: Env):
    x, out = args[0], np.zeros(shape_of(node.shape, env), args[0].dtype)
    rows = list(zip(node["axes"], node["stride"], node["dilation"], shape_of(node["low"], env)))
    for taps in np.ndindex(x.shape[out.ndim :]):
        seen, windows = [slice(None)] * out.ndim, [slice(None)] * out.ndim
        for t, (axis, stride, dilation, low) in zip(taps, rows):
            start = t * dilation - low
            first = max(0, -(start // stride))
            last = min(x.shape[axis], -((start - out.shape[axis]) // stride))
            windows[axis] = slice(first, max(first, last))
            begin = first * stride + start
            seen[axis] = slice(begin, begin + max(0, last - first) * stride, stride)
        out[tuple(seen)] += x[tuple(windows) + taps]
    return out


_REDUCE = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def reduce_identity(kind: str, dtype: str):
    """What an empty reduction gives."""
    if kind in ("sum", "prod"):
        return {"sum": 0, "prod": 1}[kind]
    if is_float(dtype):
        return -np.inf if kind == "max" else np.inf
    info = np.iinfo(DTYPES[dtype].numpy)
    return info.min if kind == "max" else info.max


def _reduce(node: Node, args, env: Env):
    kind, x = node["kind"], args[0]
    initial = x.dtype.type(reduce_identity(kind, node.dtype))
    return _REDUCE[kind].reduce(x, axis=node["axes"], initial=initial, dtype=x.dtype)


def _argmax(node: Node, args, env: Env):
    x, axis = args[0], node["axis"]
    if x.shape[axis] == 0:
        return np.zeros(shape_of(node.shape, env), np.int32)
    return np.argmax(x, axis=axis)


def _dot(node: Node, args, env: Env):
    a, b = (_dot_operand(x, node, side) for x, side in zip(args, "ab"))
    return np.matmul(a, b).reshape(shape_of(node.shape, env))


def _dot_operand(x: np.ndarray, node: Node, side: str) -> np.ndarray:
    """As (batch, free, contract) for a, (batch, contract, free) for b."""
    batch, contract = node[f"batch_{side}"], node[f"contract_{side}"]
    free = [i for i in range(x.ndim) if i not in batch and i not in contract]
    sizes = [int(np.prod([x.shape[i] for i in group])) for group in (batch, free, contract)]
    if side == "b":
        return x.transpose(*batch, *contract, *free).reshape(sizes[0], sizes[2], sizes[1])
    return x.transpose(*batch, *free, *contract).reshape(sizes)


def _gather(node: Node, args, env: Env):
    x, idx = args
    valid = (idx >= 0) & (idx < x.shape[0])
    if x.shape[0] == 0:
        rows = np.zeros((*idx.shape, *x.shape[1:]), x.dtype)
    else:
        rows = x[np.where(valid, idx, 0)]
    missing = np.nan if x.dtype.kind == "f" else 0
    return np.where(valid.reshape(valid.shape + (1,) * (x.ndim - 1)), rows, x.dtype.type(missing))


def _scatter_add(node: Node, args, env: Env):
    updates, idx = args
    out = np.zeros(shape_of(node.shape, env), updates.dtype)
    valid = (idx >= 0) & (idx < out.shape[0])
    np.add.at(out, idx[valid], updates[valid])
    return out


def _bits(node: Node, args, env: Env):
    shape = shape_of(node.shape, env)
    count = int(np.prod(shape, dtype=np.int64))
    return philox(int(args[0][0]), int(args[0][1]), 0, count).reshape(shape)


def _scan(node: Node, args, env: Env, float64: bool = False):
    """A list: the last carries, then the sequences out."""
    body, turns = node["body"], range(evaluate(node["count"], env))
    carries, sequences, others = split(args, body.carries, body.sequences)
    out: list[list[np.ndarray]] = [[] for _ in body.elements_out]
    for turn in reversed(turns) if node["reverse"] else turns:
        given = dict(zip(body.inputs, (*carries, *(s[turn] for s in sequences), *others)))
        values = evaluate_nodes([*body.inputs, *body.outputs], given, env, float64)
        carries = tuple(values[n] for n in body.next_carries)
        for found, element in zip(out, body.elements_out):
            found.append(values[element])
    types = node.type.parts[body.carries :]
    return [*carries, *(_stacked(f, t, node, env) for f, t in zip(out, types))]


def _stacked(found: list[np.ndarray], type: TensorType, node: Node, env: Env) -> np.ndarray:
    if not found:
        return np.zeros(shape_of(type.shape, env), DTYPES[type.dtype].numpy)
    return np.stack(found[::-1] if node["reverse"] else found)


def _missing(node: Node, args, env: Env):
    raise KeyError(f"No value was given for {node.op} {node['name']!r}")


RULES: dict[str, Callable] = {
    "input": _missing,
    "param": _missing,
    "const": _const,
    "iota": _iota,
    "size": _size,
    "ew": _ew,
    "cast": _cast,
    "reshape": lambda n, a, env: a[0].reshape(shape_of(n.shape, env)),
    "permute": lambda n, a, env: a[0].transpose(n["perm"]),
    "broadcast": lambda n, a, env: np.broadcast_to(a[0], shape_of(n.shape, env)),
    "slice": _slice,
    "pad": _pad,
    "concat": lambda n, a, env: np.concatenate(a, axis=n["axis"]),
    "window": _window,
    "unwindow": _unwindow,
    "reduce": _reduce,
    "argmax": _argmax,
    "dot": _dot,
    **dict.fromkeys(ROUTINES, lambda n, a, env: ROUTINES[n.op](a, *n.attr)),
    "gather": _gather,
    "scatter_add": _scatter_add,
    "bits": _bits,
    "stop_gradient": lambda n, a, env: a[0],
    "straight_through": lambda n, a, env: a[0],
    "own_gradient": lambda n, a, env: a[0],
    "scan": _scan,
    "part": lambda n, a, env: a[0][n["index"]],
}


# scalar functions ---------------------------------------------------------------------------------


def _sigmoid(x):
    """With exp(-|x|), so that small results keep their precision."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _erf(x):
    import math

    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)).astype(x.dtype)


def _pow(x, y):
    """NumPy has the square root of x where y is one 0.5, and gives NaN for -infinity."""
    return np.where((y == 0.5) & (x == -np.inf), x.dtype.type(np.inf), np.power(x, y))


def _divide_safely(fn):
    def rule(x, y):
        if x.dtype.kind == "f":
            return fn(x, y)
        return np.where(y == 0, x.dtype.type(0), fn(x, np.where(y == 0, y.dtype.type(1), y)))

    return rule


SCALAR_RULES: dict[str, Callable] = {
    "neg": np.negative,
    "abs": np.abs,
    "floor": np.floor,
    "rint": np.rint,
    "signbit": np.signbit,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sin": np.sin,
    "cos": np.cos,
    "atan": np.arctan,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "erf": _erf,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "floordiv": _divide_safely(np.floor_divide),
    "mod": _divide_safely(np.mod),
    "pow": _pow,
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "lt": np.less,
    "le": np.less_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "select": np.where,
    "shr": np.right_shift,
    "shl": np.left_shift,
}

