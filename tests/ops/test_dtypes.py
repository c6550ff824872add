"""Which dtype comes out: promotion, Python numbers, and ops with a rule of their own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import fncompile
from fncompile import config, ops
from fncompile.graph.call import infer_outputs
from fncompile.graph.tensor import KerasTensor
from fncompile.ir.types import SHORT, TensorType
from fncompile.ops.dispatch import result_dtype, standard_dtype

# Keras' lattice, recorded from its own code without the step from 64 to 32 bits at its end; the
# last three columns are Python's int, float and bool.
RECORDED = """
bool: bool u8  i8  u16 i16 u32 i32 u64 i64 bf16 f16 f32 f64 i32 f32 bool
u8:   u8   u8  i16 u16 i16 u32 i32 u64 i64 bf16 f16 f32 f64 u8  f32 u8
i8:   i8   i16 i8  i32 i16 i64 i32 f32 i64 bf16 f16 f32 f64 i8  f32 i8
u16:  u16  u16 i32 u16 i32 u32 i32 u64 i64 bf16 f16 f32 f64 u16 f32 u16
i16:  i16  i16 i16 i32 i16 i64 i32 f32 i64 bf16 f16 f32 f64 i16 f32 i16
u32:  u32  u32 i64 u32 i64 u32 i64 u64 i64 bf16 f16 f32 f64 u32 f32 u32
i32:  i32  i32 i32 i32 i32 i64 i32 f32 i64 bf16 f16 f32 f64 i32 f32 i32
u64:  u64  u64 f32 u64 f32 u64 f32 u64 f32 bf16 f16 f32 f64 u64 f32 u64
i64:  i64  i64 i64 i64 i64 i64 i64 f32 i64 bf16 f16 f32 f64 i64 f32 i64
bf16: bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 f32 f32 f64 bf16 bf16 bf16
f16:  f16  f16 f16 f16 f16 f16 f16 f16 f16 f32 f16 f32 f64 f16 f16 f16
f32:  f32  f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f64 f32 f32 f32
f64:  f64  f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64
"""
TABLE = {
    SHORT[row.split(":")[0]]: [SHORT[name] for name in row.split(":")[1].split()]
    for row in RECORDED.strip().split("\n")
}
NAMES = tuple(TABLE)
EXACT = tuple(n for n in NAMES if n not in ("bfloat16", "float64"))  # as arrays they are float32


def symbolic(dtype):
    return KerasTensor.of(TensorType(dtype, (2,)), "x")


@pytest.mark.parametrize("first", NAMES)
def test_promotion(first):
    others = [*map(symbolic, NAMES), 1, 1.0, True]
    assert [result_dtype(symbolic(first), o) for o in others] == TABLE[first]
    assert [result_dtype(o, symbolic(first)) for o in others] == TABLE[first]


@pytest.mark.parametrize("first", NAMES)
def test_promotion_in_the_graph(first):
    others = [*(symbolic(name) for name in NAMES), 1, 1.0, True]
    got = [infer_outputs(ops.maximum, (symbolic(first), o), {}).dtype for o in others]
    assert got == TABLE[first]


def test_promotion_of_arrays():
    for first in EXACT:
        got = {name: ops.add(np.ones(2, first), np.ones(2, name)).dtype for name in EXACT}
        assert got == {name: TABLE[first][NAMES.index(name)] for name in EXACT}


def test_float64_when_it_is_the_float_type():
    config.set_floatx("float64")
    try:
        assert ops.exp(np.array([1, 2])).dtype == "float64"
        assert ops.add(np.ones(2, "float32"), np.ones(2, "float64")).dtype == "float64"
        assert ops.zeros((2,)).dtype == ops.convert_to_tensor(1.5).dtype == "float64"
    finally:
        config.set_floatx("float32")


def test_numpy_scalars_are_strong_and_python_numbers_weak():
    x = np.ones(2, "int8")
    assert ops.add(x, 1).dtype == "int8"
    assert ops.add(x, np.int32(1)).dtype == "int32"
    assert ops.add(x, np.float32(1)).dtype == "float32"


def test_numbers_alone():
    assert ops.add(1, 2).dtype == "int32"
    assert ops.add(1, 2.0).dtype == "float32"
    assert ops.divide(1, 2) == 0.5
    assert ops.convert_to_tensor([1, 2]).dtype == "int32"
    assert ops.convert_to_tensor([2**40]).dtype == "int64"
    assert ops.convert_to_tensor([True]).dtype == "bool"
    assert ops.convert_to_tensor(np.array([1.0])).dtype == "float32"


@pytest.mark.parametrize(
    ("name", "dtypes"),
    [
        (
            "sum",
            {
                "bool": "int32",
                "uint8": "uint32",
                "int8": "int32",
                "uint16": "uint32",
                "int16": "int32",
                "uint64": "uint64",
                "int32": "int32",
                "int64": "int64",
                "float32": "float32",
            },
        ),
        ("prod", {"bool": "int32", "uint8": "uint32", "int8": "int32", "int64": "int64"}),
        ("mean", {"bool": "float32", "int64": "float32", "float32": "float32"}),
        ("max", {"bool": "bool", "uint8": "uint8", "int64": "int64"}),
        ("cumsum", {"bool": "int32", "int8": "int8", "int16": "int16", "float32": "float32"}),
        ("argmax", {"bool": "int32", "float32": "int32"}),
        ("exp", {"bool": "float32", "int64": "float32"}),
        ("abs", {"bool": "bool", "uint8": "uint8", "int8": "int8"}),
        ("square", {"bool": "int32", "uint8": "uint8"}),
        ("floor", {"int32": "float32"}),
        ("round", {"int32": "int32", "float32": "float32"}),
        ("isnan", {"int32": "bool", "float32": "bool"}),
        ("relu", {"int32": "int32", "float32": "float32"}),
        ("size", {"float32": "int32"}),
    ],
)
def test_dtype_of_result(name, dtypes):
    for given, wanted in dtypes.items():
        assert getattr(ops, name)(np.ones(2, given)).dtype == wanted
        assert infer_outputs(getattr(ops, name), (symbolic(given),), {}).dtype == wanted


def test_comparisons_order_bools_and_unsigned():
    assert ops.less(np.array([False]), np.array([True])).tolist() == [True]
    assert ops.greater(np.array([200], "uint8"), np.array([100], "uint8")).tolist() == [True]
    assert ops.argmin(np.array([3, 0, 200], "uint8")) == 1
    assert ops.argmin(np.array([5, -(2**31), 7], "int32")) == 1  # -x would wrap


def test_integer_division_by_zero_is_zero():
    x = np.array([7, -7], "int32")
    assert ops.floor_divide(x, 0).tolist() == ops.mod(x, 0).tolist() == [0, 0]


def test_casts_to_integers_truncate_and_saturate():
    x = np.array([1.9, -1.9, 3e9, -3e9, np.nan, np.inf], "float32")
    assert ops.cast(x, "int32").tolist() == [1, -1, 2**31 - 1, -(2**31), 0, 2**31 - 1]
    assert ops.cast(np.array([0.0, 0.5, np.nan], "float32"), "bool").tolist() == [False, True, True]


def test_standard_dtype():
    assert [
        standard_dtype(d) for d in ("float", "int", np.float64, np.dtype("int64"), bool, "uint8")
    ] == [
        "float32",
        "int32",
        "float64",
        "int64",
        "bool",
        "uint8",
    ]
    with pytest.raises(ValueError, match="Invalid dtype: complex64"):
        standard_dtype("complex64")


PRODUCTS = {
    "matmul": (lambda a, b: ops.matmul(a, b), np.matmul),
    "einsum": (lambda a, b: ops.einsum("ij,jk->ik", a, b), np.matmul),
    "dot": (ops.dot, np.dot),
    "inner": (ops.inner, np.inner),
    "outer": (ops.outer, np.outer),
    "tensordot": (lambda a, b: ops.tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1)),
    "vdot": (ops.vdot, np.vdot),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_have_the_dtype_that_their_operands_promote_to(name):
    """As in Keras: only `matmul` and `einsum` of int8 alone are wider. int8·bool was int32."""
    fn, reference = PRODUCTS[name]
    for first, second in itertools.product(EXACT, EXACT):
        a, b = np.array([[1, 0], [1, 1]]).astype(first), np.array([[1, 1], [0, 1]]).astype(second)
        wanted = TABLE[first][NAMES.index(second)]
        if first == second == "int8" and name in ("matmul", "einsum"):
            wanted = "int32"
        found = fn(a, b)
        assert found.dtype == wanted, (first, second)
        assert infer_outputs(fn, (symbolic_2d(first), symbolic_2d(second)), {}).dtype == wanted
        np.testing.assert_array_equal(found, reference(a.astype(int), b.astype(int)).astype(wanted))


def symbolic_2d(dtype):
    return KerasTensor.of(TensorType(dtype, (2, 2)), "x")


def test_products_of_int8_wrap_around():
    big = np.full((1, 2), 100, "int8")
    assert ops.dot(big, np.ones((2, 1), bool)).tolist() == [[np.int8(200 - 256)]]
    assert ops.matmul(big, big.T).tolist() == [[20000]]


@pytest.mark.parametrize(
    ("given", "wanted"), [("uint8", "uint32"), ("int8", "int32"), ("bool", "int32"), ("int64",) * 2]
)
def test_traces_are_added_up_like_sums(given, wanted):
    x = np.diag([200, 100]).astype(given)
    assert ops.trace(x).dtype == wanted
    assert ops.trace(x) == np.sum(np.diagonal(x).astype(wanted))


def test_clip_promotes_with_its_bounds():
    """Bounds of 0.5 were cut to whole numbers for integers."""
    x = np.array([0, 1, 5], "int32")
    assert ops.clip(x, 0.5, 2.5).tolist() == [0.5, 1.0, 2.5]
    assert ops.clip(x, 0.5, 2.5).dtype == "float32"
    assert ops.clip(x, 1, 3).dtype == "int32"
    assert ops.clip(x.astype("uint8"), 1, 3).dtype == "uint8"
    assert ops.clip(x, np.int64(1), np.int64(3)).dtype == "int64"
    assert ops.clip(x.astype("float32"), 1, 3).dtype == "float32"


def test_nan_to_num_of_bfloat16_is_finite():
    """It raised; the largest float32 would round to infinity."""
    x = ops.cast(np.array([np.inf, -np.inf, np.nan, 1], "float32"), "bfloat16")
    assert np.isfinite(ops.nan_to_num(ops.cast(x, "bfloat16"))).all()

    def both(x):
        return ops.cast(ops.nan_to_num(ops.cast(x, "bfloat16")), "float32")

    found = fncompile.layers.Lambda(both)(np.array([[np.inf, -np.inf, np.nan, 1]], "float32"))
    assert np.asarray(found).tolist() == [[LARGEST, -LARGEST, 0, 1]]


LARGEST = 3.3895313892515355e38
