"""Variables, learning rate, configuration and misuse of optimizers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import optimizers
from fncompile.graph.variable import Variable
from fncompile.optimizers import schedules


def variables():
    return [
        Variable(np.zeros(n, "float32"), name=name, path=f"d/{name}")
        for name, n in (("kernel", 2), ("bias", 1))
    ]


@pytest.mark.parametrize("optimizer, slots", [
    (optimizers.SGD(name="o"), []),
    (optimizers.SGD(momentum=0.9, name="o"), ["d_kernel_momentum", "d_bias_momentum"]),
    (optimizers.RMSprop(momentum=0.5, centered=True, name="o"),
     ["d_kernel_velocity", "d_bias_velocity", "d_kernel_momentum", "d_bias_momentum",
      "d_kernel_average_gradient", "d_bias_average_gradient"]),
    (optimizers.Adam(amsgrad=True, name="o"),
     ["d_kernel_momentum", "d_kernel_velocity", "d_bias_momentum", "d_bias_velocity",
      "d_kernel_velocity_hat", "d_bias_velocity_hat"]),
    (optimizers.Adagrad(name="o"), ["d_kernel_accumulator", "d_bias_accumulator"]),
    (optimizers.Adamax(name="o"), ["d_kernel_momentum", "d_kernel_norm", "d_bias_momentum",
                                   "d_bias_norm"]),
    (optimizers.Adadelta(name="o"), ["d_kernel_accumulated_grad", "d_kernel_accumulated_delta_var",
                                     "d_bias_accumulated_grad", "d_bias_accumulated_delta_var"]),
])  # fmt: skip
def test_variables_are_named_and_ordered_as_in_keras(optimizer, slots):
    optimizer.build(variables())
    assert [v.path for v in optimizer.variables] == [
        f"o/{n}" for n in ["iteration", "learning_rate", *slots]
    ]
    assert [v.dtype for v in optimizer.variables[:2]] == ["int32", "float32"]


def test_building_again_keeps_the_slots():
    weights, optimizer = variables(), optimizers.Adam()
    optimizer.build(weights)
    before = optimizer.variables
    optimizer.build(weights)
    assert all(a is b for a, b in zip(before, optimizer.variables, strict=True))
    assert optimizer.slot("momentum", weights[1]).shape == (1,)


def test_iterations_count_steps():
    weights, optimizer = variables(), optimizers.SGD()
    grads = [np.ones(2, "float32"), np.ones(1, "float32")]
    assert int(optimizer.apply_gradients(zip(grads, weights, strict=True))) == 1
    optimizer.apply(grads)
    assert int(optimizer.iterations) == 2


def test_learning_rate_can_be_read_and_assigned():
    weights, optimizer = variables(), optimizers.SGD(0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    optimizer.apply([np.ones(2, "float32"), np.ones(1, "float32")], weights)
    assert weights[0].numpy()[0] == -0.25
    optimizer.learning_rate.assign(0.125)
    assert float(optimizer.learning_rate) == 0.125


def test_a_schedule_moves_with_the_steps_and_cannot_be_assigned():
    weights, optimizer = variables(), optimizers.SGD(schedules.ExponentialDecay(1.0, 1, 0.5))
    for _ in range(3):
        optimizer.apply([np.ones(2, "float32"), np.ones(1, "float32")], weights)
    assert weights[0].numpy()[0] == -1.75
    assert float(optimizer.learning_rate) == 0.125
    assert len(optimizer.variables) == 1
    with pytest.raises(TypeError, match="its learning rate is not settable"):
        optimizer.learning_rate = 0.1


def test_a_schedule_can_take_the_place_of_a_number():
    optimizer = optimizers.SGD(0.5)
    optimizer.learning_rate = schedules.ExponentialDecay(1.0, 1, 0.5)
    assert float(optimizer.learning_rate) == 1.0


@pytest.mark.parametrize(
    "rate, wanted", [(lambda: 0.25, 0.25), (lambda step: 0.5 / (1.0 + step), 0.5)]
)
def test_functions_as_learning_rate(rate, wanted):
    weights, optimizer = variables(), optimizers.SGD(rate)
    optimizer.apply([np.ones(2, "float32"), np.ones(1, "float32")], weights)
    assert weights[0].numpy()[0] == -wanted


@pytest.mark.parametrize("rate", [-1.0, -1, float("nan"), np.float32("nan"), np.array(-2.0)])
@pytest.mark.parametrize("make", [
    optimizers.SGD, optimizers.Adam, lambda: optimizers.LossScaleOptimizer(optimizers.SGD())
])  # fmt: skip
def test_no_rate_that_exports_refuse_can_be_assigned(make, rate):
    """The C API answers FNC_BAD_ARGUMENT to it; what was there stays. Zero is a rate."""
    optimizer = make()
    optimizer.learning_rate = 0.0
    with pytest.raises(ValueError, match="at least 0"):
        optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == 0.0


@pytest.mark.parametrize("make, error, message", [
    (lambda: optimizers.SGD(1), ValueError, "Argument `learning_rate` should be float"),
    (lambda: optimizers.SGD("a"), ValueError, "Received instead: learning_rate=a"),
    (lambda: optimizers.SGD(-0.1, name="o"), ValueError, "of optimizer 'o' must be .* at least 0"),
    (lambda: optimizers.Adam(float("nan")), ValueError, "learning_rate=nan"),
    (lambda: optimizers.SGD(momentum=2), ValueError, "`momentum` must be a float between"),
    (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "Only one of `clipnorm`"),
    (lambda: optimizers.SGD(foo=1), ValueError, "Argument.s. not recognized: {'foo': 1}"),
    (lambda: optimizers.AdamW(weight_decay=None), ValueError, "`weight_decay` must be a float"),
    (lambda: optimizers.Adam(gradient_accumulation_steps=1), ValueError, "an integer >= 2"),
    (lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0), ValueError,
     "an integer >= 1 or None"),
    (lambda: optimizers.SGD(ema_momentum=2), ValueError, "`ema_momentum` must be in the range"),
    (lambda: optimizers.Lion(beta_1=0), ValueError, "`beta_1` must be in the range"),
    (lambda: optimizers.get("foo"), ValueError, "Could not interpret optimizer identifier: foo"),
    (lambda: optimizers.get(3), ValueError, "Could not interpret optimizer identifier: 3"),
    (lambda: optimizers.SGD().apply([np.ones(2)]), ValueError, "must already be built"),
    (lambda: optimizers.SGD().apply([np.ones(2)], variables()), ValueError,
     "1 gradients and 2 variables"),
    (lambda: optimizers.SGD().apply([None, None], variables()), ValueError,
     "No gradients provided"),
    (lambda: optimizers.Optimizer(0.1).apply([np.ones(2)], variables()[:1]), NotImplementedError,
     "must implement `update`"),
])  # fmt: skip
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_unknown_variables():
    optimizer = optimizers.Adam()
    optimizer.build(variables())
    with pytest.raises(ValueError, match="can only be called for the variables"):
        optimizer.apply([np.ones(2, "float32")], variables()[:1])


def test_missing_gradients_are_named_and_skipped():
    weights = variables()
    with pytest.warns(UserWarning, match="d/bias"):
        optimizers.SGD(1.0).apply([np.ones(2, "float32"), None], weights)
    assert weights[0].numpy()[0] == -1 and weights[1].numpy()[0] == 0


def test_spellings_of_tf2():
    assert float(optimizers.SGD(lr=0.25).learning_rate) == 0.25
    with pytest.warns(UserWarning, match="`decay` is no longer supported"):
        optimizers.SGD(decay=0.1)


@pytest.mark.parametrize(
    "name, cls",
    [
        ("sgd", "SGD"),
        ("ADAM", "Adam"),
        ("rmsprop", "RMSprop"),
        ("adamw", "AdamW"),
        ("Adamax", "Adamax"),
    ],
)
def test_names_in_any_case(name, cls):
    assert type(optimizers.get(name)).__name__ == cls


ALL = ["SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "Lion"]


@pytest.mark.parametrize("name", ALL)
def test_configuration_comes_back(name):
    optimizer = getattr(optimizers, name)(0.125, clipnorm=2.0, name="o")
    described = json.loads(json.dumps(optimizers.serialize(optimizer)))
    assert described["module"] == "keras.optimizers" and described["class_name"] == name
    again = optimizers.deserialize(described)
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()


def test_configuration_has_keras_keys():
    assert list(optimizers.RMSprop().get_config()) == [
        "name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue",
        "use_ema",
        "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
        "gradient_accumulation_steps",
        "rho", "momentum", "epsilon", "centered",
    ]  # fmt: skip
    assert optimizers.SGD(0.01).get_config()["learning_rate"] == np.float32(0.01)


def test_configuration_with_a_schedule():
    optimizer = optimizers.Adam(schedules.CosineDecay(0.1, 10))
    again = optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert isinstance(again._learning_rate, schedules.CosineDecay)
    assert again.get_config() == optimizer.get_config()
