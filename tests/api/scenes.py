"""Scenes whose every visible detail real Keras has recorded: the same code runs for both.

Each function of `SCENES` takes the module and answers something JSON can hold: text lines, names,
orders of hooks. tests/keras_reference/api.json is made by `make_reference.py api`, with Keras on
JAX and a terminal of 80 columns.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from functools import partial

import numpy as np

from tests.keras_reference.models import MODELS

SCENES = {}


def scene(function):
    SCENES[function.__name__] = function
    return function


def ones(*shape):
    return np.ones(shape, "float32")


# -- the models that are shown ---------------------------------------------------------------------


def demo(keras):
    """The network of the design."""
    layers = keras.layers
    keras.utils.clear_session()
    inputs = keras.Input(shape=(784,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="mnist_model")


def branching(keras):
    layers = keras.layers
    keras.utils.clear_session()
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    shared = layers.Dense(8, activation="relu", name="shared_with_a_long_name_that_must_be_cut")
    x = layers.add([shared(a), shared(b)])
    x = layers.concatenate([x, a, layers.Dropout(0.5)(b)])
    x = layers.BatchNormalization()(x)
    return keras.Model([a, b], [layers.Dense(1, name="one")(x), layers.Dense(3, name="two")(x)])


def nested(keras):
    layers = keras.layers
    keras.utils.clear_session()
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.ReLU()], name="inner")
    inner.layers[0].trainable = False
    x = keras.Input((4,), name="x")
    return keras.Model(x, layers.Dense(2, name="out")(inner(x)), name="outer")


def lines(model, **kwargs):
    """The lines of model.summary(), without trailing blanks."""
    text = []
    model.summary(print_fn=lambda line, **_: text.append(line), **kwargs)
    return [line.rstrip() for line in "\n".join(text).split("\n")]


# -- summary ---------------------------------------------------------------------------------------


@scene
def summary_of_the_demo(keras):
    return lines(demo(keras))


@scene
def summary_after_training_counts_the_optimizer(keras):
    model = demo(keras)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy")
    model.train_on_batch(ones(2, 784), np.zeros(2))
    return lines(model)


@scene
def summary_of_branches(keras):
    return lines(branching(keras))


@scene
def summary_of_branches_in_120_columns(keras):
    """A wider terminal too: Keras cuts what does not fit."""
    before = os.environ.get("COLUMNS", "80")
    os.environ["COLUMNS"] = "130"
    try:
        return lines(branching(keras), line_length=120)
    finally:
        os.environ["COLUMNS"] = before


@scene
def summary_in_60_columns(keras):
    return lines(demo(keras), line_length=60)


@scene
def summary_with_trainable(keras):
    return lines(nested(keras), show_trainable=True)


@scene
def summary_expanded(keras):
    return lines(nested(keras), expand_nested=True, show_trainable=True)


@scene
def summary_of_a_range(keras):
    return lines(demo(keras), layer_range=["dense", "dense_1"])


@scene
def summary_unbuilt(keras):
    keras.utils.clear_session()
    return lines(keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(3)], name="later"))


@scene
def summary_of_a_sequential(keras):
    keras.utils.clear_session()
    layers = keras.layers
    return lines(
        keras.Sequential([keras.Input((3, 2)), layers.Flatten(), layers.Dense(2, trainable=False)])
    )


@scene
def summary_with_operators(keras):
    keras.utils.clear_session()
    x = keras.Input((4,), name="x")
    y = keras.layers.Dense(4, name="d")(x)
    return lines(keras.Model(x, keras.ops.relu(y + x) * 2.0, name="ops"))


# -- names -----------------------------------------------------------------------------------------


@scene
def automatic_names(keras):
    keras.utils.clear_session()
    layers = keras.layers
    kinds = ["Dense", "Dense", "Flatten", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Add",
             "BatchNormalization", "LayerNormalization", "Identity", "Concatenate", "Add"]
    made = [layers.Dense(1) if kind == "Dense" else getattr(layers, kind)() for kind in kinds]
    own = type("MyOWNLayer2D", (layers.Layer,), {})
    return [layer.name for layer in [*made, own(), own(), layers.Embedding(2, 2)]]


@scene
def automatic_names_of_models(keras):
    keras.utils.clear_session()
    x, y = keras.Input((2,)), keras.Input((2,))
    models = [keras.Model(x, x), keras.Sequential(), keras.Model(y, y), keras.Sequential()]
    return [x.name, y.name] + [m.name for m in models] + [models[0].layers[0].name]


@scene
def names_of_optimizers_losses_metrics(keras):
    keras.utils.clear_session()
    opt, los, met = keras.optimizers, keras.losses, keras.metrics
    return [o.name for o in [opt.SGD(), opt.RMSprop(), opt.Adam(), opt.AdamW()]] + \
        [o.name for o in [los.MeanSquaredError(), los.MeanAbsoluteError(), los.Huber(),
                          los.BinaryCrossentropy(), los.CategoricalCrossentropy(),
                          los.SparseCategoricalCrossentropy()]] + \
        [o.name for o in [met.Mean(), met.Accuracy(), met.BinaryAccuracy(),
                          met.CategoricalAccuracy(), met.SparseCategoricalAccuracy(),
                          met.MeanSquaredError(), met.MeanAbsoluteError(),
                          met.BinaryCrossentropy(), met.CategoricalCrossentropy(),
                          met.SparseCategoricalCrossentropy()]]


@scene
def order_of_layers(keras):
    """Names and order of the layers of every model of the training reference."""
    found = {}
    for name, build in MODELS.items():
        keras.utils.clear_session()
        model = build(keras)[0]
        found[name] = [layer.name for layer in model.layers]
    return found


@scene
def names_of_outputs(keras):
    keras.utils.clear_session()
    return {name: build(keras)[0].output_names for name, build in MODELS.items()
            if name in ("list_outputs", "multi_input_output", "loss_for_one_output", "residual")
            for _ in [keras.utils.clear_session()]}


@scene
def paths_of_weights(keras):
    """name, path, shape and trainable of every weight."""
    found = {}
    for name in ("batchnorm", "nested_models", "custom_layers", "sequential", "embedding"):
        keras.utils.clear_session()
        model = MODELS[name](keras)[0]
        found[name] = [[w.name, w.path, list(w.shape), w.trainable] for w in model.weights]
    return found


@scene
def variables_of_optimizers(keras):
    """path and shape of every optimizer variable, in order."""
    found = {}
    opt = keras.optimizers
    for optimizer in [opt.SGD(0.1, momentum=0.9), opt.RMSprop(0.1, momentum=0.5, centered=True),
                      opt.Adam(amsgrad=True), opt.AdamW(), opt.SGD()]:
        keras.utils.clear_session()
        x = keras.Input((3,))
        model = keras.Model(x, keras.layers.Dense(1, name="d")(x))
        model.compile(optimizer=optimizer, loss="mse")
        model.train_on_batch(ones(2, 3), ones(2, 1))
        found[optimizer.name + str(len(optimizer.variables))] = [
            [v.path, list(v.shape)] for v in optimizer.variables]
    return found


# -- training seen from outside --------------------------------------------------------------------


def two_heads(keras, **compiled):
    layers = keras.layers
    keras.utils.clear_session()
    x = keras.Input((3,), name="x")
    outputs = [
        layers.Dense(1, name="zebra")(x),
        layers.Dense(2, activation="softmax", name="ant")(x),
    ]
    model = keras.Model(x, outputs)
    model.compile(optimizer="sgd", **compiled)
    return model, ones(5, 3), [ones(5, 1), np.tile([[0.0, 1.0]], (5, 1))]


COMPILED = {
    "one_loss": dict(loss="mse"),
    "list": dict(loss=["mse", "categorical_crossentropy"], metrics=[["mae", "mse"], ["accuracy"]]),
    "dict": dict(loss={"ant": "categorical_crossentropy", "zebra": "mse"},
                 metrics={"ant": ["acc"], "zebra": "mae"}, weighted_metrics={"zebra": ["mae"]}),
    "first_only": dict(loss=["mse", None], metrics=[["mae"], None]),
}


@scene
def names_in_history_and_evaluate(keras):
    found = {}
    for name, compiled in COMPILED.items():
        model, x, y = two_heads(keras, **compiled)
        fitted = model.fit(x, y, epochs=1, validation_split=0.4, verbose=0)
        values = model.evaluate(x, y, verbose=0)
        named = model.evaluate(x, y, verbose=0, return_dict=True)
        found[name] = {"history": sorted(fitted.history), "dict": sorted(named),
                       "order": order_of(values, named)}
    return found


def order_of(values, named):
    """For each value of evaluate's list, the names in return_dict with that value."""
    values = values if isinstance(values, list) else [values]
    return [sorted(name for name, v in named.items() if abs(v - value) < 1e-6) for value in values]


