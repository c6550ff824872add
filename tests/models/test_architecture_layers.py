"""The protocol of a layer's call: conversion, checks, building, training flag, losses, state."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import Input, Model, layers, ops
from fncompile.graph.naming import reset_names
from fncompile.graph.variable import Variable

ONES = np.ones((2, 3), "float32")


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


class Scale(layers.Layer):
    """A user's layer with one weight."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.seen = input_shape
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

    def call(self, x):
        return x * self.factor * self.start


class Flag(layers.Layer):
    """Adds 1 in training."""

    def call(self, x, training=None):
        assert training in (True, False)
        return x + (1.0 if training else 0.0)


class Wrapper(layers.Layer):
    """Does not take the flag itself."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


# building -----------------------------------------------------------------------------------------


def test_a_layer_is_built_once_by_its_first_call():
    layer = Scale(2.0)
    assert not layer.built and layer.weights == []
    np.testing.assert_array_equal(layer(ONES), 2 * ONES)
    assert layer.built and layer.seen == (2, 3)
    layer(np.ones((5, 3), "float32"))
    assert layer.seen == (2, 3) and len(layer.weights) == 1
    assert layer.get_build_config() == {"input_shape": (2, 3)}


def test_build_may_be_called_first():
    layer = Scale()
    layer.build((None, 3))
    assert layer.built
    layer(ONES)
    assert layer.seen == (None, 3)


def test_build_gets_one_shape_for_each_tensor_argument():
    class Two(layers.Layer):
        def build(self, a_shape, b_shape):
            self.shapes = a_shape, b_shape

        def call(self, a, b, factor=1):
            return a + b * factor

    layer = Two()
    layer(ONES, np.ones((1, 3), "float32"), factor=3)
    assert layer.shapes == ((2, 3), (1, 3))
    assert layer.get_build_config() == {"shapes_dict": {"a_shape": (2, 3), "b_shape": (1, 3)}}
    again = Two()
    again.build_from_config({"shapes_dict": {"a_shape": [None, 3], "b_shape": [1, 3]}})
    assert again.shapes == ((None, 3), (1, 3))


def test_build_gets_a_list_of_shapes_for_a_list():
    class First(layers.Layer):
        def build(self, input_shape):
            self.seen = input_shape

        def call(self, xs):
            return xs[0]

    layer = First()
    layer([ONES, np.ones((4,), "float32")])
    assert layer.seen == [(2, 3), (4,)]


def test_the_build_of_a_base_class_may_be_called():
    class Wider(Scale):
        def build(self, input_shape):
            super().build(input_shape)
            self.shift = self.add_weight(shape=(), name="shift")

    layer = Wider()
    layer(ONES)
    assert [w.name for w in layer.weights] == ["factor", "shift"]


def test_layers_without_build_build_what_is_inside_when_asked_to():
    layer = Wrapper(layers.Dense(2))
    layer.build((None, 3))
    assert [w.path for w in layer.weights] == ["wrapper/dense/kernel", "wrapper/dense/bias"]


def test_two_tensor_arguments_without_build_are_built_from_a_file():
    class Pair(layers.Layer):
        def __init__(self):
            super().__init__()
            self.left, self.right = layers.Dense(2), layers.Dense(2)

        def call(self, a, b):
            return self.left(a) + self.right(b)

    layer = Pair()
    layer(ONES, np.ones((2, 5), "float32"))
    again = Pair()
    again.build_from_config(layer.get_build_config())
    assert [w.shape for w in again.weights] == [(3, 2), (2,), (5, 2), (2,)]


@pytest.mark.parametrize("what", ["weight", "layer", "list"])
def test_state_cannot_be_added_once_built(what):
    class Late(layers.Layer):
        def call(self, x):
            if what == "weight":
                self.w = self.add_weight(shape=())
            elif what == "layer":
                self.d = layers.Dense(2)
            else:
                self.ds = [layers.Dense(2)]
            return x

    with pytest.raises(
        ValueError,
        match="You cannot add new elements of state .variables or sub-layers. to a layer",
    ):
        Late()(ONES)


# state --------------------------------------------------------------------------------------------


def test_sublayers_are_found_in_attributes_lists_and_dicts():
    class Nest(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(1)
            self.rest = [layers.Dense(2), (layers.Dense(3), {"k": layers.Dense(4)})]
            self.again = self.first

        def call(self, x):
            return x

    layer = Nest()
    layer.rest.append(layers.Dense(5))
    assert [d.units for d in layer._flatten_layers(include_self=False)] == [1, 2, 3, 4, 5]


def test_a_cycle_of_layers_is_walked_once():
    a, b = Wrapper(layers.Dense(2)), None
    b = Wrapper(a)
    a.parent = b
    a.itself = a
    assert len(b._flatten_layers()) == 3


def test_a_replaced_layer_is_forgotten():
    layer = Wrapper(layers.Dense(2))
    layer.inner = layers.Dense(7)
    assert [d.units for d in layer._flatten_layers(include_self=False)] == [7]


def test_weights_are_own_ones_first_trainable_before_others():
    class Mixed(layers.Layer):
        def __init__(self):
            super().__init__()
            self.sub = layers.Dense(1, use_bias=False)

        def build(self, input_shape):
            self.fixed = self.add_weight(shape=(), trainable=False, name="fixed")
            self.free = self.add_weight(shape=(), name="free")
            self.loose = Variable(np.zeros(2, "float32"), name="loose")
            self.sub.build(input_shape)

        def call(self, x):
            return self.sub(x)

    layer = Mixed()
    layer(ONES)
    assert [w.name for w in layer.weights] == ["free", "loose", "fixed", "kernel"]
    assert [w.path for w in layer.weights][-1] == "mixed/dense/kernel"
    assert [w.name for w in layer.trainable_weights] == ["free", "loose", "kernel"]
    assert [w.name for w in layer.non_trainable_weights] == ["fixed"]


def test_trainable_reaches_everything_below():
    layer = Wrapper(Wrapper(layers.BatchNormalization()))
    layer(ONES)
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (2, 2)
    layer.trainable = False
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 4)
    assert not layer.inner.inner.trainable
    layer.inner.inner.trainable = True
    assert layer.trainable_weights == []
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]


def test_a_layer_frozen_before_it_is_built_stays_frozen():
    inner = layers.Dense(2, trainable=False)
    layer = Wrapper(inner)
    layer(ONES)
    assert layer.trainable_weights == [] and len(layer.weights) == 2


def test_seeds_are_variables_but_not_weights():
    layer = layers.Dropout(0.5)
    layer(ONES)
    assert layer.weights == [] and len(layer.variables) == 1
    model = Model(a := Input((3,)), layer(a))
    assert model.weights == [] and len(model.variables) == 1


def test_add_weight_options():
    class Options(layers.Layer):
        def build(self, input_shape):
            self.counts = self.add_weight(shape=(2,), dtype="int32", name="counts")
            self.kernel = self.add_weight(
                shape=(3, 3), regularizer="l2", constraint="non_neg", name="kernel"
            )
            self.scalar = self.add_weight(initializer="ones")
            self.named = self.add_weight("named", shape=(1,))

        def call(self, x):
            return x

    layer = Options()
    layer(ONES)
    counts, kernel, scalar, named = layer.weights
    assert counts.dtype == "int32" and not counts.numpy().any()
    assert np.abs(kernel.numpy()).max() <= 1.0 and kernel.numpy().any()  # Glorot uniform, limit 1
    assert (
        type(kernel.regularizer).__name__ == "L2" and type(kernel.constraint).__name__ == "NonNeg"
    )
    assert scalar.shape == () and scalar.name == "variable" and scalar.path == "options/variable"
    assert named.name == "named"


def test_get_and_set_weights():
    layer = layers.Dense(2)
    layer(ONES)
    kernel, bias = layer.get_weights()
    kernel[:] = 7
    assert not (layer.get_weights()[0] == 7).any()
    layer.set_weights([kernel, bias])
    assert (layer.get_weights()[0] == 7).all()


def test_layer_dtype():
    layer = layers.Dense(2, dtype="float64")
    assert layer(ONES).dtype == np.float64 and layer.weights[0].dtype == "float64"
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "float64"},
        "registered_name": None,
    }
    assert layers.Dense(2, dtype=policy).dtype == "float64"
    assert layers.Flatten()(np.ones((2, 3), "int32")).dtype == np.int32


# training flag ------------------------------------------------------------------------------------


def test_training_is_false_unless_said():
    assert Flag()(ONES)[0, 0] == 1
    assert Flag()(ONES, training=True)[0, 0] == 2


def test_the_flag_reaches_layers_inside_those_that_do_not_take_it():
    layer = Wrapper(Wrapper(Flag()))
    assert layer(ONES)[0, 0] == 1
    assert layer(ONES, training=True)[0, 0] == 2
    assert layer(ONES)[0, 0] == 1


def test_an_explicit_flag_inside_wins():
    class Always(layers.Layer):
        def __init__(self):
            super().__init__()
            self.flag = Flag()

        def call(self, x):
            return self.flag(x, training=True) + 10 * self.flag(x)

    assert Always()(ONES, training=False)[0, 0] == 2 + 10
    assert Always()(ONES, training=True)[0, 0] == 2 + 20


def test_a_flag_fixed_in_the_graph_stays():
    a = Input((3,))
    on, off, free = Flag()(a, training=True), Flag()(a, training=False), Flag()(a)
    model = Model(a, [on, off, free])
    assert [y[0, 0] for y in model(ONES)] == [2, 1, 1]
    assert [y[0, 0] for y in model(ONES, training=True)] == [2, 1, 2]


def test_a_model_called_with_a_fixed_flag_keeps_it():
    """Transfer learning: `base(inputs, training=False)` stays in inference mode."""
    a = Input((3,))
    base = Model(a, Flag()(a))
    b = Input((3,))
    model = Model(b, base(b, training=False))
    assert model(ONES, training=True)[0, 0] == 1


def test_the_default_of_call_counts_where_nothing_is_said():
    class On(layers.Layer):
        def call(self, x, training=True):
            return x + (1.0 if training else 0.0)

    assert On()(ONES)[0, 0] == 2
    assert On()(ONES, training=False)[0, 0] == 1


def test_batch_normalization_updates_only_in_training():
    layer = layers.BatchNormalization(momentum=0.5)
    x = np.arange(6, dtype="float32").reshape(2, 3)
    layer(x)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.5 * x.mean(0))


# losses -------------------------------------------------------------------------------------------


def test_losses_are_those_of_the_last_call():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(0.5 * ops.sum(x))
            return x

    layer = Wrapper(Penalty())
    layer(ONES)
    layer(2 * ONES)
    assert [float(v) for v in layer.losses] == [6.0]


def test_regularizers_are_losses():
    layer = layers.Dense(
        2, kernel_regularizer="l2", activity_regularizer="l1", kernel_initializer="ones"
    )
    layer(ONES)
    activity, weights = (float(v) for v in layer.losses)
    assert activity == pytest.approx(0.01 * 4 * 3 / 2)  # sum of outputs over the batch size
    assert weights == pytest.approx(0.01 * 6)


def test_activity_regularizer_with_an_open_batch():
    layer = layers.Dense(1, activity_regularizer="l2", kernel_initializer="ones")
    model = Model(a := Input((2,)), layer(a))
    for rows in (1, 4):
        model(np.ones((rows, 2), "float32"))
        assert float(model.losses[0]) == pytest.approx(0.01 * 4)


def test_a_loss_that_is_not_a_scalar_is_refused():
    class Vector(layers.Layer):
        def call(self, x):
            self.add_loss(x)
            return x

    with pytest.raises(ValueError, match="expects scalars.*'vector'"):
        Vector()(ONES)


# masks --------------------------------------------------------------------------------------------


class Count(layers.Layer):
    """How many steps are not masked."""

    def call(self, x, mask=None):
        return (
            ops.sum(ops.cast(mask, "float32"), axis=1)
            if mask is not None
            else -ops.ones_like(x[:, 0, 0])
        )


def embedded(**kwargs):
    a = Input((4,), dtype="int32")
    return a, layers.Embedding(5, 2, mask_zero=True, **kwargs)(a)


IDS = np.array([[1, 2, 0, 0], [0, 1, 0, 4]], "int32")


def test_masks_flow_through_layers_that_support_them():
    a, x = embedded()
    x = layers.Dropout(0.5)(layers.Dense(3)(x))
    np.testing.assert_array_equal(Model(a, Count()(x))(IDS), [2, 2])


def test_masks_end_at_functions_and_with_a_warning_at_other_layers():
    a, x = embedded()
    np.testing.assert_array_equal(Model(a, Count()(x + 1))(IDS), [-1, -1])
    with pytest.warns(
        UserWarning, match=r"Layer 'flag' \(of type Flag\) was passed an input with a mask attached"
    ):
        x = Flag()(x)
    with pytest.warns(UserWarning, match="does not support masking"):
        np.testing.assert_array_equal(Model(a, Count()(x))(IDS), [-1, -1])


def test_an_explicit_mask_wins():
    a, x = embedded()
    other = Input((4,), dtype="bool")
    model = Model([a, other], Count()(x, mask=other))
    np.testing.assert_array_equal(model([IDS, np.ones((2, 4), bool)]), [4, 4])


def test_each_of_several_arguments_has_its_mask():
    class Both(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            assert query_mask is not None and value_mask is None
            return ops.sum(ops.cast(query_mask, "float32"), axis=1) + value[:, 0]

    a, x = embedded()
    b = Input((1,))
    np.testing.assert_array_equal(
        Model([a, b], Both()(x, b))([IDS, np.zeros((2, 1), "float32")]), [2, 2]
    )


def test_masks_come_out_of_models_inside():
    a, x = embedded()
    inner = Model(a, layers.Dense(2)(x))
    b = Input((4,), dtype="int32")
    np.testing.assert_array_equal(Model(b, Count()(inner(b)))(IDS), [2, 2])


def test_masks_go_into_models_inside():
    i = Input((4, 2))
    inner = Model(i, Count()(layers.Dense(2)(i)))
    a, x = embedded()
    np.testing.assert_array_equal(Model(a, inner(x))(IDS), [2, 2])


def test_compute_mask_of_a_users_layer():
    class FirstOnly(layers.Layer):
        def call(self, x):
            return x

        def compute_mask(self, inputs, mask=None):
            return ops.logical_and(mask, ops.arange(4) < 1)

    a, x = embedded()
    np.testing.assert_array_equal(Model(a, Count()(FirstOnly()(x)))(IDS), [1, 0])


# configuration ------------------------------------------------------------------------------------


def test_config_made_of_the_arguments():
    config = Scale(3.0, name="s").get_config()
    assert config == {"start": 3.0, "name": "s", "trainable": True, "dtype": "float32"}
    assert Scale.from_config(config).start == 3.0


def test_config_without_a_name_argument():
    class Plain(layers.Layer):
        def __init__(self, units=2):
            super().__init__()
            self.units = units

    assert Plain(4).get_config() == {"units": 4}


def test_arguments_that_are_not_plain_need_get_config():
    with pytest.raises(
        NotImplementedError, match="Wrapper was created by passing non-serializable argument values"
    ):
        Wrapper(layers.Dense(2)).get_config()


def test_the_layer_of_a_call_keeps_its_first_input_and_output():
    a, layer = Input((3,)), layers.Dense(2)
    y = layer(a)
    layer(a + 1)
    assert layer.input is a and layer.output is y


def test_output_shapes_without_weights_of_ones_own():
    assert layers.Flatten().compute_output_shape((None, 3, 4)) == (None, 12)
    assert layers.Dense(7).compute_output_shape((2, None, 3)) == (2, None, 7)


def test_paths_of_weights():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.early = self.add_weight(shape=(), name="early")
            self.d = layers.Dense(1)

        def build(self, input_shape):
            self.d.build(input_shape)

        def call(self, x):
            return self.d(x)

    block = Block()
    Model(a := Input((3,)), block(a))
    assert [w.path for w in block.weights] == [
        "block/early",
        "block/dense/kernel",
        "block/dense/bias",
    ]
