"""Models as graphs: calling, nesting, sharing, slicing, cloning, freezing.

Expectations were confirmed by running this file against real Keras (FNC_TEST_MODULE=keras).
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from tests.keras_reference.target import better_than_keras, keras

layers, ops = keras.layers, keras.ops


@pytest.fixture(autouse=True)
def fresh_names():
    keras.utils.clear_session()


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def chain():
    x = keras.Input((3,), name="x")
    a = layers.Dense(4, activation="relu", name="a")(x)
    b = layers.Dense(5, activation="tanh", name="b")(a)
    return keras.Model(x, layers.Dense(2, name="c")(b), name="chain")


def by_hand(model, x):
    for name, act in (("a", lambda v: np.maximum(v, 0)), ("b", np.tanh), ("c", lambda v: v)):
        kernel, bias = model.get_layer(name).get_weights()
        x = act(x @ kernel + bias)
    return x


def close(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


def predict(model, x):
    return model.predict(x, verbose=0)


# -- symbolic tensors ------------------------------------------------------------------------------


def test_symbolic_tensor_tells_shape_and_dtype():
    x = keras.Input((784,), name="img")
    assert x.shape == (None, 784) and isinstance(x.shape, tuple)
    assert x.dtype == "float32" and x.name == "img" and x.ndim == 2
    assert keras.Input((None, 3), batch_size=5).shape == (5, None, 3)
    assert keras.Input(batch_shape=(16, 10, 5)).shape == (16, 10, 5)
    assert keras.Input((), dtype="int32").shape == (None,)
    assert keras.Input((2,), dtype="int64").dtype == "int64"


def test_positional_shape_and_list_shape():
    assert keras.Input((4,)).shape == keras.Input([4]).shape == (None, 4)


def test_operators_make_nodes_but_not_layers():
    x = keras.Input((3,), name="x")
    model = keras.Model(x, ops.tanh(x * 2.0 + 1.0)[:, :2])
    assert [layer.name for layer in model.layers] == ["x"]
    assert len(model.operations) == 5
    v = data(4, 3)
    close(predict(model, v), np.tanh(v * 2 + 1)[:, :2])


def test_history_of_a_tensor():
    x = keras.Input((3,))
    layer = layers.Dense(2)
    first, second = layer(x), layer(x)
    assert first._keras_history[0] is layer
    assert [t._keras_history[1] for t in (first, second)] == [0, 1]


def test_open_extents_beyond_the_batch():
    x = keras.Input((None, 3))
    model = keras.Model(x, [layers.Dense(2)(x), ops.sum(x, axis=1)])
    assert model.outputs[0].shape == (None, None, 2) and model.outputs[1].shape == (None, 3)
    for length in (1, 4, 7):
        v = data(2, length, 3)
        dense, total = predict(model, v)
        assert dense.shape == (2, length, 2)
        close(total, v.sum(1))


def test_fixed_batch_size():
    x = keras.Input((3,), batch_size=4)
    model = keras.Model(x, ops.reshape(layers.Dense(2, use_bias=False)(x), (8,)))
    assert model.output.shape == (8,)
    close(model(data(4, 3)), (data(4, 3) @ model.get_weights()[0]).ravel())


# -- calling ---------------------------------------------------------------------------------------


def test_call_predict_and_numpy_agree():
    model, v = chain(), data(7, 3)
    close(model(v), by_hand(model, v))
    close(predict(model, v), by_hand(model, v))
    close(model.predict(v, batch_size=2, verbose=0), by_hand(model, v))
    close(model.predict_on_batch(v), by_hand(model, v))


def test_float64_and_integer_arrays_are_cast():
    model, v = chain(), data(7, 3)
    close(predict(model, v.astype("float64")), by_hand(model, v))
    whole = np.arange(6).reshape(2, 3)
    close(predict(model, whole), by_hand(model, whole.astype("float32")))
    assert predict(model, whole).dtype == np.float32


def test_layouts_of_arrays_do_not_matter():
    model, v = chain(), data(6, 6)
    close(predict(model, v[:, ::2]), by_hand(model, v[:, ::2]))
    close(predict(model, np.asfortranarray(v[:, :3])), by_hand(model, v[:, :3]))
    close(predict(model, v[::-1, :3]), by_hand(model, v[::-1, :3]))


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
    return keras.Model([a, b], layers.Dense(2, name="d")(layers.concatenate([a, b])), name="two")


def test_inputs_as_list_tuple_and_dict():
    model, a, b = two_inputs(), data(4, 3), data(4, 1, seed=1)
    kernel, bias = model.get_weights()
    expected = np.concatenate([a, b], 1) @ kernel + bias
    for inputs in ([a, b], (a, b), {"a": a, "b": b}, {"b": b, "a": a}):
        close(predict(model, inputs), expected)
        with warnings.catch_warnings():  # another container than the model's draws a warning
            warnings.simplefilter("ignore")
            close(model(inputs), expected)


def test_dict_inputs_ignore_other_keys():
    a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
    model = keras.Model({"a": a, "b": b}, ops.concatenate([a, b], axis=1))
    x = {"a": data(2, 3), "b": data(2, 1), "other": data(2, 9)}
    close(model(x), np.concatenate([x["a"], x["b"]], 1))


def test_missing_last_axis_of_one_is_added():
    model, a, b = two_inputs(), data(4, 3), data(4, seed=1)
    close(predict(model, [a, b]), predict(model, [a, b[:, None]]))


def test_unused_inputs_are_fine():
    a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
    model = keras.Model([a, b], ops.exp(a))
    close(predict(model, [data(2, 3), data(2, 1)]), np.exp(data(2, 3)))


def test_output_may_be_an_input():
    x = keras.Input((3,))
    close(predict(keras.Model(x, x), data(2, 3)), data(2, 3))


def test_no_rows():
    assert np.asarray(chain()(data(0, 3))).shape == (0, 2)


def test_nan_and_infinity_go_through():
    model = chain()
    v = data(3, 3)
    v[1] = np.nan
    out = predict(model, v)
    assert np.isnan(out[1]).all() and np.isfinite(out[[0, 2]]).all()


# -- nesting and sharing ---------------------------------------------------------------------------


def test_model_as_layer_shares_its_weights():
    inner = chain()
    x = keras.Input((3,), name="outer_x")
    outer = keras.Model(x, layers.add([inner(x), inner(x * 2.0)]))
    v = data(4, 3)
    close(predict(outer, v), by_hand(inner, v) + by_hand(inner, 2 * v))
    inner.set_weights([w * 0 + 0.1 for w in inner.get_weights()])
    close(predict(outer, v), by_hand(inner, v) + by_hand(inner, 2 * v))
    assert len(outer.weights) == 6


def test_models_over_one_graph_share_layers():
    """The guide's encoder and autoencoder."""
    x = keras.Input((6,), name="x")
    code = layers.Dense(2, name="code")(x)
    encoder = keras.Model(x, code, name="encoder")
    autoencoder = keras.Model(x, layers.Dense(6, name="decode")(code), name="autoencoder")
    autoencoder.compile(optimizer="sgd", loss="mse")
    before = predict(encoder, data(3, 6))
    autoencoder.fit(data(8, 6), data(8, 6), verbose=0)
    assert autoencoder.get_layer("code") is encoder.get_layer("code")
    after = predict(encoder, data(3, 6))
    assert not np.allclose(before, after)
    kernel, bias = encoder.get_weights()
    close(after, data(3, 6) @ kernel + bias)


