"""fit, evaluate and predict seen from outside: data in all forms, splits, weights, callbacks.

With a learning rate of zero the weights stand still, so every logged number has a NumPy formula.
Expectations were confirmed by running this file against real Keras (FNC_TEST_MODULE=keras).
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.keras_reference.target import better_than_keras, keras

layers = keras.layers


@pytest.fixture(autouse=True)
def fresh_names():
    keras.utils.clear_session()


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


N = 10
X, Y = data(N, 3), data(N, 1, seed=1)


def linear(rate=0.0, **kwargs):
    """One Dense unit, MSE, a fixed kernel."""
    x = keras.Input((3,), name="x")
    model = keras.Model(x, layers.Dense(1, name="d")(x))
    model.set_weights([np.array([[0.5], [-1.0], [2.0]], "float32"), np.array([0.1], "float32")])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse", **kwargs)
    return model


def squares(x=X, y=Y, model=None):
    """The squared error of each row."""
    kernel, bias = (model or linear()).get_weights()
    return ((x @ kernel + bias - y) ** 2)[:, 0]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def fit(model, *args, **kwargs):
    return model.fit(*args, **{"verbose": 0, "shuffle": False, **kwargs}).history


# -- what is logged --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 4, 10, 64])
def test_partial_last_batch_has_its_share(size):
    history = fit(linear(metrics=["mae"]), X, Y, batch_size=size)
    close(history["loss"], [squares().mean()])
    close(history["mae"], [np.sqrt(squares()).mean()])
    close(linear().evaluate(X, Y, batch_size=size, verbose=0), squares().mean())
    assert linear().predict(X, batch_size=size, verbose=0).shape == (N, 1)


def test_validation_split_takes_the_last_rows():
    history = fit(linear(), X, Y, batch_size=4, validation_split=0.25)  # floor(7.5) rows remain
    close(history["loss"], [squares()[:7].mean()])
    close(history["val_loss"], [squares()[7:].mean()])


def test_validation_split_is_before_the_shuffle():
    history = fit(linear(), X, Y, validation_split=0.3, shuffle=True)
    close(history["val_loss"], [squares()[7:].mean()])


def test_validation_data_wins_over_split():
    history = fit(linear(), X, Y, validation_data=(X[:2], Y[:2]), validation_split=0.5)
    close(history["val_loss"], [squares()[:2].mean()])
    close(history["loss"], [squares().mean()])


def test_validation_data_with_sample_weight():
    w = np.array([1.0, 3.0], "float32")
    history = fit(linear(), X, Y, validation_data=(X[:2], Y[:2], w))
    close(history["val_loss"], [(squares()[:2] * w).mean()])


def test_losses_divide_by_rows_and_metrics_by_weights():
    w = np.linspace(0, 3, N).astype("float32")
    history = fit(
        linear(metrics=["mse"], weighted_metrics=["mse"]), X, Y, sample_weight=w, batch_size=4
    )
    close(history["loss"], [(squares() * w).sum() / N])
    close(history["mse"], [squares().mean()])
    close(history["weighted_mse"], [(squares() * w).sum() / w.sum()])


def test_class_weight_is_looked_up_by_label():
    def classifier():
        x = keras.Input((3,))
        model = keras.Model(x, layers.Dense(2, activation="softmax")(x))
        model.set_weights([data(3, 2, seed=4), np.zeros(2, "float32")])
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
        return model

    labels = np.arange(N) % 2
    p = classifier().predict(X, verbose=0)[np.arange(N), labels]
    history = fit(classifier(), X, labels, class_weight={0: 2.0, 1: 0.5})
    close(history["loss"], [(-np.log(p) * np.where(labels, 0.5, 2.0)).mean()])


def test_class_weight_of_one_hot_labels():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="categorical_crossentropy")
    labels = np.arange(N) % 2
    p = model.predict(X, verbose=0)[np.arange(N), labels]
    history = fit(model, X, np.eye(2, dtype="float32")[labels], class_weight={0: 2.0, 1: 0.5})
    close(history["loss"], [(-np.log(p) * np.where(labels, 0.5, 2.0)).mean()])


def test_regularization_is_in_the_loss_but_not_in_metrics():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))(x))
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", metrics=["mse"])
    history = fit(model, X, Y, batch_size=4)
    penalty = 0.1 * (model.get_weights()[0] ** 2).sum()
    close(history["mse"], [squares(model=model).mean()])
    close(history["loss"], [squares(model=model).mean() + penalty])
    assert len(model.losses) == 1


@better_than_keras
def test_masked_steps_do_not_count_in_metrics():
    """Keras on JAX forgets the mask between the forward pass and the metrics of a training step."""
    x = keras.Input((4,), dtype="int32")
    h = layers.Embedding(3, 2, mask_zero=True)(x)
    model = keras.Model(x, layers.Dense(2, activation="softmax")(h))
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    ids = np.random.default_rng(0).integers(0, 3, (N, 4))
    labels = np.random.default_rng(1).integers(0, 2, (N, 4))
    p = model.predict(ids, verbose=0)
    right = (p.argmax(-1) == labels)[ids != 0].mean()
    loss = -np.log(np.take_along_axis(p, labels[..., None], -1))[..., 0][ids != 0].mean()
    history = fit(model, ids, labels)
    close(history["accuracy"], [right])
    close(history["loss"], [loss])
    close(model.evaluate(ids, labels, verbose=0), [loss, right])


@better_than_keras
def test_metric_and_weighted_metric_of_one_name_are_each_given_once():
    """Keras' train_on_batch gives the unweighted one twice."""
    model = linear(metrics=["mae"], weighted_metrics=["mae"])
    w = np.linspace(0, 3, N).astype("float32")
    far = np.sqrt(squares())
    close(model.train_on_batch(X, Y, sample_weight=w),
          [(squares() * w).mean(), far.mean(), (far * w).sum() / w.sum()])


