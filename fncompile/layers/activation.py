"""Activation functions that are layers of their own, with options or weights."""

from __future__ import annotations

from typing import Any

from fncompile import activations, ops
from fncompile.caller import warn_caller
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer, weight_fields


class ReLU(StandardLayer):
    """`x` from `threshold` to `max_value`, `negative_slope * (x - threshold)` below.

    `max_value`: no upper end if None. ValueError for numbers below 0. The result has the shape of
    the input.

    >>> layers.ReLU(max_value=6.0)(np.array([-1.0, 3.0, 8.0]))
    array([0., 3., 6.], dtype=float32)
    """

    fields = ("max_value", "negative_slope", "threshold")
    _stateless = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0:
            raise ValueError(
                "max_value of a ReLU layer cannot be a negative value. Received: "
                f"max_value={max_value}"
            )
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(
                    f"{name} of a ReLU layer cannot be None or a negative value. Received: "
                    f"{name}={value}"
                )
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(StandardLayer):
    """`x`, or `negative_slope * x` below 0. TF2.0 calls the slope `alpha`.

    ValueError for a slope below 0. The result has the shape of the input.

    >>> layers.LeakyReLU(negative_slope=0.5)(np.array([-1.0, 3.0]))
    array([-0.5,  3. ], dtype=float32)
    """

    fields = ("negative_slope",)
    _stateless = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warn_caller(
                "Argument `alpha` is deprecated. Use `negative_slope` instead."
            )
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. "
                f"Expected a float. Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)


class ELU(StandardLayer):
    """`x`, or `alpha * (exp(x) - 1)` below 0.

    The result has the shape of the input.

    >>> layers.ELU()(np.array([-100.0, 3.0]))
    array([-1.,  3.], dtype=float32)
    """

    fields = ("alpha",)
    _stateless = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)


class PReLU(StandardLayer):
    """`x`, or `alpha * x` below 0; the slopes `alpha` are weights, one for each input of a sample.

    Along `shared_axes` (counted from the batch axis, 0) one slope serves all.

    `alpha_initializer`, `alpha_regularizer`, `alpha_constraint`: names or objects. The result has
    the shape of the input.

    >>> layers.PReLU(alpha_initializer="ones")(np.array([[-1.0, 3.0]]))
    array([[-1.,  3.]], dtype=float32)
    """

    fields = (*weight_fields("alpha"), "shared_axes")

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._weight_options("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        axes = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None if shared_axes is None else list(axes)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        rank = len(input_shape)
        shared = {axis % rank for axis in self.shared_axes or ()}
        own = [axis for axis in range(1, rank) if axis not in shared]
        shape = tuple(input_shape[a] if a in own else 1 for a in range(1, rank))
        self.alpha = self._make_weight("alpha", shape)
        self.input_spec = InputSpec(ndim=rank, axes={axis: input_shape[axis] for axis in own})

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)


class Softmax(StandardLayer):
    """Softmax over one axis or several.

    A mask broadcasts to the inputs, and is not larger (ValueError); where it is False (a number: at
    most 0.5) the output is 0, also where it hides all.

    `axis`: one axis or several. Called as `layer(inputs, mask=None)`; the result has the shape of
    the input.

    >>> layers.Softmax()(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]], dtype=float32)
    """

    fields = ("axis",)
    _stateless = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        if mask is None:
            return ops.softmax(inputs, axis=axis)
        keep = self._kept(inputs, mask)
        return ops.where(keep, ops.softmax(ops.where(keep, inputs, -1e9), axis=axis), 0.0)

    def _kept(self, inputs: Any, mask: Any) -> Any:
        mask = ops.convert_to_tensor(mask)
        behind = list(zip(mask.shape[::-1], inputs.shape[::-1]))
        fits = all(m == 1 or m == n or not {type(m), type(n)} <= {int} for m, n in behind)
        if len(mask.shape) > len(inputs.shape) or not fits:
            raise ValueError(
                f"The mask of layer '{self.name}' must be broadcastable to its inputs, and must "
                f"not have more dimensions. Received: inputs.shape={inputs.shape}, "
                f"mask.shape={mask.shape}"
            )
        return mask if mask.dtype == "bool" else mask > 0.5
