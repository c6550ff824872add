"""float16 is refused in words wherever it can be asked for; as data it is widened to floatx."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import fncompile
from fncompile import config, dtype_policies, initializers, layers, losses, metrics, ops, random

WORDS = "float16 is not supported; use 'float32', or 'bfloat16'"

# what to give the functions that need more than a shape or a tensor
ARGUMENTS = {
    "arange": (3,),
    "array": ([1.0],),
    "cast": ([1.0],),
    "convert_to_tensor": ([1.0],),
    "eye": (2,),
    "full": ((2,), 1.0),
    "full_like": ([1.0], 1.0),
    "identity": (2,),
    "linspace": (0.0, 1.0, 3),
    "logspace": (0.0, 1.0, 3),
    "geomspace": (1.0, 2.0, 3),
    "multi_hot": ([1], 3),
    "one_hot": ([1], 3),
    "ones_like": ([1.0],),
    "saturate_cast": ([1.0],),
    "tri": (2,),
    "zeros_like": ([1.0],),
    "binomial": ((2,), 3, 0.5),
    "beta": ((2,), 1.0, 1.0),
    "categorical": ([[0.5, 0.5]], 2),
    "gamma": ((2,), 1.0),
    "randint": ((2,), 0, 3),
    "sequence_mask": ([1], 3),
    "view": ([1.0],),
    "get_item": ([1.0], 0),
    "sum": ([1.0],),
    "cumsum": ([1.0],),
    "cumprod": ([1.0],),
    "prod": ([1.0],),
    "trace": ([[1.0]],),
}


def _takers(module):
    """Public functions of a module that have an argument `dtype`."""
    for name, fn in sorted(vars(module).items()):
        ours = callable(fn) and getattr(fn, "__module__", "").startswith(module.__name__)
        if ours and name[0] != "_" and "dtype" in inspect.signature(fn).parameters:
            yield pytest.param(fn, ARGUMENTS.get(name, ((2,),)), id=f"{module.__name__}.{name}")


@pytest.mark.parametrize("spelling", ["float16", np.float16, np.dtype("float16")], ids=str)
@pytest.mark.parametrize(("fn", "args"), [*_takers(ops), *_takers(random)])
def test_functions_refuse_it(fn, args, spelling):
    with pytest.raises(ValueError, match=WORDS):
        fn(*args, dtype=spelling)


@pytest.mark.parametrize("spelling", ["float16", np.float16, np.dtype("float16")], ids=str)
@pytest.mark.parametrize(
    "ask",
    [
        lambda d: fncompile.Input((2,), dtype=d),
        lambda d: layers.InputLayer((2,), dtype=d),
        lambda d: layers.Dense(2, dtype=d),
        lambda d: layers.Layer().add_weight(shape=(2,), dtype=d),
        lambda d: fncompile.Variable([1.0], dtype=d),
        lambda d: fncompile.Variable(initializers.Ones(), shape=(2,), dtype=d),
        lambda d: initializers.GlorotUniform()((2, 2), dtype=d),
        lambda d: initializers.Zeros()((2, 2), dtype=d),
        lambda d: initializers.Constant(1.0)((2, 2), dtype=d),
        lambda d: metrics.Mean(dtype=d),
        lambda d: losses.MeanSquaredError(dtype=d),
        dtype_policies.get,
    ],
)
def test_objects_refuse_it(ask, spelling):
    with pytest.raises(ValueError, match=WORDS):
        ask(spelling)


@pytest.mark.parametrize("name", ["float16", "mixed_float16"])
@pytest.mark.parametrize(
    "ask",
    [
        config.set_dtype_policy,
        fncompile.mixed_precision.set_global_policy,
        dtype_policies.DTypePolicy,
        lambda name: dtype_policies.deserialize({"config": {"name": name}}),
        lambda name: layers.Dense(2, dtype=name),
        lambda name: fncompile.Input((2,), dtype=name),
    ],
)
def test_policies_refuse_it(ask, name):
    with pytest.raises(ValueError, match=WORDS):
        ask(name)
    assert config.dtype_policy().name == "float32"


def test_it_is_no_float_type():
    with pytest.raises(ValueError, match=WORDS):
        config.set_floatx("float16")
    assert config.floatx() == "float32"


def test_a_variable_of_such_an_array_is_refused():
    with pytest.raises(ValueError, match=WORDS):
        fncompile.Variable(np.ones(2, "float16"))


def test_a_saved_layer_that_has_it_is_refused():
    config_of = layers.Dense(2).get_config() | {"dtype": "float16"}
    with pytest.raises((ValueError, TypeError), match=WORDS):
        layers.Dense.from_config(config_of)


def test_data_is_widened():
    """No number changes: every one of float16 is one of float32."""
    x = np.linspace(-2, 2, 12).reshape(4, 3).astype("float16")
    model = fncompile.Sequential([fncompile.Input((3,)), layers.Dense(2)])
    assert np.array_equal(model.predict(x, verbose=0), model.predict(x.astype("f4"), verbose=0))
    model.compile("sgd", "mse")
    model.fit(x, x[:, :2], verbose=0)
    assert ops.add(x, x).dtype == ops.convert_to_tensor(x).dtype == "float32"
    assert ops.dtype(x) == "float16"
