"""Architecture as data and back: our own, Keras 3's, and the older form; clones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import Input, Model, Sequential, layers, ops
from fncompile.graph.naming import reset_names
from fncompile.models import Functional, clone_model, model_from_json

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


def same(a, b):
    from fncompile.graph.nest import flatten

    for x, y in zip(flatten(a), flatten(b), strict=True):
        np.testing.assert_array_equal(x, y)


def shared():
    a = Input((3,), name="a")
    s, t = layers.Dense(3, name="s"), layers.Dense(3, name="t")
    return Model(a, s(t(s(a))), name="shared"), X


def nested():
    inner, _ = shared()
    a, b = Input((3,), name="x"), Input((3,), name="y")
    return Model([a, b], [inner(inner(a)) + inner(b), inner(a)]), [X, 2 * X]


def functions():
    a = Input((3,), name="a")
    parts = [
        ops.sum(a, axis=1, keepdims=True),
        ops.expand_dims(a[:, 0], -1),
        1 / (ops.exp(a) + 2),
        a[..., None][:, ::2, 0],
        ops.where(a > 0, a, -a * 2),
        ops.reshape(a, (-1, 3)),
        ops.stack([a, a], axis=1)[:, 1],
        ops.matmul(a, np.ones((3, 2), "float32")),
        ops.einsum("bi,bj->bij", a, a)[:, 0],
        ops.split(a, 3, axis=1)[1],
        ops.cast(ops.argmax(a, axis=-1, keepdims=True), "float32"),
        ops.one_hot(ops.argmax(a, axis=1), 4),
    ]
    return Model(a, ops.concatenate(parts, axis=-1)), X


def structures():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    return Model(
        {"a": a, "b": b}, {"x": layers.Add()([a, b]), "w": [a - b, layers.Concatenate()([a, b])]}
    ), {"a": X, "b": X}


def mask():
    i = Input((4,), dtype="int32", name="i")
    x = layers.Embedding(6, 5, mask_zero=True)(i)
    return Model(i, layers.Flatten()(layers.Dense(3)(x))), np.arange(8).reshape(2, 4).astype(
        "int32"
    ) % 6


def flags():
    a = Input((3,), name="a")
    inner = Model(a, layers.Dropout(0.5)(a))
    b = Input((3,), name="b")
    return Model(b, inner(b, training=False) + layers.BatchNormalization()(b, training=True)), X


def stacks():
    """A layer that is in a model inside and beside it: one object in the file too."""
    a = Input((3,), name="a")
    q = Sequential([layers.Dense(3, name="one"), layers.Dense(2, name="two")], name="q")
    return Model(a, q(q.layers[0](a))), X


CASES = [shared, nested, functions, structures, mask, flags, stacks]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_json_round_trip(case):
    model, x = case()
    again = model_from_json(model.to_json())
    assert type(again) is Functional
    assert json.loads(again.to_json()) == json.loads(model.to_json())
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    again.set_weights(model.get_weights())
    same(again(x), model(x))


@pytest.mark.parametrize(
    "case", [c for c in CASES if c is not stacks], ids=lambda case: case.__name__
)
def test_clone(case):
    model, x = case()
    copy = clone_model(model)
    assert not {id(v) for v in copy.weights} & {id(v) for v in model.weights}
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    copy.set_weights(model.get_weights())
    same(copy(x), model(x))


def test_a_model_without_a_class_of_its_own_is_functional_for_keras():
    model, _ = shared()
    entry = json.loads(model.to_json())
    assert (entry["module"], entry["class_name"]) == ("keras.src.models.functional", "Functional")
    assert [row["name"] for row in entry["config"]["layers"]] == ["a", "s", "t"]
    tensor = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 3], "dtype": "float32", "keras_history": ["t", 0, 0]},
    }
    assert entry["config"]["layers"][1]["inbound_nodes"][1] == {"args": [tensor], "kwargs": {}}
    assert entry["config"]["input_layers"] == ["a", 0, 0] and entry["config"]["output_layers"] == [
        "s",
        1,
        0,
    ]


def test_calls_made_elsewhere_are_not_counted():
    a, other = Input((3,), name="a"), Input((3,))
    d = layers.Dense(3, name="d")
    d(other)
    d(d(other))
    assert Model(a, d(a)).get_config()["output_layers"] == ["d", 0, 0]


def test_models_inside_count_from_one_where_outputs_are_listed():
    """Keras counts the call that made a functional model, there and only there."""
    model, _ = nested()
    assert model.get_config()["output_layers"][1] == ["shared", 4, 0]


def test_shared_references_keep_their_place():
    model, x = nested()
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    same(again(x)[1], model(x)[1])


DENSE = {"units": 2, "name": "d", "activation": "linear"}


def legacy(layers_, inputs, outputs):
    return {
        "class_name": "Model",
        "config": {
            "name": "old",
            "layers": layers_,
            "input_layers": inputs,
            "output_layers": outputs,
        },
    }


def row(class_name, name, config, nodes):
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


def test_the_form_of_keras_2():
    rows = [
        row("InputLayer", "a", {"batch_shape": [None, 3], "dtype": "float32"}, []),
        row("Dense", "d", {"units": 3}, [[["a", 0, 0, {}]], [["d", 0, 0, {}]]]),
        row("Add", "sum", {}, [[["a", 0, 0, {}], ["d", 0, 0, {}], ["d", 1, 0, {}]]]),
        row("Dropout", "drop", {"rate": 0.5}, [[["sum", 0, 0, {"training": False}]]]),
    ]
    model = Model.from_config(legacy(rows, [["a", 0, 0]], [["drop", 0, 0]])["config"])
    kernel, bias = np.random.default_rng(1).normal(size=(3, 3)), np.ones(3)
    model.set_weights([kernel, bias])
    once = X @ kernel + bias
    np.testing.assert_allclose(model(X), X + once + once @ kernel + bias, rtol=1e-4)


@pytest.mark.parametrize("calls", [1, 2])
def test_models_inside_in_the_form_of_keras_2(calls):
    """There a model inside begins to count at 1, and a Sequential one too."""
    inner = legacy(
        [row("InputLayer", "i", {"batch_shape": [None, 3], "dtype": "float32"}, []),
         row("Dense", "d", {"units": 3}, [[["i", 0, 0, {}]]])], [["i", 0, 0]], [["d", 0, 0]],
    )["config"]  # fmt: skip
    nodes = [[["a", 0, 0, {}]], [["m", 1, 0, {}]]][:calls]
    rows = [
        row("InputLayer", "a", {"batch_shape": [None, 3], "dtype": "float32"}, []),
        {
            "class_name": "Functional",
            "name": "m",
            "config": {**inner, "name": "m"},
            "inbound_nodes": nodes,
        },
    ]
    model = Model.from_config(legacy(rows, [["a", 0, 0]], [["m", calls, 0]])["config"])
    kernel, bias = np.random.default_rng(1).normal(size=(3, 3)), np.ones(3)
    model.set_weights([kernel, bias])
    want = X
    for _ in range(calls):
        want = want @ kernel + bias
    np.testing.assert_allclose(model(X), want, rtol=1e-4)


def _tensor(name, index):
    config = {"shape": [None, 2], "dtype": "float32", "keras_history": [name, index, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def one_more_call(on, name="d"):
    node = {"args": [_tensor(name, on)], "kwargs": {}}
    return lambda config: config["layers"][1]["inbound_nodes"].append(node)


def outputs(reference):
    return lambda config: config.update(output_layers=reference)


@pytest.mark.parametrize(
    "change, message",
    [
        (one_more_call(on=5), "refers to calls that it does not have: call 5 of 'd'"),
        (one_more_call(on=1), "wait for each other, in a loop"),
        (one_more_call(on=0, name="zzz"), "Missing node: zzz"),
        (outputs(["d", 7, 0]), "output 0 of call 7 of 'd', which is not there"),
        (outputs(["d", 0, 2]), "output 2 of call 0 of 'd'"),
        (outputs(["zzz", 0, 0]), "'zzz'"),
        (outputs(3), "Expected .layer name, call, output."),
    ],
)
def test_configs_that_do_not_hang_together(change, message):
    a = Input((3,), name="a")
    config = json.loads(json.dumps(Model(a, layers.Dense(2, name="d")(a)).get_config()))
    change(config)
    with pytest.raises(ValueError, match=message):
        Model.from_config(config)


def test_the_guides_layer_without_name_or_kwargs():
    class CustomDense(layers.Layer):
        def __init__(self, units=32):
            super().__init__()
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
            )
            self.b = self.add_weight(
                shape=(self.units,), initializer="random_normal", trainable=True
            )

        def call(self, inputs):
            return ops.matmul(inputs, self.w) + self.b

        def get_config(self):
            return {"units": self.units}

    a = Input((3,))
    model = Model(a, CustomDense(10)(a))
    config = json.loads(json.dumps(model.get_config()))
    again = Model.from_config(config, custom_objects={"CustomDense": CustomDense})
    assert again.layers[1].name == model.layers[1].name
    again.set_weights(model.get_weights())
    same(again(X), model(X))
    with pytest.raises(TypeError, match="CustomDense"):
        Model.from_config(config)


def test_a_function_that_is_not_of_ops_cannot_be_saved():
    from fncompile.ops.dispatch import node, op

    @op
    def mine(x):
        return node(x)

    a = Input((3,))
    with pytest.raises(
        TypeError, match="calls the function `mine`, which is not one of `fncompile.ops`"
    ):
        Model(a, mine(a)).get_config()


def test_an_unknown_operation():
    a = Input((3,))
    config = Model(a, a + 1).get_config()
    config["layers"][1]["class_name"] = "OsSystem"
    with pytest.raises(TypeError, match="Could not locate the operation 'OsSystem'"):
        Model.from_config(config)


def test_subclass_of_the_constructor_comes_back_as_itself():
    class Named(Model):
        pass

    a = Input((3,), name="a")
    model = Named(a, layers.Dense(2)(a))
    again = Named.from_config(model.get_config())
    assert (
        isinstance(again, Named)
        and isinstance(again, Functional)
        and again.output_shape == (None, 2)
    )


# clones -------------------------------------------------------------------------------------------


def test_clone_on_other_tensors():
    model, _ = shared()
    b = Input((3,), name="b")
    copy = clone_model(model, input_tensors=b + 1)
    assert [layer.name for layer in copy.layers][1:] == ["s", "t"]
    with pytest.raises(ValueError, match="must be KerasTensors"):
        clone_model(model, input_tensors=3)


def test_clone_with_functions():
    model, _ = shared()

    def wider(layer):
        if isinstance(layer, layers.Dense):
            return layers.Dense(layer.units, use_bias=False, name=layer.name)
        return type(layer).from_config(layer.get_config())

    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    copy = clone_model(model, clone_function=wider, call_function=call)
    assert len(copy.weights) == 2 and called == ["s", "t", "s"]


def test_clone_recursively():
    model, _ = nested()
    seen = []

    def note(layer):
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    clone_model(model, clone_function=note, recursive=True)
    assert {"s", "t"} <= set(seen) and "shared" not in seen


def test_models_without_a_graph_take_no_functions_of_a_clone():
    class Net(Model):
        def call(self, x):
            return x

    assert type(clone_model(Net())) is Net
    with pytest.raises(ValueError, match="has its own `call`"):
        clone_model(Net(), call_function=lambda layer, x: layer(x))


@pytest.mark.parametrize("what", ["x", 3, None, layers.Dense(1)])
def test_what_is_no_model_is_not_cloned(what):
    with pytest.raises(ValueError, match="clones models. Received: model="):
        clone_model(what)
