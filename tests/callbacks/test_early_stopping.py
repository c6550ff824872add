from __future__ import annotations

import pytest

from fncompile.callbacks import EarlyStopping
from tests.callbacks.scripted import run, scripted, weight

NAN = float("nan")


@pytest.mark.parametrize(
    ("losses", "arguments", "epochs"),
    [
        ([5, 4, 3, 4, 5], {}, 4),
        ([5, 5, 5], {}, 2),
        ([5, 6, 7], {"patience": 0}, 2),
        ([5, 6, 4, 6, 6, 6], {"patience": 2}, 5),
        ([5, 4.9, 4.8, 4.0], {"min_delta": 0.5}, 2),
        ([5, 4.9, 4.8, 4.0], {"min_delta": 0.5, "patience": 3}, 4),
        ([1, 2, 3, 2], {"mode": "max"}, 4),
        ([1, 2, 3, 3], {"mode": "max"}, 4),
        ([5, 6, 7, 8, 9], {"start_from_epoch": 3}, 5),
        ([5, 4, 3, 2.5], {"baseline": 3.5, "patience": 2}, 2),
        ([5, 3, 2, 2.5], {"baseline": 3.5, "patience": 2}, 4),
        ([NAN, NAN, NAN], {"patience": 1}, 2),
        ([NAN, 5, 4, 5, 5], {"patience": 2}, 5),
    ],
)
def test_when_it_stops(losses, arguments, epochs):
    model, _ = scripted(losses)
    assert len(run(model, len(losses), EarlyStopping("loss", **arguments)).epoch) == epochs


def test_watches_validation_by_default():
    model, _ = scripted([1, 1, 1, 1], [4, 3, 5, 5])
    assert len(run(model, 4, EarlyStopping(), validate=True).epoch) == 3


def test_best_weights(capsys):
    model, _ = scripted([5, 3, 4, 4, 4])
    stopper = EarlyStopping("loss", patience=2, restore_best_weights=True, verbose=1)
    run(model, 5, stopper)
    assert (weight(model), stopper.best_epoch, stopper.stopped_epoch) == (2.0, 1, 3)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping",
        "Restoring model weights from the end of the best epoch: 2.",
    ]


def test_best_weights_without_stopping():
    model, _ = scripted([5, 3, 4])
    run(model, 3, EarlyStopping("loss", patience=9, restore_best_weights=True))
    assert weight(model) == 2.0


def test_a_metric_that_is_not_there():
    model, _ = scripted([1])
    with pytest.warns(
        UserWarning,
        match="Early stopping conditioned on metric `val_loss` which is not available. "
        "Available metrics are: loss",
    ):
        run(model, 1, EarlyStopping())


def test_a_metric_whose_direction_is_unknown():
    model, _ = scripted([1])
    from fncompile.callbacks import LambdaCallback

    strange = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(strange=1.0))
    with pytest.raises(ValueError, match="EarlyStopping callback received monitor=strange"):
        run(model, 1, [strange, EarlyStopping("strange")])


def test_a_mode_that_is_unknown():
    with pytest.warns(
        UserWarning, match="EarlyStopping mode 'best' is unknown, fallback to auto mode"
    ):
        EarlyStopping(mode="best")
