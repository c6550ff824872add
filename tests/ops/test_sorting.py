"""What the table of ops does not ask of order: many lengths against NumPy, and nonzero."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from tests.programs import native

DTYPES = (
    "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32",
    "float64",
)  # fmt: skip


def test_compiled_order_is_numpys_for_all_types_and_lengths():
    """Ties and NaN by position, both ways."""
    inputs = [build.input(d, TensorType(d, (symbol("B"), symbol("N")))) for d in DTYPES]
    outputs = {f"{x['name']} {way}": build.argsort(x, way) for x in inputs for way in (False, True)}
    entry = native.compiled(Program(tuple(inputs), (), outputs))
    for seed, n in enumerate((0, 1, 2, 3, 7, 8, 33, 1000)):
        rng = np.random.default_rng(seed)
        given = [rng.integers(0, max(n // 3, 2), (3, n)).astype(d) for d in DTYPES]
        for x in given[-2:]:
            x[rng.random(x.shape) < 0.2] = np.nan
        got = iter(native.run(entry, given, {})[0])
        for x in given:
            ascending = np.argsort(x, axis=-1, kind="stable")
            np.testing.assert_array_equal(next(got), ascending)
            backwards = n - 1 - np.argsort(x[:, ::-1], axis=-1, kind="stable")[:, ::-1]
            np.testing.assert_array_equal(next(got), backwards)


def test_nonzero_is_numpys_and_refused_in_models():
    x = np.array([[0, 2, 0], [3, 0, 1]])
    for got, want in zip(ops.nonzero(x), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.int32
    with pytest.raises(ValueError, match=r"as many results as there are.*ops\.where"):
        ops.nonzero(fncompile.Input((3,)))


def test_a_model_sorts_and_learns_through_top_k():
    """Exact gradients: those of the two largest of each row alone."""
    x = fncompile.Input((6,))
    scale = layers.Dense(6, use_bias=False, kernel_initializer="identity", name="scale")(x)
    values, _ = ops.top_k(scale, 2)
    model = fncompile.Model(x, [values, ops.sort(scale)])
    model.compile(fncompile.optimizers.SGD(0.1), loss=["mean_squared_error", None])
    rows = np.random.default_rng(0).permutation(18).reshape(3, 6).astype("float32")
    found, ordered = model.predict(rows, verbose=0)
    np.testing.assert_array_equal(found, np.sort(rows)[:, :-3:-1])
    np.testing.assert_array_equal(ordered, np.sort(rows))
    model.train_on_batch(rows, np.zeros((3, 2), "float32"))
    up = np.where(rows >= np.sort(rows)[:, -2:-1], rows, 0) / 3
    np.testing.assert_allclose(
        model.get_layer("scale").get_weights()[0], np.eye(6) - 0.1 * rows.T @ up, rtol=1e-5
    )


@pytest.mark.parametrize("k", [-1, 4])
def test_top_k_of_more_than_there_are_is_refused(k):
    with pytest.raises(ValueError, match=rf"`top_k` needs `k`.*k={k}"):
        ops.top_k(np.zeros((2, 3)), k)


def test_kth_and_side_are_checked():
    with pytest.raises(ValueError, match="within the 3 elements"):
        ops.argpartition(np.zeros(3), 3)
    with pytest.raises(ValueError, match='"left" or "right"'):
        ops.searchsorted(np.zeros(3), 1.0, side="middle")
