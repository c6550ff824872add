"""A layer whose kernel has the largest singular value 1."""

from __future__ import annotations

from typing import Any

from fncompile import initializers, ops
from fncompile.layers.base import Layer
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """`layer`, whose kernel, or embeddings, is divided in training by its largest singular value
    (Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018).

    The value is estimated by `power_iterations` steps from the weight vector_u, which keeps the
    direction between calls. The gradient goes through the division; what the optimizer changes is
    the kernel as it was, as in Keras on JAX. ValueError for a layer with neither, and for less than
    one iteration.

    >>> layer = layers.SpectralNormalization(layers.Dense(2))
    >>> layer(np.ones((1, 3))).shape
    (1, 2)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                "`power_iterations` should be greater than zero. Received: "
                f"`power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.kernel = self._divided_weight()  # own state too: files of Keras have it first
        self.vector_u = self.add_weight(
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=self.kernel.dtype,
        )

    def _divided_weight(self) -> Any:
        for name in ("kernel", "embeddings"):
            if hasattr(self.layer, name):
                return getattr(self.layer, name)
        raise ValueError(
            f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return ops.cast(self.layer(inputs), inputs.dtype)
        kept = ops.convert_to_tensor(self.kernel)
        vector_u, kernel = self.normalized_weights()
        self.vector_u.assign(vector_u)
        self.kernel.assign(kernel)  # for the layer to read, and no longer
        outputs = self.layer(inputs)
        self.kernel.assign(kept)
        return ops.cast(outputs, inputs.dtype)

    def normalized_weights(self) -> tuple[Any, Any]:
        """The next direction, and the divided kernel; both as they are where the kernel is 0."""
        weights = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        u = ops.convert_to_tensor(self.vector_u)
        still = ops.stop_gradient(weights)
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.transpose(still)))
            u = _unit(ops.matmul(v, still))
        sigma = ops.matmul(ops.matmul(v, weights), ops.transpose(u))
        nothing = ops.all(ops.equal(weights, 0.0))
        sigma = ops.where(nothing, ops.ones_like(sigma), sigma)
        kernel = ops.reshape(weights / sigma, self.kernel.shape)
        return ops.where(nothing, self.vector_u, u), kernel

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x: Any) -> Any:
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x)), 1e-12))
