"""Functional models: topologies, structures, shared and nested parts, several models over one
graph."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

from fncompile import Input, KerasTensor, Model, Sequential, layers, ops
from fncompile.graph.naming import reset_names
from fncompile.graph.trace import Trace, placeholder
from fncompile.models import Functional


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


RNG = np.random.default_rng(0)


def data(*shape):
    return RNG.normal(size=shape).astype("float32")


def dense(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_stack_of_layers():
    inputs = Input((4,), name="img")
    hidden = layers.Dense(3, activation="tanh", name="hidden")
    head = layers.Dense(2, name="head")
    model = Model(inputs, head(hidden(inputs)), name="stack")
    assert isinstance(model, Functional) and isinstance(model, Model)
    assert [layer.name for layer in model.layers] == ["img", "hidden", "head"]
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)
    assert model.input_names == ["img"] and model.output_names == ["head"]
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2
    x = data(5, 4)
    close(model(x), dense(np.tanh(dense(x, hidden)), head))


@pytest.mark.parametrize("batch", [0, 1, 2, 33])
def test_any_batch_size(batch):
    inputs = Input((4,))
    layer = layers.Dense(3)
    x = data(batch, 4)
    out = Model(inputs, layer(inputs))(x)
    assert out.shape == (batch, 3)
    close(out, dense(x, layer))


def test_diamond_with_functions():
    a = Input((3,))
    left, right = layers.Dense(3), layers.Dense(3)
    model = Model(a, ops.exp(left(a)) * right(a) - 1)
    x = data(4, 3)
    close(model(x), np.exp(dense(x, left)) * dense(x, right) - 1)
    assert len(model.layers) == 3 and len(model.operations) == 6


def test_a_shared_layer_is_one_set_of_weights():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    tower = layers.Dense(2)
    model = Model([a, b], layers.subtract([tower(a), tower(b)]))
    assert len(model.weights) == 2
    x, y = data(4, 3), data(4, 3)
    close(model([x, y]), dense(x, tower) - dense(y, tower))


def test_a_layer_applied_to_its_own_output():
    a = Input((3,))
    d = layers.Dense(3)
    x = data(2, 3)
    close(Model(a, d(d(d(a))))(x), dense(dense(dense(x, d), d), d))


def test_nested_models():
    inner_in = Input((3,))
    d = layers.Dense(3)
    inner = Model(inner_in, d(inner_in), name="inner")
    outer_in = Input((3,))
    outer = Model(outer_in, inner(inner(outer_in)) + outer_in)
    x = data(4, 3)
    close(outer(x), dense(dense(x, d), d) + x)
    assert [layer.name for layer in outer.layers][1:] == ["inner"]
    assert outer.get_layer("inner") is inner
    assert [id(v) for v in outer.weights] == [id(v) for v in inner.weights]


def test_several_models_over_one_graph():
    a = Input((4,), name="a")
    code = layers.Dense(2, name="code")(a)
    encoder = Model(a, code)
    autoencoder = Model(a, layers.Dense(4, name="decode")(code))
    encoder.layers[1].set_weights([np.ones((4, 2)), np.zeros(2)])
    assert autoencoder.get_layer("code") is encoder.get_layer("code")
    x = data(3, 4)
    close(
        autoencoder(x),
        dense(np.repeat(x.sum(1, keepdims=True), 2, 1), autoencoder.get_layer("decode")),
    )


def test_an_ensemble():
    def member():
        a = Input((3,))
        return Model(a, layers.Dense(1)(a))

    members = [member() for _ in range(3)]
    a = Input((3,))
    model = Model(a, layers.average([m(a) for m in members]))
    x = data(4, 3)
    close(model(x), np.mean([m(x) for m in members], axis=0))
    assert len(model.weights) == 6


def test_slicing_behind_a_layer():
    a = Input((3,))
    model = Model(a, layers.Dense(2, name="c")(layers.Dense(4, name="b")(a)))
    tail = Model(model.get_layer("b").output, model.output)
    x = data(5, 4)
    close(tail(x), dense(x, model.get_layer("c")))
    assert len(tail.layers) == 2 and tail.layers[1] is model.get_layer("c")
    assert tail.input_shape == (None, 4)
    head = Model(model.input, model.get_layer("b").output)
    x = data(5, 3)
    close(tail(head(x)), model(x))


def test_slicing_with_an_input_and_an_inner_tensor():
    a, b = Input((3,), name="a"), Input((4,), name="b")
    inner = layers.Dense(4, name="inner")(a)
    model = Model([a, b], inner * b)
    part = Model([b, inner], model.output)
    x, y = data(2, 4), data(2, 4)
    close(part([x, y]), x * y)
    assert part.input_names[0] == "b"


def test_slicing_keeps_unknown_extents():
    a = Input((None, 3))
    h = layers.Dense(4)(a)
    part = Model(h, layers.Dense(2)(h))
    assert part.output_shape == (None, None, 2)
    assert part(data(2, 5, 4)).shape == (2, 5, 2)
    assert part(data(3, 7, 4)).shape == (3, 7, 2)


def test_slicing_a_slice():
    a = Input((3,))
    x = [a]
    for units in (4, 5, 6):
        x.append(layers.Dense(units)(x[-1]))
    model = Model(a, x[-1])
    middle = Model(x[1], model.output)
    end = Model(x[2], middle.layers[-1].output)
    assert [layer.units for layer in end.layers[1:]] == [6]
    v = data(2, 5)
    close(end(v), dense(v, model.layers[-1]))


def test_dict_inputs_and_outputs():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model({"a": a, "b": b}, {"sum": a + b, "parts": [a, b]})
    x, y = data(2, 3), data(2, 3)
    out = model({"b": y, "a": x})
    assert set(out) == {"sum", "parts"}
    close(out["sum"], x + y)
    close(out["parts"][1], y)
    assert [t.name for t in model.inputs] == ["a", "b"]


def test_dicts_flatten_in_the_order_of_their_keys():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model({"b": b, "a": a}, {"z": a, "y": b})
    assert [t.name for t in model.inputs] == ["a", "b"]
    assert model.output_names == ["b", "a"]
    assert list(model.output) == ["z", "y"]


@pytest.mark.parametrize("wrap, kind", [
    (lambda y: [y], np.ndarray), (lambda y: (y,), np.ndarray), (lambda y: [[y, y]], list),
    (lambda y: ({"a": y},), dict), (lambda y: {"a": [y]}, dict),
])  # fmt: skip
def test_a_list_or_tuple_of_one_output_is_that_one(wrap, kind):
    """As in Keras, whether called or asked to predict, for arrays and for symbolic tensors."""
    x = Input((2,))
    model = Model(x, wrap(x * 2.0))
    assert type(model(np.ones((1, 2), "float32"))) is kind
    assert type(model.predict(np.ones((1, 2)), verbose=0)) is kind
    assert isinstance(model(x), KerasTensor) == (kind is np.ndarray)


def test_tuples_and_named_tuples_keep_their_kind():
    Pair = namedtuple("Pair", "first second")
    a = Input((3,))
    model = Model((a,), Pair(a + 1, (a * 2, [a - 1])))
    out = model((data(2, 3),))
    assert type(out) is Pair and type(out.second) is tuple and type(out.second[1]) is list


def test_a_list_of_one_output_gives_that_output():
    a = Input((3,))
    model = Model([a], [a * 2])
    x = data(2, 3)
    close(model(x), 2 * x)
    close(model([x]), 2 * x)


def test_outputs_may_be_inputs_and_may_repeat():
    a = Input((3,))
    y = layers.Dense(2)(a)
    model = Model(a, [a, y, y])
    x = data(2, 3)
    out = model(x)
    close(out[0], x)
    close(out[1], out[2])
    assert model.output_names[1] == model.output_names[2]


def test_an_unused_input_may_be_anything():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model([a, b], layers.Dense(1)(a))
    assert model([data(4, 3), data(4, 2)]).shape == (4, 1)


def test_an_optional_input_may_be_none():
    class MaybeAdd(layers.Layer):
        def call(self, x, y=None):
            return x if y is None else x + y

    a, b = Input((3,), name="a"), Input((3,), name="b", optional=True)
    model = Model([a, b], MaybeAdd()(a, b))
    x = data(2, 3)
    close(model([x, None]), x)
    close(model([x, x]), 2 * x)
    close(model({"a": x}), x)
    with pytest.raises(ValueError, match="The input 'a' is not optional, but None was passed"):
        model([None, x])


def test_unknown_extents_everywhere():
    a = Input((None, None, 3), name="a")
    model = Model(a, ops.sum(layers.Dense(2)(a), axis=1))
    assert model.output_shape == (None, None, 2)
    for shape in [(1, 1, 1, 3), (2, 4, 5, 3), (2, 0, 5, 3)]:
        assert model(data(*shape)).shape == (shape[0], shape[2], 2)


def test_a_static_batch():
    a = Input(batch_shape=(4, 3))
    assert Model(a, layers.Dense(2)(a)).output_shape == (4, 2)


def test_constants_in_a_graph():
    table = data(3, 2)
    a = Input((3,))
    x = data(4, 3)
    close(Model(a, ops.matmul(a, table) + np.float64(1))(x), x @ table + 1)


def test_integers_are_cast_to_the_inputs_dtype():
    a = Input((3,), dtype="int32")
    assert Model(a, a * 2)(np.ones((2, 3), "int64")).dtype == np.int32
    b = Input((3,))
    assert Model(b, b * 2)(np.ones((2, 3), "int64")).dtype == np.float32
    assert Model(b, b * 2)(np.ones((2, 3), "float64")).dtype == np.float32


def test_rank_is_adjusted_by_a_last_axis_of_one():
    column = Input((1,))
    flat = Input(())
    assert Model(column, column * 2)(data(5)).shape == (5, 1)
    assert Model(flat, flat * 2)(data(5, 1)).shape == (5,)


def test_a_model_of_models_of_models():
    depth, x = 12, Input((2,))
    model = Model(x, layers.Dense(2)(x))
    for _ in range(depth):
        inner, x = model, Input((2,))
        model = Model(x, inner(x) + x)
    assert model.count_params() == 6
    assert model(data(3, 2)).shape == (3, 2)


def test_a_thousand_layers():
    """No recursion limit, and no quadratic time: it would show as a minute, not a second."""
    a = x = Input((2,))
    for _ in range(1000):
        x = layers.Activation("linear")(x)
    model = Model(a, x)
    assert len(model.layers) == 1001
    v = data(2, 2)
    close(model(v), v)


def test_a_sequential_inside_a_graph_inside_a_sequential():
    part = Sequential([layers.Dense(3), layers.Dense(4)])
    a = Input((2,))
    middle = Model(a, part(a))
    whole = Sequential([middle, layers.Dense(1)])
    assert whole(data(5, 2)).shape == (5, 1)
    assert len(whole.weights) == 6


def test_run_graph_is_the_computation_on_flat_tensors():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], [a + b, a - b])
    trace = Trace(training=False)
    with trace.active():
        outputs = model.run_graph(
            [placeholder(t.name, t.type) for t in model.inputs], training=True
        )
        assert trace.training is False
    assert [t.shape for t in outputs] == [(None, 3), (None, 3)]
    assert [str(t.type) for t in outputs] == ["f32[B,3]", "f32[B,3]"]


def test_weights_are_in_the_order_of_layers():
    a = Input((3,))
    x = layers.Dense(3, name="one")(a)
    x = layers.BatchNormalization(name="two")(x)
    model = Model(a, layers.Dense(1, name="three")(x))
    assert [v.path for v in model.weights] == [
        "one/kernel", "one/bias", "two/gamma", "two/beta", "two/moving_mean", "two/moving_variance",
        "three/kernel", "three/bias",
    ]  # fmt: skip
    assert [v.name for v in model.non_trainable_weights] == ["moving_mean", "moving_variance"]


def test_set_weights_takes_what_get_weights_gives():
    a = Input((3,))
    model = Model(a, layers.Dense(2)(layers.BatchNormalization()(a)))
    values = [np.full(w.shape, k, "float32") for k, w in enumerate(model.get_weights())]
    model.set_weights(values)
    for got, want in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(got, want)


def test_extra_attributes_do_not_disturb_the_graph():
    a = Input((3,))
    model = Model(a, layers.Dense(2)(a))
    model.notes = {"made": "today"}
    model.helper = layers.Dense(2)
    assert len(model.layers) == 2 and len(model.weights) == 2


def test_a_subclass_that_hands_up_its_graph():
    class Net(Model):
        def __init__(self, units=2):
            a = Input((3,))
            self.head = layers.Dense(units)
            super().__init__(a, self.head(a), name="net")
            self.units = units

        def describe(self):
            return f"{self.name} of {self.units}"

    model = Net(5)
    assert isinstance(model, Net) and isinstance(model, Functional)
    assert type(model).__name__ == "Net" and model.describe() == "net of 5"
    assert model(data(2, 3)).shape == (2, 5)
    assert len(model.weights) == 2
    again = Net.from_config(model.get_config())
    assert again.units == 5


def test_a_subclass_with_its_own_call():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(3), {"last": layers.Dense(2)}]
            self.drop = layers.Dropout(0.5)

        def call(self, x, training=None):
            return self.blocks[1]["last"](self.drop(self.blocks[0](x)))

    model = Net()
    assert not model.built and model.weights == []
    x = data(4, 3)
    close(model(x), dense(dense(x, model.blocks[0]), model.blocks[1]["last"]))
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense", "Dropout"]
    assert model.weights[0].path == "net/dense/kernel"
    a = Input((3,))
    wrapped = Model(a, model(a) * 2)
    close(wrapped(x), 2 * model(x))


def test_build_of_a_subclass_makes_the_weights():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(3)

        def call(self, x):
            return self.d(x)

    model = Net()
    model.build((None, 4))
    assert model.built and [v.shape for v in model.weights] == [(4, 3), (3,)]