@scene
def names_of_one_output(keras):
    keras.utils.clear_session()
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(1, activation="sigmoid", name="head")(x))
    metrics = ["accuracy", "acc", "mse", keras.metrics.MeanAbsoluteError(name="far"),
               keras.metrics.BinaryAccuracy()]
    model.compile("sgd", "binary_crossentropy", metrics=metrics, weighted_metrics=["mse"])
    history = model.fit(ones(4, 3), ones(4, 1), validation_data=(ones(2, 3), ones(2, 1)), verbose=0)
    return [
        sorted(history.history),
        history.epoch,
        history.params["epochs"],
        history.params["steps"],
    ]


@scene
def train_on_batch_names(keras):
    model, x, y = two_heads(keras, **COMPILED["list"])
    return [sorted(model.train_on_batch(x, y, return_dict=True)),
            sorted(model.test_on_batch(x, y, return_dict=True))]


def recorder(keras):
    """A callback that notes every hook, its index and the names in its logs."""
    events = []
    hooks = ["train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch"]

    def hook(name):
        def note(self, *index, logs=None):
            if index and not isinstance(index[-1], int):
                *index, logs = index
            events.append([name, list(index), sorted(logs or {})])
        return note

    methods = {
        f"on_{name}_{when}": hook(f"on_{name}_{when}")
        for name in hooks
        for when in ("begin", "end")
    }
    methods["set_params"] = lambda self, params: events.append(
        ["set_params", [], sorted(params or {})]
    )
    return type("Recorder", (keras.callbacks.Callback,), methods)(), events


