"""Finding losses by name, and their configurations."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import losses


@pytest.mark.parametrize("name, function", [
    ("mse", losses.mean_squared_error), ("MSE", losses.mean_squared_error),
    ("mean_absolute_error", losses.mean_absolute_error),
    ("mape", losses.mean_absolute_percentage_error),
    ("huber", losses.huber), ("bce", losses.binary_crossentropy), ("kld", losses.kl_divergence),
    ("sparse_categorical_crossentropy", losses.sparse_categorical_crossentropy),
])  # fmt: skip
def test_names_of_functions(name, function):
    assert losses.get(name) is function


def test_names_of_classes_instances_and_none():
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    loss = losses.Huber()
    assert losses.get(loss) is loss and losses.get(None) is None
    assert losses.mse is losses.mean_squared_error


@pytest.mark.parametrize("bad", ["foo", 3])
def test_unknown(bad):
    with pytest.raises(ValueError, match=f"Could not interpret loss identifier: {bad}"):
        losses.get(bad)


CONFIGS = [
    (losses.MeanSquaredError(), {"name": "mean_squared_error", "reduction": "sum_over_batch_size"}),
    (losses.Huber(0.5, name="h"), {"name": "h", "reduction": "sum_over_batch_size", "delta": 0.5}),
    (losses.BinaryCrossentropy(True), {"name": "binary_crossentropy",
                                       "reduction": "sum_over_batch_size",
                                       "from_logits": True, "label_smoothing": 0.0, "axis": -1}),
    (losses.SparseCategoricalCrossentropy(reduction="sum"),
     {"name": "sparse_categorical_crossentropy", "reduction": "sum",
                                                             "from_logits": False,
                                                             "ignore_class": None}),
    (losses.KLDivergence("sum"), {"name": "kl_divergence", "reduction": "sum"}),
]  # fmt: skip


@pytest.mark.parametrize("loss, config", CONFIGS)
def test_configuration_is_keras_own_and_comes_back(loss, config):
    described = json.loads(json.dumps(losses.serialize(loss)))
    assert described == {"module": "keras.losses", "class_name": type(loss).__name__,
                         "config": config, "registered_name": None}  # fmt: skip
    again = losses.deserialize(described)
    assert type(again) is type(loss) and again.get_config() == config
    y, p = np.array([[0, 1]]), np.array([[0.3, 0.7]])
    if "sparse" not in loss.name:
        assert again(y, p) == loss(y, p)


def test_tf2_configuration():
    loss = losses.get({"class_name": "CategoricalCrossentropy",
                       "config": {"reduction": "auto", "name": "cc",
                                  "from_logits": True}})  # fmt: skip
    assert loss.reduction == "sum_over_batch_size" and loss.options["from_logits"]


def test_every_loss_class_comes_back():
    names = [name for name in losses.__all__ if not name.isupper() and name[0].isupper()]
    classes = [getattr(losses, name) for name in [*names, "CTC"]]
    classes = [c for c in classes if c not in (losses.Loss, losses.LossFunctionWrapper)]
    assert len(classes) == 22
    for cls in classes:
        assert losses.get(losses.serialize(cls())).get_config() == cls().get_config()
