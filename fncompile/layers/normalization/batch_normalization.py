"""Mean 0 and variance 1 over the batch."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon as small
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.normalization.axes import check_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.dispatch import wide_dtype


class BatchNormalization(StandardLayer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, for each index along `axis`.

    In training, while the layer is trainable, mean and variance are those of the batch, and the
    moving ones go the fraction `1 - momentum` of the way to them; else the moving ones serve.
    Positions that a mask marks False do not count. Statistics are float32 at least.
    Weights: gamma, beta, moving_mean, moving_variance.

    `center` and `scale`: whether there are beta and gamma; `momentum`: how much of the moving
    statistics stays; the initializers (`beta_initializer`, `gamma_initializer`,
    `moving_mean_initializer`, `moving_variance_initializer`), regularizers (`beta_regularizer`,
    `gamma_regularizer`) and constraints (`beta_constraint`, `gamma_constraint`) are names or
    objects. `synchronized` is Keras' argument for many devices. The result has the shape of the
    input.

    >>> layer = layers.BatchNormalization()
    >>> layer(np.array([[1.0], [3.0]]), training=True).round(2)
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    fields = (
        "axis", "momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "moving_mean_initializer", "moving_variance_initializer", "beta_regularizer",
        "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        one = isinstance(axis, (list, tuple)) and len(axis) == 1  # TF2.0 files have a list
        self.axis = int(axis[0] if one else axis)
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self._weight_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._weight_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._weight_options("moving_mean", moving_mean_initializer)
        self._weight_options("moving_variance", moving_variance_initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        check_axes(self, (self.axis,), input_shape)
        shape = (input_shape[self.axis],)
        self.gamma = self._make_weight("gamma", shape, autocast=False) if self.scale else None
        self.beta = self._make_weight("beta", shape, autocast=False) if self.center else None
        self.moving_mean = self._make_weight("moving_mean", shape, False, autocast=False)
        self.moving_variance = self._make_weight("moving_variance", shape, False, autocast=False)
        axis = self.axis % len(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: input_shape[axis]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = self._moments(ops.cast(inputs, wide_dtype(inputs.dtype)), mask)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        return ops.batch_normalization(
            inputs, mean, variance, self.axis, self.beta, self.gamma, self.epsilon
        )

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        rank = len(inputs.shape)
        axes = tuple(a for a in range(rank) if a != self.axis % rank)
        if mask is None:
            return ops.moments(inputs, axes)
        behind = tuple(range(len(mask.shape), rank))
        weights = ops.cast(ops.expand_dims(mask, behind) if behind else mask, inputs.dtype)
        weights = ops.broadcast_to(weights, ops.shape(inputs))
        total = ops.sum(weights, axis=axes, keepdims=True) + small()
        mean = ops.sum(inputs * weights, axis=axes, keepdims=True) / total
        spread = ops.sum(weights * ops.square(inputs - mean), axis=axes, keepdims=True) / total
        return ops.squeeze(mean, axes), ops.squeeze(spread, axes)

    def _move(self, moving: Any, value: Any) -> None:
        moving.assign(ops.cast(moving, value.dtype) * self.momentum + value * (1.0 - self.momentum))
