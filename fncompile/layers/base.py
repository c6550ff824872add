"""`Layer`: what can be called on tensors and may have weights.

A call goes: arrays become tensors, `input_spec` is checked, `build` makes the weights once; then
`run` settles training flag and masks and hands over to the layer's own `call`. On symbolic tensors
the call is recorded in the user's graph, inside a trace it runs as it is, on arrays it is traced
and evaluated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import dtype_policies, refusals
from fncompile.caller import warn_caller
from fncompile.graph.call import Operation, is_symbolic, symbolic_call
from fncompile.graph.eager import run_eagerly
from fncompile.graph.naming import current_path, name_scope
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.stateless import collected
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.trace import current_trace, to_node
from fncompile.graph.variable import Variable
from fncompile.layers.building import Building
from fncompile.layers.call_spec import CallSpec, check_positional, masks_of, signature_of
from fncompile.layers.configurable import Configurable, constructor_arguments
from fncompile.layers.error_context import described
from fncompile.layers.input_spec import check_inputs
from fncompile.layers.inspection import Inspection
from fncompile.layers.options import input_shape_argument
from fncompile.layers.penalties import Penalties
from fncompile.layers.rematerializing import Rematerializing
from fncompile.layers.stateless import Stateless
from fncompile.layers.weights import Weights
from fncompile.ops.dispatch import is_float, node
from fncompile.scopes import current_remat


class Layer(
    Building, Penalties, Inspection, Rematerializing, Weights, Stateless, Configurable, Operation
):
    """Base class of layers and models.

    Subclasses write `call(self, inputs, training=None, mask=None)` with `fncompile.ops` or
    operators, and, where weights depend on shapes, `build(self, input_shape)` (or one
    `<argument>_shape` parameter for each tensor argument of `call`). Shapes, gradients and code
    follow from `call`.

    `dtype` is a dtype policy or its name, the global one by default (`config.dtype_policy`). It
    says what weights are, and what floating-point inputs and weights are cast to in `call`; with
    `autocast=False` they are not. Integers are never cast.

    `name`: unique in a model, made from the class if None; `trainable`: whether training changes
    the weights; `activity_regularizer`: a penalty on outputs. Weights are made by `add_weight(name,
    shape, initializer)`.

    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         shape = (input_shape[-1],)
    ...         self.factor = self.add_weight(name="factor", shape=shape, initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.array([[1.0, 2.0]]))
    array([[1., 2.]], dtype=float32)
    """

    _stateless = False  # True in layers that never have weights: they are built as they are made
    _table_version = 0  # another number where `call` has other constants than before
    _accepts_any = False  # models take what is not a tensor by position too, and cast by themselves

    def __new__(cls, *args: Any, **kwargs: Any) -> Layer:
        layer = super().__new__(cls)
        layer._start_tracking()
        layer._auto_config = constructor_arguments(cls, args, kwargs)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        from fncompile import regularizers

        Operation.__init__(self, name)
        self._input_shape_argument = input_shape_argument(kwargs)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(
                f"Expected `trainable` to be a boolean. Received: trainable={trainable} "
                f"(of type {type(trainable)})"
            )
        self._trainable = bool(trainable)
        self.dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: Any = None
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self.built = self._stateless and type(self).build is Layer.build
        self._building = False
        self._build_shapes: dict[str, Any] | None = None
        self._losses: list[Any] = []
        self._remat = current_remat()
        self.path = f"{current_path()}/{self.name}".lstrip("/")

    def _check_super_called(self) -> None:
        if "_losses" not in vars(self):
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the "
                "first statement in the `__init__()` method. Go add it!"
            )

    # what subclasses write ------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, written in `fncompile.ops`; a subclass overrides it."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call` method implemented."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the outputs, used where `supports_masking`; by default that of the inputs."""
        return previous_mask

    def quantize(self, mode: Any = None, **_options: Any) -> None:
        """NotImplementedError: there is none of what Keras has under this name."""
        raise NotImplementedError(f"quantize({mode!r}): {refusals.QUANTIZED}")

    # calling --------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_super_called()
        args, kwargs = map_structure(_as_array, (args, kwargs))
        if not self._accepts_any:
            check_positional(args)
        with name_scope(self.name, self):
            spec = self._call_spec(args, kwargs)
            self._check_inputs(spec.first)
            self._build_for(spec)
            if is_symbolic(args, kwargs):
                return symbolic_call(self, args, kwargs)
            if current_trace() is not None:
                return self.run(*args, **kwargs)
            return self._call_on_arrays(args, kwargs)

    def _call_spec(self, args: tuple, kwargs: dict[str, Any]) -> CallSpec:
        signature = signature_of(type(self).call)
        if not signature.accepts("training"):
            kwargs = {name: value for name, value in kwargs.items() if name != "training"}
        return CallSpec(signature, args, kwargs)

    def _check_inputs(self, inputs: Any) -> None:
        if self.input_spec is not None:
            check_inputs(self.input_spec, inputs, self.name)

    def _call_on_arrays(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        def body(*args: Any, **kwargs: Any) -> Any:
            return self.run(*args, **kwargs), list(current_trace().losses)  # type: ignore[union-attr]

        for layer in self._flatten_layers():
            layer._losses = []
        outputs, self._losses = run_eagerly(body, args, kwargs)
        collected(self._losses)
        return outputs

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """`call` inside the active trace, with training flag and masks filled in."""
        trace = current_trace()
        assert trace is not None
        args, kwargs = map_structure(self._as_tensor, (args, kwargs))
        training = kwargs.pop("training", None)
        spec = self._call_spec(args, kwargs)
        if training is None:
            training = (
                trace.training if trace.training is not None else spec.signature.training_default
            )
        if "training" in spec.signature.names:
            kwargs["training"] = spec.arguments["training"] = bool(training)
        kwargs.update(spec.missing_masks())
        with (
            trace.scope(self.name, training, self._autocast_dtype()),
            name_scope(self.name, self),
            described(self, spec.arguments),
        ):
            outputs = self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)
        return self._with_masks(spec.first, self._regularized(outputs))

    def _autocast_dtype(self) -> str | None:
        """What the layer reads floating-point weights in, where that is not what they are."""
        policy = self.dtype_policy
        mixed = self.autocast and policy.compute_dtype != policy.variable_dtype
        return policy.compute_dtype if mixed else None

    def _as_tensor(self, x: Any) -> Any:
        """Arrays as constants of the trace; floating-point tensors in the dtype of computation."""
        if isinstance(x, (np.ndarray, np.generic)):
            x = Tensor(to_node(x))
        cast = (
            isinstance(x, Tensor) and self.autocast and not self._accepts_any and is_float(x.dtype)
        )
        dtype = self.compute_dtype
        if not cast or x.dtype == dtype or not is_float(dtype):
            return x
        out = Tensor(node(x, dtype))
        out._keras_mask = x._keras_mask
        return out

    def _with_masks(self, inputs: Any, outputs: Any) -> Any:
        """Outputs with their masks. What `call` handed through unchanged loses the mask it came
        with."""
        previous = masks_of(inputs)
        had_mask = any(m is not None for m in flatten(previous))
        given = {id(x) for x in flatten(inputs)}
        outputs = map_structure(
            lambda x: Tensor(x.node) if isinstance(x, Tensor) and id(x) in given else x, outputs
        )
        if not self.supports_masking:
            if had_mask:
                warn_caller(_destroys_mask(self))
            return outputs
        if all(m is not None for m in flatten(masks_of(outputs))):
            return outputs
        masks = self.compute_mask(inputs, previous if had_mask else None)
        for x, mask in zip(flatten(outputs), flatten(masks), strict=False):
            if mask is not None and isinstance(x, Tensor):
                x._keras_mask = mask
        return outputs

    # dtype ----------------------------------------------------------------------------------------

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """What the layer computes in; assigned by object, name or config. ValueError for others. Of
        a map it is that at the layer's path, and is assigned there."""
        policy = self._dtype_policy
        if isinstance(policy, dtype_policies.DTypePolicyMap):
            return policy[vars(self).get("path") or self.name]
        return policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        found, now = dtype_policies.get(policy), vars(self).get("_dtype_policy")
        by_path = dtype_policies.DTypePolicyMap
        if isinstance(now, by_path) and not isinstance(found, by_path):
            if self.path in now:
                del now[self.path]
            now[self.path] = found
        else:
            self._dtype_policy = found

    @property
    def dtype(self) -> str:
        """The dtype of weights."""
        return self.dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation, and mostly of outputs."""
        return self.dtype_policy.compute_dtype

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _as_array(x: Any) -> Any:
    """Foreign arrays (anything with `__array__`) as NumPy arrays."""
    if isinstance(x, (np.ndarray, Tensor, KerasTensor, Variable)) or not hasattr(x, "__array__"):
        return x
    return np.asarray(x)


def _destroys_mask(layer: Layer) -> str:
    return (
        f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed an input with a mask "
        "attached to it. However, this layer does not support masking and will therefore destroy "
        "the mask information. Downstream layers will not see the mask."
    )
