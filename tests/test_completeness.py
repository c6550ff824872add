"""Every op and every scalar function has its row in every table. A missing one is named here."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.autodiff import rules
from fncompile.ir import build, infer, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program, make
from fncompile.ir.ops import OPS, REDUCTIONS, SCALARS
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes import access, stages
from tests.programs.generator import Generator
from tests.programs.native import compiled, run


def missing(table, wanted) -> list[str]:
    return sorted(set(wanted) - set(table))


def test_every_op_has_a_type_rule():
    assert missing(infer.RULES, OPS) == []


def test_every_op_has_a_meaning():
    assert missing(interp.RULES, OPS) == []


def test_every_op_has_a_gradient_or_says_it_has_none():
    assert missing(rules.VJP, OPS) == []


def test_every_op_can_be_read_or_is_a_stage():
    readable = {*access.VIEWS, *access.RULES}
    staged = set(stages.RULES)
    leaves = {"input", "param"}  # these are memory
    regions = {"scan", "part"}  # taken apart by passes/inline.py
    assert missing(readable | staged | leaves | regions, OPS) == []


def test_every_op_is_in_the_random_programs():
    made = {n.op for seed in range(150) for n in Generator(seed).program().nodes()}
    markers = {op for op, row in OPS.items() if row.family == "marker"}
    assert missing(made | markers, OPS) == []


def test_every_scalar_function_has_a_meaning_and_a_gradient():
    assert missing(interp.SCALAR_RULES, SCALARS) == []
    assert missing(rules.SCALAR_VJP, SCALARS) == []


KINDS = {
    "f": ("float32", "float64", "bfloat16", "float16"),
    "i": ("int32", "int64", "int8", "int16"),
    "u": ("uint8", "uint16", "uint32", "uint64"),
    "b": ("bool",),
}


def _samples(dtype: str, arity: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    if DTYPES[dtype].kind == "f":
        kind = DTYPES[dtype].numpy
        edge = np.array([0, 1, -1, 0.5, np.nan, np.inf, -np.inf, 3.25, 1e-3, 100], kind)
        return [
            rng.permutation(np.concatenate([edge, rng.uniform(0.1, 3, 7).astype(kind)]))
            for _ in range(arity)
        ]
    if dtype == "bool":
        return [rng.random(17) < 0.5 for _ in range(arity)]
    low = 0 if DTYPES[dtype].kind == "u" else -5
    edge = [np.iinfo(dtype).min, np.iinfo(dtype).max] * 2
    small = [rng.integers(low, 6, 13).astype(dtype) for _ in range(arity)]
    return [np.append(x, np.array(edge, dtype)[rng.permutation(4)]) for x in small]


@pytest.mark.parametrize("kind", KINDS)
def test_every_scalar_function_compiles_for_every_kind(kind):
    """One program with all functions on all dtypes of the kind, compiled and compared."""
    inputs, arrays, outputs = [], [], {}
    for dtype in KINDS[kind]:
        for fn, row in SCALARS.items():
            if kind not in row.takes:
                continue
            count = row.arity - (1 if fn == "select" else 0)
            nodes = [
                build.input(f"{fn}_{dtype}_{i}", TensorType(dtype, (symbol("B"),)))
                for i in range(count)
            ]
            values = _samples(dtype, count)
            if fn in ("shr", "shl"):
                values[1] = values[1] % 8
            if fn in ("floordiv", "mod") and kind == "f":  # NumPy and Python differ on x // inf
                values = [np.where(np.isinf(v), v.dtype.type(7), v) for v in values]
            inputs += nodes
            arrays += values
            condition = [build.ew("eq", nodes[0], nodes[-1])] if fn == "select" else []
            outputs[f"{fn}_{dtype}"] = make("ew", (*condition, *nodes), fn)
    program = Program(tuple(inputs), (), outputs)
    expected, _ = interp.run(program, arrays, {})
    got, _ = run(compiled(program), arrays, {})
    for (name, a), b in zip(expected.items(), got):
        assert a.dtype == b.dtype, name
        tolerance = 2e-6 if "float32" in name else 2**-8 if "float16" in name else 1e-12
        np.testing.assert_allclose(
            a.astype("float64"), b.astype("float64"), rtol=tolerance, atol=tolerance, err_msg=name
        )


def test_every_cast_compiles():
    inputs, arrays, outputs = [], [], {}
    for source in DTYPES:
        node = build.input(source, TensorType(source, (symbol("B"),)))
        inputs.append(node)
        special = [
            0,
            1,
            -1,
            2.5,
            -2.5,
            np.nan,
            np.inf,
            -np.inf,
            3e9,
            -3e9,
            1e19,
            -1e19,
            255.5,
            -300,
        ]
        arrays.append(
            np.array(special).astype(DTYPES[source].numpy)
            if DTYPES[source].kind == "f"
            else _samples(source, 1)[0][:14]
        )
        outputs.update(
            (f"{source}_{target}", build.cast(node, target))
            for target in DTYPES
            if target != source
        )
    program = Program(tuple(inputs), (), outputs)
    expected, _ = interp.run(program, arrays, {})
    got, _ = run(compiled(program), arrays, {})
    for (name, a), b in zip(expected.items(), got):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_every_reduction_compiles_along_every_axis(kind):
    rng = np.random.default_rng(3)
    inputs, arrays, outputs = [], [], {}
    for dtype in list(DTYPES)[:0:-1]:  # no bool; float64 first
        node = build.input(dtype, TensorType(dtype, (symbol("B"), 5, 33)))
        inputs.append(node)
        arrays.append(
            rng.uniform(-2, 2, (4, 5, 33)).astype(DTYPES[dtype].numpy)
            if dtype[0] != "u"
            else rng.integers(0, 3, (4, 5, 33), dtype)
        )
        for axes in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
            outputs[f"{dtype}_{''.join(map(str, axes))}"] = build.reduce(node, kind, axes)
    arrays[0][1, 2, 7] = np.nan
    program = Program(tuple(inputs), (), outputs)
    entry = compiled(program)
    for rows in (4, 0):
        some = [a[:rows] for a in arrays]
        expected, _ = interp.run(program, some, {})
        got, _ = run(entry, some, {})
        for (name, a), b in zip(expected.items(), got):
            tolerance = 1e-4 if "float32" in name else 2**-8 if "float16" in name else 1e-12
            np.testing.assert_allclose(
                a, b, rtol=tolerance, atol=tolerance, equal_nan=True, err_msg=name
            )
