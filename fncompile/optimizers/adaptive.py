"""Optimizers that scale each step by the size of past gradients.

Epsilon stands where Keras has it: inside the root for RMSprop, Adagrad, Adadelta, outside for Adam.
"""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.variable import Variable
from fncompile.optimizers.optimizer import Optimizer, Slots


class RMSprop(Optimizer):
    """`v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon)` (Hinton 2012).

    `centered` takes the square of the mean gradient off `v`; with `momentum` the step accumulates.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `epsilon` keeps the division finite.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.RMSprop(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.684, 2.316], dtype=float32)
    """

    fields = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        wanted = {"velocity": True, "momentum": momentum > 0, "average_gradient": centered}
        self.slot_groups = tuple((name,) for name, present in wanted.items() if present)

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        new = {"velocity": self.rho * slots["velocity"] + (1 - self.rho) * ops.square(g)}
        scale = new["velocity"] + self.epsilon
        if self.centered:
            new["average_gradient"] = self.rho * slots["average_gradient"] + (1 - self.rho) * g
            scale = scale - ops.square(new["average_gradient"])
        change = lr * g * ops.rsqrt(scale)
        if self.momentum > 0:
            change = new["momentum"] = self.momentum * slots["momentum"] + change
        return w - change, new


class Adam(Optimizer):
    """Means of gradient and squared gradient, corrected for their start (Kingma and Ba 2014).

    `m += (1 - b1)(g - m); v += (1 - b2)(g^2 - v)`;
    `w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)`; `amsgrad` uses the largest `v`.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `beta_1` and `beta_2` are b1 and b2.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Adam(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    fields = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.slot_groups = (("momentum", "velocity"), *([("velocity_hat",)] if amsgrad else []))

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        m, v = moments(g, slots, self.beta_1, self.beta_2)
        new = {"momentum": m, "velocity": v}
        if self.amsgrad:
            v = new["velocity_hat"] = ops.maximum(slots["velocity_hat"], v)
        rate = corrected(lr, step, self.beta_1, self.beta_2)
        return w - rate * m / (ops.sqrt(v) + self.epsilon), new


def moments(g: Any, slots: Slots, beta_1: float, beta_2: float) -> tuple[Any, Any]:
    """Adam's means of gradient and squared gradient, `g` among them."""
    m, v = slots["momentum"], slots["velocity"]
    return m + (g - m) * (1 - beta_1), v + (ops.square(g) - v) * (1 - beta_2)


def corrected(lr: Any, step: Any, beta_1: float, beta_2: float) -> Any:
    """The rate that makes up for `moments` that start at 0."""
    return lr * ops.sqrt(1.0 - ops.power(beta_2, step)) / (1.0 - ops.power(beta_1, step))


class AdamW(Adam):
    """Adam with weight decay (Loshchilov and Hutter 2017).

    `weight_decay`: a number; other arguments as for `Adam`, `learning_rate` among them.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> optimizers.AdamW(0.1, weight_decay=0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    <Variable path=adam_w/iteration, shape=(), dtype=int32, value=1>
    >>> w.numpy().round(3)
    array([0.89, 2.08], dtype=float32)
    """

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.004, *args: Any, **kwargs: Any
    ):
        super().__init__(learning_rate, *args, weight_decay=weight_decay, **kwargs)
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


class Adamax(Optimizer):
    """Adam by the infinity norm (Kingma and Ba 2014): `u = max(b2 u, |g|)` in the place of
    `sqrt(v)`.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `beta_1`, `beta_2` and `epsilon` as for `Adam`.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Adamax(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    fields = ("beta_1", "beta_2", "epsilon")
    slot_groups = (("momentum", "norm"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - self.beta_1)
        u = ops.maximum(self.beta_2 * slots["norm"], ops.absolute(g))
        rate = lr / (1.0 - ops.power(self.beta_1, step))
        return w - rate * m / (u + self.epsilon), {"momentum": m, "norm": u}


class Adagrad(Optimizer):
    """`a += g^2; w -= lr g / sqrt(a + epsilon)` (Duchi et al. 2011).

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `initial_accumulator_value`: what `a` starts with; `epsilon` keeps the division finite.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Adagrad(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.915, 2.085], dtype=float32)
    """

    fields = ("initial_accumulator_value", "epsilon")
    slot_groups = (("accumulator",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = self.slot_initial_value = initial_accumulator_value
        self.epsilon = epsilon

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        a = slots["accumulator"] + ops.square(g)
        return w - lr * g * ops.rsqrt(a + self.epsilon), {"accumulator": a}


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013): weights whose sum of gradients stays
    below `l1_regularization_strength` are 0.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `learning_rate_power`: minus how fast steps shrink, not above 0; `initial_accumulator_value`:
    what the sum of squares starts with, not below 0; `l2_regularization_strength`: a penalty,
    `l2_shrinkage_regularization_strength`: one of the gradient alone; `beta`: added to the roots of
    sums of squares. ValueError for others.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Ftrl(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.381, 1.015], dtype=float32)
    """

    fields = (
        "learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
        "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta",
    )  # fmt: skip
    slot_groups = (("accumulator", "linear"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in self.fields[:5]:
            value = getattr(self, name)
            if value > 0 if name == "learning_rate_power" else value < 0:
                sign = "negative" if name == "learning_rate_power" else "positive"
                raise ValueError(
                    f"`{name}` needs to be {sign} or zero. Received: {name}={value}."
                )

    def initial_value(self, slot: str, variable: Variable) -> Any:
        """What a slot starts with."""
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        power = -self.learning_rate_power
        sum_of_squares = slots["accumulator"] + ops.square(g)
        root = ops.power(sum_of_squares, power)
        shrunk = g + 2.0 * self.l2_shrinkage_regularization_strength * w
        change = (root - ops.power(slots["accumulator"], power)) / lr
        linear = slots["linear"] + shrunk - change * w
        penalty = self.l2_regularization_strength + self.beta / (2.0 * lr)
        least = self.l1_regularization_strength
        w = (ops.clip(linear, -least, least) - linear) / (root / lr + 2.0 * penalty)
        return w, {"accumulator": sum_of_squares, "linear": linear}


class Adadelta(Optimizer):
    """Steps of the size of past steps (Zeiler 2012): `w -= lr g sqrt(d + eps) / sqrt(a + eps)`.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `rho`: how much of the means of squares stays; `epsilon` is eps.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Adadelta(1.0).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.999, 2.001], dtype=float32)
    """

    fields = ("rho", "epsilon")
    slot_groups = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        a, d = slots["accumulated_grad"], slots["accumulated_delta_var"]
        a = self.rho * a + (1 - self.rho) * ops.square(g)
        delta = g * ops.sqrt(d + self.epsilon) * ops.rsqrt(a + self.epsilon)
        d = self.rho * d + (1 - self.rho) * ops.square(delta)
        return w - lr * delta, {"accumulated_grad": a, "accumulated_delta_var": d}
