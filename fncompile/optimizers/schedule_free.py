"""An optimizer that needs no schedule of its learning rate."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.variable import Variable
from fncompile.optimizers.optimizer import Optimizer, Slots


class ScheduleFreeAdamW(Optimizer):
    """Steps of Adam from a point z, and the mean x of all z; the weights are between them,
    `beta_1 x + (1 - beta_1) z` (Defazio et al. 2024).

    `learning_rate`: a number, a schedule or a function, which the first `warmup_steps` rise to;
    keyword arguments as for `Optimizer`. `beta_2` and `epsilon` as for `Adam`.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.ScheduleFreeAdamW(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    fields = ("beta_1", "beta_2", "epsilon", "warmup_steps")
    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.warmup_steps = warmup_steps

    def initial_value(self, slot: str, variable: Variable) -> Any:
        """z begins where the weights are."""
        return variable.numpy() if slot == "momentum" else super().initial_value(slot, variable)

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        if self.warmup_steps:
            lr = lr * ops.minimum(step / self.warmup_steps, 1.0)
        before, b = slots["momentum"], self.beta_1
        v = slots["velocity"] + (ops.square(g) - slots["velocity"]) * (1 - self.beta_2)
        size = ops.sqrt(v / (1.0 - ops.power(self.beta_2, step))) + self.epsilon
        z = before - lr * g / size
        mean = (w - (1 - b) * before) / b
        mean = (1.0 - 1.0 / step) * mean + z / step
        return (1 - b) * z + b * mean, {"momentum": z, "velocity": v}
