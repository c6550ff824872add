"""The learning rate of an optimizer: a variable, a schedule, or a function of the user's.

A mixin of `Optimizer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fncompile.config import floatx
from fncompile.graph.variable import Variable
from fncompile.optimizers import arguments, schedules


class Rate:
    """`learning_rate`, and what it is at an iteration."""

    name: str
    _iterations: Variable
    _learning_rate: Any

    if TYPE_CHECKING:  # of the state

        def _variable(
            self, name: str, shape: tuple[int, ...], dtype: str, value: Any
        ) -> Variable: ...

    def _as_rate(self, value: Any) -> Any:
        value = schedules.deserialize(value) if isinstance(value, dict) else value
        if isinstance(value, float):
            arguments.check_rate(self.name, value)
            return self._variable("learning_rate", (), floatx(), value)
        if not callable(value):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of "
                "LearningRateSchedule, or a callable (that takes in the current iteration value "
                "and returns the corresponding learning rate value). Received instead: "
                f"learning_rate={value}"
            )
        return value

    @property
    def learning_rate(self) -> Any:
        """The variable that holds the rate, or the present value of a schedule. Can be
        assigned, but for NaN and what is negative: ValueError."""
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self.current_learning_rate(self._iterations)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            arguments.check_rate(self.name, value)
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