def test_ensemble_by_average():
    members = []
    for i in range(3):
        x = keras.Input((5,))
        members.append(keras.Model(x, layers.Dense(1)(x), name=f"member_{i}"))
    x = keras.Input((5,))
    ensemble = keras.Model(x, layers.average([m(x) for m in members]))
    v = data(4, 5)
    close(predict(ensemble, v), np.mean([predict(m, v) for m in members], 0))


def test_one_layer_in_two_branches():
    table = layers.Embedding(10, 4)
    a, b = keras.Input((None,), dtype="int32"), keras.Input((2,), dtype="int32")
    model = keras.Model([a, b], [table(a), table(b)])
    assert len(model.weights) == 1
    ids = np.array([[1, 2, 9]]), np.array([[0, 9]])
    for out, rows in zip(predict(model, list(ids)), ids):
        close(out, model.get_weights()[0][rows])


def test_layer_input_and_output_are_of_the_first_call():
    layer = layers.Dense(2)
    x, y = keras.Input((3,)), keras.Input((3,))
    first = layer(x)
    layer(y)
    assert layer.input is x and layer.output is first


# -- surgery ---------------------------------------------------------------------------------------


def test_features_of_inner_layers():
    model, v = chain(), data(4, 3)
    features = keras.Model(model.input, [layer.output for layer in model.layers])
    outputs = predict(features, v)
    assert [o.shape for o in outputs] == [(4, 3), (4, 4), (4, 5), (4, 2)]
    close(outputs[-1], by_hand(model, v))