def small(keras):
    keras.utils.clear_session()
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


@scene
def hooks_of_fit(keras):
    callback, events = recorder(keras)
    small(keras).fit(
        ones(10, 3),
        ones(10, 1),
        batch_size=4,
        epochs=2,
        validation_split=0.3,
        verbose=0,
        callbacks=[callback],
    )
    return events


@scene
def hooks_of_fit_from_an_epoch(keras):
    callback, events = recorder(keras)
    small(keras).fit(
        ones(4, 3), ones(4, 1), epochs=5, initial_epoch=3, verbose=0, callbacks=[callback]
    )
    return events


@scene
def hooks_of_validation_every_second_epoch(keras):
    callback, events = recorder(keras)
    small(keras).fit(ones(4, 3), ones(4, 1), epochs=3, validation_data=(ones(2, 3), ones(2, 1)),
                     validation_freq=2, verbose=0, callbacks=[callback])
    return events


@scene
def hooks_of_evaluate_and_predict(keras):
    callback, events = recorder(keras)
    model = small(keras)
    model.evaluate(ones(5, 3), ones(5, 1), batch_size=2, verbose=0, callbacks=[callback])
    model.predict(ones(5, 3), batch_size=2, verbose=0, callbacks=[callback])
    return events


@scene
def hooks_when_stopped(keras):
    """stop_training in the first epoch's end; and in the middle of an epoch."""
    found = []
    for hook in ("on_epoch_end", "on_train_batch_end"):
        callback, events = recorder(keras)
        stop = type(
            "Stop",
            (keras.callbacks.Callback,),
            {hook: lambda self, index, logs=None: setattr(self.model, "stop_training", True)},
        )()
        small(keras).fit(
            ones(6, 3), ones(6, 1), batch_size=2, epochs=3, verbose=0, callbacks=[stop, callback]
        )
        found.append(events)
    return found


