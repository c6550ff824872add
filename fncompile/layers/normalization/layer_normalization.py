"""Mean 0 and variance 1 over axes of each sample."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.normalization.axes import check_axes
from fncompile.layers.standard import StandardLayer
from fncompile.ops.dispatch import wide_dtype


class LayerNormalization(StandardLayer):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, over `axis` of each sample.

    `axis`: one axis or several; `center` and `scale`: whether there are beta and gamma; the
    initializers (`beta_initializer`, `gamma_initializer`), regularizers (`beta_regularizer`,
    `gamma_regularizer`) and constraints (`beta_constraint`, `gamma_constraint`) are names or
    objects. `rms_scaling`, which Keras advises against for RMSNormalization: `x / sqrt(variance +
    epsilon) * gamma`, whatever `center` and `scale` say. The result has the shape of the input.

    >>> layers.LayerNormalization()(np.array([[1.0, 3.0]])).round(2)
    array([[-1.,  1.]], dtype=float32)
    """

    fields = (
        "axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                "Expected an int or a list/tuple of ints for the argument 'axis', but received: "
                f"{axis!r}"
            )
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.rms_scaling = rms_scaling
        self._weight_options("beta", beta_initializer, beta_regularizer, beta_constraint)
        self._weight_options("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        check_axes(self, axes, input_shape)
        self._axes = tuple(sorted(a % len(input_shape) for a in axes))
        shape = tuple(input_shape[a] for a in self._axes)
        scale, center = self.scale or self.rms_scaling, self.center and not self.rms_scaling
        self.gamma = self._make_weight("gamma", shape, autocast=False) if scale else None
        self.beta = self._make_weight("beta", shape, autocast=False) if center else None

    def get_config(self) -> dict[str, Any]:
        own = {"rms_scaling": True} if self.rms_scaling else {}
        return {**super().get_config(), **own}

    def call(self, inputs: Any) -> Any:
        if self.rms_scaling:
            return self._by_deviation(inputs)
        return ops.layer_normalization(inputs, self.gamma, self.beta, self._axes, self.epsilon)

    def _by_deviation(self, inputs: Any) -> Any:
        x = ops.cast(inputs, wide_dtype(inputs.dtype))
        variance = ops.var(x, axis=self._axes, keepdims=True)
        along = [extent if a in self._axes else 1 for a, extent in enumerate(ops.shape(x))]
        assert self.gamma is not None
        x = x * ops.rsqrt(variance + self.epsilon) * ops.reshape(self.gamma, along)
        return ops.cast(x, inputs.dtype)
