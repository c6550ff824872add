"""Dtypes of inputs, weights and outputs: in Python, in files and in an exported library."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.flags import flag
from fncompile.saving.files import read_file
from tests.export.library import PREDICT, PRIVATE, Context, Library

DTYPES = ("int16", "uint16", "uint64")


@fncompile.saving.register_keras_serializable("tests")
class Shift(layers.Layer):
    """Adds a row of weights of the dtype of its input, and multiplies; what overflows wraps."""

    def build(self, input_shape):
        self.row = self.add_weight(
            shape=(4,), dtype=self.dtype, trainable=False, initializer="zeros", name="row"
        )

    def call(self, x):
        return (x + self.row) * x


def make_model():
    found = [fncompile.Input((4,), dtype=d, name=f"in_{d}") for d in DTYPES]
    rows = [Shift(dtype=d, name=d)(x) for d, x in zip(DTYPES, found)]
    model = fncompile.Model(found, rows, name="integers")
    for d in DTYPES:
        model.get_layer(d).row.assign(edges(d)[0, ::-1])
    return model


def edges(dtype):
    info = np.iinfo(dtype)
    return np.array([[info.min, info.max, 3, info.max - 1], [7, 300, info.max // 2, 1]], dtype)


@pytest.fixture(scope="module")
def model():
    return make_model()


def test_numbers_are_numpys_and_those_of_the_library(model, tmp_path):
    given = [edges(d) for d in DTYPES]
    found = model.predict(given, verbose=0)
    for x, out in zip(given, found):
        assert out.dtype == x.dtype and out.tobytes() == ((x + x[0, ::-1]) * x).tobytes()
    library = Library(model.export(tmp_path, march=flag("target")))
    for d in DTYPES:
        assert f"const {d}_t *in_{d}" in library.text
    context, ours = Context(library, PREDICT, 2), [np.zeros_like(x) for x in given]
    context.ok("predict", 2, *given, *ours)
    assert [x.tobytes() for x in ours] == [x.tobytes() for x in found]
    other = make_model()
    other.get_layer("int16").row.assign([1, 2, 3, -4])
    other.save_weights(tmp_path / "other.weights.h5")
    context = Context(library, PRIVATE, 2)
    context.ok("load", str(tmp_path / "other.weights.h5").encode())
    context.ok("predict", 2, *given, *ours)
    np.testing.assert_array_equal(ours[0], other.predict(given, verbose=0)[0])


def test_files_keep_them(model, tmp_path):
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = fncompile.saving.load_model(tmp_path / "m.keras")
    tree = dict(read_file(tmp_path / "m.weights.h5").datasets())
    with h5py.File(tmp_path / "m.weights.h5") as file:
        for path, array in tree.items():
            np.testing.assert_array_equal(file[path][()], array)
            assert file[path].dtype == array.dtype
    for a, b, d in zip(model.get_weights(), loaded.get_weights(), DTYPES):
        assert a.dtype == b.dtype == d and a.tobytes() == b.tobytes()
    assert {array.dtype.name for array in tree.values()} == set(DTYPES)


def test_indices_of_64_bits_are_not_cut():
    """They were taken for int32, so that 2**32 was row 0."""
    far = np.array([2**32, 1], "uint64")
    assert np.isnan(ops.take(np.arange(3.0, dtype="float32"), far)).tolist() == [True, False]
    assert ops.one_hot(far.astype("uint32") + np.uint32(2**31), 3).sum() == 0
    assert ops.one_hot(far, 3).tolist() == [[0, 0, 0], [0, 1, 0]]
