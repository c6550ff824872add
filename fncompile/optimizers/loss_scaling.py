"""Losses made larger, so that small gradients are not rounded to 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fncompile import ops
from fncompile.graph.required import required
from fncompile.graph.variable import Variable
from fncompile.initializers import Constant
from fncompile.optimizers.optimizer import Optimizer


class LossScaleOptimizer(Optimizer):
    """An optimizer for gradients of a loss that is multiplied by a scale, `dynamic_scale`.

    The gradients are divided by it again. Where one is infinite or NaN nothing is moved and the
    scale is halved; after `dynamic_growth_steps` steps that were finite it is doubled.

    `inner_optimizer`: the one that moves the weights; `initial_scale`: the first scale. `compile`
    wraps the optimizer of a model of policy "mixed_float16" in one; bfloat16 has the exponents of
    float32 and needs none of this. A step of your own multiplies its loss by `scale_loss`, as
    `compile` does.

    >>> optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=4.0)
    >>> w = fncompile.Variable([1.0, 2.0])
    >>> optimizer.apply([np.array([4.0, -4.0])], [w])
    >>> w.numpy()
    array([0.9, 2.1], dtype=float32)
    """

    fields = ("inner_optimizer", "initial_scale", "dynamic_growth_steps")
    always_shown = ("inner_optimizer",)
    elementwise = False

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        _refuse(kwargs)
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = float(initial_scale)
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of the inner optimizer, the scale, and the count of finite steps."""
        if self.built:
            return
        variables = list(variables)
        self.step_counter = self.add_variable((), "zeros", "int32", "step_counter")
        scale = Constant(self.initial_scale)
        self.dynamic_scale = self.add_variable((), scale, "float32", "dynamic_scale")
        self.inner_optimizer.build(variables)
        self._trainable_variables, self.built = variables, True

    @property
    def variables(self) -> list[Variable]:
        """In Keras' order: its own, then those of the inner optimizer."""
        return [*super().variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """Those of the inner optimizer: steps that were finite."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """That of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale."""
        scale = self.dynamic_scale if self.built else self.initial_scale
        loss = ops.convert_to_tensor(loss)
        return ops.multiply(loss, ops.cast(scale, loss.dtype))

    @property
    def averages(self) -> bool:
        """As of the inner optimizer."""
        return self.inner_optimizer.averages

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """As the inner optimizer does it."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def _step(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        finite: Any = True
        for g in gradients:
            finite = ops.logical_and(finite, ops.all(ops.isfinite(g)))
        moved = [*variables, *self.inner_optimizer.variables]
        before = [ops.convert_to_tensor(v) for v in moved]
        scaled = [
            g if v.overwrite_with_gradient else g / ops.cast(self.dynamic_scale, g.dtype)
            for g, v in zip(gradients, variables)
        ]
        self.inner_optimizer._step(scaled, variables)
        for variable, old in zip(moved, before):
            variable.assign(ops.where(finite, variable, old))
        full = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
        factor = ops.where(finite, ops.where(full, 2.0, 1.0), 0.5)
        self.dynamic_scale.assign(self.dynamic_scale * factor)
        self.step_counter.assign(
            ops.where(ops.logical_and(finite, ops.logical_not(full)), self.step_counter + 1, 0)
        )
        self._iterations.assign_add(1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        from fncompile import optimizers

        return {
            "name": self.name,
            "inner_optimizer": optimizers.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """The optimizer that `get_config` described."""
        from fncompile import optimizers

        inner = required(config, "inner_optimizer", cls.__name__)
        inner = optimizers.deserialize(inner, custom_objects)
        return cls(**{**config, "inner_optimizer": inner})


# Arguments of an Optimizer, and what they are where nothing is asked for, as in files of Keras.
_OF_INNER = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None,
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


def _refuse(arguments: dict[str, Any]) -> None:
    """ValueError where one of these asks for something."""
    if not arguments.pop("dynamic", True):
        raise ValueError(
            "LossScaleOptimizer does not support `dynamic=False`: set `loss_scale_factor` on the "
            "optimizer itself."
        )
    unknown = ", ".join(f"`{name}`" for name in arguments if name not in _OF_INNER)
    if unknown:
        raise ValueError(f"LossScaleOptimizer does not support arguments: {unknown}.")
    asked = [name for name, value in arguments.items() if value != _OF_INNER[name]]
    if asked:
        raise ValueError(
            "LossScaleOptimizer does not support these arguments: set them on the "
            f"`inner_optimizer`. Received: {asked}"
        )
