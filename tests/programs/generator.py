"""Random Programs over the whole op set, and arrays to run them on.

`random_program(seed)` builds a typed DAG over a few inputs and parameters, with symbolic extents,
updates and several outputs. The values stay in ranges where every op is well conditioned, so that
results of different stages can be compared closely.
"""

from __future__ import annotations

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import Poly, symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.region import closed, fresh
from fncompile.ir.types import DTYPES, TensorType

B, T = symbol("B"), symbol("T")
EXTENTS = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, B, B, T)
UNARY = ("neg", "abs", "tanh", "sigmoid", "sin", "cos", "erf", "floor", "rint")
BINARY = ("add", "sub", "mul", "max", "min")


class Generator:
    def __init__(self, seed: int, dtype: str = "float32", size: int = 14):
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.inputs: list[Node] = []
        self.params: list[Node] = []
        self.values: list[Node] = []
        self.size = size

    def choice(self, items):
        return items[self.rng.integers(len(items))]

    def shape(self, rank: int | None = None) -> tuple:
        rank = int(self.rng.integers(1, 4)) if rank is None else rank
        return tuple(self.choice(EXTENTS) for _ in range(rank))

    def program(self) -> Program:
        for i in range(2):
            self.inputs.append(build.input(f"x{i}", TensorType(self.dtype, (B, T, *self.shape(1)))))
        for i in range(2):
            shape = tuple(int(self.rng.integers(1, 10)) for _ in range(2))
            self.params.append(build.param(f"w{i}", TensorType(self.dtype, shape)))
        self.params.append(build.param("seed", TensorType("uint32", (2,))))
        self.values = [*self.inputs, *self.params[:2]]
        while len(self.values) < self.size:
            made = self.step()
            if made is not None and made.dtype == self.dtype:
                self.values.append(made)
        return self.finish()

    def finish(self) -> Program:
        outputs = {f"y{i}": self.choice(self.values[4:]) for i in range(2)}
        outputs["last"] = self.values[-1]
        updates = {}
        for p in self.params[:2]:
            new = self.fit(self.choice(self.values), p.shape)
            if new is not None and self.rng.random() < 0.7:
                updates[p] = build.ew("tanh", build.ew("add", p, new))
        if self.rng.random() < 0.3 and self.params[0].shape == self.params[1].shape:
            updates = {self.params[0]: self.params[1], self.params[1]: self.params[0]}
        seed = self.params[2]
        updates[seed] = build.ew("add", seed, build.const([0, 1], "uint32"))
        return Program(tuple(self.inputs), tuple(self.params), outputs, updates)

    def fit(self, x: Node, shape) -> Node | None:
        """A value of shape `shape` made of the sum of x."""
        total = build.reduce(x, "sum", range(x.ndim))
        return build.broadcast_to(build.ew("tanh", total), shape)

    def step(self) -> Node | None:
        x = self.choice([v for v in self.values if v.ndim])
        kind = self.choice(
            [
                "unary", "unary", "binary", "binary", "binary", "select", "cast", "reshape",
                "permute", "slice", "flip", "pad", "spread", "concat", "reduce", "reduce",
                "softmax", "argmax", "dot", "dot", "gather", "scatter", "bits", "iota", "exp",
                "window", "unwindow", "pool", "conv", "scan", "attention", "sort",
            ]
        )
        return getattr(self, f"make_{kind}")(x)

    def make_unary(self, x: Node) -> Node:
        return build.ew(self.choice(UNARY), x)

    def make_exp(self, x: Node) -> Node:
        return build.ew("exp", build.ew("sin", x))

    def make_binary(self, x: Node) -> Node | None:
        partners = [v for v in self.values if _broadcastable(x.shape, v.shape)]
        return build.ew(self.choice(BINARY), x, self.choice(partners))

    def make_select(self, x: Node) -> Node:
        y = self.choice([v for v in self.values if _broadcastable(x.shape, v.shape)])
        return build.ew(
            "select", build.ew(self.choice(("lt", "le", "eq")), x, y), x, build.ew("neg", y)
        )

    def make_cast(self, x: Node) -> Node:
        """By way of whole numbers, of each kind in turn."""
        kinds = [d for d, row in DTYPES.items() if row.kind in "iu"]
        kind = kinds[len(self.values) % len(kinds)]
        return build.cast(build.cast(build.ew("mul", x, build.like(x, 3)), kind), self.dtype)

    def make_reshape(self, x: Node) -> Node | None:
        dims = list(x.shape)
        if len(dims) > 1:
            i = int(self.rng.integers(len(dims) - 1))
            dims[i : i + 2] = [dims[i] * dims[i + 1]]
        else:
            dims.insert(int(self.rng.integers(2)), 1)
        return build.reshape(x, dims)

    def make_permute(self, x: Node) -> Node:
        return build.permute(x, self.rng.permutation(x.ndim))

    def make_slice(self, x: Node) -> Node | None:
        axis = int(self.rng.integers(x.ndim))
        n = x.shape[axis]
        if isinstance(n, Poly) or n < 2:
            return None
        step = int(self.rng.integers(1, 3))
        start = int(self.rng.integers(0, n - 1))
        return build.slice_axis(x, axis, start, -(-(n - start) // step), step)

    def make_flip(self, x: Node) -> Node:
        return build.flip(x, int(self.rng.integers(x.ndim)))

    def make_pad(self, x: Node) -> Node:
        lo = [int(v) for v in self.rng.integers(0, 3, x.ndim)]
        hi = [int(v) for v in self.rng.integers(0, 3, x.ndim)]
        step = [1] * x.ndim
        axis = int(self.rng.integers(x.ndim))
        if isinstance(x.shape[axis], int) and x.shape[axis] > 0 and self.rng.random() < 0.3:
            step[axis] = 2
        grown = [s * (d - 1) + 1 if s > 1 else d for d, s in zip(x.shape, step)]
        size = [a + d + b for a, d, b in zip(lo, grown, hi)]
        return build.pad(x, lo, size, step, self.choice((0, 1.5, -2)))

    def make_spread(self, x: Node) -> Node:
        return (
            build.broadcast_to(build.expand_dims(x, (0,)), (self.choice((2, 3)), *x.shape))
            if x.ndim < 4
            else x
        )

    def make_concat(self, x: Node) -> Node:
        axis = int(self.rng.integers(x.ndim))
        same = [v for v in self.values if v.ndim == x.ndim and _equal_but(v.shape, x.shape, axis)]
        return build.concat([x, self.choice(same), x][: int(self.rng.integers(2, 4))], axis)

    def make_window(self, x: Node) -> Node | None:
        """Along one axis or two, with strides where the extent is known."""
        if x.ndim > 3 or (isinstance(x.type.size, int) and x.type.size > 400):
            return None
        axes = [int(a) for a in self.rng.permutation(x.ndim)[: int(self.rng.integers(1, 3))]]
        size, stride, dilation, low, high = ([] for _ in range(5))
        for axis in axes:
            known = isinstance(x.shape[axis], int)
            size.append(int(self.rng.integers(1, 4)))
            dilation.append(int(self.rng.integers(1, 3)))
            stride.append(int(self.rng.integers(1, 4)) if known else 1)
            reach = (size[-1] - 1) * dilation[-1]
            low.append(int(self.rng.integers(-1 if known and x.shape[axis] > 1 else 0, 3)))
            high.append(reach + int(self.rng.integers(0, 2)))  # one window and more, of any extent
        fill = self.choice((0, 1.5, -2))
        return build.window(x, axes, size, stride, dilation, low, high, fill)

    def make_unwindow(self, x: Node) -> Node | None:
        seen = self.make_window(x)
        if seen is None:
            return None
        axes, extents = seen["axes"], [x.shape[a] for a in seen["axes"]]
        weighed = build.ew("mul", build.ew("sin", seen), build.like(seen, 0.5))
        return build.unwindow(weighed, axes, extents, *seen.attr[2:5])

    def make_pool(self, x: Node) -> Node | None:
        seen = self.make_window(x)
        if seen is None:
            return None
        taps = range(x.ndim, seen.ndim)
        return build.reduce(build.ew("tanh", seen), self.choice(("sum", "max")), taps)

    def make_conv(self, x: Node) -> Node | None:
        """A contraction over taps, and over another axis where one of a parameter fits."""
        seen = self.make_window(x)
        if seen is None or (not isinstance(seen.type.size, int) and seen.ndim > 4):
            return None
        taps = seen.shape[x.ndim :]
        count = build.product(taps)
        scale = build.ew("sin", build.cast(build.iota((count, 3), 0), self.dtype))
        kernel = build.reshape(build.ew("add", scale, build.like(scale, 0.3)), (*taps, 3))
        axes = range(x.ndim, seen.ndim), range(len(taps))
        return build.ew("tanh", build.dot(seen, kernel, axes))

    def make_reduce(self, x: Node) -> Node:
        axes = [i for i in range(x.ndim) if self.rng.random() < 0.5] or [x.ndim - 1]
        kind = self.choice(("sum", "sum", "max", "min", "prod"))
        x = build.ew("tanh", x)
        out = build.reduce(x, kind, axes, keepdims=self.rng.random() < 0.5)
        return (
            out
            if kind in ("sum", "prod")
            else build.ew("max", build.ew("min", out, build.like(out, 9)), build.like(out, -9))
        )

    def make_softmax(self, x: Node) -> Node:
        top = build.reduce(x, "max", (x.ndim - 1,), keepdims=True)
        e = build.ew("exp", build.ew("sub", x, top))
        return build.ew("div", e, build.reduce(e, "sum", (x.ndim - 1,), keepdims=True))

    def make_argmax(self, x: Node) -> Node:
        return build.cast(build.argmax(x, int(self.rng.integers(x.ndim))), self.dtype)

    def make_dot(self, x: Node) -> Node:
        y = self.choice(self.values)
        pairs = [(i, j) for i, a in enumerate(x.shape) for j, b in enumerate(y.shape) if a == b]
        if not pairs or x.ndim + y.ndim > 6:
            return build.ew("tanh", x)
        i, j = self.choice(pairs)
        rest = [(a, b) for a, b in pairs if a != i and b != j]
        batch = [self.choice(rest)] if rest and self.rng.random() < 0.4 else []
        out = build.dot(
            x, y, ((i,), (j,)), (tuple(a for a, _ in batch), tuple(b for _, b in batch))
        )
        return build.ew("tanh", out)

    def make_gather(self, x: Node) -> Node:
        idx = build.cast(
            build.ew("mul", self.choice(self.values), build.const(2, self.dtype)),
            self.choice(("int32", "int64")),
        )
        if idx.ndim + x.ndim > 5:
            return build.ew("tanh", x)
        found = build.gather(x, idx)
        return build.ew("select", build.ew("eq", found, found), found, build.like(found, 0.25))

    def make_scatter(self, x: Node) -> Node:
        idx = build.cast(build.ew("abs", build.ew("mul", x, build.like(x, 2))), "int32")
        first = build.reduce(idx, "max", range(1, idx.ndim)) if idx.ndim > 1 else idx
        return build.ew("tanh", build.scatter_add(x, first, self.choice((3, 6))))

    def make_bits(self, x: Node) -> Node:
        u = build.uniform(self.params[2], x.shape, self.dtype)
        return build.ew("select", build.ew("lt", u, build.like(u, 0.5)), x, u)

    def make_scan(self, x: Node) -> Node:
        """Along the first axis, one way or the other: a carry, and what comes out; a product with
        the carry, where there is a value that fits."""
        first = build.ew("tanh", build.reduce(x, "sum", (0,)))
        h, e = fresh(first.type), fresh(first.type)
        mixed = [w for w in self.values if w.ndim == 2 and h.ndim and w.shape == h.shape[-1:] * 2]
        state = build.dot(h, self.choice(mixed), ((h.ndim - 1,), (0,))) if mixed else h
        after = build.ew("tanh", build.ew(self.choice(("add", "mul", "max")), state, e))
        out = self.choice((h, after, build.ew("mul", state, e)))
        body, outer = closed([h, e], [after, out], 1)
        found = build.scan(body, [first, x, *outer], x.shape[0], bool(self.rng.integers(2)))
        return self.choice(found)

    def make_attention(self, x: Node) -> Node | None:
        """Of the last two axes to themselves, with a term, a mask and a dropout or without; its
        result, or a gradient of it."""
        if self.dtype != "float32" or x.ndim not in (2, 3) or isinstance(x.shape[-1], Poly):
            return None
        b, t, h = (1, *x.shape)[-3:]
        scores = (b, 1, 1, t, t)
        k, v = (build.reshape(build.ew(fn, x), (b, t, 1, h)) for fn in ("tanh", "cos"))
        place = build.cast(build.iota(scores, 4), self.dtype)
        bias = self.choice((build.full(scores, 0, self.dtype), build.ew("sin", place)))
        causal = build.ew("le", build.iota(scores, 4), build.iota(scores, 3))
        mask = self.choice((build.full(scores, True, "bool"), causal))
        drawn = build.uniform(self.params[2], scores, self.dtype)
        kept = build.ew("select", build.ew("lt", drawn, build.like(drawn, 0.7)), *(
            build.full(scores, n, self.dtype) for n in (1.25, 0)
        ))  # fmt: skip
        factor = self.choice((build.full(scores, 1, self.dtype), kept))
        q = build.reshape(x, (b, t, 1, 1, h))
        sources = (q, k, v, bias, mask, factor)
        row = build.attention(sources, 0.5, -1e9)
        [out] = build.pieces(row, q.shape)
        if self.rng.random() < 0.5:
            back = build.attention_grad(sources, row, build.ew("sin", out), 0.5, -1e9)
            out = build.ew("tanh", self.choice(build.pieces(back, q.shape, k.shape, v.shape)))
        return build.reshape(out, x.shape)

    def make_sort(self, x: Node) -> Node | None:
        """Each element where it would stand; of values that are not within rounding."""
        if DTYPES[self.dtype].widens:
            return None
        far = build.ew("rint", build.ew("mul", x, build.like(x, 4)))
        order = build.argsort(far, bool(self.rng.integers(2)))
        return build.ew("tanh", build.ew("add", build.cast(order, self.dtype), x))

    def make_iota(self, x: Node) -> Node:
        axis = int(self.rng.integers(x.ndim))
        index = build.cast(build.iota(x.shape, axis), self.dtype)
        share = build.ew("div", index, build.extent(x.shape[axis], self.dtype))
        return build.ew("add", x, build.ew("sin", build.ew("add", index, share)))


def _broadcastable(a, b) -> bool:
    if len(b) > len(a):
        return False
    return all(y in (1, x) for x, y in zip(a[len(a) - len(b) :], b))


def _equal_but(a, b, axis: int) -> bool:
    return all(x == y for i, (x, y) in enumerate(zip(a, b)) if i != axis)


def random_program(seed: int, dtype: str = "float32", size: int = 14) -> Program:
    return Generator(seed, dtype, size).program()


def random_arrays(program: Program, seed: int, sizes: dict[str, int]):
    """Inputs, parameters by name."""
    from fncompile.ir.dims import evaluate

    rng = np.random.default_rng(seed)

    def array(node: Node) -> np.ndarray:
        shape = [evaluate(d, sizes) for d in node.shape]
        if node.dtype == "uint32":
            return rng.integers(0, 2**32, shape, dtype=np.uint32)
        return rng.uniform(-1, 1, shape).astype(DTYPES[node.dtype].numpy)

    return [array(n) for n in program.inputs], {p["name"]: array(p) for p in program.params}
