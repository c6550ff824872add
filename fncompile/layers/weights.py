"""The weights of a layer: creating, listing, freezing, reading and writing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.graph import structure
from fncompile.graph.naming import auto_name, current_path, name_scope
from fncompile.graph.variable import Variable
from fncompile.layers import state
from fncompile.ops.dispatch import is_float

LOCKED = (
    "You cannot add new elements of state (variables or sub-layers) to a layer that is already "
    "built. All state must be created in the `__init__()` method or in the `build()` method."
)


class Weights:
    """Mixin of `Layer`. Variables keep the class (trainable or not) that they were created with."""

    # Attributes that never hold state of this layer.
    _not_state: frozenset[str] = frozenset({
        "_inbound_nodes", "_outbound_nodes", "_auto_config", "_losses", "_trainable_variables",
        "_non_trainable_variables", "input_spec",
    })  # fmt: skip

    name: str
    _trainable: bool
    _trainable_variables: list[Variable]
    _non_trainable_variables: list[Variable]
    _locked: bool
    built: bool

    def _start_tracking(self) -> None:
        object.__setattr__(self, "_trainable_variables", [])
        object.__setattr__(self, "_non_trainable_variables", [])
        object.__setattr__(self, "_locked", False)

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """A new variable of this layer, with the path `layer/name`.

        `add_weight(shape=(), initializer=None, dtype=None, trainable=True, autocast=True,
        regularizer=None, constraint=None, aggregation="none", name=None)`; TF2 put the name first,
        which is accepted too where a shape follows (ValueError otherwise). The shape must be
        static. `initializer` is Glorot uniform by default, or zeros for integers; `dtype` the
        layer's. Names of initializers and so on stand for them. Without `autocast` the weight is
        read in its own dtype whatever the layer computes in.
        """
        if args and isinstance(args[0], str):
            if len(args) < 2 and "shape" not in kwargs:
                raise ValueError(
                    f"`add_weight({args[0]!r})` has a name and no shape. Use "
                    f"`add_weight(shape=..., name={args[0]!r})`; `shape=()` is a scalar."
                )
            kwargs.setdefault("name", args[0])
            args = args[1:]
        return self._new_weight(*args, **kwargs)

    def add_variable(self, shape: Any, initializer: Any, **options: Any) -> Variable:
        """`add_weight` with a shape and an initializer that have to be given; options as there.

        >>> layer = layers.Layer()
        >>> layer.add_variable((), "zeros", trainable=False, name="count").path
        'layer/count'
        """
        return self._new_weight(shape, initializer, **options)

    def _new_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        from fncompile import constraints, initializers, regularizers
        from fncompile.ops.dispatch import standard_dtype

        self._check_super_called()
        self._check_unlocked()
        name = auto_name("variable") if name is None else name
        dtype = self.dtype if dtype is None else standard_dtype(dtype)
        with name_scope(self.name, self):
            path = f"{current_path()}/{name}"
        shape = _static_shape(() if shape is None else shape, path)
        fill = initializers.get(initializer or ("glorot_uniform" if is_float(dtype) else "zeros"))
        variable = Variable(fill, shape, dtype, trainable, name, path, autocast)
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._track(variable)
        return variable

    def _track(self, variable: Variable) -> None:
        """Count `variable` as own weight, unless it is one already."""
        if any(v is variable for v in (*self._trainable_variables, *self._non_trainable_variables)):
            return
        self._check_unlocked()
        own = self._trainable_variables if variable.trainable else self._non_trainable_variables
        own.append(variable)

    def _check_unlocked(self) -> None:
        if self._locked:
            raise ValueError(LOCKED)

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) not in state.PLAIN and name not in self._not_state:
            for leaf in state.leaves(value, set()):
                if isinstance(leaf, Variable):
                    self._track(leaf)
                elif state.is_layer(leaf):
                    self._check_new_sublayer(leaf)
            structure.changed()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        structure.changed()

    def _check_new_sublayer(self, layer: Any) -> None:
        if self._locked and not any(known is layer for known in self._sublayers()):
            raise ValueError(LOCKED)

    # what is there ------------------------------------------------------------------------------

    def _sublayers(self) -> list[Any]:
        """The layers directly below this one."""
        return state.owned(self, state.is_layer)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """The layers below this one, each once, parents first."""
        found: dict[int, Any] = {id(self): self}
        queue = [self]
        while queue:
            layer = queue.pop(0)
            new = [sub for sub in layer._sublayers() if id(sub) not in found]
            found.update((id(sub), sub) for sub in new)
            queue.extend(new if recursive else [])
        return [layer for layer in found.values() if include_self or layer is not self]

    def _own_weights(self) -> list[Variable]:
        loose = state.owned(self, lambda x: isinstance(x, Variable))
        for variable in loose:  # appended to a list after the list was assigned
            if not self._locked:
                self._track(variable)
        return [*self._trainable_variables, *self._non_trainable_variables]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the layer's own variables into `store`, as "0", "1" ... A layer that saves something
        else, or elsewise, has a method of its own of this name."""
        for number, variable in enumerate(self._own_weights()):
            store[str(number)] = np.asarray(variable)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Assign what `save_own_variables` put into `store`. ValueError where there is another
        number of arrays, or one of another shape; nothing is assigned then."""
        own = self._own_weights()
        missing = [str(number) for number in range(len(own)) if str(number) not in store]
        if missing or len(store) != len(own):
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store)} "
                f"variables during loading. Expected: {[v.name for v in own]}"
            )
        values = [np.asarray(store[str(number)]) for number in range(len(own))]
        for variable, value in zip(own, values, strict=True):
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"'{variable.path}' of the layer '{self.name}' has the shape "
                    f"{tuple(variable.shape)}. Received: {value.shape}"
                )
        for variable, value in zip(own, values, strict=True):
            variable.assign(value)

    @property
    def weights(self) -> list[Variable]:
        """Own variables, trainable ones first, then those of the sub-layers, each once."""
        below = (v for layer in self._sublayers() for v in layer.weights)
        return state.unique([*self._own_weights(), *below])

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those of `weights` that training changes; none where this layer is frozen."""
        if not self.trainable:
            return []
        self._own_weights()
        below = [v for layer in self._sublayers() for v in layer.trainable_weights]
        return state.unique([*(v for v in self._trainable_variables if v.trainable), *below])

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def variables(self) -> list[Variable]:
        """`weights`, and the variables of seed generators; those of metrics are in
        `metrics_variables`."""
        others = (v for x in state.owned(self, state.is_stateful) for v in x.variables)
        below = (v for layer in self._sublayers() for v in layer.variables)
        return state.unique([*self._own_weights(), *others, *below])

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All variables but the trainable ones."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.variables if id(v) not in trained]

    def held_metrics(self) -> list[Any]:
        """The metrics on attributes of this layer and those below."""
        held = (state.owned(layer, state.is_metric) for layer in self._flatten_layers())
        return list(dict.fromkeys(metric for found in held for metric in found))

    @property
    def metrics(self) -> list[Any]:
        """The metrics on attributes of this layer and those below."""
        return self.held_metrics()

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`, each once."""
        return state.unique(v for metric in self.metrics for v in metric.variables)

    @property
    def trainable(self) -> bool:
        """Whether training changes this layer; setting it sets it for all layers below too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            for variable in layer._trainable_variables:
                variable.trainable = bool(value)
        structure.changed()

    def count_params(self) -> int:
        """The number of numbers in `weights`. Raises ValueError while the layer is not built."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't "
                "built. You can build it manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """A copy of each of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign `weights` in order; ValueError, and nothing assigned, where count or shapes
        differ."""
        weights, variables = list(weights), self.weights
        if len(weights) != len(variables):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of "
                f"length {len(weights)}, but the layer was expecting {len(variables)} weights."
            )
        for variable, value in zip(variables, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with "
                    f"provided weight shape {np.shape(value)}."
                )
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(np.asarray(value))

    # provided by Layer
    _check_super_called: Callable[[], None]

    @property
    def dtype(self) -> str:
        return floatx()


def _static_shape(shape: Any, path: str) -> tuple[int, ...]:
    from fncompile.graph.symbols import standardize_shape

    shape = standardize_shape((shape,) if isinstance(shape, int) else shape)
    if None in shape:
        raise ValueError(
            "Shapes used to initialize variables must be fully-defined (no `None` dimensions). "
            f"Received: shape={shape} for variable path='{path}'"
        )
    return shape
