from __future__ import annotations

import os

import numpy as np
import pytest

from fncompile.callbacks import ModelCheckpoint
from tests.callbacks.scripted import run, scripted


class Saved:
    """Stands for a model's `save` and `save_weights`; writes down the paths."""

    def __init__(self, model):
        self.paths = []
        model.save = model.save_weights = lambda path, overwrite: self.paths.append(
            os.path.basename(path)
        )


def test_after_each_epoch(tmp_path):
    model, _ = scripted([0.5, 0.25])
    saved = Saved(model)
    run(model, 2, ModelCheckpoint(tmp_path / "sub" / "m-{epoch:02d}-{loss:.2f}.keras"))
    assert saved.paths == ["m-01-0.50.keras", "m-02-0.25.keras"]
    assert (tmp_path / "sub").is_dir()


def test_only_the_best(tmp_path, capsys):
    model, _ = scripted([5, 3, 4, 2])
    saved = Saved(model)
    run(model, 4, ModelCheckpoint(tmp_path / "{epoch}.h5", "loss", save_best_only=True, verbose=1))
    assert saved.paths == ["1.h5", "2.h5", "4.h5"]
    assert (
        "Epoch 2: loss improved from 5.00000 to 3.00000, saving model to" in capsys.readouterr().out
    )


def test_threshold(tmp_path):
    model, _ = scripted([5, 3, 4])
    saved = Saved(model)
    checkpoint = ModelCheckpoint(
        tmp_path / "{epoch}.keras", "loss", save_best_only=True, initial_value_threshold=4
    )
    run(model, 3, checkpoint)
    assert saved.paths == ["2.keras"]


def test_every_few_batches(tmp_path):
    model, _ = scripted([1.0] * 14)
    saved = Saved(model)
    checkpoint = ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.weights.h5", save_freq=3, save_weights_only=True
    )
    x, y = np.zeros((7, 2), "float32"), np.zeros((7, 1), "float32")
    model.fit(x, y, batch_size=1, epochs=2, callbacks=[checkpoint], verbose=0)
    assert saved.paths == [f"{k}.weights.h5" for k in ("1-3", "1-6", "2-2", "2-5")]


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("m.txt", {}, "The filepath provided must end in `.keras`"),
        (
            "m.h5",
            {"save_weights_only": True},
            r"must end in `.weights.h5` \(Keras weights format\). Received: filepath=m.h5",
        ),
        ("m.keras", {"save_freq": "batch"}, "Unrecognized save_freq: batch"),
    ],
)
def test_wrong_arguments(path, arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(path, **arguments)


def test_missing_metrics(tmp_path):
    model, _ = scripted([1, 1])
    Saved(model)
    with pytest.warns(UserWarning, match="Can save best model only with val_loss available"):
        run(model, 1, ModelCheckpoint(tmp_path / "m.keras", save_best_only=True))
    with pytest.raises(KeyError, match="Failed to format this callback filepath"):
        run(model, 1, ModelCheckpoint(tmp_path / "{val_loss}.keras"))
