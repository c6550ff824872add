"""What each switch shows, checks or changes."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.devtools.stepwise import KernelError
from fncompile.passes.manager import Stopped


def small(compiled: bool = True):
    x = fncompile.Input(shape=(5,), name="x")
    h = layers.Dense(7, activation="relu", name="hidden")(x)
    h = layers.BatchNormalization(name="norm")(h)
    y = layers.Dense(3, activation="softmax", name="head")(h)
    model = fncompile.Model(x, y, name="small")
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 5)).astype("float32"), rng.integers(0, 3, 6).astype("int32")


def test_debug_prints_stages_plan_and_decisions(data, capfd):
    with fncompile.flags(debug=1):
        small().predict(data[0], verbose=0)
    first = capfd.readouterr().err
    assert "small_predict: fuse" in first and " ms" in first and "arena" not in first
    with fncompile.flags(debug=3):
        small().predict(data[0], verbose=0)
    third = capfd.readouterr().err
    assert "arena" in third and "together:" in third and "apart:" in third
    with fncompile.flags(debug=5):
        small().predict(data[0], verbose=0)
    assert "ew.max" in capfd.readouterr().err


def test_dump_writes_numbered_stages(data, tmp_path):
    with fncompile.flags(dump=str(tmp_path)):
        small().train_on_batch(*data)
    folder = tmp_path / "small_train_step"
    names = sorted(p.name for p in folder.iterdir())
    assert names[0] == "00_unify.txt" and "kernels.dot" in names and "memory.svg" in names
    assert "decisions.txt" in names and "model.c" in names
    assert any(p.read_text() == "(unchanged)\n" for p in folder.glob("*.txt"))
    assert (folder / "kernels.dot").read_text().count("->") > 3
    assert "fnc_gemm" in (folder / "model.c").read_text()


def test_explain_names_layers_and_reasons(data):
    model = small()
    model.train_on_batch(*data)
    everything = model.explain()
    assert "== train_step ==" in everything and "head" in everything
    fuse = model.explain("fuse")
    assert "together:" in fuse and "apart:" in fuse
    assert "hidden" in model.explain("kernels", layer="hidden")
    with pytest.raises(ValueError, match="Cannot explain"):
        model.explain("weather")
    with pytest.raises(ValueError, match="No such layer"):
        model.explain(layer="nobody")


def test_explain_tells_what_a_scan_keeps():
    """Of an LSTM of 4 units over 6 steps: gates of 16 and two states for the way back, the
    gradients of the gates for the product behind it; and nothing in prediction."""
    x = fncompile.Input((6, 3), name="x")
    y = layers.Dense(1, name="out")(layers.LSTM(4, name="memory")(x))
    model = fncompile.Model(x, y, name="explained")
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((2, 6, 3)), np.ones((2, 1)))
    model.predict(np.ones((2, 6, 3)), verbose=0)
    train, predict = model.explain("scans", layer="memory").split("== predict ==")
    kept = [4 * 6 * 16 + 2 * 4 * 6 * 4, 4 * 6 * 16]
    assert re.findall(r"keeps (\d+)\*B bytes", train) == [str(n) for n in kept]
    assert re.findall(r"turn\d: 6 turns of .* keeps (\d+) bytes", predict) == ["0"]
    assert model.explain("scans", layer="out").count("scans: none") == 2


def test_explain_before_anything_ran():
    assert "hoist: k" in small(compiled=False).explain(
        "hoist"
    )  # the norm's scale depends on weights alone


def test_explain_switch(data, capfd):
    with fncompile.flags(explain="memory"):
        small().predict(data[0], verbose=0)
    err = capfd.readouterr().err
    assert "memory:" in err and "together:" not in err


def test_stop_after(data):
    with fncompile.flags(stop_after="layout"), pytest.raises(Stopped, match="layout") as stopped:
        small().predict(data[0], verbose=0)
    assert "dot" in {n.op for n in stopped.value.result.nodes()}


@pytest.mark.parametrize(
    "switch",
    [{"skip": "simplify"}, {"bisect": 0}, {"bisect": 5}, {"interp": True}, {"poison": True}],
)
def test_the_result_does_not_depend_on(switch, data):
    fncompile.utils.set_random_seed(3)
    model = small()
    expected = [model.predict(data[0], verbose=0), model.train_on_batch(*data)]
    fncompile.utils.set_random_seed(3)
    with fncompile.flags(**switch):
        model = small()
        found = [model.predict(data[0], verbose=0), model.train_on_batch(*data)]
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)


def test_check_runs_every_kernel_against_the_interpreter(data):
    with fncompile.flags(check=True):
        model = small()
        for _ in range(3):
            model.train_on_batch(*data)
        model.predict(data[0], verbose=0)


def test_check_knows_of_operands_in_panels():
    """It took the panels of packed weights and gradients for rows, and found them wrong."""
    x = fncompile.Input(shape=(96,))
    h = layers.Dense(256, activation="relu", name="wide")(x)
    model = fncompile.Model(x, layers.Dense(256)(h))
    model.compile("adam", "mse")
    a, y = (np.random.default_rng(0).normal(size=(70, n)).astype("float32") for n in (96, 256))
    with fncompile.flags(check=True):
        for rows in (70, 2):
            model.train_on_batch(a[:rows], y[:rows])
            model.predict_on_batch(a[:rows])
        text = "".join(entry.source for entry in model.steps().compiled_entries())
    assert text.count("fnc_pack_") > 2


def test_check_knows_of_kernels_that_write_a_part_of_an_array():
    """Here the parts of a concatenation, which differ in their extents."""
    with fncompile.flags(check=True, nan=True):
        x = fncompile.Input((9, 4))
        parts = [fncompile.ops.exp(x[:, :2]), x[:, 2:] * 2.0]
        model = fncompile.Model(x, fncompile.ops.concatenate(parts, axis=1))
        for rows in (1, 64, 300):  # arrays of several sizes, whose memory held other numbers
            np.full((rows, 9, 4), np.nan, "float32")
            model.predict(np.ones((rows, 9, 4), "float32"), batch_size=512, verbose=0)


def test_check_names_the_wrong_kernel(data, monkeypatch):
    from fncompile.ir import interp

    monkeypatch.setitem(interp.SCALAR_RULES, "exp", lambda x: np.exp(1.01 * x))
    with fncompile.flags(check=True), pytest.raises(KernelError, match="head"):
        small().predict(data[0], verbose=0)


def test_nan_names_the_first_kernel(data):
    with fncompile.flags(nan=True):
        model = small()
        model.predict(data[0], verbose=0)
        bad = data[0].copy()
        bad[2, 3] = np.nan
        with pytest.raises(KernelError, match="hidden"):
            model.predict(bad, verbose=0)


def test_profile_lists_kernels_and_changes_nothing(data):
    model = small()
    model.train_on_batch(*data)
    before = model.get_weights(), int(model.optimizer.iterations)
    table = model.profile(*data, repeats=3)
    assert "GFLOP/s" in table and "hidden" in table
    assert "k01" in model.profile(data[0], repeats=2)
    for a, b in zip(before[0], model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert int(model.optimizer.iterations) == before[1]


def test_verify_2_interprets_around_each_pass(data, monkeypatch):
    from fncompile.passes import simplify

    with fncompile.flags(verify=2):
        small().train_on_batch(*data)
        broken = [("wrong", lambda node: node.src[0] if node["fn"] == "tanh" else None)]
        monkeypatch.setitem(simplify.RULES, "ew", broken)
        x = fncompile.Input(shape=(5,))
        model = fncompile.Model(x, fncompile.ops.tanh(x))
        with pytest.raises(AssertionError, match="simplify changed output"):
            model.predict(data[0], verbose=0)
