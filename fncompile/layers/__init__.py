"""Keras' layers, and what users write their own with."""

from __future__ import annotations

from typing import Any

from fncompile.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fncompile.layers.base import Layer
from fncompile.layers.core import Activation, Dense, Identity, Lambda
from fncompile.layers.embedding import Embedding
from fncompile.layers.input import Input, InputLayer
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.joining import Concatenate, Dot
from fncompile.layers.merge_functions import (
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fncompile.layers.merging import Add, Average, Maximum, Minimum, Multiply, Subtract
from fncompile.layers.normalization import BatchNormalization, LayerNormalization
from fncompile.layers.regularization import Dropout
from fncompile.layers.reshaping import Flatten, Permute, RepeatVector, Rescaling, Reshape
from fncompile.missing import explain_missing


def serialize(layer: Layer) -> Any:
    """A layer as JSON-ready data.

    `layer`: any layer.

    >>> layers.serialize(layers.ReLU())["class_name"]
    'ReLU'
    """
    from fncompile.saving import serialize_keras_object

    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Layer:
    """The layer that `serialize` described; TypeError for a class that nobody knows.

    `config`: what `serialize` gave; `custom_objects`: names of the user's.

    >>> layers.deserialize(layers.serialize(layers.ReLU(max_value=6.0))).max_value
    6.0
    """
    from fncompile.saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects=custom_objects)


__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

explain_missing(
    __name__, "Another can be written as a subclass of `layers.Layer`, in `fncompile.ops`."
)