def test_backbone_and_head():
    """A model may begin at an inner tensor: its part of the graph, the same weights."""
    model, v = chain(), data(4, 3)
    backbone = keras.Model(model.input, model.get_layer("a").output)
    head = keras.Model(model.get_layer("a").output, model.output)
    assert [layer.name for layer in head.layers][1:] == ["b", "c"]
    close(predict(head, predict(backbone, v)), by_hand(model, v))
    head.set_weights([w * 0.5 for w in head.get_weights()])
    close(predict(model, v), by_hand(model, v))


def test_slice_of_several_tensors():
    x = keras.Input((3,), name="x")
    a, b = layers.Dense(3, name="a")(x), layers.Dense(3, name="b")(x)
    model = keras.Model(x, layers.add([a, b]))
    joint = keras.Model([a, b], model.output)
    close(predict(joint, [data(2, 3), data(2, 3, seed=1)]), data(2, 3) + data(2, 3, seed=1))


def test_clone_has_its_own_fresh_weights():
    model = chain()
    clone = keras.models.clone_model(model)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not np.allclose(clone.get_weights()[0], model.get_weights()[0])
    clone.set_weights(model.get_weights())
    close(predict(clone, data(2, 3)), predict(model, data(2, 3)))


def test_clone_onto_another_input():
    model = chain()
    x = keras.Input((3,), name="elsewhere")
    clone = keras.models.clone_model(model, input_tensors=x)
    assert clone.inputs[0].name == "elsewhere"
    clone.set_weights(model.get_weights())
    close(predict(clone, data(2, 3)), predict(model, data(2, 3)))


def test_clone_with_a_function():
    def wider(layer):
        config = layer.get_config()
        if config["name"] == "b":
            config["units"] = 9
        return layer.__class__.from_config(config)

    clone = keras.models.clone_model(chain(), clone_function=wider)
    assert clone.get_layer("b").output.shape == (None, 9)


def test_config_and_json_make_the_same_architecture():
    x = keras.Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    y = layers.concatenate([shared(x), shared(ops.exp(x)), x * 2.0])
    model = keras.Model({"x": x}, {"out": layers.Dense(1, name="out")(y)}, name="m")
    for again in (keras.Model.from_config(model.get_config()),
                  keras.models.model_from_json(model.to_json()),
                  keras.Model.from_config(json.loads(json.dumps(model.get_config())))):
        assert again.name == "m"
        again.set_weights(model.get_weights())
        close(predict(again, {"x": data(2, 3)})["out"], predict(model, {"x": data(2, 3)})["out"])


def test_subclassed_model():
    class Mlp(keras.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = layers.Dense(units, activation="relu"), layers.Dense(1)

        def call(self, x):
            return self.second(self.first(x))

    model = Mlp(8, name="mlp")
    out = model(np.zeros((2, 4), "float32"))
    assert np.asarray(out).shape == (2, 1)
    assert len(model.weights) == 4 and model.count_params() == 8 * 4 + 8 + 8 + 1
    model.compile(optimizer="sgd", loss="mse")
    first = model.fit(data(32, 4), data(32, 1), epochs=5, verbose=0).history["loss"]
    assert first[-1] < first[0]
    x = keras.Input((4,))
    close(predict(keras.Model(x, model(x)), data(3, 4)), predict(model, data(3, 4)))


# -- Sequential ------------------------------------------------------------------------------------


def test_sequential_builds_when_called():
    model = keras.Sequential([layers.Dense(2, activation="relu"), layers.Dense(1)])
    assert not model.built and model.weights == []
    assert np.asarray(model(data(4, 5))).shape == (4, 1)
    assert model.built and len(model.weights) == 4
    assert predict(model, data(7, 5)).shape == (7, 1)


def test_sequential_add_and_pop():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="a")])
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2) and [layer.name for layer in model.layers] == ["a", "b"]
    model.pop()
    assert model.output_shape == (None, 4) and [layer.name for layer in model.layers] == ["a"]
    assert model.input_shape == (None, 3)


