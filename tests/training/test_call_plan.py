"""`train_on_batch` and its kin decide once for each kind of arguments, and must not be seen to.

The oracle is a twin that is given lists in place of arrays, which go the whole way each time.
"""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fncompile as k
from fncompile import layers
from fncompile.training import call_plan


def rows(n, width=4, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=(n, width)).astype(dtype)


def chain(metrics=("mae",), **compiled):
    k.utils.set_random_seed(1)
    x = k.Input((4,))
    model = k.Model(x, layers.Dense(4)(layers.Dense(5, activation="tanh")(x)))
    model.compile(compiled.pop("optimizer", "sgd"), "mse", metrics=list(metrics), **compiled)
    return model


def listed(x):
    return {n: a.tolist() for n, a in x.items()} if isinstance(x, dict) else x.tolist()


def test_each_call_equals_that_of_a_twin_given_lists():
    model, twin = chain(weighted_metrics=["mse"]), chain(weighted_metrics=["mse"])
    for n, seed in ((6, 0), (6, 1), (3, 2), (6, 3), (1, 4), (6, 5)):
        x, y, w = rows(n, seed=seed), rows(n, seed=seed + 9), np.abs(rows(n, 1, seed)[:, 0])
        assert model.train_on_batch(x, y, w) == twin.train_on_batch(listed(x), listed(y), listed(w))
        assert model.test_on_batch(x, y) == twin.test_on_batch(listed(x), listed(y))
        np.testing.assert_array_equal(model.predict_on_batch(x), twin.predict_on_batch(listed(x)))
    assert 0 < len(model.steps().plans) <= 9 and not twin.steps().plans


def test_one_array_given_twice_says_nothing_of_the_next_call():
    """An autoencoder's first call must not make of the input the target of later ones."""
    model, twin = chain(), chain()
    x = rows(6)
    model.train_on_batch(x, x), twin.train_on_batch(listed(x), listed(x))
    y = rows(6, seed=1)
    for _ in range(2):
        assert model.train_on_batch(x, y) == twin.train_on_batch(listed(x), listed(y))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype("float64"),
        lambda a: (100 * a).astype("int64"),
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: a.astype(">f4"),
    ],
)
def test_arrays_are_converted_at_each_call(change):
    model, twin = chain(), chain()
    for seed in range(3):
        x, y = change(rows(5, seed=seed)), change(rows(5, seed=seed + 5))
        given = np.array(x, order="C", dtype="float32"), np.array(y, order="C", dtype="float32")
        found, expected = model.train_on_batch(x, y), twin.train_on_batch(*map(listed, given))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_class_weights_may_change_from_call_to_call():
    def classifier():
        k.utils.set_random_seed(1)
        x = k.Input((4,))
        model = k.Model(x, layers.Dense(3, activation="softmax")(x))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    model, twin = classifier(), classifier()
    x, y = rows(6), np.arange(6) % 3
    for weights in (None, {0: 2.0}, {0: 2.0}, {1: 0.5, 2: 3.0}, None):
        found = model.train_on_batch(x, y, class_weight=weights)
        assert found == twin.train_on_batch(listed(x), listed(y), class_weight=weights)


def test_dicts_go_by_name_in_whatever_order():
    def two():
        k.utils.set_random_seed(1)
        a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
        outputs = {"p": layers.Dense(4)(a + 2 * b), "q": layers.Dense(4)(a)}
        model = k.Model({"a": a, "b": b}, outputs)
        model.compile("sgd", {"p": "mse", "q": "mae"})
        return model

    model, twin = two(), two()
    x, y = {"a": rows(5), "b": rows(5, seed=1)}, {"p": rows(5, seed=2), "q": rows(5, seed=3)}
    for _ in range(2):
        for turn in (dict, lambda d: dict(reversed(d.items()))):
            found = model.train_on_batch(turn(x), turn(y))
            assert found == twin.train_on_batch(listed(x), listed(y))
            outputs, expected = model.predict_on_batch(turn(x)), twin.predict_on_batch(listed(x))
            np.testing.assert_array_equal(outputs["q"], expected["q"])


