"""Files of Keras 2 and TF2.0: architecture, weights, compile arguments and optimizer state."""

from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import pytest

import fncompile as k
from fncompile.saving.errors import FileFormatError
from fncompile.saving.files import write_file
from fncompile.saving.keras_zip import write_archive
from fncompile.saving.legacy_config import convert_model
from fncompile.saving.names import read_names, write_names
from fncompile.saving.tree import Group
from fncompile.saving.weights_layout import weights_tree

from . import legacy_files as old
from . import zoo


def load(tmp_path, tree, **options):
    write_file(tmp_path / "x.h5", tree)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return k.models.load_model(tmp_path / "x.h5", **options)


def same(variables, arrays):
    assert len(variables) == len(arrays)
    for variable, array in zip(variables, arrays, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), array)


def named(names, arrays):
    return dict(zip(names, arrays, strict=True))


def relu_softmax(x, weights):
    h = np.maximum(x @ weights[0] + weights[1], 0) @ weights[2] + weights[3]
    e = np.exp(h - h.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(("optimizer", "slots"), [
    (old.optimizer_config("RMSprop", decay=0.0, rho=0.8, momentum=0.0, centered=False),
     {"rms": "velocity"}),
    (old.optimizer_config("RMSprop", rho=0.8, momentum=0.5, epsilon=None, centered=True),
     {"rms": "velocity", "momentum": "momentum", "mg": "average_gradient"}),
    (old.optimizer_config("Adam", beta_1=0.8, beta_2=0.99, epsilon=1e-7, amsgrad=False, decay=0.0),
     {"m": "momentum", "v": "velocity"}),
    (old.optimizer_config("Adam", amsgrad=True),
     {"m": "momentum", "v": "velocity", "vhat": "velocity_hat"}),
    (old.optimizer_config("SGD", momentum=0.9, nesterov=True), {"momentum": "momentum"}),
    (old.optimizer_config("Adagrad", initial_accumulator_value=0.2),
     {"accumulator": "accumulator"}),
    (old.optimizer_config("Adadelta", rho=0.9),
     {"accum_grad": "accumulated_grad", "accum_var": "accumulated_delta_var"}),
    (old.optimizer_config("Adamax"), {"m": "momentum", "v": "norm"}),
])  # fmt: skip
def test_tf20_with_optimizer_state(tmp_path, optimizer, slots):
    tree, weights, state = old.tf20(optimizer, tuple(slots), metrics=["accuracy"])
    model = load(tmp_path, tree)
    same(model.weights, weights)
    x = zoo.rows(3, 4)
    np.testing.assert_allclose(model(x), relu_softmax(x, weights), atol=1e-6)
    assert type(model.optimizer).__name__ == optimizer["class_name"]
    assert int(model.optimizer.iterations) == 17
    assert float(model.optimizer.learning_rate) == np.float32(0.002)
    for theirs, ours in slots.items():
        same([model.optimizer.slot(ours, v) for v in model.trainable_variables], state[theirs])
    assert model.name == "mnist" and model.layers[1].kernel_regularizer.get_config()["l2"] == 0.01


@pytest.mark.parametrize(("kind", "slots", "options"), [
    ("Adam", {"m": "momentum", "v": "velocity"}, {"beta_1": 0.8}),
    ("AdamW", {"m": "momentum", "v": "velocity"}, {}),
    ("Nadam", {"m": "momentum", "v": "velocity"}, {}),
    ("Adamax", {"m": "momentum", "u": "norm"}, {}),
    ("SGD", {"m": "momentum"}, {"momentum": 0.9}),
    ("RMSprop", {"velocity": "velocity", "momentum": "momentum",
                 "average_gradient": "average_gradient"}, {"momentum": 0.5, "centered": True}),
    ("Adagrad", {"accumulator": "accumulator"}, {}),
    ("Adadelta", {"accumulated_grad": "accumulated_grad",
                  "accumulated_delta_var": "accumulated_delta_var"}, {}),
    ("Ftrl", {"accumulator": "accumulator", "linear": "linear"}, {}),
])  # fmt: skip
@pytest.mark.parametrize("rate", [[], ["learning_rate:0"]])
def test_tf215_with_optimizer_state(tmp_path, kind, slots, options, rate):
    """Names and order as tf_keras 2.15 writes them: slots at the front, variable by variable."""
    optimizer = old.optimizer_config(kind, jit_compile=False, is_legacy_optimizer=False, **options)
    tree, weights, _ = old.tf20({**optimizer, "class_name": f"Custom>{kind}"}, ())
    paths = ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    saved = {"iteration:0": np.array(17, "i8"), **{name: np.array(0.002, "f4") for name in rate}}
    state = {slot: [value + k for value in weights] for k, slot in enumerate(slots, 1)}
    for number, path in enumerate(paths):
        saved |= {f"{kind}/{slot}/{path}:0": state[slot][number] for slot in slots}
    tree.children["optimizer_weights"] = old.group_of(saved)
    model = load(tmp_path, tree)
    same(model.weights, weights)
    assert type(model.optimizer).__name__ == kind and int(model.optimizer.iterations) == 17
    assert float(model.optimizer.learning_rate) == np.float32(0.002)
    for theirs, ours in slots.items():
        same([model.optimizer.slot(ours, v) for v in model.trainable_variables], state[theirs])


def test_a_class_of_the_users_called_as_ours_is_theirs(tmp_path):
    @k.saving.register_keras_serializable("Custom", "Adam")
    class Mine(k.optimizers.SGD):
        pass

    try:
        tree, *_ = old.tf20({"class_name": "Custom>Adam", "config": {"learning_rate": 0.5}}, ())
        tree.children["optimizer_weights"] = old.group_of({"iteration:0": np.array(3, "i8")})
        assert type(load(tmp_path, tree).optimizer) is Mine
    finally:
        k.saving.get_custom_objects().pop("Custom>Adam")


def test_layers_of_tf215_with_arguments_of_their_bases(tmp_path):
    """A depthwise layer has `groups`, a separable one a kernel's options, attention its shapes."""
    x = k.Input((6, 6, 2))
    depthwise = k.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="deep")
    separable = k.layers.SeparableConv2D(3, 3, name="apart")
    rows = k.layers.Reshape((16, 3), name="rows")(separable(depthwise(x)))
    model = k.Model(x, k.layers.MultiHeadAttention(1, 2, name="mha")(rows, rows))
    config = json.loads(model.to_json())
    more = {
        "deep": {"groups": 1},
        "apart": {"groups": 1, "kernel_initializer": old.initializer("GlorotUniform", seed=None),
                  "kernel_regularizer": None, "kernel_constraint": None},
        "mha": {"query_shape": [None, 16, 3], "key_shape": [None, 16, 3],
                "value_shape": [None, 16, 3], "softmax_robust_masking": False},
    }  # fmt: skip
    for layer in config["config"]["layers"]:
        layer["config"].update(more.get(layer["name"], {}))
        if layer["name"] == "mha":  # one shape of the two
            layer["build_config"] = {"input_shape": [None, 16, 3]}
    back = k.Model.from_config(convert_model(config)["config"])
    assert [w.shape for w in back.weights] == [w.shape for w in model.weights]
    back.set_weights(model.get_weights())
    images = zoo.rows(2, 6, 6, 2)
    np.testing.assert_array_equal(back(images), model(images))


