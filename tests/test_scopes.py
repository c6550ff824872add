"""Operations and Functions of users, calls on values of variables, scopes, trees."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops, optimizers, tree

X = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")


class Scaled(fncompile.Operation):
    def __init__(self, factor, name=None):
        super().__init__(name)
        self.factor = factor

    def call(self, x):
        return x * self.factor


class Declared(fncompile.Operation):
    def call(self, x):
        return x[:, :1]

    def compute_output_spec(self, x):
        return fncompile.KerasTensor((None, 1), x.dtype)


def test_an_operation_computes_and_stands_in_a_graph():
    operation = Scaled(3.0)
    np.testing.assert_array_equal(operation(X), X * 3)
    x = fncompile.Input((2,))
    model = fncompile.Model(x, Declared()(operation(x)))
    assert model.output_shape == (None, 1) and operation.input is x
    with fncompile.flags(interp=True):
        np.testing.assert_array_equal(model.predict(X, verbose=0), X[:, :1] * 3)
    assert isinstance(layers.Dense(1), fncompile.Operation)
    with pytest.raises(NotImplementedError, match="does not have a `call` method"):
        fncompile.Operation()(X)
    with pytest.raises(AttributeError, match="never been called"):
        _ = Scaled(1.0).output


def test_a_function_is_its_graph():
    a, b = fncompile.KerasTensor((None, 2)), fncompile.KerasTensor((None, 2))
    function = fncompile.Function({"a": a, "b": b}, [ops.exp(a) + b, b * 2.0])
    found = function({"a": X, "b": X + 1})
    np.testing.assert_allclose(found[0], np.exp(X) + X + 1, 1e-6)
    np.testing.assert_array_equal(found[1], 2 * X + 2)
    assert len(function.operations) == 3 and function.inputs == [a, b]
    assert function.compute_output_shape({"a": (7, 2), "b": (7, 2)}) == [(7, 2), (7, 2)]
    with pytest.raises(ValueError, match="invalid input structure"):
        function([X, X])
    with pytest.raises(ValueError, match="expected shape"):
        function({"a": X, "b": X[:, :1]})
    with pytest.raises(ValueError, match="not connected|not made by"):
        fncompile.Function(a, b * 1.0)
    with pytest.raises(ValueError, match="cannot be empty"):
        fncompile.Function([], b)


def test_a_function_of_layers_inside_a_graph():
    x = fncompile.Input((2,))
    dense = layers.Dense(3)
    inner = fncompile.Function(x, dense(x))
    y = fncompile.Input((2,))
    model = fncompile.Model(y, layers.Dense(1)(inner(y)))
    assert model.output_shape == (None, 1)
    np.testing.assert_allclose(inner(X), X @ dense.kernel.numpy(), 1e-6)


def network():
    return fncompile.Sequential([
        fncompile.Input((2,)), layers.Dense(3, kernel_regularizer="l2"),
        layers.BatchNormalization(), layers.Dense(1),
    ])  # fmt: skip


def test_a_stateless_call_is_a_call_that_leaves_no_trace():
    model = network()
    trained = [v.numpy() + 0.5 for v in model.trainable_variables]
    others = [v.numpy() for v in model.non_trainable_variables]
    before = [v.numpy() for v in model.variables]
    found, after, losses = model.stateless_call(
        trained, others, X, training=True, return_losses=True
    )
    for v, old in zip(model.variables, before):
        np.testing.assert_array_equal(v.numpy(), old)
    for v, new in zip(model.trainable_variables, trained):
        v.assign(new)
    np.testing.assert_allclose(found, model(X, training=True), 1e-5)
    np.testing.assert_allclose(losses, model.losses, 1e-6)
    for v, new in zip(model.non_trainable_variables, after):
        np.testing.assert_allclose(v.numpy(), new, 1e-6)
    with pytest.raises(ValueError, match="list with length 1, but expected 6"):
        model.stateless_call(trained[:1], others, X)
    with pytest.raises(ValueError, match="must be built"):
        layers.Dense(1).stateless_call([], [], X)


@pytest.mark.parametrize("wrap", [lambda f: f, fncompile.function], ids=["eager", "compiled"])
def test_a_loop_in_the_manner_of_jax_is_fit(wrap):
    """Gradients of a function of values, and an optimizer on values, three steps; all is written
    back at the end. The gradient of a bias that a normalisation takes out again is rounding alone:
    epsilon keeps Adam from making it large."""
    fncompile.utils.set_random_seed(1)
    model, y = network(), np.array([[1.0], [-1.0]], "float32")
    twin = fncompile.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile(optimizers.Adam(0.1, epsilon=1e-3), "mse")
    with fncompile.flags(interp=True):
        twin.fit(X, y, epochs=3, batch_size=2, shuffle=False, verbose=0)
    optimizer = optimizers.Adam(0.1, epsilon=1e-3)
    optimizer.build(model.trainable_variables)

    def loss(trained, others, x, y):
        out, others, losses = model.stateless_call(
            trained, others, x, training=True, return_losses=True
        )
        return ops.mean(ops.square(out - y)) + sum(losses), others

    gradient = fncompile.value_and_grad(loss, has_aux=True)

    @wrap
    def step(state, x, y):
        trained, others, slots = state
        (value, others), gradients = gradient(trained, others, x, y)
        trained, slots = optimizer.stateless_apply(slots, gradients, trained)
        return value, (trained, others, slots)

    state = tuple(
        [v.numpy() for v in found]
        for found in (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    )
    with fncompile.flags(interp=True):
        for _ in range(3):
            _, state = step(state, X, y)
    assert int(optimizer.iterations.numpy()) == 0
    for v, value in zip([*model.trainable_variables, *model.non_trainable_variables],
                        [*state[0], *state[1]]):  # fmt: skip
        v.assign(value)
    for mine, fitted in zip(model.get_weights(), twin.get_weights()):
        np.testing.assert_allclose(mine, fitted, 1e-4, 1e-6)
    with pytest.raises(ValueError, match="must be built"):
        optimizers.SGD(0.1).stateless_apply([], [], [])


def test_a_stateless_scope_gives_values_back():
    norm = layers.BatchNormalization()
    norm(X)
    mean = norm.moving_mean.numpy()
    with fncompile.StatelessScope([(norm.gamma, np.array([2.0, 3.0]))], True) as scope:
        inside = norm(X, training=True)
        layers.Dense(1, activity_regularizer="l2")(X)
        changed = norm.moving_mean.numpy()
        np.testing.assert_array_equal(scope.get_current_value(norm.moving_mean), changed)
    assert scope.get_current_value(norm.beta) is None and len(scope.losses) == 1
    np.testing.assert_array_equal(scope.get_current_value(norm.moving_mean), changed)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), mean)
    np.testing.assert_array_equal(norm.gamma.numpy(), [1, 1])
    norm.gamma.assign([2.0, 3.0])
    np.testing.assert_allclose(norm(X, training=True), inside, 1e-6)
    with pytest.raises(ValueError, match="Invalid variable value"):
        fncompile.StatelessScope([(norm.gamma, np.ones(3))])
    with pytest.raises(ValueError, match="Invalid reference variable"):
        fncompile.StatelessScope([(np.ones(3), np.ones(3))])


def test_a_stateless_scope_gives_values_back_after_an_error():
    v = fncompile.Variable([1.0])
    with pytest.raises(KeyError), fncompile.StatelessScope():
        v.assign([2.0])
        v.clear()
        raise KeyError
    np.testing.assert_array_equal(v.numpy(), [1.0])


def test_a_stateless_scope_is_traced():
    v = fncompile.Variable([1.0, 2.0])

    @fncompile.function
    def inside(x):
        with fncompile.StatelessScope([(v, x)]) as scope:
            v.assign(v * 2.0)
        return scope.get_current_value(v), v + 0.0

    with fncompile.flags(interp=True):
        found = inside(np.array([3.0, 4.0], "float32"))
    np.testing.assert_array_equal(found, [[6, 8], [1, 2]])
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_scopes_of_names_and_devices():
    with fncompile.name_scope("a"), fncompile.name_scope("b") as name:
        layer = layers.Dense(1, name="d")
        layer.build((None, 2))
    assert name == "b" and layer.bias.path == "a/b/d/bias"
    with pytest.raises(ValueError, match="cannot contain character"), fncompile.name_scope("a/b"):
        pass
    with pytest.raises(ValueError, match="runs on the processor"), fncompile.device("gpu:0"):
        pass


# trees: what Keras 3.15 gives ---------------------------------------------------------------------


def test_trees_as_keras():
    nested = {"b": [1, (2, None)], "a": 3}
    assert tree.flatten(nested) == [3, 1, 2, None]
    assert tree.flatten_with_path(nested) == [
        (("a",), 3), (("b", 0), 1), (("b", 1, 0), 2), (("b", 1, 1), None),
    ]  # fmt: skip
    assert tree.pack_sequence_as(nested, list("wxyz")) == {"b": ["x", ("y", "z")], "a": "w"}
    assert tree.map_structure(lambda x: x and x + 1, nested) == {"b": [2, (3, None)], "a": 4}
    assert tree.map_structure(lambda x: x + 1, nested, none_is_leaf=False)["b"][1] == (3, None)
    assert tree.map_structure_up_to({"a": 0, "b": 0}, str, nested) == {
        "a": "3", "b": "[1, (2, None)]",
    }  # fmt: skip
    assert tree.lists_to_tuples(nested) == {"b": (1, (2, None)), "a": 3}
    assert tree.map_shape_structure(lambda s: s[0], [(1, 2), {"x": (None,)}]) == [1, {"x": None}]
    kept = tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, [1, [2]])
    assert kept == [None, [2]]
    total = tree.traverse(lambda x: sum(x) if isinstance(x, list) else None, [1, [2]], False)
    assert total == 3


@pytest.mark.parametrize(("wrong", "error", "words"), [
    (lambda: tree.assert_same_structure([1], (1,)), ValueError, "differ at the top"),
    (lambda: tree.assert_same_structure({"a": [1]}, {"a": 1}), ValueError, r"differ at \['a'\]"),
    (lambda: tree.assert_same_paths({"a": 1}, {"b": 1}), ValueError, "same paths"),
    (lambda: tree.map_structure(max, {"a": 1}, {"b": 1}), ValueError, "keys"),
    (lambda: tree.map_structure(max), ValueError, "at least one"),
    (lambda: tree.map_structure(3, 1), TypeError, "callable"),
    (lambda: tree.map_structure(max, [None], [1], none_is_leaf=False), ValueError, "None"),
    (lambda: tree.pack_sequence_as([1, 2], [1]), ValueError, "2 leaves"),
    (lambda: tree.pack_sequence_as([1, 2], 1), TypeError, "list or tuple"),
    (lambda: tree.map_structure_up_to([1, 2], max, [1]), ValueError, "differ"),
    (lambda: tree.map_shape_structure(max, 3), ValueError, "hold shapes"),
])  # fmt: skip
def test_trees_refuse(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()
