"""Every scalar function over all (pairs of) special numbers, against NumPy in a wider type.

By the interpreter, by compiled code with two arrays and with either operand a constant, and by the
folding of constants. Compiled entries take subnormal numbers as zero (csrc/math/fnc_flush.h), so
what NumPy gives for such numbers as zeros is right as well. The sign of a zero that comes out is
not promised; the infinity that 1 over it gives is.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from fncompile import config, ops
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build, interp
from fncompile.ir.node import Program
from fncompile.ir.ops import SCALARS
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.manager import Context
from fncompile.passes.simplify import simplify
from fncompile.runtime.entry import build_entry

WIDE = {"float32": np.float64, "float64": np.longdouble}
erf = np.vectorize(math.erf, otypes=[float])

# Those that are exact are asked in the type itself: NumPy's // depends on its rounding.
EXACT = {
    "neg": np.negative,
    "abs": np.abs,
    "floor": np.floor,
    "rint": np.rint,
    "signbit": np.signbit,
    "floordiv": np.floor_divide,
    "mod": np.mod,
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "lt": np.less,
    "le": np.less_equal,
}
ROUNDED = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "atan": np.arctan,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": erf,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
}
NOT_OF_FLOATS = {"and", "or", "xor", "not", "shr", "shl", "select"}

# Ops that are compositions.
COMPOSED_UNARY = {
    "sign": np.sign,
    "square": np.square,
    "reciprocal": np.reciprocal,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.round,
    "exp2": np.exp2,
    "log2": np.log2,
    "log10": np.log10,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "logical_not": np.logical_not,
    "softplus": lambda x: np.logaddexp(x, 0),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
}
COMPOSED_BINARY = {
    "logaddexp": np.logaddexp,
    "floor_divide": np.floor_divide,
    "mod": np.mod,
    "power": np.power,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
IN_ITS_TYPE = {*EXACT, "floor_divide", "trunc", "round", "ceil", "sign"}


def specials(dtype: str) -> np.ndarray:
    info = np.finfo(dtype)
    edge = math.floor(math.log(info.max))
    sizes = [0, 0.5, 1, 1 + info.eps, 1 - info.epsneg, 2, 2.5, 3, 5, 1e10, edge, edge + 0.5]
    sizes += [edge + 1, edge + 2, info.smallest_subnormal, info.tiny / 2, info.tiny, info.max]
    signed = [sign * size for size in [*sizes, np.inf] for sign in (1.0, -1.0)]
    return np.array([*signed, np.nan], dtype)


def constants(dtype: str) -> list[float]:
    """Those for which compilers have a way of their own."""
    info = np.finfo(dtype)
    small = [float(info.smallest_subnormal), float(info.max)]
    return [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, -3.0, math.inf, -math.inf, math.nan, *small]


def flushed(x: np.ndarray) -> np.ndarray:
    small = np.abs(x) < np.finfo(x.dtype).tiny
    return np.where(small, np.copysign(0, x), x).astype(x.dtype)


def reference(name: str, fn, arrays) -> list[np.ndarray]:
    """What is right: for these numbers, and with the subnormal ones as zeros."""
    dtype, found = arrays[0].dtype.name, []
    for given in (arrays, [flushed(a) for a in arrays]):
        with np.errstate(all="ignore"):
            wide = given if name in IN_ITS_TYPE else [a.astype(WIDE[dtype]) for a in given]
            out = fn(*wide)
            found.append(out if out.dtype == bool else out.astype(dtype))
    return found


def wrong(name: str, got: np.ndarray, wanted: list[np.ndarray]) -> np.ndarray:
    """Where `got` is none of them: to 8 units in the last place, or exactly; NaN is NaN."""
    got = np.asarray(got)
    assert got.dtype == wanted[0].dtype
    right = np.zeros(got.shape, bool)
    for want in wanted:
        right |= got == want
        if want.dtype != bool:
            info = np.finfo(want.dtype)
            right |= np.isnan(got) & np.isnan(want)
            near = np.isclose(got, want, rtol=8 * info.eps, atol=info.tiny)
            right |= near & np.isfinite(got) & np.isfinite(want) & (name not in EXACT)
    return ~right


class Rows:
    """A Program of calls of scalar functions, and what is right for each of its outputs."""

    def __init__(self, dtype: str):
        self.dtype, self.numbers = dtype, specials(dtype)
        self.pairs = [p.ravel() for p in np.meshgrid(self.numbers, self.numbers, indexing="ij")]
        self.rows: dict[str, tuple[str, list[np.ndarray], object]] = {}
        with Trace().active():
            single = placeholder("s", TensorType(dtype, self.numbers.shape))
            both = [placeholder(n, TensorType(dtype, self.pairs[0].shape)) for n in "ab"]
            self._scalars(single.node, [t.node for t in both])
            self._composed(single, both)
        nodes = {key: node for key, (_, _, node) in self.rows.items()}
        self.program = Program((single.node, *(t.node for t in both)), (), nodes)

    def _scalars(self, single, both) -> None:
        for fn, row in SCALARS.items():
            if fn in NOT_OF_FLOATS:
                continue
            if row.arity == 1:
                self.rows[fn] = fn, [self.numbers], build.ew(fn, single)
                continue
            self.rows[fn] = fn, self.pairs, build.ew(fn, *both)
            for i, number in enumerate(constants(self.dtype)):
                constant, filled = build.like(single, number), np.full_like(self.numbers, number)
                right, left = build.ew(fn, single, constant), build.ew(fn, constant, single)
                self.rows[f"{fn}_right{i}"] = fn, [self.numbers, filled], right
                self.rows[f"{fn}_left{i}"] = fn, [filled, self.numbers], left

    def _composed(self, single, both) -> None:
        for name in COMPOSED_UNARY:
            self.rows[f"ops.{name}"] = name, [self.numbers], getattr(ops, name)(single).node
        for name in COMPOSED_BINARY:
            self.rows[f"ops.{name}"] = name, self.pairs, getattr(ops, name)(*both).node


@functools.cache
def results(dtype: str):
    """The rows, and their outputs by the interpreter and by compiled code."""
    config.set_floatx(dtype)
    try:
        rows = Rows(dtype)
        arrays = [rows.numbers, *rows.pairs]
        entry = build_entry(rows.program, "infer", "specials", [], Context())
        entry.prepare(1)
        compiled = dict(zip(rows.rows, entry.run(arrays)))
        return rows.rows, interp.run(rows.program, arrays, {})[0], compiled
    finally:
        config.set_floatx("float32")


FUNCTIONS = {**EXACT, **ROUNDED, **COMPOSED_UNARY, **COMPOSED_BINARY}


def test_no_scalar_function_is_forgotten():
    assert {*EXACT, *ROUNDED, *NOT_OF_FLOATS} == set(SCALARS)


@pytest.mark.parametrize("how", ("interpreted", "compiled"))
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", WIDE)
def test_special_values(dtype, name, how):
    rows, interpreted, compiled = results(dtype)
    found = interpreted if how == "interpreted" else compiled
    checked = 0
    for key, (fn, arrays, _) in rows.items():
        if fn == name:
            faults = wrong(name, found[key], reference(name, FUNCTIONS[name], arrays))
            given = [a[faults].tolist() for a in arrays]
            assert not faults.any(), f"{key} of {given}: {found[key][faults].tolist()}"
            checked += 1
    assert checked


@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
@pytest.mark.parametrize("dtype", WIDE)
def test_folded_constants(dtype, name):
    """The numbers that the compiler puts in place of functions of constants."""
    rows = [specials(dtype)]
    if SCALARS[name].arity == 2:
        rows = [p.ravel() for p in np.meshgrid(*2 * rows, indexing="ij")]
    calls = (build.ew(name, *(build.const(float(x), dtype) for x in xs)) for xs in zip(*rows))
    program = simplify(Program((), (), {str(i): call for i, call in enumerate(calls)}))
    assert all(node.op == "const" for node in program.outputs.values())
    got = np.array([*interp.run(program, [], {})[0].values()])
    assert not wrong(name, got, reference(name, FUNCTIONS[name], rows)).any()


# integers ---------------------------------------------------------------------------------------

INTEGERS = [name for name, row in DTYPES.items() if row.kind in "iu"]


def _zero_by_zero(fn):
    def divided(a, b):
        safe = np.where(b == 0, 1, b).astype(b.dtype)
        return np.where(b == 0, 0, fn(a, safe)).astype(a.dtype)

    return divided


INTEGER_FUNCTIONS = {
    "neg": np.negative,
    "abs": np.abs,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "floordiv": _zero_by_zero(np.floor_divide),
    "mod": _zero_by_zero(np.mod),
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "lt": np.less,
    "le": np.less_equal,
}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_at_the_ends_of_their_range(dtype):
    info = np.iinfo(dtype)
    numbers = {info.min, info.min + 1, info.max, info.max - 1, info.max // 2, 0, 1, 2, 3, 7}
    numbers |= {-1, -2, -3, -7, info.min // 2} if info.min else set()
    pairs = np.meshgrid(*2 * [np.array(sorted(numbers), dtype)], indexing="ij")
    arrays = [p.ravel() for p in pairs]
    with Trace().active():
        a, b = (placeholder(n, TensorType(dtype, arrays[0].shape)).node for n in "ab")
        names = [n for n in INTEGER_FUNCTIONS if DTYPES[dtype].kind in SCALARS[n].takes]
        outputs = {n: build.ew(n, *(a, b)[: SCALARS[n].arity]) for n in names}
        outputs |= {f"cast {t}": build.cast(a, t) for t in DTYPES if t != "bfloat16"}
    program = Program((a, b), (), outputs)
    entry = build_entry(program, "infer", "integers", [], Context())
    entry.prepare(1)
    interpreted = interp.run(program, arrays, {})[0]
    for name, compiled in zip(outputs, entry.run(arrays)):
        with np.errstate(all="ignore"):
            if name.startswith("cast"):
                wanted = arrays[0].astype(name.split()[1])
            else:
                wanted = INTEGER_FUNCTIONS[name](*arrays[: SCALARS[name].arity])
        np.testing.assert_array_equal(interpreted[name], wanted, name)
        np.testing.assert_array_equal(compiled, wanted, name)


@pytest.mark.parametrize("dtype", WIDE)
def test_casts_of_special_values(dtype):
    """Truncated, saturated, NaN as 0; compiled as interpreted."""
    ends = [float(np.iinfo(t).max) for t in INTEGERS]
    ends += [float(np.iinfo(t).min) for t in INTEGERS] + [-0.5, -0.99, 255.5, -128.5]
    numbers = np.concatenate([specials(dtype), np.array(ends, dtype)])
    numbers = np.concatenate([numbers, np.nextafter(numbers, np.array(0, dtype))])
    with Trace().active():
        x = placeholder("x", TensorType(dtype, numbers.shape)).node
        program = Program((x,), (), {t: build.cast(x, t) for t in DTYPES if t != "bfloat16"})
    entry = build_entry(program, "infer", "casts", [], Context())
    entry.prepare(1)
    interpreted = interp.run(program, [numbers], {})[0]
    for target, compiled in zip(program.outputs, entry.run([numbers])):
        if target in INTEGERS:
            info = np.iinfo(target)
            exact = [0 if math.isnan(v) else v for v in numbers.tolist()]
            exact = [min(max(v, info.min), info.max) for v in exact]
            wanted = np.array([int(v) for v in exact], object).astype(target)
        else:
            with np.errstate(all="ignore"):
                wanted = numbers.astype(target)
        keep = slice(None)
        if target == "bool":  # a subnormal number is zero where they are flushed
            keep = np.abs(numbers) >= np.finfo(dtype).tiny
        np.testing.assert_array_equal(interpreted[target], wanted, target)
        if DTYPES[target].kind == "f":
            small = np.abs(wanted) < np.finfo(target).tiny
            wanted, compiled = (np.where(small, 0, v) for v in (wanted, compiled))
        np.testing.assert_array_equal(compiled[keep], wanted[keep], target)
