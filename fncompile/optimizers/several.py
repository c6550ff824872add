"""Several optimizers for the variables of one model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from fncompile.graph.required import required
from fncompile.graph.variable import Variable
from fncompile.optimizers.loss_scaling import LossScaleOptimizer
from fncompile.optimizers.optimizer import Optimizer


class OptimizerMap(MutableMapping):
    """Which optimizer moves a variable, by its path.

    `default_optimizer`: of those that no key matches; `optimizer_map`: optimizers by paths or
    regular expressions of whole paths. TypeError for other objects, ValueError where two
    expressions match a path.

    >>> found = optimizers.OptimizerMap(optimizers.SGD(), {"encoder/.*": optimizers.Adam()})
    >>> type(found["encoder/dense/kernel"]).__name__, type(found["head/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                "default_optimizer must be a Keras Optimizer instance. "
                f"Received: {default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self.default_optimizer = default_optimizer
        self._by_key: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._by_key:
            return self._by_key[key]
        found = [o for pattern, o in self._by_key.items() if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return found[0] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if key in self._by_key:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value {self._by_key[key]}. "
                "Please make sure to not use duplicated keys."
            )
        self._by_key[key] = _single(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._by_key[key]

    def __repr__(self) -> str:
        return f"<OptimizerMap of {len(vars(self).get('_by_key', ()))} keys>"

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        from fncompile import optimizers

        return {
            "default_optimizer": optimizers.serialize(self.default_optimizer),
            "optimizer_map": {k: optimizers.serialize(o) for k, o in self._by_key.items()},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> OptimizerMap:
        """The map that `get_config` described."""
        from fncompile import optimizers

        default = required(config, "default_optimizer", cls.__name__)
        default = optimizers.deserialize(default, custom_objects)
        own = config.get("optimizer_map") or {}
        return cls(default, {k: optimizers.deserialize(o, custom_objects) for k, o in own.items()})


def _single(optimizer: Any) -> Optimizer:
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(f"optimizer cannot be {type(optimizer).__name__}.")
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
    return optimizer


class MultiOptimizer(Optimizer):
    """An optimizer for each variable, chosen by its path.

    `optimizer_map`: an `OptimizerMap`, or a function that gives the optimizer of a variable, the
    same for all that belong together. Clipping, averages and sums of gradients are those of each
    optimizer, of its variables. `loss_scale_factor`: of all of them. Such an optimizer has no
    learning rate (AttributeError): its `optimizers` have.

    >>> by_path = optimizers.OptimizerMap(optimizers.SGD(0.5), {"a": optimizers.SGD(0.1)})
    >>> a, b = (fncompile.Variable([1.0], name=name) for name in "ab")
    >>> optimizers.MultiOptimizer(by_path).apply([np.array([1.0])] * 2, [a, b])
    >>> a.numpy(), b.numpy()
    (array([0.9], dtype=float32), array([0.5], dtype=float32))
    """

    fields = ("optimizer_map", "loss_scale_factor")
    always_shown = ("optimizer_map",)
    elementwise = False

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        self._inner: dict[Optimizer, list[Variable]] = {}
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._by_key.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Any) -> list[Variable]:
        """The variables of one of the optimizers."""
        if _single(optimizer) not in self._inner:
            optimizer.loss_scale_factor = None
            self._inner[optimizer] = []
        return self._inner[optimizer]

    @property
    def optimizers(self) -> list[Optimizer]:
        """All of them, in the order of the map, the default one last."""
        return list(self._inner)

    def build(self, variables: Iterable[Variable]) -> None:
        """Choose the optimizer of each variable, and make their slots."""
        if self.built:
            return
        self._trainable_variables = list(variables)
        for variable in self._trainable_variables:
            self._take(self.optimizer_map(variable)).append(variable)
        for optimizer, own in self._inner.items():
            if own:
                optimizer.build(own)
        self.built = True

    @property
    def variables(self) -> list[Variable]:
        """In Keras' order: its own, then those of each optimizer."""
        return [*super().variables, *(v for o in self.optimizers for v in o.variables)]

    @property
    def learning_rate(self) -> Any:
        """None: AttributeError."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. "
            "Access the learning rate on the individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. "
            "Set the learning rate on the individual sub-optimizers instead."
        )

    @property
    def averages(self) -> bool:
        """Has any of the optimizers some?"""
        return any(optimizer.averages for optimizer in self._inner)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """As each optimizer does it with its variables."""
        chosen = set(var_list)
        for optimizer, own in self._inner.items():
            optimizer.finalize_variable_values([v for v in own if v in chosen])

    def _step(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        given = dict(zip(variables, self.unscaled(gradients, variables), strict=True))
        for optimizer, own in self._inner.items():
            used = [v for v in own if v in given]
            if used:
                optimizer._step([given[v] for v in used], used)
        self._iterations.assign_add(1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        from fncompile import optimizers

        return {
            "name": self.name,
            "optimizer_map": optimizers.serialize(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """The optimizer that `get_config` described."""
        given = required(config, "optimizer_map", cls.__name__)
        if not isinstance(given, dict) or given.get("class_name") != "OptimizerMap":
            raise ValueError(
                "The function that chooses optimizers is not in the configuration of a "
                "MultiOptimizer: use an OptimizerMap."
            )
        chosen = OptimizerMap.from_config(required(given, "config", "OptimizerMap"), custom_objects)
        return cls(**{**config, "optimizer_map": chosen})
