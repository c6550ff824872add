"""What all optimizers share: state, learning rate, clipping, weight decay, and how a step is made.

A subclass names its slots and writes `update`, which is purely element-wise: the compiler runs it
once over all parameters laid end to end, and `apply` runs it for each variable. The order of a step
is Keras': clip gradients, decay weights, update, constrain, count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from fncompile import ops
from fncompile.config import floatx
from fncompile.graph.eager import wherever
from fncompile.graph.naming import auto_name, to_snake_case
from fncompile.graph.variable import Variable
from fncompile.identifiers import Described
from fncompile.initializers import Constant
from fncompile.optimizers import arguments, schedules
from fncompile.optimizers.clipping import clip_all_by_norm, clip_by_norm

Slots = dict[str, Any]


class Optimizer(Described):
    """Base of all optimizers.

    `learning_rate` is a float, a `LearningRateSchedule`, or a function written in ops, of the
    iteration or of nothing. At most one of `clipnorm` (of each gradient), `global_clipnorm` (of all
    together) and `clipvalue` (of each element) is set. `weight_decay` takes
    `weight_decay * learning_rate * w` off each weight before its update.

    `name`: made from the class if None. A subclass lists its constructor's arguments in `fields`.

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
        name: str | None = None,
        **kwargs: Any,
    ):
        learning_rate = arguments.check_others(learning_rate, kwargs)
        arguments.check_clips(clipnorm, clipvalue, global_clipnorm)
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.built = False
        self.iterations = self._variable("iteration", (), "int32", 0)
        self._learning_rate = self._as_rate(learning_rate)
        self._trainable_variables: list[Variable] = []
        self._slots: dict[tuple[str, Variable], Variable] = {}
        self._not_decayed: tuple[set[Variable], tuple[str, ...]] = (set(), ())

    # what a subclass writes ---------------------------------------------------------------------

    def update(self, w: Any, g: Any, slots: Slots, lr: Any, step: Any) -> tuple[Any, Slots]:
        """The new weight and the new slots; `step` counts from 1. Element-wise only."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update`.")

    # state --------------------------------------------------------------------------------------

    def _variable(self, name: str, shape: tuple[int, ...], dtype: str, value: float) -> Variable:
        path = f"{self.name}/{name}"
        return Variable(Constant(value), shape, dtype, trainable=False, name=name, path=path)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`; once built, nothing happens."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        updated = [v for v in self._trainable_variables if not v.overwrite_with_gradient]
        for group in self.slot_groups:
            for variable in updated:
                for slot in group:
                    self._slots[slot, variable] = self._make_slot(slot, variable)
        self.built = True

    def _make_slot(self, slot: str, variable: Variable) -> Variable:
        name = f"{variable.path}_{slot}".replace("/", "_")
        return self._variable(name, variable.shape, variable.dtype, self.slot_initial_value)

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots that each variable has."""
        return tuple(name for group in self.slot_groups for name in group)

    def slot(self, name: str, variable: Variable) -> Variable:
        """The slot `name` of `variable`; ValueError for a variable it was not built with."""
        if (name, variable) not in self._slots:
            raise ValueError(
                f"Unknown variable: {variable}. This optimizer can only be called for the "
                "variables "
                "it was originally built with. When working with a new set of variables, you "
                "should "
                "recreate a new optimizer instance."
            )
        return self._slots[name, variable]

    @property
    def variables(self) -> list[Variable]:
        """In Keras' order: iteration, learning rate (unless it is scheduled), slots."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self.iterations, *rate, *self._slots.values()]

    # learning rate ------------------------------------------------------------------------------

    def _as_rate(self, value: Any) -> Any:
        value = schedules.deserialize(value) if isinstance(value, dict) else value
        if isinstance(value, float):
            return self._variable("learning_rate", (), floatx(), value)
        if not callable(value):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of "
                "LearningRateSchedule, or "
                "a callable (that takes in the current iteration value and returns the "
                "corresponding "
                f"learning rate value). Received instead: learning_rate={value}"
            )
        return value

    @property
    def learning_rate(self) -> Any:
        """The variable that holds the rate, or the present value of a schedule. Can be assigned."""
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self.current_learning_rate(self.iterations)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(value)
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its "
                "`learning_rate` constructor argument, hence its learning rate is not settable. If "
                "you need the learning rate to be settable, you should instantiate the optimizer "
                "with a float `learning_rate` argument."
            )

    def current_learning_rate(self, iteration: Any) -> Any:
        """The rate at `iteration`: the variable, or the schedule's value there."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        return rate(iteration) if arguments.takes_argument(rate) else rate()

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

    def advance(
        self, w: Any, g: Any, slots: Slots, lr: Any, step: Any, decay: bool
    ) -> tuple[Any, Slots]:
        """`update`, after weight decay where `decay` says so. `step` is iterations + 1.

        For weights of bfloat16 computed in, and giving, float32: what Adam takes off them would
        otherwise be 0, as 0.999 is 1 in bfloat16."""
        w, g, slots = _wide(w), _wide(g), {name: _wide(slot) for name, slot in slots.items()}
        lr, step = ops.cast(lr, w.dtype), ops.cast(step, w.dtype)
        if decay and self.weight_decay:
            w = w - w * self.weight_decay * lr
        return self.update(w, g, slots, lr, step)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """One step for pairs of gradient and variable; gives `iterations`."""
        gradients, variables = map(list, zip(*grads_and_vars, strict=True))
        self.apply(gradients, variables)
        return self.iterations

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """One step for gradients in the order of `trainable_variables`, or of those built with."""
        variables = arguments.check_variables(self, grads, trainable_variables)
        self.build(variables)
        wherever(self._step, *arguments.with_gradient(grads, variables))

    def _step(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        lr, step = self.current_learning_rate(self.iterations), self.iterations + 1
        pairs = list(zip(gradients, variables, strict=True))
        for g, variable in pairs:
            if variable.overwrite_with_gradient:
                variable.assign(g)
        pairs = [(g, v) for g, v in pairs if not v.overwrite_with_gradient]
        gradients = self.transform_gradients([g for g, _ in pairs])
        for g, (_, variable) in zip(gradients, pairs, strict=True):
            slots = {name: self.slot(name, variable) for name in self.slots}
            decay = self.uses_weight_decay(variable)
            w, new = self.advance(variable, g, slots, lr, step, decay)
            variable.assign(variable.constraint(w) if variable.constraint is not None else w)
            for name, slot in slots.items():
                slot.assign(new[name])
        self.iterations.assign_add(1)

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
        return bool(self.weight_decay) and not spared

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
            **arguments.NOT_SUPPORTED,
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
    return ops.cast(x, "float32") if x.dtype == "bfloat16" else x