def test_sequential_hides_its_input_layer():
    model = keras.Sequential([keras.Input((3,), name="in"), layers.Flatten()])
    assert [layer.name for layer in model.layers] == ["flatten"]
    assert model.inputs[0].name == "in"


def test_sequential_extends_to_functional():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")]
    )
    middle = keras.Model(model.inputs, model.get_layer("a").output)
    assert predict(middle, data(2, 3)).shape == (2, 4)


def test_sequential_is_fitted_without_a_declared_input():
    model = keras.Sequential([layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    assert len(model.fit(data(4, 3), data(4, 1), verbose=0).history["loss"]) == 1
    assert model.get_weights()[0].shape == (3, 1)


def test_sequential_from_config():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(2)], name="s"
    )
    again = keras.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert again.name == "s"
    close(predict(again, data(2, 3)), predict(model, data(2, 3)))


@better_than_keras
def test_sequential_built_on_one_batch_takes_another():
    """Keras keeps the first batch size as the input's shape."""
    model = keras.Sequential([layers.Dense(2)])
    model(data(4, 5))
    assert model.input_shape == (None, 5)


# -- trainable -------------------------------------------------------------------------------------


def test_trainable_goes_down_and_moves_weights_to_the_other_list():
    model = chain()
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (6, 0)
    model.get_layer("b").trainable = False
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (4, 2)
    model.trainable = False
    assert model.trainable_weights == [] and not model.get_layer("a").trainable
    model.trainable = True
    assert len(model.trainable_weights) == 6 and model.get_layer("b").trainable
    assert [w.path for w in model.weights] == [
        f"{n}/{w}" for n in "abc" for w in ("kernel", "bias")
    ]


def test_frozen_layers_do_not_move():
    model = chain()
    model.get_layer("a").trainable = False
    model.compile(optimizer="adam", loss="mse")
    before = model.get_weights()
    model.fit(data(8, 3), data(8, 2), verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
    assert moved == [False, False, True, True, True, True]


def test_frozen_model_inside_another_does_not_move():
    """Transfer learning: a frozen base, a new head."""
    base = chain()
    base.trainable = False
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1, name="head")(base(x, training=False)))
    model.compile(optimizer="adam", loss="mse")
    before = base.get_weights()
    model.fit(data(8, 3), data(8, 1), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights()))
    assert len(model.trainable_weights) == 2


def test_params_are_counted():
    model = chain()
    assert model.count_params() == 16 + 25 + 12
    assert model.get_layer("c").count_params() == 12


def test_training_flag_reaches_every_layer():
    x = keras.Input((50,))
    model = keras.Model(x, layers.Dropout(0.5)(x))
    v = np.ones((4, 50), "float32")
    close(model(v), v)
    close(model(v, training=False), v)
    dropped = np.asarray(model(v, training=True))
    assert set(np.unique(dropped)) == {0.0, 2.0}


def test_what_a_call_of_the_model_says_goes_before_the_flag_of_a_layer():
    """Monte Carlo dropout calls the model: predict switches training off."""
    x = keras.Input((50,))
    model = keras.Model(x, layers.Dropout(0.5)(x, training=True))
    v = np.ones((4, 50), "float32")
    assert (np.asarray(model(v)) == 0).any()
    close(model(v, training=False), v)
    close(predict(model, v), v)


# -- names, weights --------------------------------------------------------------------------------


def test_get_layer_by_name_and_index():
    model = chain()
    assert model.get_layer("b") is model.layers[2] is model.get_layer(index=2)


def test_weights_are_read_and_set():
    model = chain()
    weights = [np.full(w.shape, i, "float32") for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    for given, kept in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(given, kept)
    model.get_layer("a").set_weights([weights[0] + 1, weights[1]])
    assert model.get_weights()[0][0, 0] == 1
    model.weights[1].assign(np.full(4, 9.0))
    assert model.get_layer("a").bias.numpy().tolist() == [9.0] * 4
    close(predict(model, data(2, 3)), by_hand(model, data(2, 3)))


def test_read_weights_are_copies():
    model = chain()
    model.get_weights()[0][:] = 77.0
    assert not (model.get_weights()[0] == 77.0).any()


def test_seed_makes_equal_weights():
    def first_kernel():
        keras.utils.set_random_seed(5)
        return chain().get_weights()[0]

    np.testing.assert_array_equal(first_kernel(), first_kernel())