def test_metrics_start_anew_each_epoch_and_call():
    model = linear(metrics=["mae"])
    history = fit(model, X, Y, epochs=3)
    close(history["loss"], [squares().mean()] * 3)
    close(model.evaluate(X[:4], Y[:4], verbose=0)[0], squares()[:4].mean())
    close(model.evaluate(X[4:], Y[4:], verbose=0)[0], squares()[4:].mean())


def test_history_holds_python_floats_and_epochs():
    history = linear().fit(X, Y, epochs=5, initial_epoch=2, verbose=0)
    assert history.epoch == [2, 3, 4]
    assert all(type(v) is float for v in history.history["loss"])
    assert history.params["epochs"] == 5 and history.params["steps"] == 1


def test_nan_in_data_is_seen_in_the_loss():
    x = X.copy()
    x[3, 1] = np.nan
    assert np.isnan(fit(linear(), x, Y)["loss"][0])


# -- data in all its forms -------------------------------------------------------------------------


def test_float64_arrays():
    close(
        linear().evaluate(np.asarray(X.tolist()), np.asarray(Y.tolist()), verbose=0),
        squares().mean(),
    )


def test_targets_of_rank_one():
    close(fit(linear(), X, Y[:, 0])["loss"], [squares().mean()])


def test_targets_of_other_dtypes():
    whole = np.arange(N)
    close(fit(linear(), X, whole)["loss"], [squares(y=whole[:, None]).mean()])
    close(fit(linear(), X, whole.astype("float64"))["loss"], [squares(y=whole[:, None]).mean()])
    close(fit(linear(), X, whole > 4)["loss"], [squares(y=(whole > 4)[:, None]).mean()])


def pairs(times, size=5):
    for _ in range(times):
        for start in range(0, N, size):
            yield X[start:start + size], Y[start:start + size]


def test_generator_is_read_to_its_end():
    close(fit(linear(), pairs(1))["loss"], [squares().mean()])


