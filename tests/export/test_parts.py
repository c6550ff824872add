"""Steps of training in parts: forward, backward, optimizer_step, and what is between them."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.flags import flag
from tests.export.library import (
    ARENA,
    ARG,
    OK,
    SHAPE,
    SPLIT,
    STATE,
    TRAIN,
    Context,
    Library,
    flat_weights,
)
from tests.export.test_same_numbers import TRAINED, same_state, sizes
from tests.export.zoo import data


def outputs_like(model, rows: int, name: str) -> list[np.ndarray]:
    open_size = next(iter(sizes(name)), None)
    shapes = [[open_size if d is None else d for d in t.shape[1:]] for t in model.outputs]
    return [np.full((rows, *s), -7, "float32") for s in shapes]


def step(context: Context, name: str, arrays, model) -> float:
    """One step in parts; the loss."""
    rows, loss = len(arrays[0]), np.zeros(1, "float32")
    found = outputs_like(model, rows, name)
    context.ok("zero_grad")
    context.ok("forward", rows, *sizes(name), *arrays, *found, loss)
    context.ok("backward")
    context.ok("optimizer_step")
    assert all((o != -7).all() for o in found)
    return float(loss[0])


def batches(name: str, rows: int = 100, size: int = 8):
    arrays = data(name, rows)
    return [[a[i : i + size] for a in arrays] for i in range(0, rows, size)]


@pytest.mark.parametrize("name", TRAINED)
def test_steps_in_parts_are_python_s_bit_for_bit(borrowed, name, tmp_path):
    """13 steps, the last of them on a smaller batch, with the same parts run by Python."""
    model, library = borrowed(name)
    context, steps = Context(library, SPLIT, 8, *sizes(name)), model.steps()
    native = steps.native(True, False).training
    for arrays in batches(name):
        loss = step(context, name, arrays, model)
        for run in steps.runs:
            steps.train_memory.block.view(run.gradient["name"])[...] = 0
        theirs = native.gradient.run(arrays)
        native.optimizer.run([])
        assert theirs[-1] == np.float32(loss)
    assert context.params().tobytes() == flat_weights(model).tobytes()
    assert context.metrics() == [value for _, value in model._objective.results()]
    model.save_weights(tmp_path / "python.weights.h5")
    same_state(context, model, tmp_path)


@pytest.mark.parametrize("name", [*TRAINED, "fixed_batch"])
def test_parts_and_the_fused_step_agree(exported, name):
    """Both compute the same; the C compiler rounds some products of either in one go with the sum
    behind them."""
    model, library = exported(name)
    extra = () if name == "fixed_batch" else (8, *sizes(name))
    fused, parts = Context(library, TRAIN, *extra), Context(library, SPLIT, *extra)
    for arrays in batches(name, 40, 4 if name == "fixed_batch" else 8):
        loss = np.zeros(1, "float32")
        fused.ok("train_step", len(arrays[0]), *sizes(name), *arrays, loss)
        assert step(parts, name, arrays, model) == pytest.approx(loss[0], rel=1e-6)
    np.testing.assert_allclose(parts.params(), fused.params(), rtol=2e-5, atol=2e-6)
    assert parts.metrics() == pytest.approx(fused.metrics(), rel=1e-5)


# gradients --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    """A layer with a tanh, then one without, whose gradients NumPy gives in three lines."""
    x = fncompile.Input((6,), name="x")
    y = layers.Dense(5, activation="tanh", name="first")(x)
    model = fncompile.Model(x, layers.Dense(8, name="second")(y), name="linear")
    model.compile("sgd", "mse")
    return model, Library(model.export(tmp_path_factory.mktemp("linear"), march=flag("target")))


def expected(model, x, y):
    """The gradients of the weights, then that of x, in float64."""
    w1, b1, w2, b2 = (w.astype("float64") for w in model.get_weights())
    h = np.tanh(x @ w1 + b1)
    d = 2 * (h @ w2 + b2 - y) / y.size
    dh = d @ w2.T * (1 - h * h)
    return np.concatenate([g.ravel() for g in (x.T @ dh, dh.sum(0), h.T @ d, d.sum(0))]), dh @ w1.T


def gradients(context: Context) -> np.ndarray:
    flat = np.full(int(context.library.macro("NUM_PARAMS")), np.nan, "float32")
    context.ok("get_gradients", flat, len(flat))
    return flat


def backward(context: Context, x, y) -> None:
    context.ok("forward", len(x), x, y, np.empty((len(x), 8), "float32"), None)
    context.ok("backward")


def test_gradients_are_numpy_s(linear):
    model, library = linear
    x, y = data("plain", 16)
    context = Context(library, SPLIT, 16)
    assert not gradients(context).any()
    backward(context, x, y)
    want, _ = expected(model, x, y)
    np.testing.assert_allclose(gradients(context), want, rtol=1e-5, atol=1e-6)
    before = context.params()
    context.ok("optimizer_step")
    np.testing.assert_allclose(context.params(), before - np.float32(0.01) * want, atol=1e-6)


def test_gradients_of_batches_add_up(linear):
    model, library = linear
    x, y = data("plain", 16)
    context = Context(library, SPLIT, 16)
    for part in (slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)):
        backward(context, x[part], y[part])
    context.ok("scale_gradients", 0.25)
    np.testing.assert_allclose(gradients(context), expected(model, x, y)[0], rtol=1e-5, atol=1e-6)
    context.ok("zero_grad")
    assert not gradients(context).any()


def test_gradients_are_read_written_and_added(linear):
    _, library = linear
    context = Context(library, SPLIT, 4)
    mine = np.random.default_rng(0).standard_normal(gradients(context).size).astype("float32")
    context.ok("set_gradients", mine, len(mine))
    assert gradients(context).tobytes() == mine.tobytes()
    context.ok("add_gradients", mine, len(mine))
    assert gradients(context).tobytes() == (mine + mine).tobytes()
    for name in ("get_gradients", "set_gradients", "add_gradients"):
        assert context.call(name, mine, len(mine) - 1) == ARG
        assert context.call(name, None, len(mine)) == ARG
        assert context.call(name, mine.ctypes.data + 1, len(mine)) == ARG
    for factor in (np.inf, -np.inf, np.nan):
        assert context.call("scale_gradients", float(factor)) == ARG
    assert gradients(context).tobytes() == (mine + mine).tobytes()


def test_gradients_of_one_weight_are_read_written_and_added_by_its_name(exported):
    """Each is a part of the flat array; where it is not trained it is 0 and stays so."""
    model, library = exported("classifier")
    context, at = Context(library, SPLIT, 8), 0
    whole = np.random.default_rng(0).standard_normal(gradients(context).size).astype("float32")
    context.ok("set_gradients", whole, len(whole))
    want = gradients(context)
    for weight in model.weights:
        i, part = library.param_index(weight.path.encode()), slice(at, at + weight.size)
        value, trained = np.full(weight.shape, np.nan, "float32"), np.float32(weight.trainable)
        context.ok("get_gradient", i, value, value.size)
        assert value.tobytes() == want[part].tobytes(), weight.path
        context.ok("set_gradient", i, value + 3 * trained, value.size)
        context.ok("add_gradient", i, np.ones_like(value), value.size)
        want[part] = ((value + 3 * trained) + trained).ravel()
        assert gradients(context).tobytes() == want.tobytes(), weight.path
        at += weight.size
    assert at == len(whole)


def test_gradients_of_one_weight_are_refused_without_writing(exported):
    model, library = exported("classifier")
    context, split = Context(library, TRAIN, 8), Context(library, SPLIT, 8)
    value = np.ones(model.weights[0].shape, "float32")
    for name in ("get_gradient", "set_gradient", "add_gradient"):
        assert context.call(name, 0, value, value.size) == STATE
        assert split.call(name, 0, value, value.size - 1) == SHAPE
        for i, array in ((-1, value), (99, value), (0, None), (0, value.ctypes.data + 1)):
            assert split.call(name, i, array, value.size) == ARG
    assert (value == 1).all() and not gradients(split).any()


def test_weights_that_are_not_trained_have_no_gradient(exported):
    """Moving statistics: 0, whatever is written there."""
    model, library = exported("classifier")
    context = Context(library, SPLIT, 8)
    trained = np.concatenate([np.full(v.size, v.trainable) for v in model.weights])
    context.ok("set_gradients", np.ones(trained.size, "float32"), trained.size)
    assert (gradients(context) == trained).all() and not trained.all()


def test_gradients_of_inputs_are_numpy_s(linear):
    model, library = linear
    x, y = data("plain", 16)
    context, found = Context(library, SPLIT, 16), np.empty_like(x)
    w1, b1, w2, b2 = model.get_weights()
    d = (2 * (np.tanh(x @ w1 + b1) @ w2 + b2 - y) / y.size).astype("float32")
    context.ok("input_gradients", 16, x, d, found)
    np.testing.assert_allclose(found, expected(model, x, y)[1], rtol=1e-5, atol=1e-6)
    assert not gradients(context).any()


def test_gradients_of_an_open_length_and_two_outputs(exported):
    """By finite differences of predictions: the library's own other function."""
    _, library = exported("sequences")
    context = Context(library, SPLIT, 2, 5)
    tokens, more = data("sequences", 2)[:2]
    rng = np.random.default_rng(0)
    seeds = [rng.standard_normal(s).astype("float32") for s in ((2, 5, 16), (2, 8))]
    found = np.empty_like(more)
    context.ok("input_gradients", 2, 5, tokens, more, *seeds, found)

    def value(moved):
        outs = [np.empty_like(s) for s in seeds]
        context.ok("predict", 2, 5, tokens, moved, *outs)
        return sum((a.astype("float64") * b).sum() for a, b in zip(outs, seeds, strict=True))

    for _ in range(6):
        along = rng.standard_normal(more.shape).astype("float32")
        slope = (value(more + 1e-2 * along) - value(more - 1e-2 * along)) / 2e-2
        assert slope == pytest.approx((found.astype("float64") * along).sum(), rel=2e-2, abs=2e-2)


