"""The loop of fit, evaluate and predict on the interpreter: which steps it takes, with which rows.

test_fit.py has what can be seen from outside."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers
from tests.training.interpreted import toy_data, use_interpreter

X, Y = toy_data(20)


def model_of(optimizer="sgd", **compiled):
    i = keras.Input((4,), name="img")
    model = keras.Model(i, layers.Dense(3, activation="softmax")(i))
    model.compile(optimizer, "sparse_categorical_crossentropy", **compiled)
    return model, use_interpreter(model)


def rows(steps, what="train"):
    return sum(n for kind, n, _ in steps.calls if kind == what)


def test_fit_trains_and_tells_its_history():
    model, steps = model_of(keras.optimizers.Adam(0.05), metrics=["accuracy"])
    history = model.fit(X, Y, batch_size=8, epochs=4, verbose=0, validation_data=(X, Y))
    assert history.epoch == [0, 1, 2, 3]
    assert history.params == {"verbose": 0, "epochs": 4, "steps": 3}
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert all(type(v) is float for values in history.history.values() for v in values)
    assert model.history is history
    assert rows(steps) == 80 and rows(steps, "evaluate") == 80
    assert int(model.optimizer.iterations) == 12


def test_the_loss_of_an_epoch_weighs_batches_by_rows():
    """Against a loop of single steps: 8 + 8 + 4 rows."""
    model, _ = model_of(keras.optimizers.SGD(0.1))
    other, _ = model_of(keras.optimizers.SGD(0.1))
    other.set_weights(model.get_weights())
    losses = [other.train_on_batch(X[k : k + 8], Y[k : k + 8]) for k in (0, 8, 16)]
    history = model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
    assert history["loss"][0] == pytest.approx(np.average(losses, weights=[8, 8, 4]), rel=1e-6)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_on_batch_methods_agree_with_evaluate():
    model, _ = model_of(keras.optimizers.SGD(0.0), metrics=["accuracy"])
    loss, accuracy = model.train_on_batch(X, Y)
    assert model.train_on_batch(X, Y, return_dict=True) == {"accuracy": accuracy, "loss": loss}
    assert model.test_on_batch(X, Y) == [loss, accuracy] == model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))
    with pytest.raises(ValueError, match="cannot be specified at the same time"):
        model.train_on_batch(X, Y, sample_weight=np.ones(20), class_weight={0: 1.0})
    with pytest.raises(ValueError, match="no samples"):
        model.train_on_batch(X[:0], Y[:0])


def test_predict_in_stretches_is_predict_at_once():
    model, _ = model_of()
    whole = model.predict(X, batch_size=20, verbose=0)
    assert whole.shape == (20, 3)
    np.testing.assert_array_equal(model.predict(X, batch_size=3, verbose=0), whole)
    np.testing.assert_array_equal(model.predict(X, batch_size=3, steps=2, verbose=0), whole[:6])
    np.testing.assert_array_equal(
        model.predict(((X[k:],) for k in (0, 5)), verbose=0), np.concatenate([whole, whole[5:]])
    )
    assert model.predict(X[:0], verbose=0).shape == (0, 3)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="nothing to predict"):
        model.predict(iter(()), verbose=0)


def test_predict_keeps_the_structure_of_outputs():
    i = keras.Input((4,))
    model = keras.Model(i, {"b": layers.Dense(1)(i), "a": [layers.Dense(2)(i)]})
    use_interpreter(model)
    out = model.predict(X, verbose=0)
    assert list(out) == ["b", "a"] and out["b"].shape == (20, 1) and out["a"][0].shape == (20, 2)


@pytest.mark.parametrize(("freq", "count"), [(1, 5), (2, 2), ([1, 5], 2), (9, 0)])
def test_validation_freq(freq, count):
    model, _ = model_of()
    history = model.fit(
        X, Y, epochs=5, validation_data=(X, Y), validation_freq=freq, verbose=0
    ).history
    assert len(history.get("val_loss", [])) == count


def test_validation_batch_size_and_steps():
    model, steps = model_of()
    model.fit(
        X,
        Y,
        batch_size=10,
        validation_data=(X, Y),
        validation_batch_size=4,
        validation_steps=2,
        verbose=0,
    )
    assert rows(steps, "evaluate") == 8
    assert {size for kind, _, size in steps.calls if kind == "evaluate"} == {4}


def test_initial_epoch_and_no_epochs():
    model, _ = model_of()
    assert model.fit(X, Y, initial_epoch=3, epochs=5, verbose=0).epoch == [3, 4]
    assert model.fit(X, Y, epochs=0, verbose=0).history == {}


def test_steps_per_epoch():
    model, steps = model_of()
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(X, Y, batch_size=8, epochs=3, steps_per_epoch=2, verbose=0)
    assert int(model.optimizer.iterations) == 5
    assert rows(steps) == 8 + 8 + 4 + 8 + 8


def test_more_steps_per_epoch_than_batches():
    """Keras' rule: the epoch ends where the data does, and the next begins anew."""
    model, steps = model_of()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(X, Y, batch_size=4, epochs=3, steps_per_epoch=7, verbose=0)
    assert int(model.optimizer.iterations) == 15
    assert rows(steps) == 3 * 20
    assert history.epoch == [0, 1, 2]