def test_generator_in_epochs_of_steps():
    history = fit(linear(), pairs(3), steps_per_epoch=2, epochs=3)
    close(history["loss"], [squares().mean()] * 3)


def test_generator_with_sample_weights():
    w = np.arange(N, dtype="float32")
    close(fit(linear(), ((x, y, w[5 * i:5 * i + 5]) for i, (x, y) in enumerate(pairs(1))))["loss"],
          [(squares() * w).mean()])


def test_generator_for_evaluate_and_predict():
    close(linear().evaluate(pairs(1), verbose=0), squares().mean())
    close(linear().predict(((x,) for x, _ in pairs(1)), verbose=0), linear().predict(X, verbose=0))


def test_generator_of_unequal_batches():
    parts = [(X[:1], Y[:1]), (X[1:4], Y[1:4]), (X[4:], Y[4:])]
    close(fit(linear(), iter_of(parts))["loss"], [squares().mean()])


def iter_of(parts):
    yield from parts


def test_validation_data_from_a_generator():
    history = fit(linear(), X, Y, validation_data=pairs(1))
    close(history["val_loss"], [squares().mean()])


def test_steps_per_epoch_with_arrays():
    history = fit(linear(), X, Y, batch_size=4, steps_per_epoch=2)
    close(history["loss"], [squares()[:8].mean()])


def test_evaluate_steps():
    close(linear().evaluate(X, Y, batch_size=4, steps=2, verbose=0), squares()[:8].mean())


def two_heads():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    one = layers.Dense(1, name="one")(layers.concatenate([a, b]))
    two = layers.Dense(2, name="two")(b)
    return keras.Model({"a": a, "b": b}, {"one": one, "two": two})


def test_dicts_by_name_in_and_out():
    model = two_heads()
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss={"one": "mse", "two": "mae"},
                  loss_weights={"one": 2.0, "two": 0.5})
    x = {"b": data(N, 2, seed=3), "a": X}
    y = {"two": data(N, 2, seed=4), "one": Y}
    p = model.predict(x, verbose=0)
    history = fit(model, x, y, batch_size=3)
    one, two = ((p["one"] - y["one"]) ** 2).mean(), np.abs(p["two"] - y["two"]).mean()
    close(history["one_loss"], [one])
    close(history["two_loss"], [two])
    close(history["loss"], [2 * one + 0.5 * two])


def test_sample_weight_for_each_output():
    model = two_heads()
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss={"one": "mse", "two": "mse"})
    x, y = {"a": X, "b": data(N, 2, seed=3)}, {"one": Y, "two": data(N, 2, seed=4)}
    w = {"one": np.arange(N, dtype="float32"), "two": np.ones(N, "float32")}
    p = model.predict(x, verbose=0)
    history = fit(model, x, y, sample_weight=w)
    close(history["one_loss"], [((p["one"] - Y)[:, 0] ** 2 * w["one"]).mean()])
    close(history["two_loss"], [((p["two"] - y["two"]) ** 2).mean()])


def test_list_outputs_take_dict_losses_and_targets():
    x = keras.Input((3,))
    model = keras.Model(x, [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(x)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss={"two": "mae", "one": "mse"})
    y = {"one": Y, "two": data(N, 2, seed=4)}
    one, two = model.predict(X, verbose=0)
    close(fit(model, X, y)["loss"], [((one - Y) ** 2).mean() + np.abs(two - y["two"]).mean()])


# -- order and chance ------------------------------------------------------------------------------


def trained(seed, **kwargs):
    np.random.seed(seed)
    keras.utils.set_random_seed(seed)
    model = linear(rate=0.1)
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0, **kwargs)
    return model.get_weights()[0]


def test_shuffle_follows_the_seed():
    np.testing.assert_array_equal(trained(1), trained(1))
    assert not np.array_equal(trained(1), trained(2))


