"""The variables of an optimizer: the iteration, and the slots that each weight has.

A mixin of `Optimizer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.graph.variable import Variable
from fncompile.initializers import Constant
from fncompile.optimizers.over_steps import AVERAGE, SUM

Slots = dict[str, Any]


class State:
    """`build`, and what it makes: names, shapes and first values are the subclass's."""

    name: str
    built: bool
    use_ema: bool
    gradient_accumulation_steps: int | None
    slot_groups: tuple[tuple[str, ...], ...]
    slot_initial_value: float
    _iterations: Variable
    _learning_rate: Any
    _trainable_variables: list[Variable]
    _slots: dict[tuple[str, Variable], Variable]
    _made: list[Variable]

    def _variable(self, name: str, shape: tuple[int, ...], dtype: str, value: Any) -> Variable:
        path = f"{self.name}/{name}"
        return Variable(Constant(value), shape, dtype, trainable=False, name=name, path=path)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of `variables`; once built, nothing happens."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        for group in self._groups():
            for variable in self._trainable_variables:
                for slot in group:
                    if slot in self.slots_for(variable):
                        self._slots[slot, variable] = self._make_slot(slot, variable)
        self.built = True

    def _groups(self) -> tuple[tuple[str, ...], ...]:
        """`slot_groups`, behind those that every optimizer may have."""
        average = ((AVERAGE,),) if self.use_ema else ()
        accumulator = ((SUM,),) if self.gradient_accumulation_steps else ()
        return (*average, *accumulator, *self.slot_groups)

    def _make_slot(self, slot: str, variable: Variable) -> Variable:
        name = f"{variable.path}_{slot}".replace("/", "_")
        shared = slot in (SUM, AVERAGE)
        value = 0.0 if shared else self.initial_value(slot, variable)
        shape = variable.shape if shared else self.slot_shape(slot, variable)
        return self._variable(name, shape, variable.dtype, value)

    def initial_value(self, slot: str, variable: Variable) -> Any:
        """What the slot of a variable starts with: a number, or an array of its shape."""
        return self.slot_initial_value

    def slot_shape(self, slot: str, variable: Variable) -> tuple[int, ...]:
        """The shape of a slot; that of the variable, if `elementwise`."""
        return variable.shape

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots that each variable has."""
        return tuple(name for group in self._groups() for name in group)

    def slots_of(self, overwritten: bool) -> tuple[str, ...]:
        """`slots`, or those of a variable that is overwritten with its gradient."""
        return tuple(s for s in self.slots if s == SUM or not overwritten)

    def slots_for(self, variable: Variable) -> tuple[str, ...]:
        """The names of the slots of one variable; `slots_of`, unless a class looks at whole
        variables."""
        return self.slots_of(variable.overwrite_with_gradient)

    def slot(self, name: str, variable: Variable) -> Variable:
        """The slot `name` of `variable`; ValueError for a variable it was not built with."""
        if (name, variable) not in self._slots:
            raise ValueError(
                f"Unknown variable: {variable}. This optimizer can only be called for the "
                "variables it was originally built with. When working with a new set of "
                "variables, you should recreate a new optimizer instance."
            )
        return self._slots[name, variable]

    @property
    def variables(self) -> list[Variable]:
        """In Keras' order: iteration, learning rate (unless it is scheduled), slots."""
        rate = [self._learning_rate] if isinstance(self._learning_rate, Variable) else []
        return [self._iterations, *rate, *self._slots.values(), *self._made]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give `variables` these values, in their order. ValueError before `build`, and where a
        shape or the number of them differs; nothing is assigned then."""
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Call "
                "`optimizer.build(trainable_variables)` before."
            )
        own, given = self.variables, [np.asarray(weight) for weight in weights]
        if [v.shape for v in own] != [w.shape for w in given]:
            raise ValueError(
                f"Optimizer '{self.name}' has variables of the shapes {[v.shape for v in own]}. "
                f"Received: {[w.shape for w in given]}"
            )
        for variable, value in zip(own, given, strict=True):
            variable.assign(value)

    @property
    def iterations(self) -> Any:
        """How many steps were made: the variable that counts them, or, where gradients are added
        up, the number of sums that were followed."""
        k = self.gradient_accumulation_steps
        return ops.floor_divide(self._iterations, k) if k else self._iterations
