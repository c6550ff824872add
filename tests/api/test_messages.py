"""What bad input gets: the exception's type, and the part of its text that tells what to do.

One line a case: name, what is done, exception, regular expression to find in the message. Wordings
are real Keras' (run this file with FNC_TEST_MODULE=keras to see that they are).
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.keras_reference.target import better_than_keras, keras

layers = keras.layers


def ones(*shape):
    return np.ones(shape, "float32")


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    return keras.Model({"a": a, "b": b}, layers.Dense(1)(layers.concatenate([a, b])), name="two")


def chain(units=2, features=3, **compiled):
    x = keras.Input((features,), name="x")
    model = keras.Model(x, layers.Dense(units, name="d")(x), name="chain")
    if compiled:
        model.compile(**compiled)
    return model


def heads(**compiled):
    x = keras.Input((3,))
    model = keras.Model(x, [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(x)])
    model.compile(optimizer="sgd", **compiled)
    return model


def fit(model, x, y, **kwargs):
    return model.fit(x, y, verbose=0, **kwargs)


def same_name():
    x = keras.Input((3,))
    return keras.Model(x, layers.Dense(3, name="d")(layers.Dense(3, name="d")(x)))


def disconnected():
    a, b = keras.Input((3,)), keras.Input((3,))
    return keras.Model(a, layers.Dense(2)(b))


def own(**methods):
    return type("Own", (keras.Layer,), methods)


def late_weight():
    def call(self, x):
        self.add_weight(shape=(1,), name="late")
        return x

    return own(call=call, build=lambda self, shape: None)()(ones(2, 3))


def no_super():
    def init(self):
        self.units = keras.layers.Dense(3)

    return own(__init__=init, call=lambda self, x: x)()(ones(2, 3))


def sequential(*parts, **kwargs):
    return keras.Sequential(list(parts), **kwargs)


def second_input():
    model = sequential(keras.Input((3,)), layers.Dense(2))
    model.add(keras.Input((4,)))


def set_layers(model):
    model.layers = []


INPUTS = [
    ("no_shape", lambda: keras.Input(), ValueError, "You must pass a `shape` argument"),
    ("shape_is_number", lambda: keras.Input(5), ValueError, "Cannot convert '5' to a shape"),
    (
        "shape_twice",
        lambda: keras.Input((3,), batch_shape=(2, 3)),
        ValueError,
        "You cannot pass both `shape` and `batch_shape` at the same time",
    ),
    ("negative_dim", lambda: keras.Input((-3,)), ValueError, "negative|shape"),
    ("to_array", lambda: np.array(keras.Input((3,))), ValueError, "A KerasTensor is symbolic"),
    (
        "to_bool",
        lambda: bool(keras.Input((3,))),
        TypeError,
        "A symbolic KerasTensor cannot be used as a boolean",
    ),
    (
        "iterate",
        lambda: list(keras.Input((3,))),
        NotImplementedError,
        "Iterating over a symbolic KerasTensor is not supported",
    ),
]

LAYERS = [
    (
        "unknown_keyword",
        lambda: layers.Dense(3, foo=1),
        ValueError,
        r"Unrecognized keyword arguments passed to Dense: \{'foo': 1\}",
    ),
    (
        "unknown_activation",
        lambda: layers.Dense(3, activation="foo"),
        ValueError,
        "Could not interpret activation function identifier: foo",
    ),
    (
        "unknown_initializer",
        lambda: layers.Dense(3, kernel_initializer="foo"),
        ValueError,
        "Could not interpret initializer identifier: foo",
    ),
    (
        "unknown_regularizer",
        lambda: layers.Dense(3, kernel_regularizer="foo"),
        ValueError,
        "Could not interpret regularizer identifier: foo",
    ),
    (
        "unknown_constraint",
        lambda: layers.Dense(3, kernel_constraint="foo"),
        ValueError,
        "Could not interpret constraint identifier: foo",
    ),
    (
        "negative_units",
        lambda: layers.Dense(-3),
        ValueError,
        "Received an invalid value for `units`, expected a positive integer. Received: units=-3",
    ),
    (
        "dropout_rate",
        lambda: layers.Dropout(2.0),
        ValueError,
        "Invalid value received for argument `rate`. Expected a float value between 0 and 1. "
        "Received: rate=2.0",
    ),
    (
        "slash_in_name",
        lambda: layers.Dense(3, name="a/b"),
        ValueError,
        "cannot contain character `/`",
    ),
    ("name_is_number", lambda: layers.Dense(3, name=3), ValueError, "name"),
    (
        "open_last_extent",
        lambda: layers.Dense(2)(keras.Input((None,))),
        ValueError,
        r"Shapes used to initialize variables must be fully-defined \(no `None` dimensions\). "
        r"Received: shape=\(None, 2\)",
    ),
    (
        "too_many_inputs",
        lambda: layers.Dense(2, name="dense")([keras.Input((3,)), keras.Input((3,))]),
        ValueError,
        'ayer "dense" expects 1 input\\(s\\), but it received 2 input tensors',
    ),
    (
        "rank_too_low",
        lambda: layers.Dense(2)(keras.Input(())),
        ValueError,
        "expected min_ndim=2, found ndim=1",
    ),
    (
        "last_extent_changes",
        lambda: (lambda d: (d(ones(2, 3)), d(ones(2, 4))))(layers.Dense(2, name="d")),
        ValueError,
        r"Input 0.* of layer .d. is incompatible with the layer: expected axis -1 of input shape "
        r"to have value 3, but received input with shape \(2, 4\)",
    ),
    (
        "positional_argument",
        lambda: layers.Dropout(0.5)(ones(2, 3), True),
        ValueError,
        "Only input tensors may be passed as positional arguments",
    ),
    (
        "no_call",
        lambda: own()()(ones(2, 3)),
        NotImplementedError,
        "does not have a `call` method implemented|does not have a `call\\(\\)` method",
    ),
    (
        "no_super",
        no_super,
        RuntimeError,
        r"In layer 'Own', you forgot to call `super\(\).__init__\(\)`",
    ),
    ("late_weight", late_weight, ValueError, "You cannot add new elements of state"),
    (
        "output_before_call",
        lambda: layers.Dense(2, name="dense").output,
        AttributeError,
        "The layer dense has never been called and thus has no defined output",
    ),
    (
        "input_before_call",
        lambda: layers.Dense(2, name="dense").input,
        AttributeError,
        "The layer dense has never been called and thus has no defined input",
    ),
    (
        "count_before_build",
        lambda: layers.Dense(2, name="dense").count_params(),
        ValueError,
        "You tried to call `count_params` on layer 'dense', but the layer isn't built",
    ),
    (
        "reshape_total",
        lambda: layers.Reshape((4, 5, 1))(keras.Input((16,))),
        ValueError,
        r"The total size of the tensor must be unchanged. Received: input_shape=\(16,\), "
        r"target_shape=\(4, 5, 1\)",
    ),
    (
        "permute_dims",
        lambda: layers.Permute((0, 1)),
        ValueError,
        "Invalid permutation argument `dims` for Permute Layer",
    ),
    (
        "permute_rank",
        lambda: layers.Permute((2, 1))(keras.Input((2, 3, 4))),
        ValueError,
        "expected ndim=3, found ndim=4|Permute",
    ),
    (
        "repeat_vector_rank",
        lambda: layers.RepeatVector(2)(keras.Input((2, 3))),
        ValueError,
        "expected ndim=2, found ndim=3",
    ),
    (
        "merge_one",
        lambda: layers.Add()(keras.Input((3,))),
        ValueError,
        "A merge layer should be called on a list of",
    ),
    (
        "merge_shapes",
        lambda: layers.add([keras.Input((2,)), keras.Input((3,))]),
        ValueError,
        "Inputs have incompatible shapes",
    ),
    ("subtract_three", lambda: layers.subtract([keras.Input((2,))] * 3), ValueError, "2 inputs"),
    (
        "concatenate_shapes",
        lambda: layers.concatenate([keras.Input((2, 3)), keras.Input((4, 5))]),
        ValueError,
        "A `Concatenate` layer requires inputs with matching shapes except for the concatenation "
        "axis",
    ),
    (
        "dot_shapes",
        lambda: layers.dot([keras.Input((2,)), keras.Input((3,))], axes=1),
        ValueError,
        "(?i)incompatible.*2.*3",
    ),
    (
        "batchnorm_axis",
        lambda: layers.BatchNormalization(axis=3)(keras.Input((3,))),
        (ValueError, IndexError),
        "",
    ),
    (
        "weights_count",
        lambda: chain().set_weights([ones(3, 2)]),
        ValueError,
        r"You called `set_weights\(weights\)` on layer 'chain' with a weight list of length 1, "
        r"but the layer was expecting 2 weights",
    ),
    (
        "weights_shape",
        lambda: chain().set_weights([ones(2, 2), ones(2)]),
        ValueError,
        r"Layer chain weight shape \(3, 2\) is not compatible with provided weight shape \(2, 2\)",
    ),
]

MODELS = [
    ("disconnected", disconnected, ValueError, "is not connected to `inputs`"),
    (
        "same_name",
        same_name,
        ValueError,
        'The name "d" is used 2 times in the model. All operation names should be unique',
    ),
    (
        "outputs_not_tensors",
        lambda: keras.Model(keras.Input((3,)), ones(2)),
        ValueError,
        "All `outputs` values must be KerasTensors",
    ),
    (
        "inputs_not_tensors",
        lambda: keras.Model(ones(2), keras.Input((3,))),
        ValueError,
        "All `inputs` values must be KerasTensors",
    ),
    (
        "inputs_empty",
        lambda: keras.Model([], keras.Input((3,))),
        ValueError,
        "`inputs` argument cannot be empty",
    ),
    (
        "outputs_empty",
        lambda: keras.Model(keras.Input((3,)), []),
        ValueError,
        "`outputs` argument cannot be empty",
    ),
    (
        "no_such_layer",
        lambda: chain().get_layer("zzz"),
        ValueError,
        r"No such layer: zzz. Existing layers are: \['x', 'd'\]",
    ),
    (
        "no_such_index",
        lambda: chain().get_layer(index=7),
        ValueError,
        "Was asked to retrieve layer at index 7 but model only has 2 layers",
    ),
    (
        "layer_name_and_index",
        lambda: chain().get_layer("d", 1),
        ValueError,
        "Provide .*a layer name or a layer index",
    ),
    (
        "layer_neither",
        lambda: chain().get_layer(),
        ValueError,
        "Provide either a layer name or (a )?layer index",
    ),
    (
        "layers_set",
        lambda: set_layers(chain()),
        AttributeError,
        "`Model.layers` attribute is reserved",
    ),
    (
        "missing_key",
        lambda: two_inputs()({"a": ones(2, 3), "c": ones(2, 4)}),
        ValueError,
        'Missing data for input "b"',
    ),
    (
        "wrong_count",
        lambda: two_inputs()([ones(2, 3)]),
        ValueError,
        r"expects 2 (named )?input\(s\)",
    ),
    (
        "wrong_extent",
        lambda: chain()(ones(2, 4)),
        ValueError,
        r"is incompatible with the layer: expected shape=\(None, 3\), found shape=\(2, 4\)",
    ),
    (
        "wrong_rank",
        lambda: chain()(ones(2, 2, 3)),
        ValueError,
        r"is incompatible with the layer: expected shape=\(None, 3\), found shape=\(2, 2, 3\)",
    ),
    (
        "predict_wrong_extent",
        lambda: chain().predict(ones(2, 4), verbose=0),
        ValueError,
        r"is incompatible with the layer: expected .*3.*\(2, 4\)",
    ),
    (
        "symbolic_wrong_extent",
        lambda: chain()(keras.Input((4,))),
        ValueError,
        r"expected shape=\(None, 3\), found shape=\(None, 4\)",
    ),
]

SEQUENTIAL = [
    (
        "not_a_layer",
        lambda: sequential(3),
        ValueError,
        r"Only instances of `keras.Layer` can be added to a Sequential model. Received: 3 \(of "
        r"type <class 'int'>\)",
    ),
    (
        "second_input",
        second_input,
        ValueError,
        r"has already been configured to use input shape \(None, 3\). You cannot add a different "
        r"Input layer to it",
    ),
    (
        "same_names",
        lambda: sequential(layers.Dense(2, name="a"), layers.Dense(2, name="a")),
        ValueError,
        "All layers added to a Sequential model should have unique names. Name 'a' is already the "
        "name of a layer in this model",
    ),
    (
        "inputs_before_build",
        lambda: sequential(layers.Dense(2), name="s").inputs,
        AttributeError,
        "Sequential model 's' has no defined inputs yet",
    ),
    (
        "outputs_before_build",
        lambda: sequential(layers.Dense(2), name="s").outputs,
        AttributeError,
        "Sequential model 's' has no defined outputs yet",
    ),
    (
        "call_empty",
        lambda: sequential().build((2, 3)),
        ValueError,
        "Sequential model sequential cannot be built because it has no layers",
    ),
    (
        "fit_wrong_extent",
        lambda: sequential(keras.Input((3,)), layers.Dense(1)).predict(ones(2, 5), verbose=0),
        ValueError,
        "incompatible",
    ),
]

COMPILE = [
    (
        "optimizer",
        lambda: chain(optimizer="foo", loss="mse"),
        ValueError,
        "Could not interpret optimizer identifier: foo",
    ),
    (
        "loss",
        lambda: fit(chain(loss="foo"), ones(2, 3), ones(2, 2)),
        ValueError,
        "Could not interpret loss.*identifier: foo",
    ),
    (
        "metric",
        lambda: fit(chain(loss="mse", metrics=["foo"]), ones(2, 3), ones(2, 2)),
        ValueError,
        "Could not interpret metric identifier: foo",
    ),
    (
        "metrics_text",
        lambda: fit(chain(loss="mse", metrics="accuracy"), ones(2, 3), ones(2, 2)),
        ValueError,
        "Expected `metrics` argument to be a list, tuple, or dict. Received instead: "
        "metrics=accuracy of type <class 'str'>",
    ),
    (
        "metrics_length",
        lambda: fit(heads(loss="mse", metrics=["accuracy"]), ones(2, 3), [ones(2, 1), ones(2, 2)]),
        ValueError,
        "(?s)metrics` should contain.*|.*metrics.*outputs",
    ),
    (
        "loss_keys",
        lambda: fit(heads(loss={"one": "mse", "zzz": "mse"}), ones(2, 3), [ones(2, 1), ones(2, 2)]),
        ValueError,
        r"(?s)zzz",
    ),
    (
        "loss_count",
        lambda: fit(heads(loss=["mse", "mse", "mse"]), ones(2, 3), [ones(2, 1), ones(2, 2)]),
        (ValueError, KeyError),
        "loss",
    ),
    (
        "loss_weights_count",
        lambda: fit(
            heads(loss=["mse", "mse"], loss_weights=[1.0]), ones(2, 3), [ones(2, 1), ones(2, 2)]
        ),
        ValueError,
        "`loss_weights` must match the number of losses|loss_weights",
    ),
    (
        "learning_rate_int",
        lambda: keras.optimizers.SGD(1),
        ValueError,
        "Argument `learning_rate` should be float, or an instance of LearningRateSchedule",
    ),
    (
        "two_clips",
        lambda: keras.optimizers.SGD(0.1, clipnorm=1.0, clipvalue=1.0),
        ValueError,
        "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set",
    ),
    (
        "momentum",
        lambda: keras.optimizers.SGD(0.1, momentum=2.0),
        ValueError,
        "`momentum` must be a float between \\[0, 1\\]",
    ),
    (
        "fit_uncompiled",
        lambda: fit(chain(), ones(2, 3), ones(2, 2)),
        ValueError,
        r"You must call `compile\(\)` before using the model",
    ),
    (
        "evaluate_uncompiled",
        lambda: chain().evaluate(ones(2, 3), ones(2, 2), verbose=0),
        ValueError,
        r"You must call `compile\(\)` before using the model",
    ),
    (
        "step_uncompiled",
        lambda: chain().train_on_batch(ones(2, 3), ones(2, 2)),
        ValueError,
        r"You must call `compile\(\)` before using the model",
    ),
]

mse = dict(optimizer="sgd", loss="mse")
DATA = [
    (
        "cardinality",
        lambda: fit(chain(**mse), ones(4, 3), ones(3, 2)),
        ValueError,
        "(?s)Data cardinality is ambiguous. Make sure all arrays contain the same number of "
        "samples.*'x' sizes: 4.*'y' sizes: 3",
    ),
    (
        "cardinality_of_inputs",
        lambda: two_inputs().predict({"a": ones(4, 3), "b": ones(3, 4)}, verbose=0),
        ValueError,
        "Data cardinality is ambiguous",
    ),
    (
        "cardinality_of_weights",
        lambda: fit(chain(**mse), ones(4, 3), ones(4, 2), sample_weight=ones(3)),
        ValueError,
        "Data cardinality is ambiguous",
    ),
    (
        "target_extent",
        lambda: fit(chain(**mse), ones(4, 3), ones(4, 5)),
        (ValueError, TypeError),
        "(?i)shape",
    ),
    (
        "class_and_sample_weight",
        lambda: fit(
            chain(**mse), ones(4, 3), ones(4, 2), class_weight={0: 1.0}, sample_weight=ones(4)
        ),
        ValueError,
        "`?class_weight`? and `?sample_weight`?|cannot be specified at the same time",
    ),
    (
        "class_weight_for_two",
        lambda: fit(
            heads(loss="mse"), ones(4, 3), [ones(4, 1), ones(4, 2)], class_weight={0: 1.0, 1: 1.0}
        ),
        ValueError,
        "`class_weight` is only supported for Models with a single output",
    ),
    (
        "split_empty",
        lambda: fit(chain(**mse), ones(1, 3), ones(1, 2), validation_split=0.1),
        ValueError,
        "(?s)1 samples.*not sufficient.*validation_split=0.1",
    ),
    (
        "split_of_generator",
        lambda: fit(
            chain(**mse), (pair for pair in [(ones(2, 3), ones(2, 2))]), None, validation_split=0.5
        ),
        ValueError,
        "`validation_split` is only supported for",
    ),
    (
        "y_with_generator",
        lambda: fit(chain(**mse), (pair for pair in [(ones(2, 3), ones(2, 2))]), ones(2, 2)),
        ValueError,
        "(?i)`y` should not be passed",
    ),
    (
        "text",
        lambda: fit(chain(**mse), np.array(["a", "b"]), ones(2, 2)),
        (ValueError, TypeError),
        "",
    ),
]

FILES = [
    (
        "extension",
        lambda: chain().save("model.xyz"),
        ValueError,
        "(?s)Invalid filepath extension for saving.*`.keras`",
    ),
    (
        "weights_extension",
        lambda: chain().save_weights("model.xyz"),
        ValueError,
        "The filename must end in `.weights.h5`",
    ),
    (
        "no_file",
        lambda: keras.models.load_model("nowhere.keras"),
        (ValueError, FileNotFoundError),
        "(?i)file not found|no such file",
    ),
    (
        "checkpoint_extension",
        lambda: keras.callbacks.ModelCheckpoint("x.abc"),
        ValueError,
        "The filepath provided must end in",
    ),
]

SECTIONS = {"inputs": INPUTS, "layers": LAYERS, "models": MODELS, "sequential": SEQUENTIAL,
            "compile": COMPILE, "data": DATA, "files": FILES}
CASES = [pytest.param(*case[1:], id=f"{section}-{case[0]}")
         for section, cases in SECTIONS.items() for case in cases]


@pytest.mark.parametrize("act, error, message", CASES)
def test_message(act, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session()
    with pytest.raises(error, match=message):
        act()


def test_message_inside_call_names_layer_and_arguments():
    """An error in a user's call tells which layer was called with what."""
    def call(self, inputs):
        raise ValueError("my own reason")

    with pytest.raises(ValueError) as caught:
        own(call=call)()(ones(2, 3))
    text = str(caught.value)
    assert "my own reason" in text
    assert "Own.call()" in text
    assert "inputs" in text


@better_than_keras
def test_predict_names_the_missing_key():
    """Keras says that the output is not connected to the inputs."""
    with pytest.raises(ValueError, match='Missing data for input "b"'):
        two_inputs().predict({"a": ones(2, 3)}, verbose=0)


@better_than_keras
def test_unequal_inputs_by_name_are_told_apart():
    """Keras fails with an AttributeError while it makes its message."""
    with pytest.raises(ValueError, match="Data cardinality is ambiguous"):
        two_inputs().predict({"a": ones(4, 3), "b": ones(3, 4)}, verbose=0)