def test_without_shuffle_the_seed_does_not_matter():
    np.testing.assert_array_equal(trained(1, shuffle=False), trained(2, shuffle=False))


def test_sgd_steps_by_hand():
    """Two epochs of partial batches, in order, against NumPy."""
    model = linear(rate=0.1)
    kernel, bias = (w.astype("float64") for w in model.get_weights())
    for start in [0, 4, 8] * 2:
        x, y = X[start:start + 4], Y[start:start + 4]
        slope = 2 * (x @ kernel + bias - y) / len(x)
        kernel, bias = kernel - 0.1 * x.T @ slope, bias - 0.1 * slope.sum(0)
    fit(model, X, Y, batch_size=4, epochs=2)
    close(model.get_weights()[0], kernel)
    close(model.get_weights()[1], bias)


# -- on_batch --------------------------------------------------------------------------------------


def test_on_batch_methods():
    model = linear(metrics=["mae"])
    close(model.train_on_batch(X, Y), [squares().mean(), np.sqrt(squares()).mean()])
    named = model.test_on_batch(X, Y, return_dict=True)
    assert sorted(named) == ["loss", "mae"]
    close(named["loss"], squares().mean())
    assert np.asarray(model.predict_on_batch(X)).shape == (N, 1)
    close(model.train_on_batch(X, Y, sample_weight=np.full(N, 2.0))[0], 2 * squares().mean())


def test_evaluate_gives_a_number_list_or_dict():
    assert isinstance(linear().evaluate(X, Y, verbose=0), float)
    assert isinstance(linear(metrics=["mae"]).evaluate(X, Y, verbose=0), list)
    assert isinstance(linear().evaluate(X, Y, verbose=0, return_dict=True), dict)


# -- compiling again -------------------------------------------------------------------------------


def test_compiling_again_changes_loss_and_optimizer():
    model = linear(rate=0.1)
    fit(model, X, Y)
    before = model.get_weights()
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mae")
    kernel, bias = before
    close(fit(model, X, Y)["loss"], [np.abs(X @ kernel + bias - Y).mean()])
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_without_an_optimizer_a_model_is_evaluated_and_not_trained():
    model = linear()
    expected = model.evaluate(X, Y, verbose=0)
    model.compile(None, loss="mse")
    assert model.evaluate(X, Y, verbose=0) == expected
    model.summary(print_fn=lambda *_, **__: None)
    for train in (model.fit, model.train_on_batch):
        with pytest.raises((ValueError, AttributeError), match="optimizer|NoneType"):  # Keras' own
            train(X, Y)


@better_than_keras
def test_compiling_again_without_metrics_drops_them():
    """Keras keeps the metrics of the first compile."""
    model = linear(metrics=["mae"])
    fit(model, X, Y)
    model.compile(optimizer="sgd", loss="mse")
    assert list(fit(model, X, Y)) == ["loss"]


def test_learning_rate_is_read_and_set():
    model = linear(rate=0.25)
    assert float(model.optimizer.learning_rate) == 0.25
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()[0]
    fit(model, X, Y)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_iterations_are_counted():
    model = linear()
    fit(model, X, Y, batch_size=4, epochs=2)
    assert int(np.asarray(model.optimizer.iterations)) == 6


# -- callbacks -------------------------------------------------------------------------------------


def callback(**hooks):
    return type("Noted", (keras.callbacks.Callback,), hooks)()


def test_weights_are_current_at_every_batch_and_may_be_set():
    seen = []

    def on_train_batch_begin(self, batch, logs=None):
        seen.append(self.model.get_weights()[1].item())

    def on_train_batch_end(self, batch, logs=None):
        kernel, _ = self.model.get_weights()
        self.model.set_weights([kernel, np.array([100.0 + batch], "float32")])

    fit(linear(rate=0.0), X, Y, batch_size=4, callbacks=[
        callback(on_train_batch_begin=on_train_batch_begin, on_train_batch_end=on_train_batch_end)])
    close(seen, [0.1, 100.0, 101.0])


