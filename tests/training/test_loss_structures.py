"""Losses in every structure that `compile` takes, against sums in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, Model, layers, ops
from fncompile.graph.nest import map_structure

X = np.arange(12, dtype="float32").reshape(4, 3) / 10
A = X.sum(1, keepdims=True).repeat(2, 1)  # what Dense layers of ones give
B = X.sum(1, keepdims=True)
YA, YB, YC = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), np.full((4, 1), 0.5, "f4")


def mse(y, p):
    return float(np.mean((y - p) ** 2))


def mae(y, p):
    return float(np.mean(np.abs(y - p)))


def model(pack):
    inputs = Input((3,))
    ones = [
        layers.Dense(n, kernel_initializer="ones", name=name)(inputs)
        for name, n in (("a", 2), ("b", 1), ("c", 1))
    ]
    return Model(inputs, pack(*ones))


def logs(pack, y, loss, **compiled):
    made = model(pack)
    made.compile("sgd", loss, **compiled)
    return made.evaluate(X, y, verbose=0, return_dict=True)


def both(t, p):
    """A loss of two outputs together."""
    return ops.mean(ops.abs(t[0] - p[0])) + 2 * ops.mean(ops.abs(t[1] - p[1]))


def by_key(t, p):
    return ops.mean(ops.square(t["b"] - p["b"])) + ops.mean(ops.abs(t["c"] - p["c"]))


DICT = (lambda a, b, c: {"a": a, "b": b}), {"a": YA, "b": YB}
LIST = (lambda a, b, c: [a, b]), [YA, YB]
PAIR = (lambda a, b, c: [a, (b, c)]), [YA, (YB, YC)]
KEYS = (lambda a, b, c: {"a": a, "x": {"b": b, "c": c}}), {"a": YA, "x": {"b": YB, "c": YC}}


@pytest.mark.parametrize(
    ("where", "loss", "expected"),
    [
        (DICT, {"a": ["mse"], "b": ["mae"]}, {"a_loss": mse(YA, A), "b_loss": mae(YB, B)}),
        (LIST, [["mse"], ["mae"]], {"a_loss": mse(YA, A), "b_loss": mae(YB, B)}),
        (LIST, {"a": ["mse"], "b": "mae"}, {"a_loss": mse(YA, A), "b_loss": mae(YB, B)}),
        (
            DICT,
            {"a": ["mse", "mae"], "b": "mae"},
            {"a_loss": mse(YA, A), "a_loss_1": mae(YA, A), "b_loss": mae(YB, B)},
        ),
        (
            PAIR,
            ["mse", both],
            {"a_loss": mse(YA, A), "1_loss": mae(YB, B) + 2 * mae(YC, B)},
        ),
        (
            PAIR,
            ["mse", ("mae", "mse")],
            {"a_loss": mse(YA, A), "1/b_loss": mae(YB, B), "1/c_loss": mse(YC, B)},
        ),
        (
            PAIR,
            ["mse", "mae", "mse"],
            {"a_loss": mse(YA, A), "1/b_loss": mae(YB, B), "1/c_loss": mse(YC, B)},
        ),
        (
            KEYS,
            {"a": "mse", "x": by_key},
            {"a_loss": mse(YA, A), "x_loss": mse(YB, B) + mae(YC, B)},
        ),
        (
            KEYS,
            {"a": "mse", "x": {"b": "mae", "c": "mse"}},
            {"a_loss": mse(YA, A), "x/b_loss": mae(YB, B), "x/c_loss": mse(YC, B)},
        ),
    ],
)
def test_every_structure(where, loss, expected):
    found = logs(*where, loss)
    total = sum(expected.values())
    assert found == pytest.approx({"loss": total, **expected}, rel=1e-5)


PAIR_TUPLE = (lambda a, b, c: (b, c)), (YB, YC)


@pytest.mark.parametrize(
    ("where", "loss", "expected"),
    [
        (
            PAIR_TUPLE,
            [both, ("mae", None)],
            {"b_c_loss": mae(YB, B) + 2 * mae(YC, B), "b_loss": mae(YB, B)},
        ),
        (
            (lambda a, b, c: {"b": b, "c": c}, {"b": YB, "c": YC}),
            [by_key, {"c": "mae"}, {"b": "mse"}],
            {"b_c_loss": mse(YB, B) + mae(YC, B), "c_loss": mae(YC, B), "b_loss": mse(YB, B)},
        ),
        (
            KEYS,
            {"a": "mse", "x": [by_key, {"b": "mae"}]},
            {
                "a_loss": mse(YA, A),
                "x_loss": mse(YB, B) + mae(YC, B),
                "x/b_loss": mae(YB, B),
            },
        ),
    ],
)
def test_losses_of_all_outputs_together_and_of_some(where, loss, expected):
    found = logs(*where, loss)
    assert found == pytest.approx({"loss": sum(expected.values()), **expected}, rel=1e-5)


def test_several_losses_of_the_only_output():
    found = logs(lambda a, b, c: a, YA, ["mse", "mae"])
    assert found["loss"] == pytest.approx(mse(YA, A) + mae(YA, A), rel=1e-5)


@pytest.mark.parametrize(
    ("where", "loss", "weights", "factors"),
    [
        (DICT, {"a": ["mse"], "b": ["mae"]}, {"a": 2.0, "b": 3.0}, (2, 3)),
        (DICT, {"a": ["mse"], "b": ["mae"]}, [2.0, 3.0], (2, 3)),
        (LIST, [["mse"], ["mae"]], [[2.0], [3.0]], (2, 3)),
        (LIST, {"b": "mae", "a": "mse"}, [2.0, 3.0], (2, 3)),
        (LIST, {"b": "mae", "a": "mse"}, {"b": 3.0, "a": 2.0}, (2, 3)),
    ],
)
def test_weights_find_their_losses(where, loss, weights, factors):
    found = logs(*where, loss, loss_weights=weights)
    expected = factors[0] * mse(YA, A) + factors[1] * mae(YB, B)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_of_several_losses_of_one_output():
    found = logs(*DICT, {"a": ["mse", "mae"], "b": "mae"}, loss_weights={"a": [2.0, 5.0], "b": 1.0})
    expected = 2 * mse(YA, A) + 5 * mae(YA, A) + mae(YB, B)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("y", [YA, [YA], [YA, None], [YA, YB], {"a": YA}], ids=str)
def test_labels_for_the_outputs_that_have_a_loss_alone(y):
    made = model(lambda a, b, c: [a, b])
    made.compile("sgd", ["mse", None])
    assert made.evaluate(X, y, verbose=0) == pytest.approx(mse(YA, A), rel=1e-5)
    made.fit(X, y, verbose=0)


def test_labels_of_the_second_output_alone():
    made = model(lambda a, b, c: [a, b])
    made.compile("sgd", [None, "mae"], weighted_metrics=[None, ["mse"]])
    found = made.evaluate(X, [YB], sample_weight=[np.ones(4)], verbose=0)
    assert found == pytest.approx([mae(YB, B), mse(YB, B)], rel=1e-5)


def test_one_array_of_weights_for_a_loss_of_two_outputs():
    made = model(PAIR[0])
    made.compile("sgd", ["mse", both])
    made.evaluate(X, PAIR[1], sample_weight=np.ones(4), verbose=0)
    with pytest.raises(ValueError, match="'1_loss' is of several outputs together"):
        made.evaluate(X, PAIR[1], sample_weight=[np.ones(4), (np.ones(4), np.ones(4))], verbose=0)


@pytest.mark.parametrize(
    ("where", "loss"),
    [(LIST, ["mse"] * 3), (PAIR, ["mse", {"b": "mse"}]), (DICT, {"a": {"x": "mse"}, "b": "mse"})],
)
def test_what_fits_no_output_is_refused(where, loss):
    with pytest.raises(ValueError, match="one entry for each|Expected keys"):
        model(where[0]).compile("sgd", loss)


def test_what_was_compiled_can_be_read():
    made = model(DICT[0])
    made.compile("sgd", {"a": "mse", "b": "mae"})
    assert made.loss == {"a": "mse", "b": "mae"}


@pytest.mark.parametrize(("pack", "loss", "expected"), [
    (lambda a, b, c: (b, c), [both, ("mse", "mae")], ["b_c_loss", "b_loss", "c_loss"]),
    (lambda a, b, c: [b, c], (both, ["mse", "mae"]), ["b_c_loss", "b_loss", "c_loss"]),
    (lambda a, b, c: {"b": b, "c": c}, [by_key, {"c": "mae"}], ["b_c_loss", "c_loss"]),
    (lambda a, b, c: {"x": (b, c)}, {"x": [both, (None, "mae")]}, ["x/c_loss", "x_loss"]),
])  # fmt: skip
def test_a_list_of_another_type_than_the_outputs_has_several_losses_for_them(pack, loss, expected):
    y = pack(YA, YB, YC)
    found = logs(pack, y, loss)
    assert sorted(found) == sorted([*expected, "loss"])
    whole = found.get("b_c_loss", found.get("x_loss"))
    wanted = mse(YB, B) + mae(YC, B) if by_key in loss else mae(YB, B) + 2 * mae(YC, B)
    assert whole == pytest.approx(wanted, rel=1e-5)
    parts = [found[name] for name in expected]
    assert found["loss"] == pytest.approx(sum(parts), rel=1e-5)


@pytest.mark.parametrize(("pack", "expected"), [
    (PAIR[0], "1/b_loss 1/c_loss a_loss a_mae b_mae c_mae"),
    (KEYS[0], "a_loss a_mae b_mae c_mae x/b_loss x/c_loss"),
    (lambda a, b, c: {"a": a, "x": (b, c)}, "a_loss a_mae b_mae c_mae x/b_loss x/c_loss"),
    (lambda a, b, c: {"k": a, "x": [{"l": b}, c]}, "a_mae b_mae c_mae k_loss x/0/l_loss x/c_loss"),
])  # fmt: skip
def test_names_of_logs_in_nested_structures_are_those_of_keras(pack, expected):
    """As Keras 3.15 names them: by keys, and by tensors in place of numbers."""

    def everywhere(entry):
        return map_structure(lambda _: entry, pack("a", "b", "c"))

    found = logs(pack, pack(YA, YB, YC), everywhere("mse"), metrics=everywhere("mae"))
    assert sorted(found) == sorted(["loss", *expected.split()])


def test_metrics_in_the_place_of_loss_weights_are_told():
    x = Input((2,))
    model = Model(x, layers.Dense(1)(x))
    with pytest.raises(ValueError, match="third argument of `compile`, must be numbers"):
        model.compile("adam", "mse", ["accuracy"])