def batches_of(size):
    for k in range(0, 20, size):
        yield X[k : k + size], Y[k : k + size]


class Digits(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.asked, self.passes = [], 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.asked.append(index)
        return X[index * 5 : index * 5 + 5], Y[index * 5 : index * 5 + 5], np.ones(5)

    def on_epoch_end(self):
        self.passes += 1


def test_generators():
    model, steps = model_of()
    history = model.fit(batches_of(8), verbose=0)
    assert rows(steps) == 20 and len(history.history["loss"]) == 1

    def forever():
        while True:
            yield from batches_of(8)

    history = model.fit(
        forever(),
        steps_per_epoch=4,
        epochs=2,
        validation_data=forever(),
        validation_steps=1,
        verbose=0,
    )
    assert history.params["steps"] == 4 and len(history.history["val_loss"]) == 2
    assert model.evaluate(batches_of(8), verbose=0) == pytest.approx(
        model.evaluate(X, Y, verbose=0)
    )
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        history = model.fit(batches_of(8), epochs=3, verbose=0)
    assert history.epoch == [0]


def test_data_sets():
    model, _ = model_of()
    data = Digits()
    history = model.fit(data, epochs=2, verbose=0, validation_data=Digits())
    assert history.params["steps"] == 4
    assert sorted(data.asked) == sorted([0, 1, 2, 3] * 2) and data.passes == 2
    data = Digits()
    model.fit(data, shuffle=False, verbose=0)
    assert data.asked == [0, 1, 2, 3]
    assert model.predict(Digits(), verbose=0).shape == (20, 3)


@pytest.mark.parametrize(
    ("x", "arguments", "message"),
    [
        (lambda: batches_of(8), {"y": Y}, "`y` should not be passed"),
        (lambda: batches_of(8), {"sample_weight": Y}, "`sample_weights` should not be passed"),
        (lambda: batches_of(8), {"class_weight": {0: 1.0}}, "`class_weight` is not supported for"),
        (lambda: batches_of(8), {"validation_split": 0.5}, "only supported for tensors"),
        (lambda: iter([X]), {}, "the generator must return a tuple"),
        (lambda: iter([(X, Y, None, None)]), {}, "Data is expected to be in format"),
        (lambda: 3.5j, {}, "Unrecognized data type"),
        (lambda: "foo", {}, "Unrecognized data type"),
        (lambda: X, {"y": Y, "validation_data": (X, Y, None, None)}, "expected to be in format"),
        (lambda: X[:0], {"y": Y[:0]}, "no samples"),
        (lambda: X, {"y": Y, "batch_size": 0}, "batch_size"),
        (lambda: X, {"y": Y[:, None] * np.ones(7)}, "."),
    ],
)  # fmt: skip
def test_data_that_does_not_fit(x, arguments, message):
    model, _ = model_of()
    with pytest.raises(ValueError, match=message):
        model.fit(x(), verbose=0, **arguments)


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_not_compiled(call):
    i = keras.Input((4,))
    model = keras.Model(i, layers.Dense(3)(i))
    with pytest.raises(ValueError, match=r"You must call `compile\(\)` before using the model"):
        getattr(model, call)(X, Y)


def test_a_stack_without_input_is_built_by_its_data():
    model = keras.Sequential(
        [layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    use_interpreter(model)
    assert list(model.fit(X, Y, verbose=0).history) == ["accuracy", "loss"]
    assert model.input_shape == (None, 4)


def test_a_subclass_is_built_by_its_data():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(3), layers.Dense(1)

        def call(self, x):
            return {"a": self.a(x), "b": self.b(x)}

    model = Two()
    model.compile("sgd", {"a": "mse", "b": "mae"})
    use_interpreter(model)
    history = model.fit(X, {"a": X[:, :3], "b": X[:, :1]}, verbose=0)
    assert list(history.history) == ["a_loss", "b_loss", "loss"]
    assert set(model.predict(X, verbose=0)) == {"a", "b"}


def test_sample_weights_and_class_weights_are_one():
    model, _ = model_of(keras.optimizers.SGD(0.1))
    other, _ = model_of(keras.optimizers.SGD(0.1))
    other.set_weights(model.get_weights())
    weights = {0: 2.0, 1: 0.0, 2: 0.5}
    model.fit(X, Y, class_weight=weights, shuffle=False, verbose=0)
    other.fit(X, Y, sample_weight=[weights[int(k)] for k in Y], shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_seed_gives_the_same_training():
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model, _ = model_of()
        model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


# several steps to an execution, and stopping in between -------------------------------------------


class Batches(keras.callbacks.Callback):
    """The numbers that each hook of a batch saw, and the losses."""

    def __init__(self):
        self.seen = {}
        self.losses = []
        for mode in ("train", "test", "predict"):
            for end in ("begin", "end"):
                setattr(self, f"on_{mode}_batch_{end}", self.hook(f"{mode}_batch_{end}"))

    def hook(self, name):
        return lambda batch, logs=None: self.note(name, batch, logs)

    def note(self, name, batch, logs):
        self.seen.setdefault(name, []).append(batch)
        if name == "train_batch_end":
            self.losses.append(logs["loss"])


def as_generator(x, *y):
    return ((x[k : k + 2], *(a[k : k + 2] for a in y)) for k in range(0, 20, 2))


@pytest.mark.parametrize("form", [lambda *arrays: arrays, lambda *arrays: (as_generator(*arrays),)],
                         ids=["arrays", "generator"])  # fmt: skip
@pytest.mark.parametrize(("together", "begins", "ends"), [
    (1, list(range(10)), list(range(10))), (3, [0, 3, 6, 9], [2, 5, 8, 9]), (20, [0], [9]),
])  # fmt: skip
def test_callbacks_see_the_steps_of_an_execution_as_one(form, together, begins, ends):
    model, _ = model_of(keras.optimizers.SGD(0.1), steps_per_execution=together)
    alone, _ = model_of(keras.optimizers.SGD(0.1))
    alone.set_weights(model.get_weights())
    look, single = Batches(), Batches()
    options = {"verbose": 0, "batch_size": 2}
    model.fit(*form(X, Y), shuffle=False, callbacks=[look], **options)
    alone.fit(X, Y, shuffle=False, callbacks=[single], **options)
    model.evaluate(*form(X, Y), callbacks=[look], **options)
    predicted = model.predict(*form(X), callbacks=[look], **options)
    for mode in ("train", "test", "predict"):
        assert look.seen[f"{mode}_batch_begin"] == begins
        assert look.seen[f"{mode}_batch_end"] == ends
    assert look.losses == [single.losses[end] for end in ends]
    np.testing.assert_array_equal(predicted, alone.predict(X, **options))
    for a, b in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_steps_per_execution_is_kept_and_checked():
    model, _ = model_of(steps_per_execution=4)
    assert model.steps_per_execution == model.get_compile_config()["steps_per_execution"] == 4
    other = keras.Model.from_config(model.get_config())
    other.compile_from_config(model.get_compile_config())
    assert other.steps_per_execution == 4
    for wrong in (0, -1, 2.0, True, "auto"):
        with pytest.raises(ValueError, match=f"`steps_per_execution` must be .*: .*={wrong}"):
            model_of(steps_per_execution=wrong)


@pytest.mark.parametrize(("verb", "flag", "hook"), [
    ("fit", "stop_training", "train"), ("evaluate", "stop_evaluating", "test"),
    ("predict", "stop_predicting", "predict"),
])  # fmt: skip
def test_a_callback_ends_endless_data(verb, flag, hook):
    model, _ = model_of()
    look = Batches()
    note = look.note

    def stop(name, batch, logs):
        note(name, batch, logs)
        if batch == 4:
            setattr(model, flag, True)

    look.note = stop

    def endless():
        while True:
            yield (X[:2],) if verb == "predict" else (X[:2], Y[:2])

    for _ in range(2):  # the flag does not stay
        look.seen.clear()
        result = getattr(model, verb)(endless(), callbacks=[look], verbose=0)
        assert look.seen[f"{hook}_batch_end"] == [0, 1, 2, 3, 4]
    if verb == "predict":
        assert result.shape == (10, 3)
    model.predict(X, batch_size=2, verbose=0)
    assert len(model.predict(X, batch_size=2, verbose=0)) == 20


def test_a_data_set_is_iterated_as_far_as_it_goes():
    class Numbers(keras.utils.PyDataset):
        num_batches = 3

        def __getitem__(self, index):
            return X[index : index + 1], Y[index : index + 1]

    assert [y for _, y in Numbers()] == [Y[k : k + 1] for k in range(3)]
    endless = Numbers()
    Numbers.num_batches = None
    assert len(list(zip(endless, range(7)))) == 7
    del Numbers.num_batches
    assert len(list(zip(endless, range(7)))) == 7
