"""Names, orders and messages of losses and metrics: what Keras 3.15 gave for the same `compile`."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers, ops
from fncompile.training.compile import objective_of
from tests.training.interpreted import use_interpreter

X = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
A = X[:, :1].copy()
B = np.eye(3, dtype="float32")[np.arange(10) % 3]


def one():
    keras.utils.clear_session()
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(3, activation="softmax")(i))


def two(as_dict=False):
    keras.utils.clear_session()
    i = keras.Input((4,), name="x")
    a = layers.Dense(1, name="priority")(i)
    b = layers.Dense(3, activation="softmax", name="department")(i)
    return keras.Model(i, {"priority": a, "department": b} if as_dict else [a, b])


def results(model, y, **compiled):
    model.compile(**compiled)
    use_interpreter(model)
    model.fit(X, y, verbose=0)
    return [name for name, _ in objective_of(model).results()]


def mine(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), -1)


def test_names_of_one_output():
    assert results(one(), B, loss="mse", metrics=["accuracy", "mae"], weighted_metrics=["mae"]) == [
        "loss", "accuracy", "mae", "weighted_mae"]  # fmt: skip
    assert results(one(), B, loss=mine, metrics=[mine, lambda t, p: ops.mean(t)]) == [
        "loss",
        "mine",
        "lambda",
    ]
    twice = {"metrics": ["mae", "mae"], "weighted_metrics": ["mae", "mae", "mse"]}
    assert results(one(), B, loss="mse", **twice) == [
        "loss", "mae", "mae_1", "weighted_mae", "weighted_mae_1", "mse"]  # fmt: skip
    assert results(one(), B, loss=["mse"], metrics=[["mae"]]) == ["loss", "mae"]
    assert results(one(), B, loss={"dense": "mse"}, metrics={"dense": "mae"}) == ["loss", "mae"]
    same = ["MSE", "mean_squared_error", keras.metrics.MeanSquaredError()]
    assert results(one(), B, loss="MSE", metrics=same) == [
        "loss", "MSE", "mean_squared_error", "mean_squared_error_1"]  # fmt: skip


@pytest.mark.parametrize("make, y", [(one, B), (two, [A, B])])
def test_metrics_names_are_those_of_evaluate(make, y):
    """Weighted metrics, and those of several outputs, had the bare name of the metric."""
    model = make()
    metrics = ["mae"] if make is one else [["mae"], ["mae", "mse"]]
    names = results(model, y, loss="mse", metrics=metrics, weighted_metrics=metrics)
    assert model.metrics_names == names
    assert len(set(names)) == len(names) == len(model.evaluate(X, y, verbose=0))
    assert set(names) == set(model.evaluate(X, y, verbose=0, return_dict=True))


def test_names_of_two_outputs():
    y = [A, B]
    assert results(two(), y, loss="mse") == ["loss", "priority_loss", "department_loss"]
    many = {
        "loss": {"department": "categorical_crossentropy", "priority": "mse"},
        "metrics": {"priority": ["mae", "mse"], "department": ["acc"]},
        "weighted_metrics": {"priority": ["mae"]},
    }
    rest = ["department_acc", "priority_mae", "priority_mse", "priority_weighted_mae"]
    assert results(two(), y, **many) == ["loss", "priority_loss", "department_loss", *rest]
    by_name = {"priority": A, "department": B}
    assert results(two(True), by_name, **many) == [
        "loss",
        "department_loss",
        "priority_loss",
        *rest,
    ]
    assert results(two(True), by_name, loss="mse")[1:] == ["department_loss", "priority_loss"]


def test_partial_losses():
    assert results(two(), [A, None], loss=["mse", None]) == ["loss"]
    assert results(two(), [A, B], loss=["mse", None], metrics=[None, "mae"]) == [
        "loss",
        "department_mae",
    ]
    assert results(two(True), {"priority": A}, loss={"priority": "mse"}) == ["loss"]


def test_lists_for_a_dict_of_outputs_follow_the_order_of_writing():
    """Keras 3 goes by sorted keys, so that the losses of the guide swap their outputs."""
    model = two(True)
    names = results(model, [A, B], loss=["mse", "categorical_crossentropy"], metrics=["mae", "acc"])
    assert names[3:] == ["department_acc", "priority_mae"]
    terms = {t.name: t.loss.name for t in objective_of(model).terms}
    assert terms == {
        "priority_loss": "mean_squared_error",
        "department_loss": "categorical_crossentropy",
    }


def test_crossentropy_is_that_of_the_shape_of_the_targets():
    for units, activation, y, kind in (
        (1, "sigmoid", np.ones((len(X), 1)), "binary"),
        (3, "softmax", np.ones((len(X),), "int32"), "sparse_categorical"),
        (3, "softmax", np.eye(3)[np.ones(len(X), "int32")], "categorical"),
    ):
        model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Dense(units, activation)])
        found = []
        for loss in ("crossentropy", f"{kind}_crossentropy"):
            model.compile("sgd", loss)
            use_interpreter(model)
            found.append(model.evaluate(X, y, verbose=0))
        assert found[0] == found[1]


def test_a_metric_of_one_class_is_logged_as_a_number():
    model = keras.Sequential([keras.Input(X.shape[1:]), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[keras.metrics.F1Score()])
    use_interpreter(model)
    stop = keras.callbacks.EarlyStopping("f1_score", patience=0)
    history = model.fit(X, np.ones((len(X), 1)), epochs=2, verbose=0, callbacks=[stop]).history
    assert all(type(value) is float for value in history["f1_score"])


def test_history_is_sorted_and_losses_are_logged_unweighted():
    model = two()
    model.compile(keras.optimizers.SGD(0.0), loss="mse", loss_weights=[2.0, 0.5])
    use_interpreter(model)
    history = model.fit(X, [A, B], batch_size=4, verbose=0, validation_data=(X, [A, B])).history
    names = ["department_loss", "loss", "priority_loss"]
    assert list(history) == names + [f"val_{n}" for n in names]
    pred = model.predict(X, verbose=0)
    losses = [float(((A - pred[0]) ** 2).mean()), float(((B - pred[1]) ** 2).mean())]
    assert history["priority_loss"][0] == pytest.approx(losses[0], rel=1e-5)
    assert history["department_loss"][0] == pytest.approx(losses[1], rel=1e-5)
    assert history["loss"][0] == pytest.approx(2 * losses[0] + 0.5 * losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("compiled", "message"),
    [
        ({"loss": {"prio": "mse", "department": "mse"}}, r"keys \['priority', 'department'\]"),
        ({"loss": {"priority": "mse"}}, "in loss dict, but found"),
        ({"loss": ["mse", "mse", "mse"]}, "one entry for each of the model's outputs"),
        ({"loss": "foo"}, "Could not interpret loss identifier: foo"),
        ({"loss": 5}, "Could not interpret loss identifier: 5"),
        (
            {"loss": "mse", "metrics": "accuracy"},
            "Expected `metrics` argument to be a list, tuple, or dict. "
            "Received instead: metrics=accuracy of type <class 'str'>",
        ),
        ({"loss": "mse", "metrics": ["accuracy"]}, r"Invalid `metrics`. .* \['X', 'X'\]"),
        ({"loss": "mse", "metrics": {"foo": "mae"}}, "Received: metrics={'foo': 'mae'}"),
        ({"loss": "mse", "weighted_metrics": ["mae"]}, "Invalid `weighted_metrics`"),
        ({"loss": "mse", "metrics": ["foo", "mae"]}, "Could not interpret metric identifier: foo"),
        ({"loss": "mse", "loss_weights": [1.0]}, "number of losses, got 2 losses and 1 weights."),
        ({"loss": "mse", "loss_weights": {"prio": 1, "department": 2}}, "loss_weights"),
        ({"loss": "mse", "loss_weights": 0.5}, "`loss_weights` must match the number of losses"),
        ({"optimizer": "foo"}, "Could not interpret optimizer identifier: foo"),
    ],
)  # fmt: skip
def test_messages(compiled, message):
    with pytest.raises(ValueError, match=message):
        two().compile(**compiled)


def test_training_without_a_loss_is_refused():
    model = one()
    model.compile("sgd", metrics=["mae"])
    use_interpreter(model)
    with pytest.raises(ValueError, match="No loss to compute. Provide a `loss` argument"):
        model.fit(X, B, verbose=0)
    assert model.evaluate(X, B, verbose=0)[0] == 0.0


@pytest.mark.parametrize(
    ("units", "activation", "y", "kind"),
    [
        (1, "sigmoid", (np.arange(10) % 2).astype("float32"), "BinaryAccuracy"),
        (3, "softmax", np.arange(10) % 3, "SparseCategoricalAccuracy"),
        (3, "softmax", (np.arange(10) % 3)[:, None], "SparseCategoricalAccuracy"),
        (3, "softmax", B, "CategoricalAccuracy"),
    ],
)
def test_accuracy_is_chosen_by_shapes(units, activation, y, kind):
    i = keras.Input((4,))
    model = keras.Model(i, layers.Dense(units, activation=activation)(i))
    loss = {"B": "binary_crossentropy", "S": "sparse_categorical_crossentropy"}.get(
        kind[0], "categorical_crossentropy"
    )
    model.compile("sgd", loss, metrics=["acc", "accuracy"])
    use_interpreter(model)
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    assert [type(t.metric).__name__ for t in objective_of(model).metric_terms] == [kind, kind]
    pred = model.predict(X, verbose=0)
    guess = pred[:, 0] > 0.5 if units == 1 else pred.argmax(1)
    true = y.argmax(1) if kind[0] == "C" else np.reshape(y, -1)
    assert logs["acc"] == logs["accuracy"] == pytest.approx((guess == true).mean())


def test_compiling_again_forgets_the_old_metrics():
    model = one()
    assert results(model, B, loss="mse", metrics=["mae"]) == ["loss", "mae"]
    assert results(model, B, loss="mse") == ["loss"]


def test_the_last_partial_batch_counts_by_its_rows():
    model = one()
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
    use_interpreter(model)
    logs = model.evaluate(X, B, batch_size=4, verbose=0, return_dict=True)
    pred = model.predict(X, verbose=0)
    assert logs["loss"] == pytest.approx(((B - pred) ** 2).mean(), rel=1e-5)
    assert logs["mae"] == pytest.approx(np.abs(B - pred).mean(), rel=1e-5)


def test_a_metric_of_plain_python_is_read_anew_each_time():
    class Rows(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="rows")
            self.rows = self.add_variable((), name="rows")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.rows.assign_add(ops.sum(ops.ones_like(y_pred[:, 0])))

        def result(self):
            return float(self.rows)

    model = one()
    model.compile("sgd", "mse", metrics=[Rows()])
    use_interpreter(model)
    assert model.evaluate(X, B, verbose=0)[1] == 10
    assert model.evaluate(X[:4], B[:4], verbose=0)[1] == 4
