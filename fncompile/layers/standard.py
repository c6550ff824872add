"""What Keras' own layers share: configuration by field names, and weights with their options."""

from __future__ import annotations

from typing import Any

from fncompile import activations, constraints, initializers, refusals, regularizers
from fncompile.graph.variable import Variable
from fncompile.layers.base import Layer

# Arguments that Keras has too, and that mean nothing at these values, which are those that it takes
# where they are left out.
_WITHOUT_MEANING = {
    "quantization_config": None,
    "lora_rank": None,
    "lora_alpha": None,
    "synchronized": False,
}


class StandardLayer(Layer):
    """A layer whose configuration is its attributes called `fields`, in Keras' order."""

    fields: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any):
        super().__init__(**_with_meaning(kwargs))

    def enable_lora(self, *_arguments: Any, **_options: Any) -> None:
        """NotImplementedError: there is none of what Keras has under this name."""
        raise NotImplementedError(refusals.LORA)

    def get_config(self) -> dict[str, Any]:
        own = {field: _plain(getattr(self, field)) for field in self.fields}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config(_with_meaning(config, cls.fields))

    def _weight_options(
        self, name: str, initializer: Any, regularizer: Any = None, constraint: Any = None
    ) -> None:
        """Remember how the weight `name` will be made, under the names of Keras' arguments."""
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{name}_constraint", constraints.get(constraint))

    def _make_weight(
        self,
        name: str,
        shape: tuple,
        trainable: bool = True,
        autocast: bool = True,
        options: str | None = None,
    ) -> Variable:
        """The weight `name`, with the options remembered for `options`, its own name if None."""
        options = options or name
        return self.add_weight(
            shape=shape,
            initializer=getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer"),
            constraint=getattr(self, f"{options}_constraint"),
            trainable=trainable,
            autocast=autocast,
            name=name,
        )


def weight_fields(*names: str) -> tuple[str, ...]:
    """Fields of the options of weights: initializers, then regularizers, then constraints."""
    kinds = ("initializer", "regularizer", "constraint")
    return tuple(f"{name}_{kind}" for kind in kinds for name in names)


def _plain(value: Any) -> Any:
    """An attribute as JSON-ready data; activations and such by name or config."""
    if hasattr(value, "get_config"):
        from fncompile.saving import serialize_keras_object

        return serialize_keras_object(value)
    return activations.serialize(value) if callable(value) else value


def _with_meaning(options: dict[str, Any], fields: tuple[str, ...] = ()) -> dict[str, Any]:
    """Options without those that mean nothing; `fields` are a layer's own, which stay.
    NotImplementedError where LoRA is asked for."""
    if options.get("lora_rank") is not None and "lora_rank" not in fields:
        raise NotImplementedError(f"lora_rank={options['lora_rank']}: {refusals.LORA}")
    return {
        key: value
        for key, value in options.items()
        if key in fields or key not in _WITHOUT_MEANING or value != _WITHOUT_MEANING[key]
    }