class Terminal(io.StringIO):
    """Colours are for terminals only."""

    def isatty(self):
        return True


def printed(act):
    out = Terminal()
    with contextlib.redirect_stdout(out):
        act()
    return out.getvalue()


def shape_of_bar(text):
    """The last state of each line of a progress bar, times and numbers as T and N, spaces at the
    end cut."""
    rows = []
    for line in text.split("\n"):
        last = re.split(r"[\r\x08]+", line)
        line = next((part for part in reversed(last) if part.strip()), "")
        line = re.sub(r"\d+(\.\d+)?(s|ms|us|μs)\b(/step)?", r"T\3", line)
        line = re.sub(r"-?\d+\.\d+(e[-+]\d+)?", "N", line)
        rows.append(line.rstrip())
    return rows


@scene
def progress_of_fit(keras):
    model = small(keras)
    data = (ones(10, 3), ones(10, 1))
    return {
        str(verbose): shape_of_bar(
            printed(
                partial(
                    model.fit,
                    *data,
                    batch_size=4,
                    epochs=2,
                    validation_data=data,
                    verbose=verbose,
                )
            )
        )
        for verbose in (0, 1, 2)
    }


@scene
def progress_of_evaluate_and_predict(keras):
    model = small(keras)
    x, y = ones(10, 3), ones(10, 1)
    return {
        f"{name} {verbose}": shape_of_bar(printed(partial(act, verbose)))
        for verbose in (0, 1, 2)
        for name, act in [
            ("evaluate", lambda v: model.evaluate(x, y, batch_size=4, verbose=v)),
            ("predict", lambda v: model.predict(x, batch_size=4, verbose=v)),
        ]
    }


@scene
def digits_of_the_bar(keras):
    """Values above a thousandth with four decimals, below it as a power of ten."""
    model = small(keras)
    model.set_weights([np.full((3, 1), 0.3333, "float32"), np.zeros(1, "float32")])
    text = printed(lambda: model.evaluate(ones(2, 3), ones(2, 1), verbose=2))
    return re.findall(r"(?:loss|mae): (\S+)", text)


# -- structures ------------------------------------------------------------------------------------


def shape_tree(value):
    if isinstance(value, dict):
        return {key: shape_tree(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [shape_tree(item) for item in value]]
    return list(value.shape)


@scene
def structures_of_outputs(keras):
    """Output containers of a call and of predict."""
    x = keras.Input((3,))
    a, b = keras.layers.Dense(1)(x), keras.layers.Dense(2)(x)
    found = {}
    structures = {
        "one": a,
        "list_of_one": [a],
        "list": [a, b],
        "tuple": (a, b),
        "dict": {"z": a, "y": b},
        "nested": {"k": [a, {"m": b}], "l": (a, b)},
        "twice": [a, a],
    }
    for name, outputs in structures.items():
        model = keras.Model(x, outputs)
        found[name] = [
            shape_tree(model(ones(2, 3))),
            shape_tree(model.predict(ones(4, 3), verbose=0)),
            len(model.outputs),
        ]
    return found


@scene
def order_of_inputs(keras):
    """`model.inputs` of a dict are in the order of its sorted keys."""
    keras.utils.clear_session()
    z, a, m = (keras.Input((n,), name=name) for n, name in ((1, "z"), (2, "a"), (3, "m")))
    total = keras.layers.concatenate([z, a, m])
    return {"dict": [t.name for t in keras.Model({"z": z, "a": a, "m": m}, total).inputs],
            "list": [t.name for t in keras.Model([z, a, m], total).inputs],
            "nested": [t.name for t in keras.Model([m, {"z": z, "a": a}], total).inputs]}
