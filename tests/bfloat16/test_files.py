"""Saved, loaded, resumed and exported: the same bits."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers
from fncompile.flags import flag
from fncompile.ir.elements import rounded
from fncompile.saving.files import read_file
from tests.bfloat16.test_training import POLICIES, losses
from tests.export.library import PREDICT, TRAIN, Context, Library, flat_weights


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(rows, 5)).astype(np.float32)
    return x, x[:, :1] * x[:, 1:2]


def small_model(policy: str):
    """With weights and slots, some of which a mask of dropout moves."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    inputs = keras.Input((5,))
    x = layers.Dropout(0.1, seed=3)(layers.Dense(9, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("rmsprop", "mse")
    return model


def state(model) -> list[np.ndarray]:
    return [np.array(v) for v in (*model.weights, *model.optimizer.variables)]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    assert [x.tobytes() for x in a] == [x.tobytes() for x in b]


@pytest.mark.parametrize(("policy", "ending"), [
    *((policy, "keras") for policy in POLICIES), ("float16", "h5"),
    ("mixed_float16", "weights.h5"),
])  # fmt: skip
def test_loaded_and_resumed(tmp_path, policy, ending):
    x, y = data(96)
    model, path = small_model(policy), tmp_path / f"half.{ending}"
    losses(model, x, y, 1)
    if ending == "weights.h5":
        model.save_weights(path)
        again = small_model(policy)
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
    model = small_model("bfloat16")
    model.save_weights(tmp_path / "x.weights.h5")
    tree = read_file(tmp_path / "x.weights.h5")
    assert {a.dtype.name for _, a in tree.datasets()} <= {"float32", "int32", "uint32"}


def test_weights_of_float32_are_rounded_on_loading(tmp_path):
    source, target = small_model("float32"), small_model("bfloat16")
    source.save_weights(tmp_path / "x.weights.h5")
    target.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2.0**-8)


@pytest.fixture(scope="module", params=POLICIES)
def exported(request, tmp_path_factory):
    """A policy, and the library of `small_model(policy)` as it is made, before any training."""
    directory = tmp_path_factory.mktemp("bfloat16")
    bundle = small_model(request.param).export(directory, prefix="reg", march=flag("target"))
    return request.param, Library(bundle)


def test_a_library_gives_the_same_bits(exported):
    """To its callers inputs, outputs and weights are float32."""
    policy, library = exported
    model, (x, y) = small_model(policy), data(32)
    assert "const float *" in library.text and "bf16" not in library.text
    expected = model.predict(x, verbose=0)
    found = np.zeros_like(expected)
    Context(library, PREDICT, len(x)).ok("predict", len(x), x, found)
    assert found.tobytes() == expected.tobytes()
    context = Context(library, TRAIN, len(x))
    context.ok("train_step", len(x), x, y, np.zeros(1, np.float32))
    model.train_on_batch(x, y)
    assert context.params().tobytes() == flat_weights(model).tobytes()


def test_checkpoints_of_a_library_and_of_python_are_one(exported, tmp_path):
    policy, library = exported
    model, (x, y) = small_model(policy), data(32)
    losses(model, x, y, 1)
    model.save_weights(tmp_path / "python.weights.h5")
    context, path = Context(library, TRAIN, len(x)), tmp_path / "c.weights.h5"
    context.ok("load", str(tmp_path / "python.weights.h5").encode())
    assert context.params().tobytes() == flat_weights(model).tobytes()
    path.write_bytes(context.checkpoint())
    again = small_model(policy)
    again.optimizer.build(again.trainable_variables)
    again.load_weights(path)
    equal(state(model), state(again))


def test_a_library_rounds_weights_of_bfloat16_that_it_is_given(exported):
    policy, library = exported
    context = Context(library, TRAIN, 4)
    given = np.random.default_rng(3).normal(size=context.params().size).astype(np.float32)
    context.ok("set_params", given, given.size)
    kept = rounded(given) if policy == "bfloat16" else given
    np.testing.assert_array_equal(context.params(), kept)
