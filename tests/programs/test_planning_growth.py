"""Planning and printing are linear in the number of ops: Python's function calls are counted, not
seconds.

For three times the ops each pass may make three times the calls; a pass that looks at pairs makes
nine times as many.
"""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.codegen.place import Place
from fncompile.codegen.program import emit_program
from fncompile.passes.manager import Stopped
from fncompile.passes.pipeline import LOWER, TRANSFORM, Pass


def chain(n, h, x):
    """Element-wise ops, each on the one before."""
    for i in range(2 * n):
        h = h * (0.5 + 0.001 * (i % 7)) + x
    return h


def dense(n, h, x):
    for _ in range(n):
        h = layers.Dense(8, activation="relu")(h)
    return h


def residual(n, h, x):
    for _ in range(n // 2):
        inner = layers.Dense(12, activation="relu")(layers.LayerNormalization()(h))
        h = h + layers.Dense(8)(inner)
    return h


def normalized(n, h, x):
    """Many reductions that run row by row in one kernel."""
    for _ in range(n):
        h = ops.softmax(h) + x
    return h


def viewed(n, h, x):
    """Each is a reshape of a permuted value, which has to be written first."""
    for _ in range(n):
        turned = ops.transpose(ops.reshape(h, (-1, 2, 4)), (0, 2, 1))
        h = ops.reshape(turned, (-1, 8)) * 1.5
    return h


def widths(n, h, x):
    for i in range(n // 2):
        h = layers.Dense(17 + 3 * i, activation="relu")(h)
    return h


def calls(build, n: int, monkeypatch) -> dict[str, int]:
    """Function calls of each pass of a training step, of printing it, and of all together."""
    x = fncompile.Input((8,))
    model = fncompile.Model(x, layers.Dense(4)(build(n, layers.Dense(8)(x), x)))
    model.compile("adam", "mse")
    counted: dict[str, int] = {"all": 0}
    now = ["all"]

    def count(frame, event, arg) -> None:
        if event == "call":
            counted["all"] += 1
            counted[now[0]] += now[0] != "all"

    def run(self, subject, context):
        counted.setdefault(self.name, 0)
        now[0] = self.name
        try:
            return real(self, subject, context)
        finally:
            now[0] = "all"

    real = Pass.run
    with monkeypatch.context() as patch, fncompile.flags(stop_after="members", verify=0):
        patch.setattr(Pass, "run", run)
        data = np.zeros((2, 8), "float32"), np.zeros((2, 4), "float32")
        model.reset_metrics()
        before = sys.getprofile()
        gc.collect()  # what other tests left is not to be counted when it goes
        gc.disable()
        sys.setprofile(count)
        try:
            with pytest.raises(Stopped) as stopped:
                model.train_on_batch(*data)
            plan, counted["print"], now[0] = stopped.value.result, 0, "print"
            emit_program(plan, {b.name: Place("train", 0) for b in plan.params}, "m", "step")
        finally:
            sys.setprofile(before)
            gc.enable()
    return counted


@pytest.mark.parametrize("build", [chain, dense, residual, normalized, viewed, widths])
def test_calls_grow_linearly(build, monkeypatch):
    some, many = (calls(build, n, monkeypatch) for n in (20, 60))
    assert {step.name for step in (*TRANSFORM["train"], *LOWER["train"])} <= some.keys()
    for name in some:
        assert many[name] <= 3.3 * some[name] + 500, (name, some[name], many[name])