def test_bad_data_is_refused_as_before_after_good_calls():
    model, x, y = chain(), rows(6), rows(6)
    for _ in range(2):
        model.train_on_batch(x, y)
    before = model.get_weights()
    with pytest.raises(ValueError, match="Data cardinality is ambiguous"):
        model.train_on_batch(x, y[:5])
    with pytest.raises(ValueError, match="is incompatible with the layer"):
        model.train_on_batch(x[:, :3], y)
    with pytest.raises(ValueError, match="Target data is missing"):
        model.train_on_batch(x)
    with pytest.raises(ValueError, match="no samples"):
        model.train_on_batch(x[:0], y[:0])
    with pytest.raises(ValueError, match="Unrecognized data type"):
        model.train_on_batch(x.astype(object).astype(str), y)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_what_is_changed_between_calls_is_seen():
    model, x, y = chain(), rows(6), rows(6, seed=1)
    model.train_on_batch(x, y)
    model.optimizer.learning_rate = 0.0
    before, loss = model.get_weights(), model.test_on_batch(x, y)
    assert model.train_on_batch(x, y) == loss == model.train_on_batch(x, y)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    model.set_weights([w * 0 for w in before])
    np.testing.assert_array_equal(model.predict_on_batch(x), np.zeros((6, 4)))
    np.testing.assert_allclose(model.test_on_batch(x, y)[0], np.mean(y**2), rtol=1e-6)
    model.compile("sgd", "mae")
    np.testing.assert_allclose(model.test_on_batch(x, y), np.mean(np.abs(y)), rtol=1e-6)
    with k.flags(interp=True):
        np.testing.assert_allclose(model.test_on_batch(x, y), np.mean(np.abs(y)), rtol=1e-6)


def test_a_schedule_put_in_place_of_a_rate_is_followed():
    """Steps that were compiled before went on with the old rate."""
    model, x, y = chain(optimizer=k.optimizers.SGD(0.5)), rows(6), rows(6, seed=1)
    model.train_on_batch(x, y)
    model.optimizer.learning_rate = k.optimizers.schedules.PiecewiseConstantDecay([1], [0.5, 0.0])
    model.train_on_batch(x, y)  # the second step: still 0.5
    before = model.get_weights()
    model.train_on_batch(x, y)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


class Largest(k.metrics.Metric):
    """The largest target since it was made: its own reset keeps it."""

    def __init__(self):
        super().__init__(name="largest")
        self.value = self.add_variable((), name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(k.ops.maximum(self.value, k.ops.max(y_true)))

    def result(self):
        return float(self.value)

    def reset_state(self):
        pass


def test_a_users_metric_resets_and_reports_in_its_own_way():
    model, x = chain(metrics=[Largest(), "mae"]), rows(6)
    for top in (3.0, 9.0, 5.0):
        y = np.full((6, 4), top, "float32")
        logs = model.test_on_batch(x, y, return_dict=True)
        assert logs["largest"] == max(top, 9.0 if top == 5.0 else 0.0)
        expected = np.mean(np.abs(y - model.predict_on_batch(x)))
        np.testing.assert_allclose(logs["mae"], expected, rtol=1e-6)


def test_a_model_remembers_no_more_kinds_than_it_says(monkeypatch):
    monkeypatch.setattr(call_plan, "KINDS", 3)
    model = chain()
    for n in (1, 2, 3, 4, 1, 2):
        np.testing.assert_array_equal(model.predict_on_batch(rows(n)), model.predict(rows(n)))
        assert len(model.steps().plans) <= 3


def test_threads_predict_at_once():
    model, data = chain(), [rows(n, seed=n) for n in (2, 2, 5, 300)]
    expected = [model.predict_on_batch(x) for x in data]
    wrong = []

    def run(x, wanted):
        wrong.extend(1 for _ in range(200) if not np.array_equal(model.predict_on_batch(x), wanted))

    threads = [threading.Thread(target=run, args=pair) for pair in zip(data, expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_batches_of_a_generator_are_as_those_given_one_by_one():
    """An empty one, in between, is no step."""
    model, twin = chain(optimizer="adam"), chain(optimizer="adam")
    batches = [(rows(n, seed=n), rows(n, seed=n + 50)) for n in (4, 4, 0, 2, 4)]
    model.fit((b for b in batches), verbose=0)
    for x, y in batches:
        if len(x):
            twin.train_on_batch(x, y)
    assert int(model.optimizer.iterations) == 4
    for a, b in zip(model.get_weights(), twin.get_weights()):
        np.testing.assert_array_equal(a, b)
    inputs = [x for x, _ in batches]
    found = model.predict(((x,) for x in inputs), verbose=0)
    np.testing.assert_allclose(found, twin.predict(np.concatenate(inputs)), rtol=1e-5)
    pairs = [(x, y) for x, y in batches if len(x)]
    whole = [np.concatenate(column) for column in zip(*pairs)]
    found, expected = model.evaluate((b for b in pairs), verbose=0), twin.evaluate(*whole)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
