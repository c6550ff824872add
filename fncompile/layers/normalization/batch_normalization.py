"""Mean 0 and variance 1 over the batch."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon as small
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.normalization.axes import check_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.dispatch import wide_dtype

_RENORM = ("renorm", "renorm_clipping", "renorm_momentum")


class BatchNormalization(StandardLayer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, for each index along `axis`.

    In training, while the layer is trainable, mean and variance are those of the batch, and the
    moving ones go the fraction `1 - momentum` of the way to them; else the moving ones serve.
    Positions that a mask marks False do not count. Statistics are float32 at least.
    Weights: gamma, beta, moving_mean, moving_variance.

    With `renorm` a batch in training is normalized as the statistics of the batches before it would
    do, within bounds: `(x - mean) / deviation * r + d` takes the place of `(x - mean) / deviation`,
    where `r = deviation / renorm_stddev` and `d = (mean - renorm_mean) / renorm_stddev` count as
    constants (Ioffe, "Batch Renormalization", 2017). `renorm_clipping`: a dict of bounds, of r from
    "rmin" to "rmax" and of d from -"dmax" to "dmax", each of which may be left out;
    `renorm_momentum`: how much of renorm_mean and renorm_stddev stays, which are weights, too, as
    is moving_stddev. ValueError for other keys, and for bounds that no number keeps.

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

    moving_variance_initializer: Any
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
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
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
        self.renorm = renorm
        self.renorm_clipping = _bounds(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.supports_masking = True

    def get_config(self) -> dict[str, Any]:
        own = _RENORM if self.renorm else ()
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

    def build(self, input_shape: tuple) -> None:
        check_axes(self, (self.axis,), input_shape)
        shape = (input_shape[self.axis],)
        self.gamma = self._make_weight("gamma", shape, autocast=False) if self.scale else None
        self.beta = self._make_weight("beta", shape, autocast=False) if self.center else None
        self.moving_mean = self._make_weight("moving_mean", shape, False, autocast=False)
        self.moving_variance = self._make_weight("moving_variance", shape, False, autocast=False)
        if self.renorm:
            self._build_renorm(shape)
        axis = self.axis % len(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: input_shape[axis]})

    def _build_renorm(self, shape: tuple) -> None:
        self._weight_options("moving_stddev", self._first_deviation)
        self.moving_stddev = self._make_weight("moving_stddev", shape, False, autocast=False)
        self.renorm_mean = self._make_weight(
            "renorm_mean", shape, False, autocast=False, options="moving_mean"
        )
        self.renorm_stddev = self._make_weight(
            "renorm_stddev", shape, False, autocast=False, options="moving_stddev"
        )

    def _first_deviation(self, shape: tuple, dtype: Any = None) -> Any:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        mean, variance = self.moving_mean, self.moving_variance
        gamma, beta = self.gamma, self.beta
        if training and self.trainable:
            mean, variance = self._moments(ops.cast(inputs, wide_dtype(inputs.dtype)), mask)
            self._move(self.moving_mean, mean)
            if self.renorm:
                gamma, beta = self._renormalized(mean, ops.sqrt(variance + self.epsilon))
            else:
                self._move(self.moving_variance, variance)
        return ops.batch_normalization(
            inputs, mean, variance, self.axis, beta, gamma, self.epsilon
        )

    def _renormalized(self, mean: Any, deviation: Any) -> tuple[Any, Any]:
        """gamma and beta with r and d in them, as `(x r + d) gamma + beta` is linear in x; then
        the statistics move."""
        r, d = map(ops.stop_gradient, self._corrections(mean, deviation))
        gamma = r if self.gamma is None else r * self.gamma
        beta = d if self.gamma is None else d * self.gamma
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, deviation, self.renorm_momentum)
        self._move(self.moving_stddev, deviation)
        self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev) - self.epsilon))
        return gamma, beta if self.beta is None else beta + self.beta

    def _corrections(self, mean: Any, deviation: Any) -> tuple[Any, Any]:
        bounds, inf = self.renorm_clipping or {}, float("inf")
        usual = ops.maximum(self.renorm_stddev, self.epsilon**0.5)
        r = ops.clip(deviation / usual, bounds.get("rmin", 0.0), bounds.get("rmax", inf))
        most = bounds.get("dmax", inf)
        return r, ops.clip((mean - self.renorm_mean) / usual, -most, most)

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

    def _move(self, moving: Any, value: Any, momentum: float | None = None) -> None:
        kept = self.momentum if momentum is None else momentum
        moving.assign(ops.cast(moving, value.dtype) * kept + value * (1.0 - kept))


def _bounds(clipping: dict[str, float] | None) -> dict[str, float]:
    """Those that are given, checked."""
    known = ["rmax", "rmin", "dmax"]
    if set(clipping or {}) - set(known):
        raise ValueError(
            "Received invalid keys for `renorm_clipping` argument: "
            f"{clipping}. Supported values: {known}."
        )
    found = {key: value for key, value in (clipping or {}).items() if value is not None}
    if found.get("rmax", float("inf")) < found.get("rmin", 0.0):
        raise ValueError(
            "rmax should be at least rmin, and 0, in the `renorm_clipping` argument. "
            f"Received: {clipping}"
        )
    if found.get("dmax", 0.0) < 0:
        raise ValueError(
            f"dmax should be non-negative in the `renorm_clipping` argument. Received: {clipping}"
        )
    return found
