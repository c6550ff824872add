"""float16: each of its numbers, in Python and compiled; ops, layers and weights that have it."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import config, initializers, layers, metrics, ops, random
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.elements import decode, encode, fit
from fncompile.ir.node import Program
from fncompile.ir.types import DTYPES, TensorType
from tests.programs import native

PATTERNS = np.arange(2**16).astype(np.uint16).view(np.float16)


def floats() -> np.ndarray:
    """All numbers of float16, what is halfway between two, and what is next to that; any others."""
    ordered = np.unique(PATTERNS[np.isfinite(PATTERNS)]).astype(np.float64)
    halfway = np.append((ordered[:-1] + ordered[1:]) / 2, [65520, -65520]).astype(np.float32)
    beside = [np.nextafter(halfway, np.float32(way)) for way in (np.inf, -np.inf)]
    others = np.random.default_rng(0).integers(0, 2**32, 50_000, dtype=np.uint32).view(np.float32)
    return np.concatenate([PATTERNS.astype(np.float32), halfway, *beside, others])


def bits(x: np.ndarray) -> np.ndarray:
    """Those of numbers, zeros with their signs; all NaN are one."""
    return np.where(np.isnan(x), x.dtype.type(np.nan), x).view(f"u{x.dtype.itemsize}")


def test_both_ways_are_numpys_for_every_number():
    """Compiled, with the vectors that the machine has, and interpreted."""
    narrow = build.input("narrow", TensorType("float16", (symbol("B"),)))
    wide = build.input("wide", TensorType("float32", (symbol("N"),)))
    doubled = build.ew("add", build.cast(wide, "float16"), build.like(narrow, 0))
    outputs = {"wide": build.cast(narrow, "float32"), "narrow": build.cast(wide, "float16")}
    program = Program((narrow, wide), (), {**outputs, "sum": doubled})
    given = [PATTERNS, floats()]
    with np.errstate(over="ignore"):
        expected = [PATTERNS.astype(np.float32), given[1].astype(np.float16)]
    compiled, _ = native.run(native.compiled(program), given, {})
    for values in (compiled, interp.run(program, given, {})[0].values()):
        got = [encode(x, n.dtype) for x, n in zip(values, program.outputs.values())]
        np.testing.assert_array_equal(bits(got[0]), bits(expected[0]))
        np.testing.assert_array_equal(bits(got[1]), bits(expected[1]))
        np.testing.assert_array_equal(got[2], expected[1])  # a sum forgets the sign of zero


def test_elements_and_values():
    x = np.array([0.1, 70000, -1e-9, 2049], np.float32)
    assert encode(x, "float16").dtype == np.float16
    assert decode(encode(x, "float16"), "float16").dtype == fit(x, "float16").dtype == np.float32
    np.testing.assert_array_equal(fit(x, "float16"), [np.float16(0.1), np.inf, 0, 2048])
    assert encode(np.float32(1.5), "float16").shape == ()
    assert DTYPES["float16"].largest == 65504


def test_every_op_of_arrays_rounds_its_result():
    """NumPy rounds each of these once, too."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=200).astype(np.float16) for _ in range(2))
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        found, wanted = getattr(ops, name)(a, b), getattr(np, name)(a, b)
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, wanted, err_msg=name)
    for name in ("sqrt", "floor", "negative", "abs", "sign", "square", "round"):
        np.testing.assert_array_equal(
            getattr(ops, name)(np.abs(a)), getattr(np, name)(np.abs(a)), err_msg=name
        )
    assert ops.sum(a).dtype == ops.mean(a).dtype == ops.var(a).dtype == np.float16
    exact = a.astype(np.float64)
    assert ops.sum(a) == np.float16(exact.sum()) and ops.mean(a) == np.float16(exact.mean())
    product = ops.matmul(a.reshape(10, 20), b.reshape(20, 10))
    np.testing.assert_allclose(
        product.astype("f8"), exact.reshape(10, 20) @ b.astype("f8").reshape(20, 10),
        rtol=2**-10, atol=2**-20,
    )  # fmt: skip
    many = np.full(4000, 20, np.float16)  # 80,000, whose mean is none too large
    assert ops.mean(many) == 20 and ops.sum(many) == np.inf


def test_ops_that_compute_in_float32_say_what_they_give():
    """As in Keras: moments saturate, losses of alignments stay float32, angles do not."""
    many = np.array([60000, -60000], np.float16)
    mean, variance = ops.moments(many, [0])
    assert (mean, variance) == (0, 65504) and variance.dtype == np.float16
    assert ops.angle(many).tolist() == [0, np.float16(np.pi)]
    assert ops.angle(many).dtype == np.float16
    scores = np.array([[[0.4, 0.8, 0.4], [0.2, 0.8, 0.3], [0.9, 0.4, 0.5]]], np.float16)
    labels, three = np.array([[1, 2, 1]]), np.array([3])
    loss = ops.ctc_loss(labels, scores, three, three)
    assert loss.dtype == np.float32 == ops.ctc_decode(scores, three)[1].dtype
    np.testing.assert_allclose(
        loss, ops.ctc_loss(labels, scores.astype(np.float32), three, three), rtol=1e-6
    )


def test_sums_are_taken_in_float32():
    ones = np.ones(4096, np.float16)  # beyond 2,048 one more would change nothing
    x = fncompile.Input((4096,), dtype="float16")
    model = fncompile.Model(x, [ops.sum(x, axis=-1), ops.matmul(x, np.ones((4096, 1), np.float16))])
    for found in model.predict(ones[None], verbose=0):
        assert found.dtype == np.float16 and found.item() == 4096


@pytest.mark.parametrize("spelling", ["float16", np.float16, np.dtype("float16")], ids=str)
def test_who_takes_a_dtype_takes_it(spelling):
    made = {
        "input": fncompile.Input((2,), dtype=spelling),
        "layer": layers.Dense(2, dtype=spelling)(fncompile.Input((2,))),
        "weight": layers.Layer().add_weight(shape=(2,), dtype=spelling),
        "variable": fncompile.Variable([1.0], dtype=spelling),
        "initializer": initializers.GlorotUniform()((2, 2), dtype=spelling),
        "cast": ops.cast([1.0], spelling),
        "normal": random.normal((2,), dtype=spelling),
        "uniform": random.uniform((2,), dtype=spelling),
        "one_hot": ops.one_hot([1], 3, dtype=spelling),
        "sum": metrics.Sum(dtype=spelling).total,
    }
    assert {name: str(x.dtype) for name, x in made.items()} == dict.fromkeys(made, "float16")
    assert fncompile.Variable(np.ones(2, "float16")).value.dtype == np.float16


def test_it_can_be_the_float_type():
    config.set_floatx("float16")
    try:
        assert config.dtype_policy().name == "float16"
        assert ops.zeros((2,)).dtype == ops.convert_to_tensor(1.5).dtype == np.float16
        assert layers.Dense(2)(np.ones((1, 2))).dtype == np.float16
    finally:
        config.set_floatx("float32")


def test_data_of_it_is_widened_for_inputs_of_float32():
    """No number changes: every one of float16 is one of float32."""
    x = np.linspace(-2, 2, 12).reshape(4, 3).astype("float16")
    model = fncompile.Sequential([fncompile.Input((3,)), layers.Dense(2)])
    assert np.array_equal(model.predict(x, verbose=0), model.predict(x.astype("f4"), verbose=0))
    assert ops.add(x, x).dtype == ops.convert_to_tensor(x).dtype == np.float16
