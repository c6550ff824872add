"""What a model shows of itself: metrics, losses, optimizer, copies, and a model not yet built in a
file."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import (
    Input,
    Model,
    Sequential,
    activations,
    callbacks,
    flags,
    layers,
    metrics,
    models,
    ops,
    optimizers,
    saving,
)

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 1)).astype("float32")


def dense(**compiled):
    model = Sequential([Input((3,)), layers.Dense(1)])
    if compiled:
        model.compile(**compiled)
    return model


def names(model):
    return [metric.name for metric in model.metrics]


# metrics ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("built", [True, False])
def test_metrics_are_there_once_the_model_is_compiled(built):
    """Those of `compile` as one, as in Keras, whether or not the outputs are known by then."""
    own = metrics.MeanSquaredError(name="own")
    model = dense() if built else Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", own])
    loss, compiled = model.metrics
    assert (loss.name, compiled.name) == ("loss", "compile_metrics")
    with pytest.raises(ValueError, match="compile_metrics has no result before the first batch"):
        _compiled_inner().metrics[1].result()
    model.fit(X, Y, verbose=0)
    assert model.metrics == [loss, compiled]
    assert [m.name for m in compiled.metrics] == ["mae", "own"] and compiled.metrics[1] is own
    assert model.metrics_names == ["loss", "mae", "own"]
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert {k: float(v) for k, v in compiled.result().items()} == pytest.approx(
        {k: found[k] for k in ("mae", "own")}
    )
    assert float(loss.result()) == pytest.approx(found["loss"])
    assert compiled.variables == [v for m in compiled.metrics for v in m.variables]
    compiled.reset_state()
    assert [float(v) for v in compiled.result().values()] == [0, 0]
    compiled.update_state(Y, Y + 2)
    assert [float(v) for v in compiled.result().values()] == pytest.approx([2, 4])


def test_losses_of_several_outputs_are_listed_behind_the_metrics():
    """As Keras 3.15 does: loss, compile_metrics, then the loss of each output."""
    x = Input((3,))
    model = Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]], weighted_metrics=[["mae"], []])
    model.fit(X, [Y, Y], verbose=0)
    assert names(model) == ["loss", "compile_metrics", "a_loss", "b_loss"]
    assert list(model.metrics[1].result()) == ["a_mae", "b_mse", "a_weighted_mae"]


def test_what_needs_the_shape_of_a_target_comes_with_it():
    model = dense(loss="mse", metrics=["accuracy", "mae"])
    assert [m.name for m in model.metrics[1].metrics] == ["mae"]
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(found) == ["accuracy", "loss", "mae"]
    assert model.metrics_names == ["loss", "accuracy", "mae"]
    assert [m.name for m in model.metrics[1].metrics] == ["accuracy", "mae"]


def test_a_model_inside_another_keeps_its_metrics_to_itself():
    inner = _compiled_inner()
    x = Input((3,))
    outer = Model(x, layers.Dense(1)(inner(x)))
    outer.compile("sgd", "mse", metrics=["mae"])
    assert names(outer) == names(inner) == ["loss", "compile_metrics"]
    assert outer.metrics[1] is not inner.metrics[1]


def _compiled_inner():
    inner = Sequential([layers.Dense(3)])
    inner.compile("sgd", "mse", metrics=["mse"])
    return inner


class Counts(layers.Layer):
    """Holds a metric and updates it: the mean of what passes."""

    def __init__(self):
        super().__init__()
        self.parts = [metrics.Mean(name="seen")]

    def call(self, x):
        self.parts[0].update_state(x)
        return x


def test_metrics_that_layers_hold_are_listed_logged_and_reset():
    inputs = Input((3,))
    model = Model(inputs, layers.Dense(1)(Counts()(inputs)))
    assert names(model) == ["seen"]
    model.compile("sgd", "mse", metrics=["mae"])
    assert names(model) == ["loss", "compile_metrics", "seen"]
    assert model.metrics_names == ["loss", "mae", "seen"]
    history = model.fit(X, Y, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["seen"], [X.mean(), X.mean()], rtol=1e-4, atol=1e-6)
    found = model.evaluate(X[:4], Y[:4], verbose=0)
    assert found[-1] == pytest.approx(X[:4].mean(), rel=1e-4)


class Holder(metrics.Metric):
    def __init__(self):
        super().__init__(name="holder")
        self.one = metrics.Mean()
        self.more = [metrics.Mean(), {"last": metrics.Sum()}]
        self.count = self.add_variable((), name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign_add(1.0)
        self.more[1]["last"].update_state(y_pred)

    def result(self):
        return self.more[1]["last"].result() + self.count


def test_metrics_inside_lists_are_part_of_a_metric():
    metric = Holder()
    assert len(metric.variables) == 1 + 2 + 2 + 1
    model = dense(loss="mse", metrics=[metric])
    total = model.predict(X, verbose=0).sum()
    for _ in range(2):  # reset between
        found = model.evaluate(X, Y, batch_size=12, verbose=0, return_dict=True)
        assert found["holder"] == pytest.approx(total + 1, rel=1e-4)


def test_top_k_says_its_k():
    assert metrics.TopKCategoricalAccuracy(k=3).k == 3
    assert metrics.SparseTopKCategoricalAccuracy().k == 5


def test_nothing_before_compile():
    model = dense()
    assert not hasattr(model, "optimizer")
    assert model.metrics == []
    model.compile("adam", "mse")
    assert isinstance(model.optimizer, optimizers.Adam)


# hooks around several steps ---------------------------------------------------------------------


class Batches(callbacks.Callback):
    def __init__(self):
        self.seen = {"train": [], "test": [], "predict": []}

    def on_train_batch_begin(self, batch, logs=None):
        self.seen["train"].append(batch)

    def on_test_batch_begin(self, batch, logs=None):
        self.seen["test"].append(batch)

    def on_predict_batch_begin(self, batch, logs=None):
        self.seen["predict"].append(batch)


@pytest.mark.parametrize(("steps", "begins"), [(1, list(range(10))), (3, [0, 3, 6, 9]), (20, [0])])
@pytest.mark.parametrize("arrays", [True, False])
def test_steps_per_execution(steps, begins, arrays):
    seen, data = Batches(), (X[:10], Y[:10])
    model = dense(loss="mse", steps_per_execution=steps)
    source = data if arrays else ([*zip(data[0][:, None], data[1][:, None], strict=True)],)
    if not arrays:
        source = (Rows(source[0]),)
    options = {"batch_size": 1} if arrays else {}
    model.fit(*source, callbacks=[seen], verbose=0, **options)
    model.evaluate(*source, callbacks=[seen], verbose=0, **options)
    model.predict(X[:10], batch_size=1, callbacks=[seen], verbose=0)
    assert seen.seen == {"train": begins, "test": begins, "predict": begins}
    assert int(model.optimizer.iterations) == 10
    assert model.get_compile_config()["steps_per_execution"] == steps


class Rows:
    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)


def test_steps_per_execution_does_not_change_the_numbers():
    histories = []
    for steps in (1, 3):
        model = dense(loss="mse", steps_per_execution=steps)
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        found = model.fit(X, Y, batch_size=2, shuffle=False, callbacks=[Batches()], verbose=0)
        histories.append((found.history, model.get_weights()[0].tolist()))
    assert histories[0] == histories[1]
    with pytest.raises(ValueError, match="positive integer"):
        dense(loss="mse", steps_per_execution=0)


# callbacks that keep the state ------------------------------------------------------------------


class Interrupt(callbacks.Callback):
    def __init__(self, at):
        self.left = at

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_a_backup_after_so_many_batches(tmp_path):
    model = dense(loss="mse", optimizer=optimizers.SGD(0.1, momentum=0.9))
    backup = callbacks.BackupAndRestore(tmp_path / "b", save_freq=2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, epochs=3, verbose=0, callbacks=[backup, Interrupt(11)])
    kept = dense(loss="mse", optimizer=optimizers.SGD(0.1, momentum=0.9))
    history = kept.fit(
        X, Y, batch_size=2, epochs=3, verbose=0,
        callbacks=[callbacks.BackupAndRestore(tmp_path / "b", save_freq=2)],
    )  # fmt: skip
    assert history.epoch == [1, 2]
    assert int(kept.optimizer.iterations) == 10 + 12
    with pytest.raises(ValueError, match="'epoch' or a number of batches"):
        callbacks.BackupAndRestore(tmp_path, save_freq=0)


def test_a_checkpoint_of_an_unknown_metric_is_written_with_a_word(tmp_path):
    path = tmp_path / "m.keras"
    checkpoint = callbacks.ModelCheckpoint(path, monitor="unknown", save_best_only=True, mode="min")
    with pytest.warns(UserWarning, match="Can save best model only with unknown available"):
        dense(loss="mse").fit(X, Y, verbose=0, callbacks=[checkpoint])
    assert models.load_model(path).count_params() == 4


# copies -----------------------------------------------------------------------------------------


@saving.register_keras_serializable("state")
class OwnCall(Model):
    def __init__(self, units=1):
        super().__init__()
        self.units, self.dense = units, layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def test_a_clone_is_compiled_as_the_model_is():
    rate = optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
    kept = metrics.MeanAbsoluteError(name="kept")
    model = dense(loss="mse", optimizer=optimizers.SGD(rate), metrics=[kept], loss_weights=[2.0])
    model.fit(X, Y, verbose=0)
    clone = models.clone_model(model)
    assert clone.compiled and isinstance(clone.optimizer, optimizers.SGD)
    assert clone.optimizer is not model.optimizer and int(clone.optimizer.iterations) == 0
    clone.set_weights(model.get_weights())
    assert clone.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    before = float(kept.result())
    clone.fit(X, Y, epochs=2, verbose=0)
    assert float(kept.result()) == before  # the clone has another
    assert not models.clone_model(dense()).compiled


def test_a_clone_of_a_model_with_its_own_call():
    model = OwnCall(2)
    model(X)
    clone = models.clone_model(model)
    assert type(clone) is OwnCall and clone(X).shape == (12, 2)
    with pytest.raises(ValueError, match="'own_call.*' of type OwnCall has its own `call`"):
        models.clone_model(model, clone_function=lambda layer: layer)


def test_tensors_to_clone_on_have_the_structure_of_the_inputs():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model({"a": a, "b": b}, a + b)
    models.clone_model(model, input_tensors={"a": a, "b": b})
    with pytest.raises(ValueError, match="must have the same structure as model.input"):
        models.clone_model(model, input_tensors=(a, b))


class WithParameter(Model):
    def __init__(self, *args, param=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.param = param

    def get_config(self):
        return {**super().get_config(), "param": self.param}


def test_a_graph_and_an_argument_of_its_own():
    inputs = Input((3,))
    model = WithParameter(inputs=inputs, outputs=layers.Dense(2)(inputs), param=3)
    again = WithParameter.from_config(model.get_config())
    assert again.param == 3 and again.output_shape == (None, 2)


def test_call_function_reaches_the_models_inside():
    inputs = Input((3,))
    inner_in = Input((3,))
    inner = Model(inner_in, layers.Dense(2)(inner_in))
    model = Model(inputs, inner(inputs))

    def called(layer, *args, **kwargs):
        out = layer(*args, **kwargs)
        return ops.multiply(out, 2.0) if isinstance(layer, layers.Dense) else out

    clone = models.clone_model(model, call_function=called, recursive=True)
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(clone(X), 2 * model(X), rtol=1e-5)


# files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [lambda: Sequential([layers.Dense(2)]), lambda: OwnCall(2)])
def test_a_model_that_is_not_built_is_saved_so(tmp_path, make, suffix):
    model = make()
    model.compile("adam", "mse")
    model.save(tmp_path / f"m{suffix}")
    again = models.load_model(tmp_path / f"m{suffix}")
    assert type(again) is type(model) and again.compiled and not again.built
    again.fit(X, np.ones((12, 2)), verbose=0)
    assert again.count_params() == 8
    with pytest.raises(ValueError, match="not yet been built"):
        model.save_weights(tmp_path / "m.weights.h5")


class Plain(Model):
    def __init__(self):
        super().__init__()
        self.dense = Sequential([layers.Dense(2), layers.Dense(1)])

    def call(self, x):
        return self.dense(x)


class Renamed(Plain):
    def __init__(self):
        Model.__init__(self)
        self.a_dense = Sequential([layers.Dense(2), layers.Dense(1)])

    @property
    def dense(self):
        return self.a_dense


class Private(Plain):
    def __init__(self):
        Model.__init__(self)
        self._dense = Sequential([layers.Dense(2), layers.Dense(1)])

    @property
    def dense(self):
        return self._dense


@pytest.mark.parametrize("kind", [Renamed, Private])
def test_weights_by_a_property_of_the_name_in_the_file(tmp_path, kind):
    old, new = Plain(), kind()
    old(X), new(X)
    old.save_weights(tmp_path / "m.weights.h5")
    new.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(new(X), old(X))


def test_configs_that_are_refused():
    config = dense().get_config()
    config.pop("name")
    with pytest.raises(ValueError, match="'name' and 'layers' keys"):
        Sequential.from_config(config)
    config = saving.serialize_keras_object(layers.Dense(1))
    for name in ("foo>Dense", "builtins.eval", "Dense2"):
        config["registered_name"] = name
        with pytest.raises(ValueError, match=f"names '{name}', .* resolved to a Keras built-in"):
            saving.deserialize_keras_object(config)
    function = {"class_name": "function", "config": "relu", "module": "builtins"}
    for name in ("function", "relu", None):
        found = saving.deserialize_keras_object({**function, "registered_name": name})
        assert found is activations.relu
    with pytest.raises(ValueError, match="names 'other', .* resolved to a Keras built-in"):
        saving.deserialize_keras_object({**function, "registered_name": "other"})
    with pytest.raises(ValueError, match="Expected a dictionary containing a 'config' key"):
        Sequential.from_config({"name": "s", "layers": [{}]})
    found = optimizers.get({"class_name": "rmsprop", "config": {"rho": 0.5}})
    assert type(found) is optimizers.RMSprop and found.rho == 0.5


def test_a_compiler_changed_after_the_first_call_is_used(tmp_path):
    """What was compiled by the one before served on."""
    log = tmp_path / "log"
    cc = tmp_path / "other-cc"
    cc.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec cc "$@"\n')
    cc.chmod(0o755)
    inputs = Input((3,))
    model = Model(inputs, layers.Dense(2)(inputs))
    x = np.ones((2, 3), "float32")
    expected = model.predict(x, verbose=0)
    with flags(cc=str(cc)):
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    assert "-c" in log.read_text()
