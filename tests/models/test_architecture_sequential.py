"""`Sequential`: when it is built, what it shows, adding and taking away."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, Model, Sequential, layers
from fncompile.graph.naming import reset_names
from fncompile.models import clone_model

ONES = np.ones((2, 3), "float32")


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


def test_with_an_input_it_is_built_at_once():
    model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
    assert model.built and model.output_shape == (None, 2)
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    paths = ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    assert [w.path for w in model.weights] == [f"sequential/{path}" for path in paths]
    assert (
        len(model.inputs) == 1
        and model.input.shape == (None, 3)
        and model.output_names == ["dense_1"]
    )


def test_without_one_by_the_first_call():
    model = Sequential([layers.Dense(2)])
    assert not model.built and model.weights == []
    assert model(ONES).shape == (2, 2)
    assert model.built and model.input_shape == (None, 3)
    assert model(np.ones((5, 3), "float32")).shape == (5, 2)
    with pytest.raises(ValueError, match="axis -1 of input shape to have value 3.*\\(None, 4\\)"):
        model(np.ones((2, 4), "float32"))


def test_without_one_by_build():
    model = Sequential([layers.Dense(2)])
    model.build((None, 3))
    assert model.built and model.count_params() == 8
    with pytest.raises(ValueError, match="You must provide an `input_shape`"):
        Sequential([layers.Dense(2)]).build()


def test_by_a_symbolic_call():
    model = Sequential([layers.Dense(2)])
    outer = Model(a := Input((3,)), model(a))
    np.testing.assert_allclose(outer(ONES), model(ONES))


@pytest.mark.parametrize(
    "how", [{"input_shape": (3,)}, {"input_dim": 3}, {"batch_input_shape": (None, 3)}]
)
def test_older_spellings_of_the_input_shape(how):
    with pytest.warns(
        UserWarning, match="Do not pass an `input_shape`/`input_dim` argument to a layer"
    ):
        model = Sequential([layers.Dense(2, **how)])
    assert model.built and model.input_shape == (None, 3)


def test_a_model_may_be_first():
    a = Input((3,))
    inner = Model(a, layers.Dense(4)(a))
    model = Sequential([inner, layers.Dense(2)])
    assert model.built and model(ONES).shape == (2, 2)
    assert model.layers[0] is inner
    assert Sequential(
        [Sequential([Input((3,)), layers.Dense(4)]), layers.Dense(1)]
    ).output_shape == (None, 1)


def test_add_and_pop():
    model = Sequential()
    model.add(Input((3,)))
    assert not model.built
    model.add(layers.Dense(4, name="a"))
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    kernel = model.layers[0].get_weights()[0]
    assert model.pop().name == "b"
    assert model.output_shape == (None, 4) and model(ONES).shape == (2, 4)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kernel)
    model.pop()
    assert not model.built and model.layers == []
    with pytest.raises(IndexError):
        Sequential().pop()


def test_more_layers_after_a_first_call():
    model = Sequential([layers.Dense(2)])
    model(ONES)
    model.add(layers.Dense(5))
    assert model(ONES).shape == (2, 5)


def test_a_layer_may_belong_to_several():
    shared = layers.Dense(3)
    first, second = (
        Sequential([Input((3,)), shared]),
        Sequential([Input((3,)), layers.Activation("relu"), shared]),
    )
    shared.set_weights([np.eye(3), np.ones(3)])
    np.testing.assert_array_equal(first(-ONES), np.zeros((2, 3)))
    np.testing.assert_array_equal(second(-ONES), np.ones((2, 3)))


def test_the_training_flag_and_freezing():
    model = Sequential([Input((3,)), layers.BatchNormalization(momentum=0.0), layers.Dense(1)])
    model(2 * ONES, training=True)
    np.testing.assert_allclose(model.layers[0].moving_mean.numpy(), [2, 2, 2])
    model.trainable = False
    assert model.trainable_weights == [] and len(model.non_trainable_weights) == 6


def test_config_round_trip():
    model = Sequential(
        [Input((3,), name="start"), layers.Dense(4, activation="relu"), layers.Dense(2)], name="s"
    )
    config = model.get_config()
    assert config["build_input_shape"] == (None, 3) and config["name"] == "s"
    assert [row["class_name"] for row in config["layers"]] == ["InputLayer", "Dense", "Dense"]
    again = Sequential.from_config(config)
    assert again.get_config() == config
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(ONES), model(ONES))


def test_config_of_one_that_is_not_built():
    config = Sequential([layers.Dense(2)]).get_config()
    again = Sequential.from_config(config)
    assert not again.built and again(ONES).shape == (2, 2)


def test_a_list_of_layers_is_a_config_too():
    rows = Sequential([Input((3,)), layers.Dense(2)]).get_config()["layers"]
    assert Sequential.from_config(rows).output_shape == (None, 2)


def test_clones():
    for model in (Sequential([Input((3,)), layers.Dense(2)]), Sequential([layers.Dense(2)])):
        copy = clone_model(model)
        assert copy.built == model.built and copy.layers[0] is not model.layers[0]
        assert copy(ONES).shape == (2, 2)


def test_embedding_first():
    model = Sequential([layers.Embedding(5, 2), layers.Flatten()])
    assert model(np.array([[1, 2, 3]], "int32")).shape == (1, 6)
