"""fncompile: build a network as in Keras, run and train it through C made for that one network.

`import fncompile` loads nothing else; each public name is imported when it is first used.
Examples in docstrings assume `import numpy as np`, `import fncompile` and the modules that they
name, as by `from fncompile import layers, ops`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what `__getattr__` does, for those who read and do not run
    from fncompile import (
        activations,
        applications,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        distribution,
        dtype_policies,
        export,
        initializers,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        random,
        regularizers,
        saving,
        tree,
        utils,
        wrappers,
    )
    from fncompile.config import DTypePolicy
    from fncompile.dtype_policies import FloatDTypePolicy
    from fncompile.export import load_library
    from fncompile.flags import CallableModule
    from fncompile.gradients import GradientTape, grad, value_and_grad
    from fncompile.graph.call import Operation
    from fncompile.graph.function import Function
    from fncompile.graph.stateless import StatelessScope
    from fncompile.graph.tensor import KerasTensor
    from fncompile.graph.variable import Variable
    from fncompile.initializers import Initializer
    from fncompile.layers import Input, InputSpec, Layer
    from fncompile.losses import Loss
    from fncompile.metrics import Metric
    from fncompile.models import Model, Sequential
    from fncompile.optimizers import Optimizer
    from fncompile.regularizers import Regularizer
    from fncompile.scopes import RematScope, device, name_scope, remat, version
    from fncompile.session.function import function

    flags: CallableModule  # a module, and `with fncompile.flags(threads=2):`

__version__ = "0.1.0"

# public name -> the module that defines it; the other names of __all__ are modules
_NAMES = {
    "DTypePolicy": "config",
    "FloatDTypePolicy": "dtype_policies",
    "Function": "graph.function",
    "GradientTape": "gradients",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "tensors",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "graph.call",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "RematScope": "scopes",
    "Sequential": "models",
    "StatelessScope": "graph.stateless",
    "Variable": "tensors",
    "device": "scopes",
    "function": "session.function",
    "grad": "gradients",
    "load_library": "export",
    "name_scope": "scopes",
    "remat": "scopes",
    "version": "scopes",
    "value_and_grad": "gradients",
}
__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "Variable",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "device",
    "distribution",
    "dtype_policies",
    "export",
    "flags",
    "function",
    "grad",
    "initializers",
    "layers",
    "load_library",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "saving",
    "tree",
    "utils",
    "value_and_grad",
    "version",
    "wrappers",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _NAMES:
            value = getattr(importlib.import_module(f"fncompile.{_NAMES[name]}"), name)
            globals()[name] = value
            return value
        if name in __all__:
            return importlib.import_module(f"fncompile.{name}")
        from fncompile.missing import complaint

        raise complaint(__name__, name)


def __dir__() -> list[str]:
    from fncompile.missing import shown_names

    return shown_names(__name__)
