"""Muon: momentum of matrices made orthogonal, and Adam for all else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fncompile import ops
from fncompile.graph.variable import Variable
from fncompile.optimizers.adaptive import corrected, moments
from fncompile.optimizers.optimizer import Optimizer, Slots


class Muon(Optimizer):
    """Momentum whose singular values are made about equal, by `ns_steps` steps of Newton and Schulz
    (Jordan 2024); vectors, embeddings and other ranks than 2 are left to Adam.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `momentum`, `nesterov`: of matrices; `rms_rate`: a step is this times the root of the larger
    extent as long (Liu et al. 2025), None for as long as it is; `muon_a`, `muon_b`, `muon_c`: what
    a step does to a singular value s: a s + b s³ + c s⁵. `adam_beta_1`, `adam_beta_2`, `epsilon`,
    `adam_lr_ratio` (of the learning rate) and `adam_weight_decay` are Adam's; its variables are
    also those whose path matches one of `exclude_layers`, and with `exclude_embeddings` those of
    embeddings.

    >>> w = fncompile.Variable([[1.0, 2.0]])
    >>> step = optimizers.Muon(0.1).apply_gradients([(np.array([[3.0, -4.0]]), w)])
    >>> w.numpy().round(3)
    array([[0.988, 2.015]], dtype=float32)
    """

    fields = (
        "adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c",
        "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "exclude_embeddings",
        "adam_weight_decay", "rms_rate",
    )  # fmt: skip
    slot_groups = (("momentum", "velocity"),)
    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, weight_decay, **kwargs)
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.nesterov, self.ns_steps = momentum, nesterov, ns_steps
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings, self.rms_rate = exclude_embeddings, rms_rate

    def by_adam(self, variable: Variable) -> bool:
        """Is it one that Adam moves?"""
        embeds = self.exclude_embeddings and "embedding" in variable.path.lower()
        named = any(re.search(word, variable.path) for word in self.exclude_layers)
        return len(variable.shape) != 2 or embeds or named

    def slots_for(self, variable: Variable) -> tuple[str, ...]:
        """Only Adam has a velocity."""
        found = super().slots_for(variable)
        return found if self.by_adam(variable) else tuple(s for s in found if s != "velocity")

    def weight_decay_of(self, variable: Variable) -> float | None:
        """What is taken off a variable besides its update."""
        return self.adam_weight_decay if self.by_adam(variable) else self.weight_decay

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        if "velocity" in slots:
            return self._adam(w, g, slots, lr * self.adam_lr_ratio, step)
        m = self.momentum * slots["momentum"] + g
        change = self.zeropower_via_newtonschulz5(
            g + self.momentum * m if self.nesterov else m, self.ns_steps
        )
        return w - self.lr_adjust(lr * change), {"momentum": m}

    def _adam(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        m, v = moments(g, slots, self.adam_beta_1, self.adam_beta_2)
        rate = corrected(lr, step, self.adam_beta_1, self.adam_beta_2)
        return w - rate * m / (ops.sqrt(v) + self.epsilon), {"momentum": m, "velocity": v}

    def lr_adjust(self, x: Any) -> Any:
        """A change of a matrix, as long as `rms_rate` says."""
        return x if self.rms_rate is None else x * (max(x.shape) ** 0.5 * self.rms_rate)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """A matrix with the same singular vectors and singular values of about one."""
        high = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if high else x
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(steps):
            inner = ops.matmul(x, ops.transpose(x))
            both = self.muon_b * inner + self.muon_c * ops.matmul(inner, inner)
            x = self.muon_a * x + ops.matmul(both, x)
        return ops.transpose(x) if high else x