# what is frozen ---------------------------------------------------------------------------------


def test_frozen_layers_stay_and_so_does_what_the_optimizer_keeps_of_them(exported, tmp_path):
    from fncompile.saving.files import read_file

    model, library = exported("classifier")
    context, batch = Context(library, SPLIT, 8), data("classifier", 8)
    step(context, "classifier", batch, model)
    context.ok("set_trainable", b"hidden", 0)
    context.ok("set_trainable", b"norm/gamma", 0)

    def state(path):
        context.ok("save", str(tmp_path / path).encode())
        return {k: a.copy() for k, a in read_file(tmp_path / path).datasets()}

    before = state("a.weights.h5")
    step(context, "classifier", batch, model)
    after = state("b.weights.h5")
    moved = {k for k in before if before[k].tobytes() != after[k].tobytes()}
    adam = {f"optimizer/vars/{i}" for i in range(2, 2 + 2 * 6)}
    frozen = {f"optimizer/vars/{i}" for i in range(2, 8)}  # two slots of hidden's two and gamma
    assert moved & adam == adam - frozen
    weights = {k for k in moved if k.startswith("layers/")}
    assert {k.split("/")[1] for k in weights} == {"dense_1", "batch_normalization", "dropout"}
    assert "layers/batch_normalization/vars/0" not in weights
    context.ok("set_trainable", b"hidden/kernel", 1)
    kernel = context.params()[:320].copy()
    step(context, "classifier", batch, model)
    assert (context.params()[:320] != kernel).any()
    assert (context.params()[320:336] == before["layers/dense/vars/1"]).all()


