"""Models of policies `float16` and `mixed_float16`: losses are scaled as in Keras, and files and
exported libraries have float16."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import fncompile as keras
from fncompile import layers, optimizers
from fncompile.flags import flag
from tests.bfloat16.test_files import data, small_model
from tests.export.library import DIALECTS, PREDICT, TRAIN, Context, Library, build_selftest
from tests.tools import run


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_a_library_gives_the_same_bits(policy, tmp_path):
    """Its callers have inputs in float32, as the model has; outputs, and the weights that are of
    float16, as the bits of float16."""
    model, (x, y) = small_model(policy), data(32)
    model.train_on_batch(x, y)  # a step that scales its loss is known from data alone
    library = Library(model.export(tmp_path, prefix="half", march=flag("target")))
    assert "uint16_t *dense_1" in library.text and "const float *" in library.text
    expected = model.predict(x, verbose=0)
    assert expected.dtype == np.float16
    found = np.zeros_like(expected)
    Context(library, PREDICT, len(x)).ok("predict", len(x), x, found)
    assert found.tobytes() == expected.tobytes()
    context = Context(library, TRAIN, len(x))
    for _ in range(3):
        context.ok("train_step", len(x), x, y, np.zeros(1, np.float32))
        model.train_on_batch(x, y)
    dtype = model.weights[0].dtype
    flat = np.empty(int(library.macro("NUM_PARAMS")), dtype)
    context.ok("get_params", flat, flat.size)
    assert flat.tobytes() == b"".join(w.tobytes() for w in model.get_weights())
    path = tmp_path / "c.weights.h5"
    path.write_bytes(context.checkpoint())
    with h5py.File(path) as file:
        assert file["layers/dense/vars/0"].dtype == dtype
        assert file["layers/dense/vars/0"][()].tobytes() == model.get_weights()[0].tobytes()
    again = small_model(policy)
    again.load_weights(path)
    assert again.predict(x, verbose=0).tobytes() == model.predict(x, verbose=0).tobytes()
    context.ok("load", str(path).encode())


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A model and its library, with weights, an input and an output of float16."""
    keras.config.set_dtype_policy("float16")
    inputs = keras.Input((3,), dtype="float16", name="x")
    model = keras.Model(inputs, layers.Dense(3, name="y")(inputs))
    model.compile("sgd", "mse")
    keras.config.set_dtype_policy("float32")
    directory = tmp_path_factory.mktemp("halves")
    return model, model.export(directory, prefix="halves", march=flag("target"))


@pytest.mark.parametrize("dialect", ["gcc-c99", "gcc-c++11"])
def test_programs_in_c_have_the_numbers(halves, dialect, tmp_path):
    """The self-test compares what Python computed, by its own reading of the bits."""
    model, bundle = halves
    selftest = build_selftest(bundle, bundle.static, tmp_path / "selftest", dialect)
    assert "passed" in run(selftest)
    source = ["-x", "c++" if "++" in dialect else "c", bundle.example, "-x", "none"]
    command = [c for c in DIALECTS[dialect] if c not in ("-x", "c++")]
    run(*command, f"-I{bundle.directory}", *source, bundle.static, "-lm", "-pthread",
        "-o", tmp_path / "example")  # fmt: skip
    shown = run(tmp_path / "example").split("y:")[1].split("\n")[0].split()
    x = (np.arange(12) % 7 / 7).astype(np.float16).reshape(4, 3)
    expected = model.predict(x, verbose=0).ravel()[:8]
    np.testing.assert_allclose([float(v) for v in shown], expected, atol=3e-3)


def test_compile_scales_the_loss_of_mixed_float16():
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert isinstance(model.optimizer, optimizers.LossScaleOptimizer)
    assert isinstance(model.optimizer.inner_optimizer, optimizers.SGD)
    assert model.optimizer.name == "loss_scale_optimizer"
    own = optimizers.LossScaleOptimizer(optimizers.SGD())
    model.compile(own, "mse")
    assert model.optimizer is own
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, optimizers.SGD)
    model.compile(loss="mse", optimizer=None)
    for policy in ("mixed_bfloat16", "float16"):
        keras.config.set_dtype_policy(policy)
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        assert isinstance(model.optimizer, optimizers.SGD)


# Recorded from Keras 3.15 on JAX, which rounds sums of products in another order.
RECORDED = (
    3.70751, 3.70751, 3.70751, 3.70751, 3.70751, 2.75053, 2.17751, 1.82480, 1.60503, 1.46483,
    1.37396, 1.31395,
)  # fmt: skip


def test_training_is_that_of_keras():
    """Four scales are too large, so nothing moves; three steps later the scale grows again."""
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, activation="tanh")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    kernels = np.sin(np.arange(12.0)).reshape(3, 4), np.cos(np.arange(4.0)).reshape(4, 1)
    model.set_weights([kernels[0], np.zeros(4), kernels[1], np.zeros(1)])
    inner = optimizers.SGD(0.05)
    scaling = optimizers.LossScaleOptimizer(inner, initial_scale=2.0**18, dynamic_growth_steps=3)
    model.compile(scaling, "mse")
    x = np.sin(np.arange(48.0)).reshape(16, 3).astype("f4")
    y = x[:, :1] * x[:, 1:2] * 3
    found = [model.train_on_batch(x, y) for _ in RECORDED]
    np.testing.assert_allclose(found, RECORDED, rtol=3e-4)
    assert float(scaling.dynamic_scale) == 2.0**16 and inner.iterations == 8
    assert {w.dtype for w in model.weights} == {"float32"}


def test_groups_of_numbers_beyond_float16_are_normalized():
    """They were infinite before the layer saw them; Keras does not cast them either."""
    x = np.full((2, 4, 8), 70000, np.float32) + np.arange(8, dtype=np.float32)
    found = layers.GroupNormalization(2, dtype="mixed_float16", epsilon=0.0)(x)
    assert found.dtype == np.float16
    wanted = layers.GroupNormalization(2, dtype="float32", epsilon=0.0)(x)
    np.testing.assert_allclose(found, wanted, atol=2e-3)
