"""Saved, loaded, resumed and exported: the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile.saving.files import read_file
from tests.bfloat16.test_training import POLICIES, losses, regression_data, regression_model
from tests.export.library import PREDICT, TRAIN, Context, Library, flat_weights


def state(model) -> list[np.ndarray]:
    return [np.array(v) for v in (*model.weights, *model.optimizer.variables)]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    assert [x.tobytes() for x in a] == [x.tobytes() for x in b]


@pytest.mark.parametrize(("policy", "ending"), [
    *((policy, "keras") for policy in POLICIES), ("bfloat16", "h5"),
    ("mixed_bfloat16", "weights.h5"),
])  # fmt: skip
def test_loaded_and_resumed(tmp_path, policy, ending):
    x, y = regression_data(96)
    model, path = regression_model(policy), tmp_path / f"half.{ending}"
    losses(model, x, y, 1)
    if ending == "weights.h5":
        model.save_weights(path)
        again = regression_model(policy)
        again.optimizer.build(again.trainable_variables)
        again.load_weights(path)
    else:
        model.save(path)
        keras.config.set_dtype_policy("float32")  # the file says what the layers are
        again = keras.models.load_model(path)
    assert [a.dtype_policy for a in model.layers] == [b.dtype_policy for b in again.layers]
    assert [v.dtype for v in model.weights] == [v.dtype for v in again.weights]
    equal(state(model), state(again))
    equal([model.predict(x, verbose=0)], [again.predict(x, verbose=0)])
    if ending != "weights.h5":  # which leave out the state of random generators
        assert losses(model, x, y, 1) == losses(again, x, y, 1)
        equal(state(model), state(again))


def test_files_hold_bfloat16_as_float32(tmp_path):
    """So that every program reads them; the numbers are exact."""
    model = regression_model("bfloat16")
    model.save_weights(tmp_path / "x.weights.h5")
    tree = read_file(tmp_path / "x.weights.h5")
    assert {a.dtype.name for _, a in tree.datasets()} <= {"float32", "int32", "uint32"}


def test_weights_of_float32_are_rounded_on_loading(tmp_path):
    source, target = regression_model("float32"), regression_model("bfloat16")
    source.save_weights(tmp_path / "x.weights.h5")
    target.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2.0**-8)


def test_an_exported_library_gives_the_same_bits(tmp_path):
    """Its inputs, outputs and weights are float32, as C has no bfloat16."""
    model = regression_model("mixed_bfloat16")
    x, y = regression_data(32)
    losses(model, x, y, 1)
    library = Library(model.export(tmp_path, prefix="reg"))
    assert "const float *" in library.text and "bfloat16" not in library.text
    expected = model.predict(x, verbose=0)
    found = np.zeros_like(expected)
    context = Context(library, PREDICT, len(x))
    context.ok("predict", len(x), x, found)
    assert found.tobytes() == expected.tobytes()
    context = Context(library, TRAIN, len(x))
    context.ok("train_step", len(x), x, y, np.zeros(1, np.float32))
    model.train_on_batch(x, y)
    assert context.params().tobytes() == flat_weights(model).tobytes()


def test_weights_of_bfloat16_are_not_exported():
    model = regression_model("bfloat16")
    with pytest.raises(ValueError, match=r"/kernel' is of dtype bfloat16.*mixed_bfloat16"):
        model.export("unused", prefix="reg")