def test_the_fused_step_refuses_frozen_weights(exported):
    _, library = exported("classifier")
    context, batch = Context(library, SPLIT, 8), data("classifier", 8)
    index = np.arange(8, dtype=np.int64)
    context.ok("set_trainable", b"digit", 0)
    assert context.call("train_step", 8, *batch, None) == STATE
    assert context.call("train_steps", index, 8, 8, 8, *batch, None) == STATE
    context.ok("eval_step", 8, *batch, None)
    context.ok("set_trainable", b"digit", 1)
    context.ok("train_step", 8, *batch, None)


def test_layers_are_named_as_they_are(exported):
    _, library = exported("classifier")
    context = Context(library, SPLIT, 8)
    for name in (b"hid", b"hidden/", b"", b"drop", b"norm/moving_mean", b"hidden/kernel/x", None):
        assert context.call("set_trainable", name, 0) == ARG
    context.ok("train_step", 8, *data("classifier", 8), None)  # nothing is frozen


def test_a_norm_of_all_gradients_leaves_out_what_is_frozen(tmp_path):
    x = fncompile.Input((6,), name="x")
    hidden = layers.Dense(5, use_bias=False, name="first")(x)
    model = fncompile.Model(x, layers.Dense(8, use_bias=False, name="second")(hidden), name="norm2")
    model.compile(fncompile.optimizers.SGD(1.0, global_clipnorm=1e-3), "mse")
    context = Context(Library(model.export(tmp_path, march=flag("target"))), SPLIT, 16)
    context.ok("set_trainable", b"first", 0)
    before = context.params()
    backward(context, *data("plain", 16))
    context.ok("optimizer_step")
    moved = context.params() - before
    assert not moved[:30].any()
    assert np.linalg.norm(moved[30:].astype("float64")) == pytest.approx(1e-3, rel=1e-2)


