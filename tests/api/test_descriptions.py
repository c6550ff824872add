"""What objects say of themselves, and `python -m fncompile`."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import fncompile
from fncompile import (
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    optimizers,
    random,
    regularizers,
)
from fncompile.callbacks import History
from fncompile.optimizers import schedules


@pytest.mark.parametrize(("thing", "text"), [
    (optimizers.Adam(), "Adam(learning_rate=0.001)"),
    (optimizers.SGD(0.1, momentum=0.9, nesterov=True),
     "SGD(learning_rate=0.1, momentum=0.9, nesterov=True)"),
    (optimizers.RMSprop(clipnorm=1.0, name="mine"),
     "RMSprop(name='mine', learning_rate=0.001, clipnorm=1)"),
    (optimizers.Adam(schedules.ExponentialDecay(0.1, 10, 0.5)), "Adam(learning_rate="
     "ExponentialDecay(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5))"),
    (losses.MeanSquaredError(), "MeanSquaredError()"),
    (losses.Huber(delta=2.0, reduction="sum"), "Huber(reduction='sum', delta=2)"),
    (losses.CategoricalCrossentropy(from_logits=True), "CategoricalCrossentropy(from_logits=True)"),
    (initializers.GlorotUniform(seed=3), "GlorotUniform(seed=3)"),
    (initializers.RandomNormal(stddev=0.1), "RandomNormal(stddev=0.1)"),
    (initializers.Constant(np.ones(2)), "Constant(value=array([1., 1.]))"),
    (initializers.Zeros(), "Zeros()"),
    (regularizers.L2(0.1), "L2(l2=0.1)"),
    (constraints.MaxNorm(3), "MaxNorm(max_value=3)"),
    (random.SeedGenerator(3), "SeedGenerator(seed=3)"),
    (callbacks.EarlyStopping("loss"), "<EarlyStopping of loss>"),
    (callbacks.TerminateOnNaN(), "<TerminateOnNaN>"),
    (schedules.CosineDecay(0.1, 100), "CosineDecay(initial_learning_rate=0.1, decay_steps=100)"),
], ids=lambda v: v if isinstance(v, str) else "")  # fmt: skip
def test_repr_is_the_call(thing, text):
    assert repr(thing) == text


def families():
    rooms = (optimizers, losses, initializers, regularizers, constraints, schedules, callbacks)
    return [getattr(room, name) for room in rooms for name in room.__all__ if name[0].isupper()]


@pytest.mark.parametrize("cls", dict.fromkeys(c for c in families() if isinstance(c, type)))
def test_every_class_has_a_short_repr(cls):
    """Made without arguments, or of none at all: no address, no line of internals."""
    try:
        made = cls()
    except TypeError:
        made = cls.__new__(cls)
    text = repr(made)
    assert cls.__name__ in text and " at 0x" not in text and len(text) < 80


def test_repr_makes_an_equal_object():
    names = {**vars(optimizers), **vars(losses), **vars(initializers), **vars(schedules)}
    for thing in (optimizers.AdamW(0.5, beta_1=0.5), losses.Huber(3.0),
                  initializers.VarianceScaling(2.0, seed=4), optimizers.SGD(
                      schedules.CosineDecay(0.1, 7, alpha=0.5)), losses.Hinge("sum")):  # fmt: skip
        again = eval(repr(thing), names)
        assert repr(again) == repr(thing)
        ours, theirs = thing.get_config(), again.get_config()
        assert {**ours, "name": ""} == {**theirs, "name": ""}


def test_users_classes_say_at_least_their_name():
    class Mine(initializers.Initializer):
        def __init__(self, a):
            self.a = a

    assert repr(Mine(3)) == "<Mine>"


def test_history():
    history = History()
    assert repr(history) == "<History of 0 epochs>"
    history.on_train_begin()
    history.on_epoch_end(0, {"loss": 0.25, "val_loss": 1e-5})
    assert repr(history) == "<History of 1 epoch, loss=0.25, val_loss=1e-05>"
    history.on_epoch_end(1, {"loss": 0.12345678, "val_loss": 2})
    assert repr(history) == "<History of 2 epochs, loss=0.1235, val_loss=2>"


# softmax over one unit ----------------------------------------------------------------------------


def one_unit() -> fncompile.Model:
    x = fncompile.Input((4,))
    return fncompile.Model(x, layers.Dense(1, activation="softmax")(x))


def test_softmax_over_one_unit_is_warned_about_where_it_is_called():
    with pytest.warns(UserWarning, match=r"shape \(None, 1\): .* a sigmoid") as warned:
        one_unit()
    assert [w.filename for w in warned] == [__file__]
    with pytest.warns(UserWarning, match="softmax over axis 0"):
        fncompile.ops.softmax(np.ones((1, 3)), axis=0)
    with pytest.warns(UserWarning, match="softmax over axis -1"):
        layers.Softmax()(np.ones((3, 1), "float32"))


@pytest.mark.filterwarnings("error")
def test_softmax_is_not_warned_about_again_or_elsewhere():
    with pytest.warns(UserWarning):
        model = one_unit()
    model.predict(np.ones((2, 4)), verbose=0)
    fncompile.ops.softmax(np.ones((1, 3)), axis=-1)
    fncompile.ops.softmax(np.ones((3, 1)), axis=(0, 1))
    layers.Dense(2, activation="softmax")(fncompile.Input((4,)))


# python -m fncompile ------------------------------------------------------------------------------


def run(**environment) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-W", "error", "-m", "fncompile"], text=True,
                          capture_output=True, env={**os.environ, **environment})  # fmt: skip


def test_python_m_fncompile(tmp_path):
    done = run(FNC_CACHE=str(tmp_path / "store"))
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert rows["fncompile"].startswith(fncompile.__version__)
    assert ("cc" in rows["compiler"] or "clang" in rows["compiler"]) and rows["processor"]
    assert rows["calls"] == "by the prebuilt extension"
    assert rows["cache"] == f"{tmp_path / 'store'}, 0 entries, 0.0 MB of 512"
    assert not (tmp_path / "store").exists()
    assert "fncompile.flags" in done.stdout.split("\n\n")[1]


def test_python_m_fncompile_without_a_compiler():
    done = run(FNC_CC="no-such-compiler", FNC_CACHE="off")
    assert done.returncode == 1 and not done.stderr
    assert "none: FNC_CC names the compiler 'no-such-compiler'" in done.stdout
    assert "install a C compiler: apt install gcc" in done.stdout
