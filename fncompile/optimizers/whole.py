"""Optimizers that look at whole variables, or at numbers that all of them share.

`elementwise` is False in them: the step that they make is compiled variable by variable, not as one
sweep over all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fncompile import ops
from fncompile.graph.variable import Variable
from fncompile.optimizers import over_steps
from fncompile.optimizers.adaptive import moments
from fncompile.optimizers.optimizer import Optimizer, Slots


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2015): `beta_1` grows with the steps.

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `beta_1`, `beta_2` and `epsilon` as for `Adam`.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Nadam(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.894, 2.106], dtype=float32)
    """

    fields = ("beta_1", "beta_2", "epsilon")
    slot_groups = (("momentum", "velocity"),)
    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`, and the product of the betas so far."""
        if self.built:
            return
        variables = list(variables)
        dtype = variables[0].dtype if variables else "float32"
        super().build(variables)
        self._product = self.add_variable((), "ones", dtype, "product")

    def begin_step(self) -> None:
        """Multiply the betas; of steps whose gradients are added up, in the last."""
        step = ops.cast(self.iterations + 1, self._product.dtype)
        product = self._product * self._beta(step)
        if self.gradient_accumulation_steps:
            product = ops.where(over_steps.is_due(self), product, self._product)
        self._product.assign(product)

    def _beta(self, step: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * ops.power(0.96, step))

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        now, after = self._beta(step), self._beta(step + 1.0)
        product = ops.cast(self._product, w.dtype)
        m, v = moments(g, slots, self.beta_1, self.beta_2)
        ahead = after * m / (1.0 - product * after) + (1.0 - now) * g / (1.0 - product)
        size = ops.sqrt(v / (1.0 - ops.power(self.beta_2, step)))
        return w - ahead * lr / (size + self.epsilon), {"momentum": m, "velocity": v}


class Lamb(Optimizer):
    """Adam whose step is as long, for each variable, as its weights are (You et al. 2019).

    `learning_rate`: a number, a schedule or a function; keyword arguments as for `Optimizer`.
    `beta_1`, `beta_2` and `epsilon` as for `Adam`.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Lamb(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.842, 2.158], dtype=float32)
    """

    fields = ("beta_1", "beta_2", "epsilon")
    slot_groups = (("momentum", "velocity"),)
    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        m, v = moments(g, slots, self.beta_1, self.beta_2)
        mean = m / (1.0 - ops.power(self.beta_1, step))
        square = v / (1.0 - ops.power(self.beta_2, step))
        change = mean / (ops.sqrt(square) + self.epsilon)
        long, far = _length(w), _length(change)
        some = (long > 0) & (far > 0)
        ratio = ops.where(some, long / ops.where(some, far, 1.0), 1.0)
        return w - ratio * lr * change, {"momentum": m, "velocity": v}


def _length(x: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(x)))


class Adafactor(Optimizer):
    """Adam that keeps, of squared gradients of matrices, sums of rows and columns alone (Shazeer
    and Stern 2018).

    `learning_rate`: a number, a schedule or a function; more than `1 / sqrt(step)` counts as that,
    whatever `relative_step` says, as in Keras 3. Keyword arguments as for `Optimizer`.
    `beta_2_decay`: how fast the mean of squares slows down; `epsilon_1` is added to squares,
    `epsilon_2` is the least size of weights that steps are scaled by; `clip_threshold`: how large
    the root mean square of a step may be.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = optimizers.Adafactor(0.1).apply_gradients([(np.array([0.5, -0.5]), w)])
    >>> w.numpy().round(3)
    array([0.842, 2.158], dtype=float32)
    """

    fields = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
    slot_groups = (("row", "column", "velocity"),)
    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def slot_shape(self, slot: str, variable: Variable) -> tuple[int, ...]:
        """Rows and columns lack an axis; of vectors there are none, and one number stands there."""
        shape = variable.shape
        if slot not in ("row", "column"):
            return shape
        if len(shape) < 2:
            return ()
        return shape[:-1] if slot == "row" else (*shape[:-2], shape[-1])

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        new = dict(slots)
        keep = 1.0 - ops.power(step, self.beta_2_decay)
        rate = ops.minimum(lr, 1.0 / ops.sqrt(step))
        squares = ops.square(g) + self.epsilon_1
        if len(g.shape) < 2:
            v = new["velocity"] = keep * slots["velocity"] + (1.0 - keep) * squares
        else:
            r = new["row"] = keep * slots["row"] + (1.0 - keep) * ops.mean(squares, axis=-1)
            c = new["column"] = keep * slots["column"] + (1.0 - keep) * ops.mean(squares, axis=-2)
            r = r / ops.mean(r, axis=-1, keepdims=True)
            v = ops.expand_dims(r, -1) * ops.expand_dims(c, -2)
        change = g * ops.rsqrt(v)
        change = change / ops.maximum(1.0, _rms(change) / self.clip_threshold)
        return w - ops.maximum(self.epsilon_2, _rms(w)) * rate * change, new


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
