"""A recurrent layer and its mirror image."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.base import Layer
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object

MODES = ("sum", "mul", "ave", "concat", None)


class Bidirectional(Layer):
    """A recurrent layer along time, and one the other way.

    `layer`: it is made anew from its configuration; `backward_layer`: the one for the other way,
    by default as `layer`; `merge_mode`: "concat", "sum", "mul", "ave" of both outputs, or None for
    both; `weights`: what both begin with. With `return_sequences`, step t of both is about step t
    of the input, and masked steps are 0. Takes what the layer takes, `initial_state` for both.
    ValueError for anything but layers, and where both go one way or differ in what they return.

    >>> layers.Bidirectional(layers.GRU(4))(np.ones((2, 5, 3))).shape
    (2, 8)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(
                "`backward_layer` need to be a `keras.layers.Layer` instance. Received: "
                f"{backward_layer}"
            )
        if merge_mode not in MODES:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        super().__init__(**kwargs)
        self.forward_layer: Any = _again(layer, "forward_")
        self.backward_layer: Any = (
            _again(layer, "backward_", go_backwards=True)
            if backward_layer is None
            else backward_layer
        )
        self._check_pair()
        pair: tuple[Any, Any] = (self.forward_layer, self.backward_layer)
        for one in pair:
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self.initial_weights = weights
        given: Any = layer
        self.stateful = given.stateful
        self.return_sequences = given.return_sequences
        self.return_state = given.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Forward layer and backward layer should have different `go_backwards` value. "
                f"Received: forward_layer.go_backwards {forward.go_backwards}, "
                f"backward_layer.go_backwards={backward.go_backwards}"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            one, other = getattr(forward, name), getattr(backward, name)
            if one != other:
                raise ValueError(
                    "Forward layer and backward layer are expected to have the same value for "
                    f'attribute "{name}", got "{one}" for forward layer and "{other}" for backward '
                    "layer"
                )

    @property
    def states(self) -> Any:
        """Those that stateful layers keep, or None."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
        if self.initial_weights is not None:
            half = len(self.initial_weights) // 2
            self.forward_layer.set_weights(self.initial_weights[:half])
            self.backward_layer.set_weights(self.initial_weights[half:])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = mask[0] if isinstance(mask, list) else mask
        mask = mask if self.return_sequences else None
        return mask if self.merge_mode else (mask, mask)

    def reset_state(self) -> None:
        """Let the next call of stateful layers begin with zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        half = 0 if initial_state is None else len(initial_state) // 2
        first = (initial_state[:half], initial_state[half:]) if half else (None, None)
        forward, backward = (
            layer(sequences, initial_state=state, mask=mask, training=training)
            for layer, state in zip((self.forward_layer, self.backward_layer), first)
        )
        states: tuple = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            backward = ops.flip(backward, axis=1)
        output = _merged(self.merge_mode, forward, backward)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def get_config(self) -> dict[str, Any]:
        return {
            **self._base_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        layers = {
            name: deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("layer", "backward_layer")
            if config.get(name) is not None
        }
        return super().from_config({**config, **layers})


def _again(layer: Layer, prefix: str, **changes: Any) -> Any:
    """A new layer as `layer` was made, but for its name and `changes`."""
    config = serialize_keras_object(layer)
    name = prefix + layer.name.removeprefix(prefix)
    again = deserialize_keras_object(
        {**config, "config": {**config["config"], **changes, "name": name}},
        custom_objects={type(layer).__name__: type(layer)},
    )
    if hasattr(layer, "use_cudnn"):  # which no configuration has
        again.use_cudnn = layer.use_cudnn
    return again


def _merged(mode: str | None, forward: Any, backward: Any) -> Any:
    if mode == "concat":
        return ops.concatenate([forward, backward], axis=-1)
    if mode == "mul":
        return forward * backward
    if mode is None:
        return forward, backward
    return forward + backward if mode == "sum" else (forward + backward) / 2
