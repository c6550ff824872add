"""Values brought to the model's inputs and outputs by name, by order, or in its own structure."""

from __future__ import annotations

import pytest

from fncompile.training.places import Places


def fail():
    return KeyError("misfit")


LIST = Places(["p", "q"], ["first", "second"])
DICT = Places({"zebra": 0, "ant": 1}, ["made_by_ant", "made_by_zebra"])  # flat order: ant, zebra
NESTED = Places([{"b": 0, "a": 1}, 2], ["a_layer", "b_layer", "c_layer"])
ONE = Places("x", ["only"])


def test_names():
    assert LIST.names == ["first", "second"]
    assert DICT.names == ["ant", "zebra"]
    assert NESTED.names == ["0/a", "0/b", "c_layer"]
    assert Places([1, 2, 3], ["lstm", "lstm", "lstm"]).names == ["lstm", "lstm_1", "lstm_2"]
    assert Places({"key": 1}, ["layer"]).names == ["key"]


def test_lists_go_by_order_of_writing():
    assert LIST.match(["f", "s"], fail) == ["f", "s"]
    assert DICT.match(["for zebra", "for ant"], fail) == ["for ant", "for zebra"]
    assert NESTED.match([["for b", "for a"], "c"], fail) == ["for a", "for b", "c"]


def test_dicts_go_by_name():
    assert LIST.match({"second": 2}, fail) == [None, 2]
    assert DICT.match({"zebra": 1, "ant": 2}, fail) == [2, 1]
    assert NESTED.match({"c_layer": 3, "0/a": 1}, fail) == [1, None, 3]
    assert ONE.match({"only": 7}, fail) == [7]


def test_leaves_may_be_anything():
    assert LIST.match([["mae", "mse"], None], fail) == [["mae", "mse"], None]
    assert ONE.match(["mae", "mse"], fail) == [["mae", "mse"]]


@pytest.mark.parametrize(
    ("places", "value"),
    [(LIST, ["a"]), (LIST, ["a", "b", "c"]), (LIST, "a"), (LIST, {"third": 1}), (DICT, {"cat": 1}),
     (DICT, [1]), (NESTED, [1, 2]), (NESTED, [[1], 2]), (ONE, {"other": 1})],
)  # fmt: skip
def test_misfits_raise_what_was_asked_for(places, value):
    with pytest.raises(KeyError, match="misfit"):
        places.match(value, fail)


def test_description():
    assert LIST.describe() == ["X", "X"]
    assert DICT.describe() == {"zebra": "X", "ant": "X"}
