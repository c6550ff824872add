"""What bad input gets: the words that Keras' users know."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from fncompile import Input, Model, Sequential, layers, ops
from fncompile.graph.naming import reset_names

ONES = np.ones((2, 3), "float32")


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


def refused(message, kind=ValueError):
    return pytest.raises(kind, match=re.escape(message))


# inputs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((), {}, "You must pass a `shape` argument."),
        ((5,), {}, "Cannot convert '5' to a shape."),
        (((-3,),), {}, "Cannot convert '(-3,)' to a shape. Negative dimensions are not allowed."),
        (
            ((3.5,),),
            {},
            "Cannot convert '(3.5,)' to a shape. Found invalid dimension '3.5' of type '<class "
            "'float'>'.",
        ),
        (
            ((3,),),
            {"batch_shape": (3, 4)},
            "You cannot pass both `shape` and `batch_shape` at the same time.",
        ),
        (
            (),
            {"batch_shape": (3, 4), "batch_size": 3},
            "You cannot pass both `batch_size` and `batch_shape` at the same time.",
        ),
        (((3,),), {"sparse": True}, "`sparse=True` is not supported"),
        (((3,),), {"ragged": True}, "`ragged=True` is not supported"),
        (((3,),), {"dtype": "foo"}, "Invalid dtype: foo"),
        (
            ((3,),),
            {"name": "a/b"},
            "Argument `name` must be a string and cannot contain character `/`. Received: name=a/b",
        ),
        (
            ((3,),),
            {"name": 3},
            "Argument `name` must be a string and cannot contain character `/`. Received: name=3",
        ),
    ],
)
def test_input(args, kwargs, message):
    with refused(message):
        Input(*args, **kwargs)


def test_input_shapes():
    assert Input((3,)).shape == (None, 3)
    assert Input([None, 3], batch_size=4).shape == (4, None, 3)
    assert Input(batch_shape=(2, None)).shape == (2, None)
    assert Input(()).shape == (None,)
    assert Input((3,), name="img").name == "img"
    assert Input((3,)).dtype == "float32" and Input((3,), dtype="int32").dtype == "int32"
    assert Input(tensor=Input((None, 2), dtype="int32")).shape == (None, None, 2)


@pytest.mark.parametrize(("inputs", "x", "path"), [
    (lambda t: t, np.ones((2, 3, 4)), ""),
    (lambda t: [{"foo": t}], np.ones(()), "0.foo"),
    (lambda t: {"b": [Input((3,)), t]}, {"b": [ONES, np.ones(3)]}, "b.1"),
])  # fmt: skip
def test_an_input_of_another_rank_is_told_by_its_path(inputs, x, path):
    tensor = Input((3,), name="foo")
    with refused(f"Invalid input shape for input with name 'foo' and path '{path}'."):
        Model(inputs(tensor), tensor)(x)


def test_a_symbolic_tensor_becomes_the_input():
    hidden = layers.Dense(3)(Input((4,)))
    assert Input(tensor=hidden, shape=(3,), dtype="float32", sparse=False, name="here") is hidden
    model = Model(hidden, layers.Dense(2)(hidden))
    assert model.input_names == ["here"] and len(model.layers) == 2
    assert model.predict(np.ones((4, 3)), verbose=0).shape == (4, 2)


@pytest.mark.parametrize(("name", "value"), [
    ("shape", (4,)), ("batch_shape", (2, 4)), ("batch_size", 5), ("dtype", "int32"),
    ("sparse", True), ("ragged", True),
])  # fmt: skip
def test_what_an_input_tensor_is_not(name, value):
    tensor = Input(batch_shape=(2, 3))
    with refused(f"you cannot provide an incompatible `{name}`. Received: {name}="):
        layers.InputLayer(**{name: value}, input_tensor=tensor)
    with refused("Argument `input_tensor` must be a KerasTensor."):
        Input(tensor=np.ones((2, 3)))


def test_old_names_of_the_shape_of_an_input_warn():
    with pytest.warns(UserWarning, match="`input_shape` is deprecated. Use `shape`"):
        assert layers.InputLayer(input_shape=(2, 3), batch_size=4).batch_shape == (4, 2, 3)
    with pytest.warns(UserWarning, match="`batch_input_shape` is deprecated. Use `batch_shape`"):
        assert layers.InputLayer(batch_input_shape=(4, 2)).batch_shape == (4, 2)


def test_unknown_extents_are_told_apart():
    t = Input((None, None), name="img 2")
    batch, rows, columns = t.type.shape
    assert str(batch) == "B" and rows != columns
    assert Input((None,), name="a-b").type.shape[1] != Input((None,), name="a.b").type.shape[1]


def test_a_symbolic_tensor_has_no_value():
    a = Input((3,))
    with refused("A symbolic KerasTensor cannot be used as a boolean.", TypeError):
        bool(a)
    with refused("Iterating over a symbolic KerasTensor is not supported.", NotImplementedError):
        list(a)
    with refused("A KerasTensor is symbolic"):
        np.array(a)


# layers -------------------------------------------------------------------------------------------


class NoSuper(layers.Layer):
    def __init__(self):
        self.d = layers.Dense(2)


class NoCall(layers.Layer):
    pass


class Bad(layers.Layer):
    def call(self, x, mask=None, training=None):
        return ops.matmul(x, np.ones((7, 7), "float32"))


def test_forgotten_super():
    for use in (
        lambda: NoSuper()(ONES),
        lambda: NoSuper()(Input((3,))),
        lambda: NoSuper().add_weight(shape=()),
    ):
        with refused(
            "In layer 'NoSuper', you forgot to call `super().__init__()` as the first statement "
            "in the `__init__()` method. Go add it!",
            RuntimeError,
        ):
            use()


def test_no_call():
    with refused("Layer NoCall does not have a `call` method implemented.", NotImplementedError):
        NoCall()(ONES)


@pytest.mark.parametrize("x", [ONES, "symbolic"])
def test_an_error_inside_call_names_layer_and_arguments(x):
    with refused("Exception encountered when calling Bad.call().") as caught:
        Bad(name="bad")(Input((3,)) if isinstance(x, str) else x)
    text = str(caught.value)
    assert (
        "Arguments received by Bad.call():\n  • x=<Tensor shape=(" in text
        and "training=False" in text
    )
    assert text.count("Exception encountered") == 1


def test_an_error_deep_inside_is_told_once_and_keeps_its_class():
    class Special(Exception):
        def __init__(self, code):
            super().__init__(f"code {code}")
            self.code = code

    class Raises(layers.Layer):
        def call(self, x):
            raise Special(7)

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Raises()

        def call(self, x):
            return self.inner(x)

    with pytest.raises(Special, match="calling Raises.call") as caught:
        Outer()(ONES)
    assert caught.value.code == 7 and "Outer" not in str(caught.value)


def test_arguments_that_are_not_tensors_go_by_name():
    with refused(
        "Only input tensors may be passed as positional arguments. The following argument value "
        "should be passed as a keyword argument: True (of type <class 'bool'>)"
    ):
        layers.Dropout(0.5)(ONES, True)
    with refused("Only input tensors may be passed as positional arguments"):
        layers.Dense(2)([[1.0, 2.0]])


def test_signatures_are_checked():
    with refused("missing a required argument: 'inputs'", TypeError):
        layers.Dense(3)()
    with refused("unexpected keyword argument 'foo'", TypeError):
        layers.Dense(3)(ONES, foo=1)
    with refused("Unrecognized keyword arguments passed to Dense: {'foo': 1}"):
        layers.Dense(3, foo=1)


def test_input_specs():
    layer = layers.Dense(3)
    with refused(
        "Input 0 with name 'None' of layer 'dense' is incompatible with the layer: expected "
        "min_ndim=2, found ndim=1. Full shape received: (3,)"
    ):
        layer(ONES[0])
    layer(ONES)
    with refused(
        "Input 0 with name 'None' of layer 'dense' is incompatible with the layer: expected axis "
        "-1 of input shape to have value 3, but received input with shape (2, 5)"
    ):
        layer(np.ones((2, 5), "float32"))
    with refused(
        'Layer "dense" expects 1 input(s), but it received 2 input tensors. Inputs received: ['
    ):
        layer([ONES, ONES])


@pytest.mark.parametrize(
    "spec, shape, dtype, message",
    [
        (
            {"ndim": 3},
            (2, 3),
            "float32",
            "expected ndim=3, found ndim=2. Full shape received: (2, 3)",
        ),
        ({"max_ndim": 1}, (2, 3), "float32", "expected max_ndim=1, found ndim=2"),
        ({"dtype": "int32"}, (2, 3), "float32", "expected dtype=int32, found dtype=float32"),
        ({"shape": (None, 4)}, (2, 3), "float32", "expected shape=(None, 4), found shape=(2, 3)"),
    ],
)
def test_every_kind_of_spec(spec, shape, dtype, message):
    class Spec(layers.Layer):
        def __init__(self):
            super().__init__(name="it")
            self.input_spec = layers.InputSpec(**spec)

        def call(self, x):
            return x

    with refused(
        f"Input 0 with name 'None' of layer 'it' is incompatible with the layer: {message}"
    ):
        Spec()(np.ones(shape, dtype))


def test_a_spec_with_an_axis_that_cannot_be():
    with refused("Axis 3 is greater than the maximum allowed value: 1"):
        layers.InputSpec(ndim=2, axes={3: 4})


def test_weights_need_a_known_shape():
    with refused(
        "Shapes used to initialize variables must be fully-defined (no `None` dimensions). "
        "Received: shape=(None, 3) for variable path='dense/kernel'"
    ):
        layers.Dense(3)(Input((None,)))


def test_weights_that_do_not_fit_and_nothing_assigned():
    layer = layers.Dense(2)
    layer(ONES)
    before = layer.get_weights()
    with refused(
        "You called `set_weights(weights)` on layer 'dense' with a weight list of length 1, but "
        "the layer was "
        "expecting 2 weights."
    ):
        layer.set_weights([np.ones(3)])
    with refused(
        "Layer dense weight shape (2,) is not compatible with provided weight shape (5,)."
    ):
        layer.set_weights([np.ones((3, 2)), np.ones(5)])
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_an_unused_layer_does_not_have():
    layer = layers.Dense(2)
    with refused(
        "You tried to call `count_params` on layer 'dense', but the layer isn't built. You can "
        "build it manually via: `layer.build(input_shape)`."
    ):
        layer.count_params()
    with refused(
        "The layer dense has never been called and thus has no defined output.", AttributeError
    ):
        _ = layer.output
    with refused(
        "The layer dense has never been called and thus has no defined input.", AttributeError
    ):
        _ = layer.input


def test_a_config_that_does_not_fit():
    with refused("Error when deserializing class 'Dense' using config={'z': 3}", TypeError):
        layers.Dense.from_config({"z": 3})


# functional models --------------------------------------------------------------------------------


def test_the_constructor():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    with refused(
        "All `outputs` values must be KerasTensors. Received: outputs=3 including invalid value 3 "
        "of type"
    ):
        Model(a, 3)
    with refused(
        "All `inputs` values must be KerasTensors. Received: inputs=3 including invalid value 3"
    ):
        Model(3, a)
    with refused("`inputs` argument cannot be empty. Received:\ninputs=[]\noutputs="):
        Model([], a)
    with refused("`outputs` argument cannot be empty. Received:"):
        Model(a, [])
    with refused("Output with path `` is not connected to `inputs`"):
        Model(a, a + b)
    with refused(
        'The name "a" is used 2 times in the model. All operation names should be unique.'
    ):
        Model([a, Input((2,), name="a")], a)
    with refused("takes `inputs` and `outputs`", TypeError):
        Model(a)


def test_dict_keys_other_than_names_warn():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    with pytest.warns(
        UserWarning,
        match="When providing `inputs` as a dict, all keys in the dict must match the names",
    ):
        model = Model({"x": a, "b": b}, a - b)
    np.testing.assert_array_equal(model({"x": ONES, "b": 2 * ONES}), -ONES)


@pytest.fixture
def two():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    return Model([a, b], [a + b, a - b], name="two")


COUNT = (
    "Layer \"two\" expects 2 named input(s) with keys ['a', 'b'], but it received {} input tensors."
    " Pass inputs as a dict"
)
MISSING = (
    "Missing data for input \"b\". You passed a data dictionary with keys ['a']. Expected the "
    "following keys: ['a', 'b']"
)
EXTENT = (
    "Input 1 with name 'b' of layer 'two' is incompatible with the layer: expected shape=(None, 3),"
    " found shape=(2, 4)"
)
RANK = (
    "Invalid input shape for input with name 'b' and path '1'. Expected shape (None, 3), but input "
    "has incompatible shape (3,)"
)


@pytest.mark.parametrize(
    "x, message",
    [
        (ONES, COUNT.format(1)),
        ([ONES], COUNT.format(1)),
        ([ONES] * 3, COUNT.format(3)),
        ({"a": ONES}, MISSING),
        ({"a": ONES, "c": ONES}, 'Missing data for input "b"'),
        ([ONES, np.ones((2, 4))], EXTENT),
        ([ONES, np.ones(3)], RANK),
        ([ONES, None], "The input 'b' is not optional, but None was passed."),
        ("s", COUNT.format(1)),
    ],
)
def test_calls(two, x, message):
    with refused(message):
        two(x)


def test_calls_that_are_fine(two):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in (
            [ONES, ONES],
            (ONES, ONES),
            {"a": ONES, "b": ONES},
            {"b": ONES, "a": ONES, "more": 3},
            [ONES[:, :, None], ONES],
            [ONES, ONES.astype("int64")],
        ):
            np.testing.assert_array_equal(two(x)[0], 2 * ONES)


def test_another_structure_warns_and_goes_by_order():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], a - b)
    with pytest.warns(
        UserWarning,
        match=r"The structure of `inputs` doesn't match the expected structure.\nExpected: \['a'",
    ):
        np.testing.assert_array_equal(model([ONES, [2 * ONES]]), -ONES)


@pytest.mark.parametrize("structure", [list, tuple])
def test_a_list_for_a_dict_of_inputs_is_refused(structure):
    """It went by sorted keys in a call and by the order of writing in predict."""
    first, second = Input((3,), name="IT"), Input((3,), name="IS")
    model = Model({"IT": first, "IS": second}, first - second)
    model.compile("sgd", "mse")
    x, message = structure([ONES, 2 * ONES]), "doesn't match the expected structure"
    for use in (
        lambda: model(x),
        lambda: model.predict(x, verbose=0),
        lambda: model.predict_on_batch(x),
        lambda: model.fit(x, ONES, verbose=0),
        lambda: model.evaluate(x, ONES, verbose=0),
        lambda: model.train_on_batch(x, ONES),
        lambda: model([Input((3,)), Input((3,))]),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    given = {"IS": 2 * ONES, "IT": ONES}
    np.testing.assert_array_equal(model(given), -ONES)
    np.testing.assert_array_equal(model.predict(given, verbose=0), -ONES)


def test_a_list_for_a_dict_in_sorted_order_warns():
    """Both orders agree; Keras takes it with a warning, too, and None for an optional one."""
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model({"a": a, "b": b}, a - b)
    for use in (model, lambda x: model.predict(x, verbose=0)):
        with pytest.warns(UserWarning, match="doesn't match the expected structure") as seen:
            np.testing.assert_array_equal(use([ONES, 2 * ONES]), -ONES)
        assert len(seen) == 1 and seen[0].filename == __file__


def test_a_list_for_a_dict_inside_a_structure_is_refused():
    a, b, c = (Input((3,), name=name) for name in "abc")
    model = Model([a, {"z": b, "c": c}], a + b - c)
    with pytest.raises(ValueError, match="doesn't match the expected structure"):
        model([ONES, [ONES, 2 * ONES]])
    with pytest.raises(ValueError, match="doesn't match the expected structure"):
        model.predict([ONES, [ONES, 2 * ONES]], verbose=0)


def test_get_layer():
    model = Model(a := Input((3,), name="a"), a + 1)
    with refused("No such layer: zzz. Existing layers are: ['a']."):
        model.get_layer("zzz")
    with refused("Was asked to retrieve layer at index 7 but model only has 1 layers."):
        model.get_layer(index=7)
    with refused("Provide either a layer name or layer index"):
        model.get_layer()
    with refused("Provide only a layer name or a layer index. Received: index=0, name=a."):
        model.get_layer("a", 0)
    with refused("reserved", AttributeError):
        model.layers = []


# sequential ---------------------------------------------------------------------------------------


def test_sequential_takes_layers_only():
    with refused(
        "Only instances of `keras.Layer` can be added to a Sequential model. Received: 3 (of type "
        "<class 'int'>)"
    ):
        Sequential().add(3)


def test_sequential_names_are_unique():
    model = Sequential([layers.Dense(2, name="a")])
    with refused(
        "All layers added to a Sequential model should have unique names. Name 'a' is already the "
        "name of a layer in this model. Update the `name` argument to pass a unique name."
    ):
        model.add(layers.Dense(2, name="a"))


def test_sequential_begins_once():
    model = Sequential([Input((3,)), layers.Dense(2)], name="s")
    with refused(
        "Sequential model 's' has already been configured to use input shape (None, 3). You "
        "cannot add a different Input layer to it."
    ):
        model.add(Input((4,)))


@pytest.mark.parametrize("name", ["inputs", "outputs", "input_shape", "output_shape"])
def test_sequential_before_it_is_built(name):
    with refused(
        f"Sequential model 'x' has no defined {name.replace('_', ' ')} yet.", AttributeError
    ):
        getattr(Sequential([layers.Dense(2)], name="x"), name)


def test_sequential_cannot_be_built_of_nothing():
    with refused("cannot be built because it has no layers"):
        Sequential().build((None, 3))


def test_errors_in_a_sequential_name_the_layer():
    with refused(
        "Input 0 with name 'None' of layer 'second' is incompatible with the layer: expected "
        "min_ndim=2"
    ):
        Sequential([Input(()), layers.Dense(2, name="second")])


def test_a_sequential_takes_what_its_first_layer_takes():
    with refused('Layer "dense" expects 1 input(s), but it received 2 input tensors.'):
        Sequential([layers.Dense(2)], name="s")([ONES, ONES])


def test_layers_of_a_sequential_take_one_tensor():
    class Needs(layers.Layer):
        def call(self, inputs, training):
            return inputs

    class Takes(layers.Layer):
        def call(self):
            return ONES

    message = "can only have a single required positional argument, the input tensor. Needs.call"
    with refused(f"{message} has ['inputs', 'training']"):
        Sequential([Needs()]).build((None, 2))
    with refused("should have a single positional argument, the input tensor. Takes.call has none"):
        Sequential([Input((2,)), Takes()])
