"""A limit of epochs, policies by path, numbers for names, and why a name is not here."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import backend, config, dtype_policies, layers

X, Y = np.ones((10, 2), "float32"), np.ones((10, 1), "float32")


def network():
    model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_a_script_is_cut_short():
    config.set_max_epochs(2)
    try:
        with fncompile.flags(interp=True):
            long, short = (network().fit(X, Y, epochs=n, verbose=0) for n in (5, 1))
        assert config.max_epochs() == 2
    finally:
        config.set_max_epochs(None)
    assert long.epoch == [0, 1] and short.epoch == [0]
    with pytest.raises(ValueError, match="`max_epochs` must be a whole number"):
        config.set_max_epochs(0)


def test_an_epoch_is_cut_short():
    def two_by_two():
        yield from ((X[i : i + 2], Y[i : i + 2]) for i in range(0, 10, 2))

    seen = []
    count = fncompile.callbacks.LambdaCallback(on_train_batch_end=lambda b, _: seen.append(b))
    config.set_max_steps_per_epoch(3)
    try:
        with fncompile.flags(interp=True):
            model = network()
            for data in (dict(x=X, y=Y, batch_size=2), dict(x=two_by_two())):
                model.fit(**data, verbose=0, callbacks=[count])
                assert seen == [0, 1, 2]
                seen.clear()
            model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[count])  # it has but two
            assert seen == [0, 1, 0, 1]
            assert len(model.predict(X, batch_size=2, verbose=0)) == 6
            model.fit(X, Y, batch_size=2, steps_per_epoch=1, verbose=0, callbacks=[count])
            assert seen[4:] == [0]
        assert config.max_steps_per_epoch() == 3
    finally:
        config.set_max_steps_per_epoch(None)
    with pytest.raises(ValueError, match="`max_steps_per_epoch` must be a whole number"):
        config.set_max_steps_per_epoch(0)


def test_layers_take_the_policy_of_their_path():
    policies = dtype_policies.DTypePolicyMap("float32", {"tower/.*": "bfloat16", "out": "float64"})
    with fncompile.name_scope("tower"):
        inside = layers.Dense(1, name="in", dtype=policies)
    out, other = (layers.Dense(1, name=name, dtype=policies) for name in ("out", "other"))
    found = [layer.compute_dtype for layer in (inside, out, other)]
    assert found == ["bfloat16", "float64", "float32"]
    assert layers.Dense.from_config(out.get_config()).compute_dtype == "float64"
    again = dtype_policies.deserialize(dtype_policies.serialize(policies))
    assert again["tower/x"].name == "bfloat16" and len(again) == 2
    policies["tower/i.*"] = fncompile.DTypePolicy("float32")
    with pytest.raises(ValueError, match="matches multiple"):
        policies["tower/in"]
    with pytest.raises(ValueError, match="already exist"):
        policies["out"] = fncompile.DTypePolicy("float32")
    with pytest.raises(TypeError, match="has to be a DTypePolicy"):
        policies["b"] = "float32"
    del policies["out"]
    assert policies["out"].name == "float32" and "out" not in policies


def test_a_map_without_a_default_follows_the_policy_that_is_set():
    policies = dtype_policies.DTypePolicyMap()
    config.set_dtype_policy("mixed_bfloat16")
    found = policies.name, policies.compute_dtype, policies.variable_dtype
    assert found == ("mixed_bfloat16", "bfloat16", "float32")


def test_numbers_of_names_and_kinds_of_dtypes():
    assert [backend.get_uid("a name of this test") for _ in range(3)] == [1, 2, 3]
    assert backend.is_float_dtype(np.float64) and not backend.is_float_dtype("uint32")
    assert backend.is_int_dtype("int8") and not backend.is_int_dtype("float32")


@pytest.mark.parametrize(("room", "name", "why"), [
    (fncompile, "quantizers", "mixed_bfloat16"),
    (layers, "JaxLayer", "in `fncompile.ops`"),
    (fncompile.callbacks, "OrbaxCheckpoint", "ModelCheckpoint"),
    (fncompile, "distillation", "train_step"),
    (config, "set_backend", "no backend to choose"),
])  # fmt: skip
def test_a_name_that_is_refused_says_why(room, name, why):
    with pytest.raises(AttributeError, match=f"does not have it.*{why}"):
        getattr(room, name)
