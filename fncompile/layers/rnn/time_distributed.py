"""One layer for every step of a sequence."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.base import Layer
from fncompile.layers.call_spec import signature_of
from fncompile.layers.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """The layer, called on each step: the same weights for all.

    `layer`: any layer; all steps at once where its ops allow it, else one after the other, as where
    it draws random numbers or changes its state. Takes (batch, steps, ...) and a mask (batch,
    steps, ...). ValueError for inputs of less than three axes.

    >>> layers.TimeDistributed(layers.Dense(4))(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 "
                f"dimensions, received: {input_shape}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        accepted = signature_of(type(self.layer).call)
        flag = {"training": training} if accepted.accepts("training") else {}
        steps = [ops.swapaxes(inputs, 0, 1)]
        if mask is not None:
            _check_mask(mask.shape, inputs.shape)
        if mask is not None and accepted.accepts("mask"):
            steps.append(ops.swapaxes(mask, 0, 1))

        def step(parts: Any) -> Any:
            masked = {"mask": parts[1]} if len(parts) > 1 else {}
            return self.layer(parts[0], **masked, **flag)

        return ops.swapaxes(ops.vectorized_map(step, steps), 0, 1)


def _check_mask(mask: tuple, inputs: tuple) -> None:
    fits = len(mask) >= 2 and all(
        None in pair or pair[0] == pair[1] for pair in zip(mask[:2], inputs)
    )
    if not fits:
        raise ValueError(
            f"The `mask` passed to the `TimeDistributed` layer has a shape {mask} that is "
            f"incompatible with the input shape {inputs}. The first two dimensions of the mask "
            "(batch size and timesteps) must match the input's first two dimensions. Expected mask "
            f"shape prefix: {inputs[:2]}."
        )
