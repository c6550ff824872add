"""Gradients that are added up over steps, and averages of weights.

Keras' own numbers for whole training runs are in tests/keras_reference; here are the rules one by
one against NumPy, and what Keras leaves to others: files, resuming, an exported library.
"""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, optimizers
from fncompile.flags import flag
from tests.optimizers import reference

pytestmark = pytest.mark.usefixtures("quickly_compiled")
rng = np.random.default_rng(5)
W, GRADS = rng.normal(size=(3, 2)), rng.normal(size=(7, 3, 2))
X, Y = rng.normal(size=(40, 4)).astype("f4"), rng.normal(size=(40, 2)).astype("f4")
BOTH = {
    "gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.6,
    "ema_overwrite_frequency": 2,
}  # fmt: skip


def model_with(optimizer):
    fncompile.utils.set_random_seed(3)
    x = fncompile.Input((4,))
    model = fncompile.Model(x, layers.Dense(2)(layers.Dense(5, activation="tanh")(x)))
    model.compile(optimizer, "mse")
    return model


def state(model):
    return [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]


def assert_equal(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)


def averages(values, momentum):
    """The running average of a list of arrays."""
    found = [values[0]]
    for value in values[1:]:
        found.append(momentum * found[-1] + (1 - momentum) * value)
    return found


def test_the_mean_of_a_group_of_gradients_is_followed_in_its_last_step():
    w = fncompile.Variable(W, dtype="float64")
    adam = optimizers.Adam(0.0625, gradient_accumulation_steps=3)
    counts = []
    for g in GRADS:
        adam.apply_gradients([(g, w)])
        counts.append(int(adam.iterations))
    means = [GRADS[:3].mean(0), GRADS[3:6].mean(0)]  # the seventh waits
    np.testing.assert_allclose(w.numpy(), reference.adam(W, means, lr=0.0625), rtol=1e-6)
    assert counts == [0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_allclose(adam.slot("gradient_accumulator", w).numpy(), GRADS[6])


OTHERS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer")  # they take no such argument


@pytest.mark.parametrize("name", sorted(
    name for name, made in vars(optimizers).items() if name not in OTHERS
    and isinstance(made, type) and issubclass(made, optimizers.Optimizer)
))  # fmt: skip
def test_every_optimizer_makes_of_three_gradients_one_step_of_their_mean(name):
    """Whatever it counts besides: the betas of Nadam were multiplied in each of the three."""
    one, three = W.astype("f4"), W.astype("f4")
    one, three = fncompile.Variable(one, name="kernel"), fncompile.Variable(three, name="kernel")
    make = getattr(optimizers, name)
    at_once = make(learning_rate=0.0625, weight_decay=0.05)
    in_parts = make(learning_rate=0.0625, weight_decay=0.05, gradient_accumulation_steps=3)
    for gradients in rng.normal(size=(4, 3, 3, 2)).astype("f4"):
        at_once.apply_gradients([(gradients.mean(0), one)])
        for g in gradients:
            in_parts.apply_gradients([(g, three)])
    np.testing.assert_allclose(three.numpy(), one.numpy(), rtol=1e-5, atol=1e-6)


def test_what_does_not_count_does_not_spoil():
    """The update that is computed and left, of a sum that is not complete, may be anything."""
    w = fncompile.Variable(np.float32([1, 2]))
    sgd = optimizers.SGD(1.0, gradient_accumulation_steps=2, clipnorm=1.0)
    big = np.float32([1e38, 0])  # its square is infinite
    sgd.apply_gradients([(big, w)])
    np.testing.assert_array_equal(w.numpy(), [1, 2])
    sgd.apply_gradients([(np.float32([0, 3]) - big, w)])
    np.testing.assert_array_equal(w.numpy(), [1, 1])  # the mean is (0, 1.5), cut to (0, 1)


@pytest.mark.parametrize("every", [None, 2])
def test_averages_of_weights(every):
    w = fncompile.Variable(W, dtype="float64")
    sgd = optimizers.SGD(0.125, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=every)
    wanted, average = W, None
    for k, g in enumerate(GRADS, 1):
        sgd.apply_gradients([(g, w)])
        wanted = wanted - 0.125 * g
        average = wanted if average is None else 0.7 * average + 0.3 * wanted
        wanted = average if every and k % every == 0 else wanted
        np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-6)
        np.testing.assert_allclose(sgd.slot("average", w).numpy(), average, rtol=1e-6)


def test_a_weight_without_gradient_has_an_average():
    first, second = (fncompile.Variable(W, name=n, path=n) for n in "ab")
    sgd = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    sgd.build([first, second])
    for _ in range(2):
        with pytest.warns(UserWarning, match="Gradients do not exist"):
            sgd.apply([W.astype("f4"), None])
    np.testing.assert_allclose(sgd.slot("average", second).numpy(), W, rtol=1e-6)