# order and arguments ----------------------------------------------------------------------------


def test_backward_follows_forward_at_once(linear):
    _, library = linear
    x, y = data("plain", 4)
    out = np.empty((4, 8), "float32")
    context = Context(library, SPLIT, 4)
    assert context.call("backward") == STATE
    between = {
        "predict": (4, x, out),
        "train_step": (4, x, y, None),
        "optimizer_step": (),
        "set_params": (context.params(), len(context.params())),
        "backward": (),
    }
    for name, arguments in between.items():
        context.ok("forward", 4, x, y, out, None)
        context.ok(name, *arguments)
        assert context.call("backward") == STATE, name
    context.ok("forward", 4, x, y, out, None)
    context.ok("zero_grad")  # touches nothing that backward needs
    context.ok("backward")


def test_parts_are_for_contexts_of_their_mode(linear):
    _, library = linear
    context = Context(library, TRAIN, 4)
    x, y = data("plain", 4)
    out, flat = np.empty((4, 8), "float32"), context.params()
    calls = {
        "forward": (4, x, y, out, None), "backward": (), "zero_grad": (), "optimizer_step": (),
        "get_gradients": (flat, len(flat)), "set_gradients": (flat, len(flat)),
        "add_gradients": (flat, len(flat)), "scale_gradients": (0.5,),
        "set_trainable": (b"first", 0), "input_gradients": (4, x, out, x.copy()),
    }  # fmt: skip
    found = {name: context.call(name, *a) for name, a in calls.items()}
    assert found == dict.fromkeys(calls, STATE)
    assert all(getattr(library, name)(None, *_plain(a)) == ARG for name, a in calls.items())


def _plain(arguments):
    return [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]


def test_sizes_of_forward_are_checked(linear):
    _, library = linear
    context = Context(library, SPLIT, 4)
    x, y = data("plain", 5)
    out = np.empty((5, 8), "float32")
    assert context.call("forward", 5, x, y, out, None) == ARENA
    assert context.call("forward", 0, x, y, out, None) == SHAPE
    assert context.call("forward", 4, None, y, out, None) == ARG
    assert context.call("forward", 4, x, y, None, None) == ARG
    assert context.call("backward") == STATE
    assert context.call("forward", 4, x, y, out, None) == OK
