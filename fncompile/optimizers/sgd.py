"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.optimizers.optimizer import Optimizer, Slots


class SGD(Optimizer):
    """`w -= lr g`; with momentum `m = μ m - lr g; w += m`, by Nesterov `w += μ m - lr g`.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `momentum`: μ; `nesterov`: whether by Nesterov.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.SGD(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy()
    array([0.95, 2.05], dtype=float32)
    """

    fields = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self.momentum = momentum
        self.nesterov = nesterov
        self.slot_groups = (("momentum",),) if momentum else ()

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        if not self.momentum:
            return w - lr * g, {}
        m = self.momentum * slots["momentum"] - lr * g
        return w + (self.momentum * m - lr * g if self.nesterov else m), {"momentum": m}


class Lion(Optimizer):
    """`w -= lr sign(b1 m + (1 - b1) g)` (Chen et al. 2023).

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `beta_1` and `beta_2`: b1, and how much of m stays.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Lion(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.9, 2.1], dtype=float32)
    """

    fields = ("beta_1", "beta_2")
    slot_groups = (("momentum",),)

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **kwargs: Any
    ):
        super().__init__(learning_rate, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ValueError(
                "`beta_1` must be in the range (0, 1]. Otherwise, the optimizer degenerates to "
                f"SignSGD. Received: beta_1={beta_1}."
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        m = slots["momentum"]
        direction = ops.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        return w - lr * direction, {"momentum": self.beta_2 * m + (1 - self.beta_2) * g}
