"""What all optimizers share: clipping, weight decay, configuration, and how a step is made.

A subclass names its slots and writes `update`. Where that is `elementwise` the compiler runs it
once over all parameters laid end to end; `apply` runs it for each variable. The order of a step
is Keras': add gradients up, clip them, decay weights, update, average, constrain, count. What goes
over several steps, sums of gradients and averages of weights, is in slots too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from fncompile import ops
from fncompile.graph.eager import wherever
from fncompile.graph.naming import auto_name, checked_text, to_snake_case
from fncompile.graph.stateless import with_values
from fncompile.graph.variable import Variable
from fncompile.identifiers import Described
from fncompile.ops.dispatch import wide_dtype
from fncompile.optimizers import arguments, over_steps, schedules
from fncompile.optimizers.by_assignment import ByAssignment
from fncompile.optimizers.clipping import clip_all_by_norm, clip_by_norm
from fncompile.optimizers.over_steps import AVERAGE, SUM
from fncompile.optimizers.rate import Rate
from fncompile.optimizers.state import Slots, State


class Optimizer(State, Rate, ByAssignment, Described):
    """Base of all optimizers.

    `learning_rate` is a float of at least 0, a `LearningRateSchedule`, or a function written in
    ops, of the iteration or of nothing. At most one of `clipnorm` (of each gradient),
    `global_clipnorm` (of all together) and `clipvalue` (of each element) is set. `weight_decay`
    takes `weight_decay * learning_rate * w` off each weight before its update.

    With `gradient_accumulation_steps` the mean of the gradients of so many steps is followed in the
    last of them, and `iterations` counts these. With `use_ema` there is an average of each weight,
    `ema_momentum * average + (1 - ema_momentum) * w` after each step; it replaces the weight every
    `ema_overwrite_frequency` iterations, and at the end of `fit`.

    `loss_scale_factor`: see `scale_loss`. `name`: made from the class if None. A subclass lists its
    constructor's arguments in `fields`.
    It writes `update`, which the compiler runs once over all variables laid end to end, or, where
    it sets `elementwise = False`, for each variable; or, as in Keras, `build` and `update_step`.

    >>> class SignDescent(optimizers.Optimizer):
    ...     def update(self, w, g, slots, lr, step):
    ...         return w - lr * ops.sign(g), slots
    >>> w = fncompile.Variable([1.0, 2.0])
    >>> step = SignDescent(0.5).apply_gradients([(np.array([3.0, -3.0]), w)])
    >>> w.numpy()
    array([0.5, 2.5], dtype=float32)
    """

    # Slot names; the slots of one inner tuple alternate, variable by variable, in `variables`.
    slot_groups: tuple[tuple[str, ...], ...] = ()
    slot_initial_value = 0.0
    # Does `update` do the same to each element? Then one sweep goes over all variables at once;
    # an optimizer that asks for norms or means of a variable says no, and gets each for itself.
    elementwise = True
    # A subclass's own constructor arguments, in the order of Keras' `get_config`.
    fields: tuple[str, ...] = ()
    always_shown = ("learning_rate",)

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        loss_scale_factor: float | None = None,
        **kwargs: Any,
    ):
        learning_rate = arguments.check_others(learning_rate, kwargs)
        arguments.check_clips(clipnorm, clipvalue, global_clipnorm)
        arguments.check_averages(ema_momentum, ema_overwrite_frequency)
        arguments.check_accumulation(gradient_accumulation_steps)
        self.name = checked_text(name) or auto_name(to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.loss_scale_factor = loss_scale_factor
        self.built = False
        self._iterations = self._variable("iteration", (), "int32", 0)
        self._learning_rate = self._as_rate(learning_rate)
        self._trainable_variables: list[Variable] = []
        self._slots: dict[tuple[str, Variable], Variable] = {}
        self._made: list[Variable] = []
        self._not_decayed: tuple[set[Variable], tuple[str, ...]] = (set(), ())

    # what a subclass writes ---------------------------------------------------------------------

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.update_step is not Optimizer.update_step:
            cls.elementwise = False

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        """The new weight and the new slots; `step` counts from 1. Element-wise, unless the class
        says otherwise by `elementwise = False`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update`.")

    # a step -------------------------------------------------------------------------------------

    def transform_gradients(self, gradients: Sequence[Any]) -> list[Any]:
        """The gradients, clipped as asked for."""
        if self.clipnorm and self.clipnorm > 0:
            return [clip_by_norm(g, self.clipnorm) for g in gradients]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_all_by_norm(list(gradients), self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        return list(gradients)

    def add_up(self, gradient: Any, before: Any, overwritten: bool = False) -> tuple[Any, Any]:
        """The sum of gradients and what to follow of it; see `over_steps.add_up`."""
        return over_steps.add_up(self, gradient, before, overwritten)

    def advance(
        self, w: Any, g: Any, slots: Slots, decay: float | None, total: Any = None
    ) -> tuple[Any, Slots]:
        """All of a step that is element-wise: weight decay where there is one, `update`, and what
        goes over several steps. `total` is the sum of which `g` is made.

        For weights of 16 bits computed in, and giving, float32: what Adam takes off those of
        bfloat16 would otherwise be 0, as 0.999 is 1 there."""
        w, g, slots = _wide(w), _wide(g), {name: _wide(slot) for name, slot in slots.items()}
        lr = ops.cast(self.current_learning_rate(self._iterations), w.dtype)
        step = ops.cast(self.iterations + 1, w.dtype)
        decayed = w - w * decay * lr if decay else w
        new, changed = self.update(decayed, g, slots, lr, step)
        if self.gradient_accumulation_steps:
            new, changed = over_steps.when_due(self, (new, changed), w, {**slots, SUM: total})
        if self.use_ema:
            new, average = over_steps.averaged(self, new, slots[AVERAGE])
            changed = {**changed, AVERAGE: average}
        return new, changed

    def overwrite(self, w: Any, g: Any, total: Any = None) -> tuple[Any, Slots]:
        """What `advance` is for a variable that is overwritten with its gradient."""
        return (g, {}) if total is None else over_steps.when_due(self, (g, {}), w, {SUM: total})

    @property
    def averages(self) -> bool:
        """Does it keep averages of weights, which take their place in the end?"""
        return self.use_ema

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put their averages in the place of these variables, where there are averages."""
        for variable in var_list if self.use_ema and self.built else ():
            if not variable.overwrite_with_gradient:
                variable.assign(self.slot(AVERAGE, variable).value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """One step for pairs of gradient and variable; gives the variable that counts steps."""
        gradients, variables = map(list, zip(*grads_and_vars, strict=True))
        self.apply(gradients, variables)
        return self._iterations

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """One step for gradients in the order of `trainable_variables`, or of those built with."""
        variables = arguments.check_variables(self, grads, trainable_variables)
        if not self.built:
            self.build(variables)
        wherever(self._step, *arguments.with_gradient(grads, variables))

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Any, trainable_variables: Any
    ) -> tuple[list[Any], list[Any]]:
        """What `apply` would make of these values of the variables that it was built with, and of
        `variables`: (trainable variables, optimizer variables). They stay as they are."""
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its "
                "variables must have been created). You can build it via "
                "`optimizer.build(trainable_variables)`."
            )
        trained = self._trainable_variables
        values = [*trainable_variables, *optimizer_variables]
        after = with_values(self.apply, [*trained, *self.variables], values, list(grads))[1]
        return after[: len(trained)], after[len(trained) :]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change one variable, and what belongs to it, by assignment. A subclass in Keras' manner
        writes it instead of `update`; weights were decayed before."""
        slots = {name: self.slot(name, variable) for group in self.slot_groups for name in group}
        step = ops.cast(self.iterations + 1, variable.dtype)
        lr = ops.cast(learning_rate, variable.dtype)
        self._assign(variable, *self.update(variable + 0.0, gradient, slots, lr, step))

    def scale_loss(self, loss: Any) -> Any:
        """The loss whose gradients `apply` takes: times `loss_scale_factor`, where there is one. A
        step of your own calls it; they are divided by it again."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def unscaled(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> list[Any]:
        """Gradients of the loss, from those of `scale_loss` of it."""
        factor = self.loss_scale_factor
        return [
            g if factor is None or v.overwrite_with_gradient else g / factor
            for g, v in zip(gradients, variables, strict=True)
        ]

    def begin_step(self) -> None:
        """What is done once before the variables of a step; not of an `elementwise` optimizer."""

    def _step(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        self.begin_step()
        gradients = self.unscaled(gradients, variables)
        totals: list[Any] = [None] * len(variables)
        if self.gradient_accumulation_steps:
            sums = [
                self.add_up(g, self.slot(SUM, v), v.overwrite_with_gradient)
                for g, v in zip(gradients, variables, strict=True)
            ]
            totals, gradients = map(list, zip(*sums, strict=True))
        used = [(g, v, t) for g, v, t in zip(gradients, variables, totals, strict=True)]
        for g, variable, total in used:
            if variable.overwrite_with_gradient:
                self._assign(variable, *self.overwrite(variable, g, total))
        used = [row for row in used if not row[1].overwrite_with_gradient]
        gradients = self.transform_gradients([g for g, _, _ in used])
        if type(self).update_step is not Optimizer.update_step:
            self._step_by_assignment(gradients, [v for _, v, _ in used])
            used = []
        for g, (_, variable, total) in zip(gradients, used):
            slots = {name: self.slot(name, variable) for name in self.slots_for(variable)}
            decay = self.weight_decay_of(variable) if self.uses_weight_decay(variable) else None
            w, new = self.advance(variable, g, slots, decay, total)
            constraint = variable.constraint
            self._assign(variable, w if constraint is None else constraint(w), new)
        self._average_others(variables)
        self._iterations.assign_add(1)

    def _step_by_assignment(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        if self.gradient_accumulation_steps or self.use_ema:
            raise NotImplementedError(
                f"{type(self).__name__} defines `update_step`, which has no part in "
                "`gradient_accumulation_steps` and `use_ema`: write `update` instead."
            )
        rate = self.current_learning_rate(self._iterations)
        for g, variable in zip(gradients, variables, strict=True):
            if self.uses_weight_decay(variable):
                variable.assign(variable - variable * self.weight_decay * rate)
            self.update_step(g, variable, rate)
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable + 0.0))

    def _assign(self, variable: Variable, value: Any, slots: Slots) -> None:
        variable.assign(value)
        for name, slot in slots.items():
            self.slot(name, variable).assign(slot)

    def _average_others(self, variables: Sequence[Variable]) -> None:
        """Variables that have no gradient in this step have averages all the same."""
        known = set(variables)
        for variable in self._trainable_variables if self.use_ema else ():
            if variable not in known and not variable.overwrite_with_gradient:
                slot = self.slot(AVERAGE, variable)
                value, average = over_steps.averaged(self, variable, slot)
                self._assign(variable, value, {AVERAGE: average})

    # weight decay -------------------------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Spare these variables, and those whose name or path matches one of these patterns."""
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay()` can only be configured before the optimizer is "
                "built."
            )
        self._not_decayed = (set(var_list or ()), tuple(var_names or ()))

    def uses_weight_decay(self, variable: Variable) -> bool:
        """Whether weight decay applies to `variable`."""
        listed, patterns = self._not_decayed
        texts = (variable.name, variable.path)
        spared = variable in listed or any(re.search(p, t) for p in patterns for t in texts)
        return bool(self.weight_decay_of(variable)) and not spared

    def weight_decay_of(self, variable: Variable) -> float | None:
        """The weight decay of a variable that is not spared it."""
        return self.weight_decay

    def treatment(self, variable: Variable) -> tuple[bool, bool]:
        """(is it decayed, is it overwritten by its gradient?): those alike are updated as one."""
        return self.uses_weight_decay(variable), variable.overwrite_with_gradient

    # configuration ------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        own = {field: getattr(self, field) for field in self.fields}
        return {
            "name": self.name,
            "learning_rate": self._rate_config(),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
            **own,
        }

    def _rate_config(self) -> Any:
        if isinstance(self._learning_rate, Variable):
            return float(self._learning_rate)
        return schedules.serialize(self._learning_rate)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Optimizer:
        """An optimizer from what `get_config` gave, without its state."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            rate = schedules.deserialize(config["learning_rate"], custom_objects)
            config["learning_rate"] = rate
        return cls(**config)


def _wide(x: Any) -> Any:
    return ops.cast(x, wide_dtype(x.dtype))
