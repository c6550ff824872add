"""Learning rates that follow the number of steps done, written in ops so that they compile.

A schedule is a callable from the iteration (a scalar, or a number) to the learning rate. Formulas
are those of Keras' schedules.
"""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops
from fncompile.config import floatx
from fncompile.identifiers import Described, Family, by_name
from fncompile.missing import explain_missing


class LearningRateSchedule(Described):
    """Base: `__call__(step)` gives the learning rate; `get_config` the constructor's arguments.

    `step`: the number of steps done, a scalar tensor.

    >>> class Halve(optimizers.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * ops.power(0.5, ops.cast(step, "float32"))
    >>> round(float(Halve()(2)), 4)
    0.025
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order "
            "to be serialized."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule from what `get_config` gave."""
        return cls(**config)


class _Schedule(LearningRateSchedule):
    """A schedule whose attributes are its constructor's arguments, listed in `fields`."""

    fields: tuple[str, ...]

    def get_config(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self.fields}

    def _require_positive(self, field: str) -> None:
        if getattr(self, field) <= 0:
            raise ValueError(
                f"Argument `{field}` must be > 0. Received: {field}={getattr(self, field)}"
            )


def _number(step: Any) -> Any:
    return ops.cast(step, floatx())


class _Decay(_Schedule):
    """`initial_learning_rate` times a function of `step / decay_steps`, whole with `staircase`."""

    fields = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name or type(self).__name__
        self._require_positive("decay_steps")

    def __call__(self, step: Any) -> Any:
        periods = _number(step) / self.decay_steps
        return self.initial_learning_rate * self.factor(
            ops.floor(periods) if self.staircase else periods
        )

    def factor(self, periods: Any) -> Any:
        raise NotImplementedError


class ExponentialDecay(_Decay):
    """`initial * decay_rate ** (step / decay_steps)`.

    `initial_learning_rate`, `decay_rate`: numbers; `staircase`: whole powers only. `name`: for the
    configuration only.

    >>> rate = optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> round(float(rate(20)), 4)
    0.025
    """

    def factor(self, periods: Any) -> Any:
        """What the first rate is multiplied by after so many `decay_steps`."""
        return ops.power(float(self.decay_rate), periods)


class InverseTimeDecay(_Decay):
    """`initial / (1 + decay_rate * step / decay_steps)`.

    `initial_learning_rate`, `decay_rate`: numbers; `staircase`: whole multiples of `decay_steps`
    only. `name`: for the configuration only.

    >>> rate = optimizers.schedules.InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)
    >>> round(float(rate(10)), 4)
    0.05
    """

    def factor(self, periods: Any) -> Any:
        """What the first rate is multiplied by after so many `decay_steps`."""
        return 1.0 / (1.0 + self.decay_rate * periods)


class PiecewiseConstantDecay(_Schedule):
    """`values[i]` where `boundaries[i-1] < step <= boundaries[i]`.

    `boundaries`: steps in rising order; `values`: one more than those, ValueError otherwise.
    `name`: for the configuration only.

    >>> rate = optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [round(float(rate(step)), 4) for step in (10, 11, 21)]
    [1.0, 0.5, 0.1]
    """

    fields = ("boundaries", "values", "name")

    def __init__(
        self, boundaries: list[float], values: list[float], name: str = "PiecewiseConstant"
    ):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of "
                f"length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, rate = _number(step), ops.cast(self.values[-1], floatx())
        for boundary, value in reversed(list(zip(self.boundaries, self.values, strict=False))):
            rate = ops.where(step <= float(boundary), float(value), rate)
        return rate


class PolynomialDecay(_Schedule):
    """From `initial_learning_rate` to `end_learning_rate` as `(1 - step / decay_steps) ** power`.

    With `cycle`, `decay_steps` grows to the next multiple of itself that is not below the step.

    `power`: a number. `name`: for the configuration only.

    >>> rate = optimizers.schedules.PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)
    >>> round(float(rate(5)), 4)
    0.05
    """

    fields = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        self._require_positive("decay_steps")

    def __call__(self, step: Any) -> Any:
        step, total = _number(step), float(self.decay_steps)
        if self.cycle:
            total = total * ops.maximum(ops.ceil(step / total), 1.0)
        else:
            step = ops.minimum(step, total)
        left = ops.power(1.0 - step / total, float(self.power))
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate


def _half_cosine(fraction: Any) -> Any:
    return 0.5 * (1.0 + ops.cos(math.pi * fraction))


class CosineDecay(_Schedule):
    """Linear warmup to `warmup_target`, then half a cosine to `alpha` of it (Loshchilov 2016).

    `initial_learning_rate`: where it starts; `decay_steps`: the steps of the cosine;
    `warmup_steps`: those of the warmup, without one if `warmup_target` is None. `name`: for the
    configuration only.

    >>> rate = optimizers.schedules.CosineDecay(0.1, decay_steps=10)
    >>> [round(float(rate(step)), 4) for step in (0, 5, 10)]
    [0.1, 0.05, 0.0]
    """

    fields = (
        "initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps",
    )  # fmt: skip

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        self._require_positive("decay_steps")

    def __call__(self, step: Any) -> Any:
        step = _number(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        warmup = float(self.warmup_steps)
        rise = (self.warmup_target - self.initial_learning_rate) / max(warmup, 1.0)
        rising = self.initial_learning_rate + rise * ops.minimum(step, warmup)
        return ops.where(step < warmup, rising, self._decayed(step - warmup, self.warmup_target))

    def _decayed(self, step: Any, top: float) -> Any:
        total = float(self.decay_steps)
        cosine = _half_cosine(ops.minimum(step, total) / total)
        return top * ((1.0 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(_Schedule):
    """Half cosines of `first_decay_steps * t_mul**i` steps, `m_mul**i` high (Loshchilov 2016).

    `initial_learning_rate`: the height of the first; `alpha`: what part of it is left at their
    ends. `name`: for the configuration only.

    >>> rate = optimizers.schedules.CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [round(float(rate(step)), 4) for step in (0, 5, 10)]
    [0.1, 0.05, 0.1]
    """

    fields = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name
        self._require_positive("first_decay_steps")

    def __call__(self, step: Any) -> Any:
        restart, fraction = self._period(_number(step) / self.first_decay_steps)
        height = ops.power(float(self.m_mul), restart)
        return self.initial_learning_rate * (
            (1.0 - self.alpha) * height * _half_cosine(fraction) + self.alpha
        )

    def _period(self, done: Any) -> tuple[Any, Any]:
        """Which period `done` (in first periods) lies in, and how far into it, in [0, 1)."""
        t_mul = float(self.t_mul)
        if t_mul == 1.0:
            restart = ops.floor(done)
            return restart, done - restart
        restarts = ops.log(1.0 - done * (1.0 - t_mul)) / math.log(t_mul)
        restart = ops.floor(restarts + 1e-5)  # float32 may fall short of the whole number
        before = (1.0 - ops.power(t_mul, restart)) / (1.0 - t_mul)
        return restart, (done - before) / ops.power(t_mul, restart)


_FAMILY = Family(
    "learning rate schedule",
    LearningRateSchedule,
    by_name((
        ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay,
        CosineDecayRestarts,
    )),
)  # fmt: skip
deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

explain_missing(
    __name__, "Another can be written as a subclass of `schedules.LearningRateSchedule`."
)
