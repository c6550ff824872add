"""Optimizers in Keras' manner: `update_step` assigns to variables, and to what `build` made.

A mixin of `Optimizer`: what a user's own optimizer calls in `build` and `update_step`.
"""

from __future__ import annotations

from typing import Any

from fncompile import initializers
from fncompile.graph.naming import auto_name
from fncompile.graph.trace import suspended
from fncompile.graph.variable import Variable


class ByAssignment:
    """`add_variable` and its kin, and `assign` and its kin."""

    name: str
    _made: list[Variable]  # by `add_variable`, in order

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
        **unused: Any,
    ) -> Variable:
        """A variable of the optimizer; it is saved with its state."""
        name = name or auto_name("variable")
        with suspended():
            variable = Variable(
                initializers.get(initializer), tuple(shape), dtype or "float32", trainable=False,
                name=name, path=f"{self.name}/{name}",
            )  # fmt: skip
        self._made.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape and dtype of another, whose path is part of its name."""
        kind = name or "slot"
        full = f"{reference_variable.path}_{kind}".replace("/", "_")
        shape, dtype = reference_variable.shape, reference_variable.dtype
        return self.add_variable(shape, initializer, dtype, full)

    def add_optimizer_variables(
        self, trainable_variables: Any, name: Any, initializer: Any = "zeros"
    ) -> Any:
        """A list of variables like the trainable ones, or one list for each of several names."""
        names = [name] if isinstance(name, str) else list(name)
        found: list[list[Variable]] = [[] for _ in names]
        for variable in trainable_variables:
            for each, made in zip(names, found):
                made.append(self.add_variable_from_reference(variable, each, initializer))
        return found[0] if isinstance(name, str) else tuple(found)

    def assign(self, variable: Variable, value: Any) -> None:
        """Give the variable a value."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to the variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Take from the variable."""
        variable.assign_sub(value)
