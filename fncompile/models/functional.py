"""`Functional`: the model of a graph of layer calls between symbolic inputs and outputs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fncompile.graph.call import Call, Operation, relink
from fncompile.graph.config import dag_config, dag_from_config
from fncompile.graph.dag import Dag, build_dag, rebase, replay
from fncompile.graph.nest import flatten, map_structure, pack_like, paths
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.trace import current_trace, to_node
from fncompile.layers.base import Layer
from fncompile.layers.input import InputLayer
from fncompile.models.graph_model import GraphModel
from fncompile.models.host_part import HostPart, host_part
from fncompile.models.inputs import (
    check_dict_keys,
    check_tensors,
    fitted,
    in_order,
    input_specs,
    maker,
)
from fncompile.models.model import Model


class Functional(GraphModel):
    """The calls between `inputs` and `outputs`, nested structures of symbolic tensors.

    Inputs that are not from `Input` begin a new graph at that place: the layers behind them are
    called again, on fresh Inputs of the same shape. Raises ValueError for anything that is not a
    symbolic tensor, for outputs that the inputs do not lead to, and for names used twice.

    `name` and `trainable` as for a layer.

    >>> x = fncompile.Input((4,))
    >>> models.Functional(x, layers.Dense(2)(x)).output_shape
    (None, 2)
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        name: str | None = None,
        trainable: bool = True,
        **kwargs: Any,
    ):
        check_tensors("inputs", inputs, inputs, outputs)
        check_tensors("outputs", outputs, inputs, outputs)
        Layer.__init__(self, name=name, **kwargs)
        inputs, outputs = _behind_inputs(inputs, outputs)
        check_dict_keys(inputs)
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._dag = build_dag(flatten(inputs), outputs)
        self.input_spec = input_specs(inputs)
        self._input_paths = paths(inputs)
        self.host_part = host_part(self._dag)
        self.built = True
        if not trainable:
            self.trainable = False

    # structure ------------------------------------------------------------------------------------

    @property
    def dag(self) -> Dag:
        """The calls between inputs and outputs, in order."""
        return self._dag

    @property
    def operations(self) -> list[Operation]:
        """Layers and functions in order of decreasing depth."""
        return list(self._dag.operations)

    @property
    def layers(self) -> list[Layer]:
        """The layers among `operations`."""
        return [op for op in self._dag.operations if isinstance(op, Layer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def _sublayers(self) -> list[Layer]:
        known = {id(layer) for layer in self.layers}
        return [*self.layers, *(x for x in super()._sublayers() if id(x) not in known)]

    @property
    def input(self) -> Any:
        """The symbolic inputs, in the structure given to the constructor."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, in the structure given to the constructor."""
        return self._outputs_struct

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input tensors as a flat list."""
        return list(self._dag.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output tensors as a flat list."""
        return list(self._dag.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [maker(t).name for t in self._dag.inputs]

    host_part: HostPart | None  # where the model begins with layers that Python has to run

    @property
    def compiled_inputs(self) -> list[KerasTensor]:
        """What compiled code takes: the inputs, or what layers of strings make of them."""
        return list(self._dag.inputs if self.host_part is None else self.host_part.inputs)

    @property
    def _compiled_calls(self) -> Sequence[Call]:
        return self._dag.calls if self.host_part is None else self.host_part.compiled

    @property
    def compiled_names(self) -> list[str]:
        """The names of `compiled_inputs`."""
        return self.input_names if self.host_part is None else list(self.host_part.names)

    def converted(self, arrays: list[Any]) -> list[Any]:
        """The arrays for `compiled_inputs`, of those for `inputs`."""
        return arrays if self.host_part is None else self.host_part.convert(self.inputs, arrays)

    @cached_property
    def input_places(self) -> Any:
        """`training.Places` of the inputs."""
        from fncompile.training.places import Places

        return Places(self.input, self.input_names)

    @property
    def output_names(self) -> list[str]:
        """Names of the operations that make the outputs; a name may come twice."""
        return [maker(t).name for t in self._dag.outputs]

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs, in their structure."""
        return map_structure(lambda t: t.shape, self._inputs_struct)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs, in their structure."""
        return map_structure(lambda t: t.shape, self._outputs_struct)

    def build(self, input_shape: Any = None) -> None:
        """Nothing: a graph is built of built layers."""

    # computation ----------------------------------------------------------------------------------

    _not_state = GraphModel._not_state | {"host_part", "input_places"}

    def as_functional(self) -> Functional:
        """Itself."""
        return self

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        tensors = self.flatten_inputs(inputs)
        if self.host_part is not None:
            tensors = self._host_in_trace(tensors)
        if mask is not None:
            for tensor, one in zip(tensors, flatten(mask), strict=False):
                if isinstance(tensor, Tensor):
                    tensor._keras_mask = one
        flag = getattr(current_trace(), "training", None)
        if training == bool(flag):
            training = flag  # None where nobody has said, which `run` hands over as False
        return self.pack_outputs(self.run_graph(tensors, training))

    def run_graph(self, tensors: list[Tensor | None], training: bool | None = None) -> list[Tensor]:
        """Every call once, in order, inside the active trace.

        A layer that was called with `training=True` behaves so unless `training` is False, as in
        `predict` and `evaluate`; one that was called with `training=False` never trains.
        """
        trace = current_trace()
        assert trace is not None

        def apply(call: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
            if training is False and kwargs.get("training"):
                kwargs = {**kwargs, "training": False}
            return call.operation.run(*args, **kwargs)

        with trace.scope(None, training):
            known: dict[KerasTensor, Any] = dict(zip(self.compiled_inputs, tensors, strict=True))
            if self.host_part is not None:
                self.host_part.begin(known)
            replay(self._compiled_calls, known, apply)
        return [known[t] for t in self._dag.outputs]

    @property
    def _input_structure(self) -> Any:
        return map_structure(lambda _: None, self._inputs_struct)

    def _host_in_trace(self, tensors: list[Any]) -> list[Any]:
        """Arrays of strings are at hand in an eager call; tensors are not."""
        if any(isinstance(x, Tensor) for x in tensors):
            raise ValueError(
                f"Model '{self.name}' begins with layers of strings, which Python runs. It can be "
                "called on arrays, not inside another model: put its layers of strings first in "
                "that one."
            )
        return [Tensor(to_node(x)) for x in self.converted(tensors)]

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """Flat inputs in the order of `self.inputs`, with their ranks and dtypes.

        Dicts go by name, other structures by order. A last axis of 1 is added or removed as needed.
        """
        values = in_order(inputs, self._inputs_struct, self.input_spec)
        if len(values) != len(self._dag.inputs):
            raise ValueError(
                f"Functional model '{self.name}' expects {len(self._dag.inputs)} input(s) named "
                f"{self.input_names}, but it received {len(values)}."
            )
        return [
            fitted(x, tensor, path)
            for x, tensor, path in zip(values, self._dag.inputs, self._input_paths, strict=True)
        ]

    def pack_outputs(self, flat: list[Any]) -> Any:
        """Flat outputs in the structure given to the constructor; a list or tuple of one as that
        one."""
        packed = pack_like(self._outputs_struct, flat)
        single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if single else packed

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the layers inside have put masks on what they gave."""
        return None

    def add_loss(self, loss: Any) -> None:
        """Not for a graph, which has no `call` of yours: NotImplementedError."""
        raise NotImplementedError(
            f"`add_loss()` works inside the `call` of a layer. Model '{self.name}' is a graph of "
            "layers: add a layer "
            "that calls `self.add_loss()` and returns its inputs."
        )

    # description ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Layers, calls, inputs and outputs, in Keras 3's form; of a subclass with a constructor of
        its own, the arguments of that."""
        if not _has_graph_constructor(type(self)):
            overridden = type(self).get_config is not Functional.get_config
            return self._base_config() if overridden else self._argument_config()
        from fncompile.models.op_config import describe, describe_call

        config = {"name": self.name, "trainable": self.trainable}
        return {
            **config,
            **dag_config(self._dag, self.input, self.output, describe, describe_call, _shift),
        }

    def get_build_config(self) -> dict[str, Any] | None:
        return None

    _not_pickled = GraphModel._not_pickled | {"_dag", "host_part"}

    def __getstate__(self) -> dict[str, Any]:
        """With the calls of the graph in a list, since their own links would be followed to any
        depth. Those of InputLayers, which make their tensor, come with them."""
        calls = [call for op in self._dag.operations for call in self._dag.calls_of(op)]
        graph = list(map(maker, self._dag.inputs)), [c for c in calls if c.input_tensors]
        return {**super().__getstate__(), "graph": graph}

    def __setstate__(self, state: dict[str, Any]) -> None:
        _, calls = state.pop("graph")
        relink(calls)
        super().__setstate__(state)
        self._dag = build_dag(flatten(self._inputs_struct), self._outputs_struct)
        self.host_part = host_part(self._dag)


def from_config(cls: type[Model], config: dict[str, Any]) -> Model:
    """A model of class `cls` (or `Functional`) from the config of a functional model."""
    from fncompile.models.op_config import call_again, revive
    from fncompile.saving.serialization import deserialize_keras_object

    inputs, outputs = dag_from_config(config, revive, deserialize_keras_object, call_again, _shift)
    kwargs = {key: config[key] for key in ("name", "trainable") if config.get(key) is not None}
    own = inspect.signature(cls.__init__).parameters.keys() - {"inputs", "outputs", *kwargs}
    kwargs.update((key, deserialize_keras_object(config[key])) for key in own if key in config)
    return (Functional if cls is Model else cls)(inputs=inputs, outputs=outputs, **kwargs)


def _shift(operation: Operation) -> int:
    """Keras counts the call that made a functional model as its first one."""
    return int(isinstance(operation, Functional))


def _has_graph_constructor(cls: Any) -> bool:
    """Does a constructor take `inputs` and `outputs`, perhaps to hand them on?"""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    hands_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    return hands_on or [p.name for p in parameters[:2]] == ["inputs", "outputs"]


def _behind_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """The same graph, with a fresh Input in place of each input that another operation made."""
    old = flatten(inputs)
    if all(isinstance(maker(t), InputLayer) for t in old):
        return inputs, outputs
    new = {t: t if isinstance(maker(t), InputLayer) else _fresh_input(t) for t in old}
    return map_structure(new.__getitem__, inputs), rebase(new, outputs)


def _fresh_input(tensor: KerasTensor) -> KerasTensor:
    return InputLayer(
        batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}CLONE"
    ).output
