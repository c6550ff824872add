"""Mean 0 and variance 1 over groups of channels."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.normalization.axes import check_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.dispatch import wide_dtype


class GroupNormalization(StandardLayer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance of each sample
    over all axes but `axis`, and over a group of neighbours along that (Wu and He, "Group
    Normalization", 2018).

    `groups`: how many groups, -1 for one of each channel. ValueError where they do not divide the
    channels. `center` and `scale`: whether there are beta and gamma, of the extent of `axis`; the
    initializers (`beta_initializer`, `gamma_initializer`), regularizers (`beta_regularizer`,
    `gamma_regularizer`) and constraints (`beta_constraint`, `gamma_constraint`) are names or
    objects. The result has the shape of the input.

    >>> layers.GroupNormalization(2)(np.array([[1.0, 3.0, 10.0, 30.0]])).round(2)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    fields = (
        "groups", "axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if groups != -1 and (not isinstance(groups, int) or groups <= 0):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or "
                f"`-1` for instance normalization). Received: groups={groups}"
            )
        self.autocast = False  # numbers that are too large for 16 bits can be normalized
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self._weight_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._weight_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        check_axes(self, (self.axis,), input_shape)
        channels = input_shape[self.axis]
        self._check_channels(channels, input_shape)
        self.gamma = self._make_weight("gamma", (channels,), autocast=False) if self.scale else None
        self.beta = self._make_weight("beta", (channels,), autocast=False) if self.center else None
        axis = self.axis % len(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})

    def _check_channels(self, channels: int | None, input_shape: tuple) -> None:
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer "
                f"received an input with shape {input_shape}."
            )
        if self.groups > channels:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a multiple of the number of channels "
                f"({channels})."
            )

    def call(self, inputs: Any) -> Any:
        shape = ops.shape(inputs)
        axis = self.axis % len(shape)
        groups = shape[axis] if self.groups == -1 else self.groups
        x = ops.cast(inputs, wide_dtype(inputs.dtype))
        x = ops.reshape(x, (*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]))
        within = tuple(a for a in range(1, len(shape) + 1) if a != axis)
        x = ops.reshape(ops.layer_normalization(x, axis=within, epsilon=self.epsilon), shape)
        along = tuple(shape[axis] if a == axis else 1 for a in range(len(shape)))
        x = x if self.gamma is None else x * ops.reshape(self.gamma, along)
        x = x if self.beta is None else x + ops.reshape(self.beta, along)
        return ops.cast(x, self.compute_dtype)