@pytest.mark.parametrize("around", [
    lambda sgd: sgd, lambda sgd: optimizers.LossScaleOptimizer(sgd, 8.0),
    lambda sgd: optimizers.MultiOptimizer(lambda v: sgd),
], ids=["alone", "scaled", "several"])  # fmt: skip
def test_fit_ends_with_the_averages(around):
    """Also of an optimizer that is inside another, as in Keras."""
    model = model_with(around(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)))
    seen = []

    def see(batch, logs):
        seen.append(model.get_weights())

    watch = fncompile.callbacks.LambdaCallback(on_train_batch_end=see)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=watch)
    wanted = [averages(list(values), 0.9)[-1] for values in zip(*seen)]
    for value, average in zip(model.get_weights(), wanted):
        np.testing.assert_allclose(value, average, rtol=1e-5, atol=1e-6)
    assert abs(seen[-1][0] - model.get_weights()[0]).max() > 1e-3


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_file_keeps_sums_and_averages(ending, tmp_path):
    """Saved in the midst of a group of three, and taken up: the same bits."""
    def steps(model, batches):
        for k in batches:
            model.train_on_batch(X[4 * k : 4 * k + 4], Y[4 * k : 4 * k + 4])

    whole, half = (model_with(optimizers.Adam(0.05, **BOTH)) for _ in range(2))
    steps(whole, range(10))
    steps(half, range(5))
    half.save(tmp_path / f"half.{ending}")
    again = fncompile.models.load_model(tmp_path / f"half.{ending}")
    assert again.optimizer.get_config() == half.optimizer.get_config()
    steps(again, range(5, 10))
    assert_equal(state(again), state(whole))


def test_a_variable_that_is_overwritten_gets_the_largest_of_its_gradients():
    v = fncompile.Variable(np.zeros(2, "f4"))
    v.overwrite_with_gradient = True
    sgd = optimizers.SGD(0.1, gradient_accumulation_steps=2, use_ema=True)
    for g in ([1, 5], [3, 2], [9, 9]):
        sgd.apply_gradients([(np.float32(g), v)])
    np.testing.assert_array_equal(v.numpy(), [3, 5])
    assert [x.name.split("_")[0] for x in sgd.variables[2:]] == ["variable"]  # the sum alone


def test_a_step_of_ones_own_adds_up_as_well():
    class Own(fncompile.Model):
        def train_step(self, data):
            x, y = data
            with fncompile.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            weights = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            return {"loss": loss}

    plain = model_with(optimizers.SGD(0.1, **BOTH))
    fncompile.utils.set_random_seed(3)
    x = fncompile.Input((4,))
    own = Own(x, layers.Dense(2)(layers.Dense(5, activation="tanh")(x)))
    own.compile(optimizers.SGD(0.1, **BOTH), "mse")
    for model in (plain, own):
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(state(plain), state(own)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def _several():
    chosen = optimizers.OptimizerMap(
        optimizers.Muon(0.05, weight_decay=0.1), {".*bias": optimizers.ScheduleFreeAdamW(0.05)}
    )
    return optimizers.LossScaleOptimizer(
        optimizers.MultiOptimizer(chosen), dynamic_growth_steps=2
    )


@pytest.mark.parametrize("make", [lambda: optimizers.Adam(0.05, **BOTH), _several])
def test_an_exported_library_takes_the_same_steps(make, tmp_path, monkeypatch):
    monkeypatch.setenv("FNC_TARGET", "ref")
    model = model_with(make())
    model.train_on_batch(X[:4], Y[:4])
    library = fncompile.load_library(model.export(tmp_path / "m", march=flag("target")).directory)
    for k in range(7):
        rows = slice(4 * k, 4 * k + 4)
        model.train_on_batch(X[rows], Y[rows])
        library.train_on_batch(X[rows], Y[rows])
    assert_equal(model.get_weights(), library.get_weights())


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_the_arguments_are_in_the_configuration(name):
    optimizer = getattr(optimizers, name)(0.1, **BOTH)
    assert {k: v for k, v in optimizer.get_config().items() if k in BOTH} == BOTH
    assert type(optimizer).from_config(optimizer.get_config()).get_config() == (
        optimizer.get_config()
    )


@pytest.mark.parametrize("make", [
    lambda: optimizers.Adam(0.1), lambda: optimizers.RMSprop(0.1, centered=True),
    lambda: optimizers.Adam(0.1, **BOTH),
])
def test_what_a_step_may_leave_is_computed_all_the_same(make):
    """A quotient or root as an arm of ?: was a branch for gcc, and the loop not vectorised: 8 times
    as long for Adam, in a step that is done in parts, as without the choice of what is frozen."""
    from fncompile.session.signature import step_signature

    model = model_with(make())
    steps = model.steps()
    signature = step_signature(model, steps.label, [X[:4], Y[:4]])
    steps.gradient_entry(signature)  # which lays the memory out
    entry = steps.optimizer_entry(signature)
    statements = entry.source.split(";")
    chosen = [s for s in statements if "?" in s and "float" in s]
    assert len(chosen) >= 3
    assert [s for s in chosen if " / " in s or "sqrt" in s] == []
