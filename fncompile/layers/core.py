"""Dense, Activation, Identity and Lambda."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fncompile import activations, ops
from fncompile.graph.required import required
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer, weight_fields


class Dense(StandardLayer):
    """`activation(x @ kernel + bias)`, over the last axis of inputs of rank 2 or more.

    The kernel has shape (inputs, units). ValueError unless `units` is a positive integer.

    `use_bias`: whether there is a bias (units,); `activation`: a name or a function. The
    initializers (`kernel_initializer`, `bias_initializer`), regularizers (`kernel_regularizer`,
    `bias_regularizer`, `activity_regularizer`) and constraints (`kernel_constraint`,
    `bias_constraint`) are names or objects. Takes (batch, ..., inputs), gives (batch, ..., units).

    >>> layer = layers.Dense(2, activation="relu", kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0], [-1.0, -2.0]]))
    array([[3., 3.],
           [0., 0.]], dtype=float32)
    """

    fields = ("units", "activation", "use_bias", *weight_fields("kernel", "bias"))

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        if isinstance(units, bool) or not isinstance(units, int) or units <= 0:
            raise ValueError(
                "Received an invalid value for `units`, expected a positive integer. "
                f"Received: units={units}"
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self._weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        self.kernel = self._make_weight("kernel", (input_shape[-1], self.units))
        self.bias = self._make_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any) -> Any:
        x = ops.matmul(inputs, self.kernel)
        x = x if self.bias is None else x + self.bias
        return x if self.activation is None else self.activation(x)


class Activation(StandardLayer):
    """An activation function as a layer.

    `activation`: a name or a function. The result has the shape of the input.

    >>> layers.Activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.], dtype=float32)
    """

    fields = ("activation",)
    _stateless = True

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class Identity(StandardLayer):
    """The inputs, whatever their structure.

    `name`, `trainable` and `dtype` as for `Layer`.

    >>> layers.Identity()(np.array([1.0, 2.0]))
    array([1., 2.], dtype=float32)
    """

    _stateless = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Lambda(StandardLayer):
    """Any function written in ops as a layer; `arguments` are passed to it by name.

    `output_shape` is accepted and not needed: shapes follow from the function. A Python lambda can
    be saved, but is only loaded with `safe_mode=False`, since that runs code from the file.

    `function`: of a tensor or several; `mask`: a mask, or a function of inputs and mask that gives
    one.

    >>> layers.Lambda(lambda x, by: x * by, arguments={"by": 3.0})(np.array([1.0, 2.0]))
    array([3., 6.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"`function` of a Lambda layer must be callable. Received: {function}")
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        accepted = inspect.signature(self.function).parameters
        given = {"mask": mask, "training": training}
        asked = {name: value for name, value in given.items() if name in accepted}
        return self.function(inputs, **{**asked, **self.arguments})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if callable(self.mask):
            return self.mask(inputs, mask)
        return None if self.mask is None else ops.convert_to_tensor(self.mask)

    def get_config(self) -> dict[str, Any]:
        from fncompile.saving import serialize_keras_object

        function, arguments = _config_of(self.function), serialize_keras_object(self.arguments)
        config = {**super().get_config(), "function": function, "arguments": arguments}
        if self.mask is not None:
            config["mask"] = _config_of(self.mask)
        if self._output_shape is not None and not callable(self._output_shape):
            config["output_shape"] = list(self._output_shape)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """A layer from what `get_config` gave. `safe_mode=False` runs the code of a Python lambda,
        which is a ValueError else, unless the loading of a model allows it."""
        from fncompile.saving import CustomObjectScope, deserialize_keras_object
        from fncompile.saving.serialization import in_safe_mode, safe_mode_scope

        config = {key: value for key, value in config.items() if key not in _OLD_KEYS}
        safe = in_safe_mode() if safe_mode is None else safe_mode
        with safe_mode_scope(safe), CustomObjectScope(custom_objects):
            config["function"] = _function_of(required(config, "function", cls.__name__))
            config["arguments"] = deserialize_keras_object(config.get("arguments"))
            mask = config.get("mask")
            is_function = isinstance(mask, dict) and mask["class_name"] in _FUNCTIONS
            config["mask"] = _function_of(mask) if is_function else deserialize_keras_object(mask)
        return super().from_config(config)


_FUNCTIONS = ("function", "__lambda__")
_OLD_KEYS = ("function_type", "module", "output_shape_type", "output_shape_module")


def _config_of(value: Any) -> Any:
    """The configuration of a function or an array of a Lambda."""
    from fncompile.saving import serialize_keras_object
    from fncompile.saving.lambdas import dump_lambda, is_lambda

    if not is_lambda(value):
        return serialize_keras_object(value)
    # Keras writes it otherwise here than elsewhere.
    parts = serialize_keras_object(dump_lambda(value))
    code = dict(zip(("code", "defaults", "closure"), parts, strict=True))
    return {"class_name": "__lambda__", "config": code}


def _function_of(config: Any) -> Callable[..., Any]:
    """The function that a Lambda's configuration describes; ValueError for code in safe mode."""
    from fncompile.saving.lambdas import UNSAFE, load_lambda
    from fncompile.saving.serialization import deserialize_keras_object, in_safe_mode

    if callable(config):
        return config
    code = config if isinstance(config, (list, tuple)) else None
    if isinstance(config, dict) and config.get("class_name") == "__lambda__":
        code = [config["config"].get(key) for key in ("code", "defaults", "closure")]
    if code is None:
        named = config if isinstance(config, dict) else {"class_name": "function", "config": config}
        return _op_called(named["config"]) or deserialize_keras_object(named)
    if in_safe_mode():
        raise ValueError(
            "Requested the deserialization of a `Lambda` layer whose `function` is a Python "
            "lambda. " + UNSAFE
        )
    return load_lambda(*code)


def _op_called(name: Any) -> Callable[..., Any] | None:
    """The function of `fncompile.ops` of that name."""
    found = getattr(ops, name, None) if isinstance(name, str) else None
    ours = inspect.isfunction(found) and found.__module__.startswith("fncompile.ops.")
    return found if ours else None
