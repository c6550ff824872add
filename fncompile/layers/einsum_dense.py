"""A projection along any axes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fncompile import activations, initializers, ops
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer, weight_fields

_FORMS = tuple(
    re.compile(form)
    for form in (
        r"(?P<x>[a-zA-Z]+),(?P<kernel>[a-zA-Z]+)->(?P<out>[a-zA-Z]+)",
        r"(?P<ahead>\.\.\.)(?P<x>[a-zA-Z]+),(?P<kernel>[a-zA-Z]+)->\.\.\.(?P<out>[a-zA-Z]+)",
        r"(?P<x>[a-zA-Z]{2,})\.\.\.,(?P<kernel>[a-zA-Z]+)->(?P<out>[a-zA-Z]+)\.\.\.",
    )
)


class EinsumDense(StandardLayer):
    """`activation(einsum(equation, x, kernel) + bias)`.

    `equation`: "ab,bc->ac", with "..." ahead or behind in both input and result for further axes;
    `output_shape`: the extents of the result without the batch and without those under "...", None
    for one that is as in the input; `bias_axes`: the labels of the result that the bias has, None
    for no bias; `activation`: a name or a function. The initializers (`kernel_initializer`,
    `bias_initializer`), regularizers (`kernel_regularizer`, `bias_regularizer`) and constraints
    (`kernel_constraint`, `bias_constraint`) are names or objects; the fans of the kernel's
    initializer are those of its summed and its kept axes. ValueError for equations of other
    forms and for shapes that do not fit them.

    >>> layer = layers.EinsumDense("abc,cd->abd", output_shape=(None, 2), bias_axes="d")
    >>> layer(np.ones((1, 3, 4))).shape
    (1, 3, 2)
    """

    fields = ("equation", "activation", "bias_axes", *weight_fields("kernel", "bias"))
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.equation = equation
        whole = isinstance(output_shape, int)
        self.partial_output_shape = (output_shape,) if whole else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self._weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_shape": list(self.partial_output_shape)}

    def build(self, input_shape: tuple) -> None:
        equation = _Equation.parse(self.equation)
        extents = equation.extents(input_shape, self.partial_output_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=tuple(extents[label] for label in equation.kernel),
            initializer=self._fanned(equation),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        bias = equation.bias_shape(self.bias_axes, extents, len(input_shape))
        self.bias = None if bias is None else self._make_weight("bias", bias)
        self.input_spec = InputSpec(ndim=len(input_shape))

    def _fanned(self, equation: _Equation) -> Any:
        initializer = self.kernel_initializer
        if not isinstance(initializer, initializers.VarianceScaling):
            return initializer
        kept = [label in equation.out for label in equation.kernel]
        return initializer.along(
            [i for i, k in enumerate(kept) if not k], [i for i, k in enumerate(kept) if k]
        )

    def call(self, inputs: Any) -> Any:
        x = ops.einsum(self.equation, inputs, self.kernel)
        x = x if self.bias is None else x + self.bias
        return x if self.activation is None else self.activation(x)


@dataclass(frozen=True)
class _Equation:
    """The labels of the input, the kernel and the result; `ahead` says where "..." stands."""

    text: str
    x: str
    kernel: str
    out: str
    ahead: bool

    @classmethod
    def parse(cls, text: str) -> _Equation:
        found = next((m for form in _FORMS if (m := form.fullmatch(text.replace(" ", "")))), None)
        if found is None:
            raise ValueError(
                f"Invalid einsum equation '{text}'. Equations must be in the form "
                "[X],[Y]->[Z], ...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
            )
        parts = found.groupdict()
        return cls(text, parts["x"], parts["kernel"], parts["out"], bool(parts.get("ahead")))

    def extents(self, input_shape: Sequence, output_shape: Sequence) -> dict[str, Any]:
        """The extent of every label. An axis of the batch is not among the `output_shape`."""
        self._check_labels()
        hidden = len(input_shape) - len(self.x)
        batch = 0 if self.ahead and hidden > 0 else 1  # its label, if the batch has one
        wanted = dict(zip(self.out[batch:], output_shape))
        if len(output_shape) != len(self.out) - batch:
            raise ValueError(
                f"`output_shape` must have an extent for each of '{self.out[batch:]}' in "
                f"'{self.text}'. Received: output_shape={tuple(output_shape)}"
            )
        seen = input_shape[hidden:] if self.ahead else input_shape[: len(self.x)]
        found = dict(zip(self.x, seen))
        for label, extent in wanted.items():
            if extent is not None and found.setdefault(label, extent) != extent:
                raise ValueError(
                    "Input shape and output shape do not match at shared dimension "
                    f"'{label}'. Input shape is {found[label]}, and output shape is {extent}."
                )
        return {**dict.fromkeys(self.out), **found}

    def _check_labels(self) -> None:
        for label in self.out:
            if label not in self.x + self.kernel:
                raise ValueError(
                    f"Dimension '{label}' was specified in the output '{self.out}' but has no "
                    f"corresponding dim in the input spec '{self.x}' or weight spec "
                    f"'{self.kernel}'"
                )
        for label in self.kernel:
            if label not in self.x + self.out:
                raise ValueError(
                    f"Weight dimension '{label}' did not have a match in either the input spec "
                    f"'{self.x}' or the output spec '{self.out}'. For this layer, the weight must "
                    "be fully specified."
                )

    def bias_shape(
        self, axes: str | None, extents: dict[str, Any], rank: int
    ) -> tuple[Any, ...] | None:
        """From the first label that the bias has on, 1 where it has none."""
        if axes is None:
            return None
        for label in axes:
            if label not in self.out:
                raise ValueError(
                    f"Bias dimension '{label}' was requested, but is not part of the output spec "
                    f"'{self.out}'"
                )
        first = min(self.out.index(label) for label in axes)
        shape = tuple(extents[label] if label in axes else 1 for label in self.out[first:])
        return shape if self.ahead else (*shape, *[1] * (rank - len(self.x)))