def test_learning_rate_may_be_set_between_batches():
    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = 0.1 if batch == 1 else 0.0

    model = linear(rate=0.0)
    kernel, bias = model.get_weights()
    slope = 2 * (X[4:8] @ kernel + bias - Y[4:8]) / 4
    fit(model, X, Y, batch_size=4, callbacks=[callback(on_train_batch_begin=on_train_batch_begin)])
    close(model.get_weights()[0], kernel - 0.1 * X[4:8].T @ slope)


def test_batch_logs_are_running_means():
    seen = []
    note = callback(on_train_batch_end=lambda self, batch, logs=None: seen.append(logs["loss"]))
    fit(linear(), X, Y, batch_size=4, callbacks=[note])
    close(seen, [squares()[:n].mean() for n in (4, 8, 10)])


def test_logs_that_a_callback_adds_reach_history():
    note = callback(on_epoch_end=lambda self, epoch, logs=None: logs.update(extra=epoch * 2.0))
    assert fit(linear(), X, Y, epochs=3, callbacks=[note])["extra"] == [0.0, 2.0, 4.0]


def test_lambda_callback():
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch),
                                          on_train_end=lambda logs: seen.append("end"))
    fit(linear(), X, Y, epochs=2, callbacks=[note])
    assert seen == [0, 1, "end"]


def test_early_stopping_waits_and_restores():
    """The loss grows from the first epoch on: it stops after `patience` more, with the best
    weights."""
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights([w + 1 for w in self.model.get_weights()])
        kept.append(self.model.get_weights())

    kept = []
    model = linear()
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    history = fit(model, X, Y, epochs=9, callbacks=[callback(on_epoch_end=on_epoch_end), stop])
    assert len(history["loss"]) == 3
    np.testing.assert_array_equal(model.get_weights()[0], kept[0][0])


def test_early_stopping_on_validation_loss_without_gain():
    history = fit(linear(), X, Y, epochs=9, validation_split=0.5,
                  callbacks=[keras.callbacks.EarlyStopping(patience=1)])
    assert len(history["loss"]) == 2


def test_early_stopping_tells_of_a_metric_that_is_not_there():
    with pytest.warns(
        UserWarning, match="Early stopping conditioned on metric `val_loss` which is not available"
    ):
        fit(linear(), X, Y, callbacks=[keras.callbacks.EarlyStopping()])


def test_checkpoint_each_epoch_and_best_only(tmp_path):
    model = linear(rate=0.01)
    each = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch:02d}-{loss:.2f}.keras"))
    best = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.weights.h5"), monitor="loss",
                                           save_best_only=True, save_weights_only=True)
    history = fit(model, X, Y, epochs=2, callbacks=[each, best])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{i + 1:02d}-{loss:.2f}.keras" for i, loss in enumerate(history["loss"])] + [
        "best.weights.h5"
    ]
    again = keras.models.load_model(tmp_path / names[1])
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_stopping_in_the_middle_of_an_epoch():
    seen = []

    def on_train_batch_end(self, batch, logs=None):
        seen.append(batch)
        self.model.stop_training = batch == 1

    history = fit(
        linear(),
        X,
        Y,
        batch_size=4,
        epochs=3,
        callbacks=[callback(on_train_batch_end=on_train_batch_end)],
    )
    assert seen == [0, 1] and len(history["loss"]) == 1
    assert len(fit(linear(), X, Y, epochs=2)["loss"]) == 2


def test_exception_in_a_callback_leaves_a_usable_model():
    def on_train_batch_end(self, batch, logs=None):
        raise RuntimeError("mine")

    model = linear(rate=0.1)
    with pytest.raises(RuntimeError, match="mine"):
        fit(model, X, Y, batch_size=4, callbacks=[callback(on_train_batch_end=on_train_batch_end)])
    assert len(fit(model, X, Y)["loss"]) == 1
