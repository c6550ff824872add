"""The public modules and their names, for the tests that walk them."""

from __future__ import annotations

import importlib
from types import ModuleType

MODULES = [
    "fncompile", "fncompile.activations", "fncompile.applications", "fncompile.backend",
    "fncompile.callbacks",
    "fncompile.config", "fncompile.constraints", "fncompile.datasets", "fncompile.distribution",
    "fncompile.dtype_policies",
    "fncompile.export", "fncompile.initializers", "fncompile.layers", "fncompile.losses",
    "fncompile.metrics", "fncompile.mixed_precision", "fncompile.models", "fncompile.ops",
    "fncompile.ops.image", "fncompile.ops.linalg", "fncompile.ops.nn", "fncompile.ops.numpy",
    "fncompile.optimizers",
    "fncompile.optimizers.schedules", "fncompile.preprocessing", "fncompile.preprocessing.image",
    "fncompile.preprocessing.sequence",
    "fncompile.random", "fncompile.regularizers", "fncompile.saving", "fncompile.tree",
    "fncompile.utils",
]  # fmt: skip


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


def public_objects() -> dict[str, object]:
    """Each public class and function once, under the first name that its module gives it."""
    found: dict[int, tuple[str, object]] = {}
    for module in reversed(MODULES):
        for name in load(module).__all__:
            value = getattr(load(module), name)
            if not isinstance(value, ModuleType):
                own = getattr(value, "__name__", "") == name
                if own or id(value) not in found:
                    found[id(value)] = (f"{module}.{name}", value)
    return dict(sorted(found.values(), key=lambda item: item[0]))


