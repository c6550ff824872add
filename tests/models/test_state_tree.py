"""The variables of a model as nested dicts; those of a layer or an optimizer by themselves."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile import layers, optimizers


def network(name="one"):
    x = k.Input((3,))
    model = k.Model(x, layers.Dense(2, name=name)(layers.BatchNormalization(name="norm")(x)))
    model.compile(optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    with k.flags(interp=True):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def test_a_tree_has_every_variable_at_its_path():
    model = network()
    tree = model.get_state_tree()
    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables,
              model.metrics_variables)  # fmt: skip
    assert len(groups[3]) == 4 and len(groups[2]) == 10
    for name, variables in zip(tree, groups, strict=True):
        for variable in variables:
            found = tree[name]
            for part in variable.path.split("/"):
                found = found[part]
            assert isinstance(found, np.ndarray) and found is not variable.value
            np.testing.assert_array_equal(found, np.asarray(variable))
    assert tree["optimizer_variables"]["adam"]["iteration"] == 1


def test_a_tree_is_put_back_and_a_part_of_it_too():
    model, other = network(), network()
    other.set_weights([w + 1 for w in other.get_weights()])
    other.set_state_tree(model.get_state_tree("numpy_array"))
    for a, b in zip([*model.weights, *model.optimizer.variables, *model.metrics_variables],
                    [*other.weights, *other.optimizer.variables, *other.metrics_variables],
                    strict=True):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    kernel = np.asarray(model.layers[2].kernel).copy()
    model.set_state_tree({"trainable_variables": {"one": {"bias": [5.0, 6.0]}}})
    np.testing.assert_array_equal(np.asarray(model.layers[2].bias), [5, 6])
    np.testing.assert_array_equal(np.asarray(model.layers[2].kernel), kernel)


def test_what_does_not_fit_a_tree_is_refused():
    model = network()
    with pytest.raises(ValueError, match="Unknown variable name: others"):
        model.set_state_tree({"others": {}})
    with pytest.raises(ValueError, match="no variable 'two/bias'"):
        model.set_state_tree({"trainable_variables": {"two": {"bias": [0, 0]}}})
    with pytest.raises(ValueError, match=r"'one/bias' has the shape \(2,\)"):
        model.set_state_tree({"trainable_variables": {"one": {"bias": [0]}}})
    with pytest.raises(ValueError, match="value_format=jax"):
        model.get_state_tree("jax")
    twins = Twins()
    twins(np.ones((1, 2)))
    with pytest.raises(ValueError, match="path is found twice in the model"):
        twins.get_state_tree()


class Twins(k.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = (layers.Dense(2, name="twin") for _ in range(2))

    def call(self, x):
        return self.second(self.first(x))


class Doubled(layers.Layer):
    """Saves more than its variables, and asks its base for those, as Keras' guides do."""

    def build(self, shape):
        self.w = self.add_weight(shape=(2,), initializer="ones", name="w")

    def call(self, x):
        return x * self.w

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["twice"] = 2 * np.asarray(self.w)

    def load_own_variables(self, store):
        kept = dict(store)
        assert np.array_equal(kept.pop("twice"), 2 * kept["0"])
        super().load_own_variables(kept)


def test_a_layer_saves_its_variables_and_what_its_class_adds(tmp_path):
    model = k.Sequential([k.Input((2,)), Doubled()])
    model.layers[0].w.assign([3.0, 4.0])
    model.save_weights(tmp_path / "x.weights.h5")
    other = k.Sequential([k.Input((2,)), Doubled()])
    other.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(np.asarray(other.layers[0].w), [3, 4])


def test_a_layer_takes_what_another_gave():
    one, two, store = layers.Dense(2), layers.Dense(2), {}
    one.build((None, 3)), two.build((None, 3))
    one.save_own_variables(store)
    assert sorted(store) == ["0", "1"]
    two.load_own_variables(store)
    np.testing.assert_array_equal(np.asarray(one.kernel), np.asarray(two.kernel))
    with pytest.raises(ValueError, match="expected 2 variables, but received 1"):
        two.load_own_variables({"0": store["0"]})
    with pytest.raises(ValueError, match=r"has the shape \(2,\). Received: \(5,\)"):
        two.load_own_variables({"0": store["0"] + 1, "1": np.zeros(5)})
    np.testing.assert_array_equal(np.asarray(one.kernel), np.asarray(two.kernel))


def test_an_optimizer_takes_the_state_of_another():
    w = k.Variable([1.0, 2.0])
    one, two = optimizers.Adam(0.5), optimizers.Adam(0.1)
    one.apply([np.array([1.0, -1.0])], [w])
    with pytest.raises(ValueError, match="not yet been built"):
        two.set_weights(one.variables)
    two.build([w])
    two.set_weights(one.variables)
    for a, b in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    with pytest.raises(ValueError, match="has variables of the shapes"):
        two.set_weights(one.variables[:2])


def test_a_lambda_in_a_configuration_runs_only_when_allowed():
    config = layers.Lambda(lambda x: x**2, output_shape=lambda s: s).get_config()
    with pytest.raises(ValueError, match="Lambda"):
        layers.Lambda.from_config(config)
    again = layers.Lambda.from_config(config, safe_mode=False)
    np.testing.assert_array_equal(again(np.array([3.0], "float32")), [9.0])


def test_a_variable_of_a_layer_by_keras_other_name():
    layer = layers.Layer(name="layer")
    count = layer.add_variable((), "zeros", trainable=False, name="count")
    assert layer.non_trainable_weights == [count] and count.shape == () and not count.trainable


def test_an_argument_that_changes_nothing_is_taken():
    layer = layers.BatchNormalization(synchronized=False)
    assert "synchronized" not in layer.get_config()
    with pytest.raises(ValueError, match="synchronized"):
        layers.BatchNormalization(synchronized=True)
