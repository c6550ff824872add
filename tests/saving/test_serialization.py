"""Objects to plain data and back; what a file may and may not reach."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile.saving import registry
from fncompile.saving.serialization import (
    TensorReference,
    deserialize_keras_object,
    object_sharing_scope,
    safe_mode_scope,
    serialize_keras_object,
)


class Scale:
    def __init__(self, by=1, inner=None):
        self.by, self.inner = by, inner

    def get_config(self):
        return {"by": self.by, "inner": self.inner}

    @classmethod
    def from_config(cls, config):
        return cls(config["by"], deserialize_keras_object(config["inner"]))


def named(x):
    return x


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_objects", {})
    monkeypatch.setattr(registry, "_names", {})
    return registry.register_keras_serializable


def through_json(obj):
    return json.loads(json.dumps(serialize_keras_object(obj)))


def test_leaves_come_back_equal():
    leaves = [None, True, 3, 2.5, "x", b"bytes", slice(1, None, 2), Ellipsis, {"a": [1, "b"]}]
    assert deserialize_keras_object(through_json(leaves)) == leaves


def test_arrays_and_numpy_scalars():
    back = deserialize_keras_object(through_json({"a": np.arange(4, dtype="int8").reshape(2, 2)}))
    assert back["a"].dtype == np.int8 and back["a"].tolist() == [[0, 1], [2, 3]]
    assert through_json([np.float32(1.5), np.array(2), np.bool_(True)]) == [1.5, 2, True]


def test_object_in_keras_form():
    assert through_json(Scale(2)) == {
        "module": Scale.__module__,
        "class_name": "Scale",
        "config": {"by": 2, "inner": None},
        "registered_name": "Scale",
    }


def test_registered_name_carries_its_package(registered):
    registered("pack")(Scale)
    config = through_json(Scale(3, Scale(4)))
    assert config["registered_name"] == "pack>Scale"
    back = deserialize_keras_object(config)
    assert (back.by, back.inner.by) == (3, 4)


def test_custom_objects_reach_nested_objects_and_scopes_end():
    config = through_json(Scale(3, Scale(4)))
    assert deserialize_keras_object(config, {"Scale": Scale}).inner.by == 4
    with registry.custom_object_scope({"Scale": Scale}):
        assert deserialize_keras_object(config).by == 3
    with pytest.raises(TypeError, match="Could not locate class 'Scale'.*custom_objects"):
        deserialize_keras_object(config)


def test_functions_by_name():
    config = through_json(named)
    assert config["class_name"] == "function" and config["config"] == "named"
    assert deserialize_keras_object(config, {"named": named}) is named
    with pytest.raises(TypeError, match="Could not locate function 'named'"):
        deserialize_keras_object(config)


@pytest.mark.parametrize(
    "module", ["os", "subprocess", "builtins", "numpy", None, "keras", "keras.os"]
)
@pytest.mark.parametrize("name", ["system", "Popen", "eval", "__import__", "annotations", "a.b"])
def test_a_file_cannot_reach_other_code(module, name):
    for kind, inner in (("function", name), (name, {})):
        config = {"module": module, "class_name": kind, "config": inner, "registered_name": name}
        with pytest.raises(TypeError, match="Could not locate"):
            deserialize_keras_object(config)


def test_lambda_only_without_safe_mode():
    offset = 5
    config = through_json(lambda x, y=2: x + y + offset)
    with pytest.raises(ValueError, match="deserialization of a Python lambda"):
        deserialize_keras_object(config)
    with safe_mode_scope(True), pytest.raises(ValueError, match="disallowed by default"):
        deserialize_keras_object(config, safe_mode=False)
    assert deserialize_keras_object(config, safe_mode=False)(1) == 8


def test_garbled_lambda_is_an_error():
    config = {"class_name": "__lambda__", "config": {"value": ["!!!!", None, None]}}
    with pytest.raises(ValueError, match="another version of Python"):
        deserialize_keras_object(config, safe_mode=False)


def test_an_object_used_twice_comes_back_as_one(registered):
    registered()(Scale)
    shared = Scale(7)
    with object_sharing_scope():
        config = through_json([Scale(1, shared), Scale(2, shared)])
    assert config[0]["config"]["inner"]["shared_object_id"] is not None
    with object_sharing_scope():
        first, second = deserialize_keras_object(config)
    assert first.inner is second.inner and first is not second


def test_symbolic_tensor_becomes_a_reference():
    config = {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["img", 0, 0]},
    }
    assert deserialize_keras_object(config) == TensorReference((None, 4), "float32", ("img", 0, 0))


def test_objects_without_config_are_refused():
    with pytest.raises(TypeError, match="must implement the `get_config"):
        serialize_keras_object(object())


def test_registering_needs_get_config(registered):
    with pytest.raises(ValueError, match="get_config"):
        registered()(object)