def test_parts_of_attention_by_their_former_names(tmp_path):
    x = k.Input((3, 4))
    model, other = (k.Model(x, k.layers.MultiHeadAttention(1, 2)(x, x)) for _ in range(2))
    tree = weights_tree(model)
    parts = tree["layers/multi_head_attention"].children
    for name in [name for name in parts if name.endswith("_dense")]:
        parts[f"_{name}"] = parts.pop(name)
    assert "_query_dense" in parts
    write_file(tmp_path / "x.weights.h5", tree)
    other.load_weights(tmp_path / "x.weights.h5")
    same(other.weights, model.get_weights())


def test_a_keras_file_of_tf215_keeps_its_optimizer(tmp_path):
    """Its configuration has `jit_compile`, and its state no learning rate."""
    model = k.Sequential([k.Input((3,)), k.layers.Dense(2)])
    model.compile("adam", "mse")
    with k.flags(interp=True):
        model.train_on_batch(zoo.rows(4, 3), zoo.rows(4, 2))
    tree, config = weights_tree(model), k.saving.serialize_keras_object(model)
    config["compile_config"]["optimizer"]["config"] |= {
        "jit_compile": False, "is_legacy_optimizer": False,
    }  # fmt: skip
    state = tree["optimizer/vars"].children
    del state["1"]
    tree["optimizer/vars"].children = {str(i): value for i, value in enumerate(state.values())}
    write_archive(tmp_path / "x.keras", config, tree, "2.15.0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = k.models.load_model(tmp_path / "x.keras")
    for ours, theirs in zip(model.optimizer.variables, back.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_tf20_training_goes_on(tmp_path):
    tree, *_ = old.tf20(old.optimizer_config("Adam"), ("m", "v"), metrics=[["acc"]])
    model = load(tmp_path, tree)
    history = model.fit(zoo.rows(8, 4), zoo.rows(8, 2), verbose=0)
    assert "acc" in history.history and int(model.optimizer.iterations) == 18


def test_decay_becomes_the_schedule_that_it_was(tmp_path):
    config = old.optimizer_config("SGD", decay=0.1, momentum=0.9)
    model = load(tmp_path, old.tf20(config, ("momentum",))[0])
    expected = 0.002 / (1 + 0.1 * 17)
    assert float(model.optimizer.learning_rate) == pytest.approx(expected, rel=1e-6)


def wrapped(**config):
    return {"class_name": "MeanMetricWrapper", "config": config}


@pytest.mark.parametrize(("loss", "metrics"), [
    ({"class_name": "SparseCategoricalCrossentropy",
      "config": {"reduction": "auto", "name": None, "from_logits": True}}, None),
    ("mse", ["mae"]),
    ("mae", [wrapped(name="accuracy", dtype="float32")]),
    ({"class_name": "Huber", "config": {"reduction": "auto", "name": "huber_loss", "delta": 0.5}},
     [[wrapped(fn="mean_squared_error", name="mse")]]),
    ({"dense_1": "categorical_crossentropy"}, {"dense_1": ["accuracy"]}),
    (["mse"], [[]]),
])  # fmt: skip
def test_losses_and_metrics_of_tf20(tmp_path, loss, metrics):
    tree, *_ = old.tf20(old.optimizer_config("SGD"), (), loss=loss, metrics=metrics)
    model = load(tmp_path, tree)
    sparse = isinstance(loss, dict) and loss.get("class_name", "").startswith("Sparse")
    y = np.zeros(8, "int32") if sparse else zoo.rows(8, 2)
    assert np.isfinite(model.evaluate(zoo.rows(8, 4), y, verbose=0)).all()


def test_keras_22_with_numbered_optimizer_weights(tmp_path):
    """Keras 2.2 with Adam: iterations, all m, all v, and placeholders for vhat."""
    tree, weights, _ = old.tf20(
        {"class_name": "Adam", "config": {"lr": 0.01, "beta_1": 0.9, "beta_2": 0.999, "decay": 0.0,
                                          "epsilon": 1e-07, "amsgrad": False}}, ())  # fmt: skip
    state = [np.array(5, "i8"), *(v + 1 for v in weights), *(v + 2 for v in weights)]
    state += [np.zeros(1, "f4")] * 4
    names = ["Adam/iterations:0", *(f"training/Adam/Variable_{i}:0" for i in range(12))]
    tree.children["optimizer_weights"] = old.group_of(named(names, state))
    model = load(tmp_path, tree)
    assert int(model.optimizer.iterations) == 5
    assert float(model.optimizer.learning_rate) == np.float32(0.01)
    same(
        [model.optimizer.slot("velocity", v) for v in model.trainable_variables],
        [v + 2 for v in weights],
    )


def test_an_optimizer_state_that_does_not_fit_is_a_warning(tmp_path):
    tree, weights, _ = old.tf20(old.optimizer_config("Adam"), ("m",))
    write_file(tmp_path / "x.h5", tree)
    with pytest.warns(UserWarning, match="freshly initialized optimizer"):
        model = k.models.load_model(tmp_path / "x.h5")
    same(model.weights, weights)


def flatten_first(as_list: bool) -> Group:
    """Keras 2.1 to 2.3: no InputLayer; the first layer carries the shape."""
    flatten = {"name": "flatten_1", "trainable": True, "batch_input_shape": [None, 2, 2]}
    flatten |= {"dtype": "float32", "data_format": "channels_last"}
    leaky = {"name": "leaky", "trainable": True, "alpha": {"type": "ndarray", "value": 0.25}}
    layers = [
        {"class_name": "Flatten", "config": flatten},
        old.dense("dense_1", 3, "relu"),
        {"class_name": "LeakyReLU", "config": leaky},
    ]
    config = layers if as_list else {"name": "sequential_1", "layers": layers}
    weights = old.values((4, 3), (3,))
    dense = named(["dense_1/kernel:0", "dense_1/bias:0"], weights)
    model = {"class_name": "Sequential", "config": config}
    return old.model_file("2.2.4", model, {"flatten_1": {}, "dense_1": dense, "leaky": {}})


@pytest.mark.parametrize("as_list", [True, False])
def test_a_sequential_without_input_layer(tmp_path, as_list):
    model = load(tmp_path, flatten_first(as_list), compile=False)
    assert model.input_shape == (None, 2, 2) and model.layers[-1].negative_slope == 0.25
    same(model.weights, old.values((4, 3), (3,)))


def test_batch_normalization_of_tf20(tmp_path):
    config = {
        "name": "bn", "trainable": True, "dtype": "float32", "axis": [1], "momentum": 0.9,
        "epsilon": 0.001, "center": True, "scale": True, "renorm": False, "fused": None,
        "beta_initializer": old.initializer("Zeros", dtype="float32"),
        "gamma_initializer": old.initializer("VarianceScaling", scale=1.0, mode="fan_in",
                                             distribution="normal", seed=None),
    }  # fmt: skip
    layers = [
        old.input_layer("x", 4),
        old.node("bn", {"class_name": "BatchNormalization", "config": config}, "x"),
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["bn", 0, 0]]}
    model = {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}
    weights = old.values((4,), (4,), (4,), (4,))
    names = [f"bn/{name}:0" for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    tree = old.model_file("2.2.4-tf", model, {"x": {}, "bn": named(names, weights)})
    back = load(tmp_path, tree, compile=False)
    same(back.weights, weights)
    assert back.layers[1].axis in (1, -1) and back.layers[1].momentum == 0.9


def test_merging_layers_and_models_inside(tmp_path):
    """A model inside, called twice (its calls are counted from 1 in old files), and an Add."""
    inner = old.functional()
    inner["config"]["name"] = "inner"
    inner["config"]["layers"][2]["config"]["units"] = 4
    add = {"class_name": "Add", "config": {"name": "add", "trainable": True, "dtype": "float32"}}
    layers = [
        old.input_layer("x", 4),
        {"name": "inner", **inner, "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]},
        {"name": "add", **add, "inbound_nodes": [[["inner", 1, 0, {}], ["inner", 2, 0, {}]]]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["add", 0, 0]]}
    model = {"class_name": "Model", "config": {"name": "outer", "layers": layers, **ends}}
    weights = old.values((4, 3), (3,), (3, 4), (4,))
    names = ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"]
    saved = {"x": {}, "inner": named(names, weights), "add": {}}
    back = load(tmp_path, old.model_file("2.2.4-tf", model, saved), compile=False)
    x = zoo.rows(3, 4)
    once = relu_softmax(x, weights)
    np.testing.assert_allclose(back(x), once + relu_softmax(once, weights), atol=1e-6)


def test_a_file_of_weights_alone(tmp_path):
    """`save_weights("x.h5")` of Keras 2: the group `model_weights` is the whole file."""
    tree, weights, _ = old.tf20(old.optimizer_config("SGD"), ())
    write_file(tmp_path / "x.h5", tree)
    model = k.models.load_model(tmp_path / "x.h5")
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    write_file(tmp_path / "w.h5", tree["model_weights"])
    model.load_weights(tmp_path / "w.h5")
    same(model.weights, weights)
    with pytest.raises(FileFormatError, match="load_weights"):
        k.models.load_model(tmp_path / "w.h5")


def test_policies_and_dropped_arguments():
    layer = old.dense("d", 3, "relu", dtype={"class_name": "Policy", "config": {"name": "float32"}})
    layer["config"] |= {"time_major": False, "groups": 1, "implementation": 2}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    before = copy.deepcopy(model)
    config = convert_model(model)["config"]["layers"][0]["config"]
    assert config["dtype"] == "float32" and not {"time_major", "groups", "implementation"} & set(
        config
    )
    assert config["kernel_initializer"] == old.initializer("GlorotUniform", seed=None)
    assert model == before


def test_keras_3_configs_stay_as_they_are():
    for build in zoo.BUILDERS.values():
        config = json.loads(build(k)[0].to_json())
        converted = convert_model(config)
        assert converted["config"] == config["config"]


def test_lists_of_names_in_chunks():
    names = [f"layer_{i:06}_é" for i in range(9000)]
    group = Group()
    write_names(group, "layer_names", names)
    assert "layer_names" not in group.attrs and "layer_names1" in group.attrs
    assert read_names(group, "layer_names") == names
    with pytest.raises(ValueError, match="too long"):
        write_names(Group(), "layer_names", ["x" * 70_000])


def broken(change):
    tree, *_ = old.tf20(old.optimizer_config("SGD"), ())
    change(tree)
    return tree


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: t.attrs.pop("model_config"), "No model config found"),
    (lambda t: t.attrs.update(model_config="{"), "'model_config' is not JSON"),
    (lambda t: t.attrs.update(model_config="[" * 60_000), "'model_config' is not JSON"),
    (lambda t: t.attrs.update(model_config="[]"), "is not a JSON object"),
    (lambda t: t.attrs.update(model_config=3), "No model config found"),
    (lambda t: t.children.pop("model_weights"), "no group 'model_weights'"),
    (lambda t: t["model_weights"].children.pop("dense"), "a layer 'dense' that is not in it"),
    (lambda t: t["model_weights/dense"].children.pop("dense"), "a weight 'dense/kernel:0'"),
    (lambda t: t["model_weights"].attrs.update(layer_names=np.array([b"\xff"])), "not UTF-8"),
    (lambda t: t["model_weights"].attrs.pop("layer_names"), "found 0 saved layers"),
])  # fmt: skip
def test_files_with_parts_missing(tmp_path, change, words):
    with pytest.raises((FileFormatError, ValueError), match=words):
        load(tmp_path, broken(change))
