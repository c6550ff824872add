"""Layers and models without `get_config`: what their constructor was given says how to make them
again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from fncompile import Input, Model, layers, models, saving

X = np.arange(12, dtype="float32").reshape(2, 6)


@saving.register_keras_serializable("automatic")
class Axes(layers.Layer):
    def __init__(self, axes=(0, 1), options=None, function=np.tanh, **kwargs):
        super().__init__(**kwargs)
        self.axes = tuple(axes)
        self.options = options or {}

    def call(self, x):
        return x * sum(self.axes) + len(self.options)


@saving.register_keras_serializable("automatic")
class AnyModel(Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


@saving.register_keras_serializable("automatic")
class OwnGraph(Model):
    def __init__(self, units=3):
        inputs = Input((6,))
        super().__init__(inputs=inputs, outputs=layers.Dense(units)(inputs))


class Base(Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


@saving.register_keras_serializable("automatic")
class OwnGraphBehindBase(Base):
    def __init__(self, units=3):
        inputs = Input((6,))
        super().__init__(inputs=inputs, outputs=layers.Dense(units)(inputs))


class Pair(NamedTuple):
    first: object
    second: object


@pytest.mark.parametrize(
    "given",
    [{"axes": (1, 2)}, {"axes": [3]}, {"options": {"a": [1, (2, None)]}}, {"input_shape": (6,)}],
)
def test_tuples_lists_and_dicts_are_configuration(given):
    layer = Axes(**given)
    again = Axes.from_config(layer.get_config())
    assert (again.axes, again.options) == (layer.axes, layer.options)
    assert {key: layer.get_config()[key] for key in given} == given


def test_a_list_changed_later_does_not_change_the_configuration():
    given = [1, 2]
    layer = Axes(given)
    given.append(3)
    assert layer.get_config()["axes"] == [1, 2]


@pytest.mark.parametrize("given", [{"axes": [np.ones(2)]}, {"options": {1: 2}}, {"function": len}])
def test_what_json_would_change_is_refused(given):
    with pytest.raises(NotImplementedError, match="must override `get_config"):
        Axes(**given).get_config()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [AnyModel, OwnGraph, lambda: OwnGraph(2), OwnGraphBehindBase])
def test_models_without_get_config_are_saved(tmp_path, make, suffix):
    model = make()
    model(X)
    model.save(tmp_path / f"m{suffix}")
    again = models.load_model(tmp_path / f"m{suffix}")
    assert type(again) is type(model)
    np.testing.assert_array_equal(again(X), model(X))


def test_a_class_that_hands_its_graph_up_stays_itself():
    one, two = OwnGraph(), OwnGraph(2)
    assert type(one) is type(two) is OwnGraph
    assert [layer.name for layer in one.layers] != []
    assert not issubclass(Base, models.Functional)


@pytest.mark.parametrize("pack", [tuple, list, lambda x: Pair(*x), lambda x: {"a": tuple(x)}])
def test_outputs_keep_their_structure_in_from_config(pack):
    inputs = Input((6,))
    model = Model(inputs, pack([layers.Dense(2)(inputs), layers.Dense(1)(inputs)]))
    again = Model.from_config(model.get_config())
    assert type(again.output) is type(model.output)
    assert type(again(X)) is type(model(X))
