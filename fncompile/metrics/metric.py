"""The base of metrics: state in variables, updated batch by batch, read as a result."""

from __future__ import annotations

from typing import Any

from fncompile import initializers, ops
from fncompile.config import floatx
from fncompile.graph.naming import auto_name, checked_text, to_snake_case
from fncompile.graph.nest import NESTS, flatten
from fncompile.graph.stateless import with_values
from fncompile.graph.trace import suspended
from fncompile.graph.variable import Variable
from fncompile.ops.dispatch import compute_dtype, standard_dtype


class Metric:
    """Base of metrics.

    A subclass makes its state with `add_variable`, and writes `update_state` and `result` in ops,
    so that they run on arrays and inside a compiled step alike. A metric held by a metric is part
    of it.

    `dtype`: what to compute in, floatx if None; `name`: made from the class if None.

    >>> class Largest(metrics.Metric):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.most = self.add_variable((), initializer="zeros", name="most")
    ...     def update_state(self, values, sample_weight=None):
    ...         self.most.assign(ops.maximum(self.most, ops.max(values)))
    ...     def result(self):
    ...         return self.most
    >>> metric = Largest()
    >>> metric.update_state([1.0, 7.0])
    >>> metric.update_state([3.0])
    >>> float(metric.result())
    7.0
    """

    built = True  # whether it has all its variables; one that needs shapes says no until `build`

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = checked_text(name) or auto_name(to_snake_case(type(self).__name__))
        self._dtype = compute_dtype(dtype) if dtype else floatx()
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the computation and the state."""
        return self._dtype

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A new variable of the metric, path `metric/name`; `reset_state` sets it to zeros.
        `aggregation`: what its values in several processes become, "sum", "mean" or that of the
        first."""
        name = name or auto_name("variable")
        fill, dtype = initializers.get(initializer), standard_dtype(dtype or self.dtype)
        variable = Variable(
            fill, tuple(shape), dtype, trainable=False, name=name, path=f"{self.name}/{name}",
            aggregation=aggregation,
        )  # fmt: skip
        self._variables.append(variable)
        return variable

    add_weight = add_variable

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the variables whose shapes follow from those of targets and predictions."""

    def build_once(self, y_true: Any, y_pred: Any) -> None:
        """`build` for these tensors, unless that was done. Nothing of it is traced."""
        with suspended():
            self.build(tuple(y_true.shape), tuple(y_pred.shape))

    @property
    def variables(self) -> list[Variable]:
        """Those of `add_variable`, then variables and those of metrics held as attributes, also in
        lists and dicts."""
        found = dict.fromkeys(self._variables)
        for value in vars(self).values():
            for held in flatten(value) if isinstance(value, _HOLDERS) else ():
                if isinstance(held, Variable):
                    found[held] = None
                elif isinstance(held, Metric):
                    found.update(dict.fromkeys(held.variables))
        return list(found)

    def reset_state(self) -> None:
        """Forget what was seen."""
        for variable in self.variables:
            variable.clear()

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"Metric {type(self).__name__} must implement `update_state()`.")

    def result(self) -> Any:
        """The value over all that was seen since the last reset."""
        raise NotImplementedError(f"Metric {type(self).__name__} must implement `result()`.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """What `update_state` would make of these values of `variables`; they stay as they are."""
        return with_values(
            lambda: self.update_state(*args, **kwargs), self.variables, metric_variables
        )[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """What `result` would be for these values of `variables`."""
        return with_values(self.result, self.variables, metric_variables)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The values that `variables` begin with."""
        return [ops.zeros(v.shape, v.dtype) for v in self.variables]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def require_two_axes(name: str, y_true: Any, y_pred: Any) -> None:
    """ValueError unless both shapes have two axes, the last of them known."""
    if len(y_pred) != 2 or len(y_true) != 2:
        raise ValueError(
            f"{name} expects 2D inputs with shape (batch_size, output_dim). "
            f"Received input shapes: y_pred.shape={y_pred} and y_true.shape={y_true}."
        )
    if y_pred[-1] is None or y_true[-1] is None:
        raise ValueError(
            f"{name} expects 2D inputs with shape (batch_size, output_dim), with output_dim "
            f"fully defined (not None). Received: y_pred.shape={y_pred}, y_true.shape={y_true}."
        )


_HOLDERS = (Variable, Metric, *NESTS)
