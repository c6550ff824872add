"""What the cells of Keras share: options, weights, and dropout that is the same in all steps."""

from __future__ import annotations

from typing import Any

from fncompile import activations, ops, random
from fncompile.graph.variable import Variable
from fncompile.layers.regularization.arguments import checked_fraction
from fncompile.layers.standard import StandardLayer, weight_fields
from fncompile.ops.dispatch import wide_dtype

WEIGHT_OPTIONS = weight_fields("kernel", "recurrent", "bias")


class RecurrentCell(StandardLayer):
    """Base of SimpleRNNCell, LSTMCell and GRUCell.

    `gates` weights of `units` columns lie side by side in each kernel. What a step takes besides
    its input is `states`, a list; it gives its output and the next states.
    """

    gates = 1

    def __init__(self, units: int, options: dict[str, Any], **kwargs: Any):
        if isinstance(units, bool) or not hasattr(units, "__index__") or units <= 0:
            raise ValueError(
                "Received an invalid value for argument `units`, expected a positive integer, got "
                f"{units}."
            )
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(options["activation"])
        if "recurrent_activation" in options:
            self.recurrent_activation = activations.get(options["recurrent_activation"])
        self.use_bias = options["use_bias"]
        for name in ("kernel", "recurrent", "bias"):
            kinds = ("initializer", "regularizer", "constraint")
            self._weight_options(name, *(options[f"{name}_{kind}"] for kind in kinds))
        self.dropout = checked_fraction("dropout", options["dropout"])
        self.recurrent_dropout = checked_fraction("recurrent_dropout", options["recurrent_dropout"])
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.seed = options["seed"]
        self.seed_generator = random.SeedGenerator(self.seed)
        self.output_size = self.units

    @property
    def state_size(self) -> Any:
        """Units of each state: a number, or a list of them."""
        return self.units

    def build(self, input_shape: Any) -> None:
        width = self.units * self.gates
        self.kernel = self._weight("kernel", "kernel", (input_shape[-1], width))
        self.recurrent_kernel = self._weight("recurrent_kernel", "recurrent", (self.units, width))
        self.bias: Any = self._make_weight("bias", self._bias_shape()) if self.use_bias else None

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.units * self.gates,)

    def _weight(self, name: str, options: str, shape: tuple[int, ...]) -> Variable:
        return self.add_weight(
            shape=shape,
            initializer=getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer"),
            constraint=getattr(self, f"{options}_constraint"),
            name=name,
        )

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    # dropout --------------------------------------------------------------------------------------

    def dropout_masks(self, batch_size: Any, training: bool) -> tuple[list[Any], list[Any]]:
        """Factors of inputs and of states that all steps share, one of each a gate or one for all;
        none where nothing is dropped."""
        count = self.gates if self.implementation == 1 else 1
        width = self.kernel.shape[0]
        return (
            self._factors(count, (batch_size, width), self.dropout, training),
            self._factors(count, (batch_size, self.units), self.recurrent_dropout, training),
        )

    def _factors(self, count: int, shape: tuple, rate: float, training: bool) -> list[Any]:
        if not training or not rate:
            return []
        ones = ops.ones(shape, dtype=self.compute_dtype)
        return [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(count)]

    def _projected(self, x: Any, kernel: Any, factors: list[Any]) -> Any:
        """`x` times the kernel, whose gates have a factor each where there are several."""
        if len(factors) < 2:
            return ops.matmul(x * factors[0] if factors else x, kernel)
        parts = ops.split(kernel, len(factors), axis=1)
        return ops.concatenate([ops.matmul(x * f, part) for f, part in zip(factors, parts)], -1)

    def _masks(self, inputs: Any, training: bool, given: Any) -> tuple[list[Any], list[Any]]:
        """Those that the layer made for all steps, or others for this one."""
        return self.dropout_masks(ops.shape(inputs)[0], training) if given is None else given


def cell_options(scope: dict[str, Any], *more: str) -> dict[str, Any]:
    """The options of a cell out of `locals()` of a constructor."""
    names = ("activation", "use_bias", "dropout", "recurrent_dropout", "seed", *more)
    return {name: scope[name] for name in (*names, *WEIGHT_OPTIONS)}


def in_float(*values: Any) -> list[Any]:
    """What lies between products and states is computed in float32 where those are of 16 bits."""
    dtype = wide_dtype(values[0].dtype)
    return [ops.cast(value, dtype) for value in values]
