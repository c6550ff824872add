"""Optimizers around optimizers: scaled losses, and several for one model."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import optimizers
from fncompile.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap


def variables(*names):
    return [fncompile.Variable(np.ones(2, "float32"), name=name) for name in names]


def test_a_gradient_that_is_not_finite_moves_nothing_and_halves_the_scale():
    optimizer = LossScaleOptimizer(Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    a, b = variables("a", "b")
    good, bad = np.float32([8, -8]), np.float32([1, np.inf])
    optimizer.apply([good, good], [a, b])
    state = [v.numpy() for v in (a, b, *optimizer.inner_optimizer.variables)]
    optimizer.apply([good, bad], [a, b])
    for before, v in zip(state, (a, b, *optimizer.inner_optimizer.variables), strict=True):
        np.testing.assert_array_equal(before, v.numpy())
    assert float(optimizer.dynamic_scale) == 4.0 and int(optimizer.step_counter) == 0
    assert int(optimizer.iterations) == 1
    for _ in range(2):
        optimizer.apply([good, good], [a, b])
    assert float(optimizer.dynamic_scale) == 8.0 and int(optimizer.step_counter) == 0


def test_gradients_are_divided_by_the_scale():
    dynamic = LossScaleOptimizer(SGD(0.5), initial_scale=4.0)
    for optimizer in (dynamic, SGD(0.5, loss_scale_factor=4.0)):
        [w] = variables("w")
        optimizer.build([w])
        assert float(optimizer.scale_loss(np.float32(3.0))) == 12.0
        optimizer.apply([np.float32([4, -8])], [w])
        assert w.numpy().tolist() == [0.5, 2.0]


def test_the_rate_is_that_of_the_inner_optimizer():
    optimizer = LossScaleOptimizer(SGD(0.5))
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == float(optimizer.learning_rate) == 0.25


def test_a_map_finds_exact_paths_then_expressions_then_the_default():
    default, one, many = SGD(), Adam(), SGD()
    found = OptimizerMap(default, {"encoder/.*": many})
    found["encoder/first/kernel"] = one
    assert found["encoder/first/kernel"] is one and found["encoder/bias"] is many
    assert found["decoder/encoder/bias"] is default and len(found) == 2
    found["encoder/b.*"] = SGD()
    with pytest.raises(ValueError, match="Multiple optimizers assigned to variable encoder/bias"):
        found["encoder/bias"]


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: OptimizerMap("sgd"), TypeError, "must be a Keras Optimizer instance"),
    (lambda: OptimizerMap(SGD(), [1]), TypeError, "must be a dictionary"),
    (lambda: OptimizerMap(SGD(), {"a": "sgd"}), ValueError, "must be a Keras Optimizer instance"),
    (lambda: OptimizerMap(SGD(), {"a": LossScaleOptimizer(SGD())}), ValueError,
     "cannot be LossScaleOptimizer"),
    (lambda: MultiOptimizer(lambda v: "sgd").build(variables("a")), ValueError, "Received: sgd"),
    (lambda: MultiOptimizer(OptimizerMap(SGD())).learning_rate, AttributeError, "sub-optimizers"),
    (lambda: LossScaleOptimizer(SGD(), clipnorm=1.0), ValueError, "set them on the"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_function_may_choose():
    fast, slow = SGD(1.0), SGD(0.1, momentum=0.5)
    optimizer = MultiOptimizer(lambda v: fast if "a" in v.path else slow)
    a, b = variables("a", "b")
    for _ in range(2):
        optimizer.apply([np.ones(2, "float32")] * 2, [a, b])
    assert a.numpy().tolist() == [-1, -1]
    np.testing.assert_allclose(b.numpy(), 1 - 0.1 - 0.15, 1e-6)
    assert int(fast.iterations) == int(slow.iterations) == int(optimizer.iterations) == 2
    with pytest.raises(ValueError, match="use an OptimizerMap"):
        MultiOptimizer.from_config(optimizer.get_config())


@pytest.mark.parametrize("make", [
    lambda: LossScaleOptimizer(Adam(0.1, clipnorm=1.0), initial_scale=2.0),
    lambda: MultiOptimizer(OptimizerMap(SGD(0.1), {"a": Adam(beta_1=0.5)}), loss_scale_factor=2.0),
    lambda: optimizers.Muon(0.1, exclude_layers=["a"], rms_rate=None),
    lambda: optimizers.ScheduleFreeAdamW(warmup_steps=3),
])  # fmt: skip
def test_configurations_make_equal_optimizers(make):
    optimizer = make()
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()


def test_muon_leaves_vectors_and_embeddings_to_adam():
    """As Adam itself does it, with its own decay; matrices have no velocity."""
    w = fncompile.Variable(np.ones((2, 3), "float32"), name="kernel")
    others = [fncompile.Variable(np.ones((2, 3), "float32"), name="embeddings"), *variables("bias")]
    muon = optimizers.Muon(0.1, weight_decay=0.0, adam_weight_decay=0.2)
    gradients = [np.arange(6, dtype="float32").reshape(2, 3) - 2, np.float32([1, -2])]
    muon.apply([gradients[0], *gradients], [w, *others])
    names = [v.name.rsplit("_")[-1] for v in muon.variables[2:]]
    assert names == ["momentum", "momentum", "velocity", "momentum", "velocity"]
    alone = [fncompile.Variable(np.ones(g.shape, "float32")) for g in gradients]
    Adam(0.1, weight_decay=0.2).apply(gradients, alone)
    for a, b in zip(others, alone):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_step_of_muon_has_singular_values_of_about_one():
    w = fncompile.Variable(np.zeros((4, 3), "float32"), name="kernel")
    g = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    optimizers.Muon(1.0, rms_rate=None, weight_decay=None).apply([g], [w])
    left, sizes, right = np.linalg.svd(g.astype("float64"), full_matrices=False)
    sizes = sizes / np.linalg.norm(sizes)
    for _ in range(5):
        sizes = 3.4445 * sizes - 4.7750 * sizes**3 + 2.0315 * sizes**5
    assert sizes.min() > 0.6 and sizes.max() < 1.3
    np.testing.assert_allclose(w.numpy(), -(left * sizes) @ right, 1e-4, 1e-5)


def test_the_point_that_schedule_free_steps_start_from_begins_at_the_weights():
    [w] = variables("w")
    optimizer = optimizers.ScheduleFreeAdamW(0.1)
    optimizer.build([w])
    assert optimizer.slot("momentum", w).numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("arguments", "message"), [
    (dict(dynamic=False), "set `loss_scale_factor`"),
    (dict(foo=True, bar=3), "arguments: `foo`, `bar`"),
    (dict(ema_momentum=0.5), "`inner_optimizer`"), (dict(clipnorm=1.0), "`inner_optimizer`"),
])  # fmt: skip
def test_arguments_that_the_inner_optimizer_should_have(arguments, message):
    with pytest.raises(ValueError, match=message):
        LossScaleOptimizer(SGD(), **arguments)


def test_a_loss_that_is_a_number_is_scaled():
    assert LossScaleOptimizer(SGD(), 8.0, dynamic=True, ema_momentum=0.99).scale_loss(1.0) == 8.0
