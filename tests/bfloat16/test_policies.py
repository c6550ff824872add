"""Dtype policies as Keras 3.15 has them: what it printed and gave stands here as expected."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fncompile as keras
from fncompile import dtype_policies, layers, mixed_precision, ops
from fncompile.ir import elements
from fncompile.ir.elements import rounded
from fncompile.ops.dispatch import result_dtype

SERIALIZED = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "mixed_bfloat16"},
    "registered_name": None,
}


def test_a_mixed_policy():
    policy = keras.DTypePolicy("mixed_bfloat16")
    assert repr(policy) == '<DTypePolicy "mixed_bfloat16">'
    assert (policy.name, policy.compute_dtype, policy.variable_dtype) == (
        "mixed_bfloat16", "bfloat16", "float32",
    )  # fmt: skip
    assert policy.get_config() == {"name": "mixed_bfloat16"}
    assert policy == keras.DTypePolicy.from_config(policy.get_config()) != "mixed_bfloat16"
    assert dtype_policies.serialize(policy) == SERIALIZED
    assert dtype_policies.deserialize(SERIALIZED) == policy == dtype_policies.get(SERIALIZED)


@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "float16", "int32"])
def test_a_plain_policy(name):
    policy = keras.DTypePolicy(name)
    assert policy.compute_dtype == policy.variable_dtype == policy.name == name


def test_a_policy_of_no_name_is_the_one_that_is_set():
    assert keras.DTypePolicy(None).name == "float32"
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert keras.DTypePolicy(None).name == "mixed_bfloat16"


@pytest.mark.parametrize(("name", "error", "words"), [
    ("foo", ValueError, "Cannot convert 'foo' to a mixed precision DTypePolicy"),
    ("mixed_foo", ValueError, "Cannot convert 'mixed_foo'"),
    (5, TypeError, "'name' must be a string"),
])  # fmt: skip
def test_no_policy(name, error, words):
    with pytest.raises(error, match=words):
        keras.DTypePolicy(name)


def test_other_arguments_are_refused():
    for policy in (3, None):
        with pytest.raises(ValueError, match="Invalid `policy` argument"):
            keras.config.set_dtype_policy(policy)
    with pytest.raises(ValueError, match="Cannot interpret `dtype` argument"):
        layers.Dense(2, dtype=3)


def test_a_policy_is_assigned_by_name():
    layer = keras.layers.Dense(2)
    for policy in ("mixed_bfloat16", SERIALIZED, keras.DTypePolicy("mixed_bfloat16")):
        layer.dtype_policy = "float32"
        layer.dtype_policy = policy
        assert layer.dtype_policy == keras.DTypePolicy("mixed_bfloat16")
    assert layer.compute_dtype == "bfloat16" and layer.get_config()["dtype"] == "mixed_bfloat16"
    for unknown in ("int8_from_float32", "gptq/4/-1_from_float32", 3):
        with pytest.raises(ValueError, match=r"int8|gptq|Cannot interpret"):
            layer.dtype_policy = unknown
    assert layer.compute_dtype == "bfloat16"


@pytest.mark.parametrize("set_policy", [
    keras.config.set_dtype_policy, mixed_precision.set_global_policy,
    mixed_precision.set_dtype_policy,
])  # fmt: skip
def test_the_global_policy_is_that_of_new_layers(set_policy):
    before = layers.Dense(2)
    set_policy(mixed_precision.Policy("mixed_bfloat16"))
    assert keras.config.dtype_policy() == mixed_precision.global_policy()
    assert layers.Dense(2).dtype_policy.name == "mixed_bfloat16"
    assert before.dtype_policy.name == "float32"
    assert keras.Input((3,)).dtype == "float32"


@pytest.mark.parametrize("dtype", [
    "mixed_bfloat16", keras.DTypePolicy("mixed_bfloat16"), SERIALIZED,
    {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}},  # of tf.keras
])  # fmt: skip
def test_a_layer_of_a_mixed_policy(dtype):
    layer = layers.Dense(3, dtype=dtype)
    y = layer(keras.Input((4,)))
    assert (layer.dtype, layer.compute_dtype, layer.variable_dtype, y.dtype) == (
        "float32", "bfloat16", "float32", "bfloat16",
    )  # fmt: skip
    assert layer.kernel.dtype == "float32"
    assert layer.get_config()["dtype"] == "mixed_bfloat16"
    assert layers.Dense.from_config(layer.get_config()).dtype_policy == layer.dtype_policy


def test_a_layer_of_bfloat16():
    layer = layers.Dense(3, dtype="bfloat16")
    y = layer(keras.Input((4,)))
    assert layer.dtype == layer.compute_dtype == layer.kernel.dtype == y.dtype == "bfloat16"
    assert layer.kernel.numpy().dtype == np.float32
    np.testing.assert_array_equal(layer.kernel.numpy(), rounded(layer.kernel.numpy()))


@pytest.mark.parametrize("layer", [
    layers.BatchNormalization, layers.LayerNormalization, layers.Softmax,
    lambda: layers.Dropout(0.5), lambda: layers.Embedding(3, 4), lambda: layers.Rescaling(2.0),
    lambda: layers.Activation("gelu"), layers.Flatten,
])  # fmt: skip
def test_outputs_are_of_the_compute_dtype_and_weights_are_not(layer):
    keras.config.set_dtype_policy("mixed_bfloat16")
    made = layer()
    assert made(keras.Input((4,))).dtype == "bfloat16"
    assert {v.dtype for v in made.weights} <= {"float32"}


def test_integers_are_not_cast():
    seen = []

    class Look(layers.Layer):
        def call(self, x, y):
            seen.append((x.dtype, y.dtype))
            return ops.cast(x, y.dtype) + y

    keras.config.set_dtype_policy("mixed_bfloat16")
    Look()(keras.Input((4,), dtype="int32"), y=keras.Input((4,)))
    assert set(seen) == {("int32", "bfloat16")}


def test_weights_are_read_in_the_compute_dtype_only_inside_call():
    seen = {}

    class Look(layers.Layer):
        def build(self, shape):
            self.cast = self.add_weight(shape=(), name="cast")
            self.kept = self.add_weight(shape=(), autocast=False, name="kept")
            self.count = self.add_weight(shape=(), dtype="int32", name="count")

        def call(self, x):
            seen["call"] = self.cast.dtype, self.kept.dtype, self.count.dtype
            seen["sum"] = (x * self.cast).dtype, (x * self.kept).dtype
            return x * self.cast

    layer = Look(dtype="mixed_bfloat16")
    layer(keras.Input((4,)))
    assert seen["call"] == ("bfloat16", "float32", "int32")
    assert seen["sum"] == ("bfloat16", "float32")
    assert layer.cast.dtype == "float32"


def test_a_layer_of_float32_inside_one_of_a_mixed_policy_reads_its_weights_as_they_are():
    class Outer(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dense(2, dtype="float32")

        def call(self, x):
            return self.inner(x)

    outer = Outer(dtype="mixed_bfloat16")
    assert outer(keras.Input((4,))).dtype == "float32"
    x = np.float32([[1, 2, 3, 4.01]])
    kernel = outer.inner.kernel.numpy().astype(np.float64)
    np.testing.assert_allclose(outer(x), rounded(x) @ kernel, rtol=1e-5)


PROMOTED = {
    "float16": "float32",
    "bool": "bfloat16", "uint8": "bfloat16", "int8": "bfloat16", "int32": "bfloat16",
    "int64": "bfloat16", "uint32": "bfloat16", "float32": "float32", "bfloat16": "bfloat16",
}  # fmt: skip


@pytest.mark.parametrize("other", PROMOTED)
def test_promotion(other):
    a, b = (keras.Input((3,), dtype=d) for d in ("bfloat16", other))
    assert ops.add(a, b).dtype == ops.multiply(b, a).dtype == PROMOTED[other]


def test_python_numbers_are_weak():
    x = keras.Input((3,), dtype="bfloat16")
    assert (x * 2).dtype == (x + 0.1).dtype == (1 / x).dtype == result_dtype(x, 1.5) == "bfloat16"


def test_a_mean_of_many_is_not_that_of_a_rounded_count():
    """257 is 256 in bfloat16."""
    x = np.ones((2, 257), np.float32)
    layer = layers.Lambda(lambda x: (ops.mean(x, 1), ops.var(x, 1)), dtype="bfloat16")
    mean, variance = layer(x)
    assert (mean == 1).all() and (variance == 0).all()


def test_batch_statistics_are_float32():
    """Of numbers far from 0 relative to their spread; 100.5 is no number of bfloat16."""
    x = np.tile(np.float32([[100.0], [101.0]]), (8, 1))
    layer = layers.BatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    y = layer(x, training=True)
    assert layer.moving_mean.numpy() == 100.5 and layer.moving_variance.numpy() == 0.25
    np.testing.assert_allclose(np.unique(y), [-0.998, 0.998], atol=4e-3)


def test_layer_normalization_is_computed_in_float32():
    x = np.float32([[100.0, 101.0, 102.0, 103.0]])
    y = layers.LayerNormalization(epsilon=1e-6, dtype="mixed_bfloat16")(x)
    np.testing.assert_allclose(y, (x - 101.5) / np.sqrt(1.25), rtol=4e-3)


def test_indices_given_as_floats_keep_their_digits():
    """1001 is 1000 in bfloat16."""
    layer = layers.Embedding(1002, 1, embeddings_initializer="zeros", dtype="mixed_bfloat16")
    layer.build((None,))
    table = np.zeros((1002, 1))
    table[1001] = 1
    layer.set_weights([table])
    assert layer(np.float32([[1001, 1000]])).ravel().tolist() == [1, 0]


@pytest.mark.parametrize("rate", [0.1, 0.003])
def test_dropout_keeps_its_rate(rate):
    y = layers.Dropout(rate, seed=1, dtype="bfloat16")(np.ones((500, 500)), training=True)
    assert abs((y == 0).mean() - rate) < 4 * np.sqrt(rate / 250000)


def test_random_numbers():
    u = keras.random.uniform((10000,), dtype="bfloat16", seed=1).astype("float32")
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.02
    for draw in (keras.random.normal, keras.random.truncated_normal):
        z = draw((10000,), dtype="bfloat16", seed=1)
        np.testing.assert_array_equal(z, rounded(draw((10000,), seed=1)))


def test_eager_results_have_their_dtype_and_decide_the_next():
    """As those of Keras on JAX, in NumPy's bfloat16 of ml_dtypes: 256 + 1 is 256 there."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = ops.cast([256.0, 1.0], "bfloat16")
    found = [x, ops.add(x, 1), layers.Dense(2, dtype="bfloat16")(np.ones((1, 2)))]
    found += [keras.losses.MeanSquaredError(dtype="bfloat16")(x, x), ops.convert_to_numpy(x)]
    assert {y.dtype for y in found} == {np.dtype(ml_dtypes.bfloat16)}
    assert found[1].tolist() == [256, 2] and ops.add(x, np.float32(1)).tolist() == [257, 2]
    mixed = layers.Dense(2, dtype="mixed_bfloat16")
    assert mixed(x[None]).dtype == x.dtype and mixed.get_weights()[0].dtype == np.float32


def test_eager_results_are_float32_where_ml_dtypes_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    elements._added.cache_clear()
    y = ops.add(ops.cast([256.0, 1.0], "bfloat16"), ops.cast(0.0, "bfloat16"))
    elements._added.cache_clear()
    assert y.dtype == np.float32 and y.tolist() == [256, 1]


def test_losses_are_computed_in_float32():
    y = layers.Lambda(lambda x: x, dtype="bfloat16")(keras.Input((2,)))
    assert y.dtype == "bfloat16"
    assert keras.losses.MeanSquaredError()(keras.Input((2,)), y).dtype == "float32"


def test_arrays_of_ml_dtypes_are_taken():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.float32([1, 2.5]).astype(ml_dtypes.bfloat16)
    assert ops.add(x, 1).tolist() == [2, 3.5]
    assert keras.Variable(x).dtype == "bfloat16"


def test_variables():
    v = keras.Variable([1 / 3, 2.0], dtype="bfloat16")
    assert v.dtype == "bfloat16" and v.numpy().dtype == np.float32
    assert v.numpy()[0] == rounded(np.float32([1 / 3]))[0]
    v.assign([5, 0.1])
    assert v.value.tolist() == [5, float(rounded(np.float32([0.1]))[0])]
    v.assign_add([1, 0])
    assert float(v.value[0]) == 6
    with pytest.raises(ValueError, match="shape"):
        v.assign([1.0])
