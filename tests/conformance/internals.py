"""Names of `keras.src` that are not public, where fncompile has something that does the same."""

from __future__ import annotations

import functools
import os
from typing import Any

import fncompile
from fncompile import ops
from fncompile.backend import backend, standardize_dtype
from fncompile.graph import naming
from fncompile.graph.symbols import standardize_shape
from fncompile.graph.tensor import KerasTensor as OurKerasTensor
from fncompile.ir.types import DTYPES
from fncompile.models.trainer import Trainer
from tests.conformance import wheel
from tests.conformance.missing import Missing


class _AnyKerasTensor(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, OurKerasTensor)


class KerasTensor(metaclass=_AnyKerasTensor):
    """Keras' constructor; what it makes is fncompile's."""

    def __new__(  # type: ignore[misc]
        cls, shape: Any, dtype: Any = "float32", sparse: bool = False, ragged: bool = False,
        record_history: bool = True, name: str | None = None,
    ) -> Any:  # fmt: skip
        if sparse or ragged:
            Missing("KerasTensor(sparse=, ragged=)", "missing").fail()
        return OurKerasTensor(shape, standardize_dtype(dtype), name=name)


def _is_kind(kinds: str, dtype: Any) -> bool:
    row = DTYPES.get(standardize_dtype(dtype))
    return row is not None and row.kind in kinds


def _set_keras_mask(x: Any, mask: Any) -> None:
    x._keras_mask = mask


def seed_generators(layer: Any) -> list[Any]:
    """Those that a layer and what is inside it hold."""
    found: list[Any] = []
    for each in layer._flatten_layers():
        for value in vars(each).values():
            if isinstance(value, fncompile.random.SeedGenerator) and value not in found:
                found.append(value)
    return found


def _save_h5(model: Any, path: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    fncompile.saving.save_model(
        model, path, overwrite=overwrite, include_optimizer=include_optimizer
    )


def _load_h5(
    path: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    return fncompile.saving.load_model(path, custom_objects, compile, safe_mode)


class _Trainer(Trainer):
    """What trains and predicts, beside another layer whose constructor has been called."""

    def __init__(self) -> None:
        pass


BACKEND = {
    "KerasTensor": KerasTensor,
    "Variable": fncompile.Variable,
    "backend": backend,
    "cast": ops.cast,
    "clear_session": fncompile.utils.clear_session,
    "compute_output_spec": lambda function, *args, **kwargs: function(*args, **kwargs),
    "convert_to_numpy": ops.convert_to_numpy,
    "convert_to_tensor": ops.convert_to_tensor,
    "current_path": naming.current_path,
    "get_keras_mask": lambda x: getattr(x, "_keras_mask", None),
    "in_stateless_scope": lambda: False,
    "is_float_dtype": functools.partial(_is_kind, "f"),
    "is_int_dtype": functools.partial(_is_kind, "iu"),
    "is_tensor": ops.is_tensor,
    "name_scope": naming.name_scope,
    "random_seed_dtype": lambda: "uint32",
    "set_keras_mask": _set_keras_mask,
    "shape": ops.shape,
    "standardize_dtype": standardize_dtype,
    "standardize_shape": standardize_shape,
    "to_torch_tensor": None,
    "IS_THREAD_SAFE": True,
    "SUPPORTS_COMPLEX_DTYPES": False,
    "SUPPORTS_RAGGED_TENSORS": False,
    "SUPPORTS_SPARSE_TENSORS": False,
}
_COMMON = ("global_state", "keras_tensor", "masking", "name_scope", "variables")
# module below keras.src -> name -> what fncompile has
SUPPLIED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(["backend", "backend.core", "backend.common"], BACKEND),
    **dict.fromkeys([f"backend.common.{name}" for name in _COMMON], BACKEND),
    "": {"__version__": wheel.VERSION, "KerasTensor": KerasTensor},
    "api_export": {"keras_export": lambda *_, **__: lambda x: x},
    "backend.config": {"backend": backend},
    "config": {"backend": backend},
    "legacy.saving.legacy_h5_format": {
        "save_model_to_hdf5": _save_h5, "load_model_from_hdf5": _load_h5,
    },
    "models": {"Functional": fncompile.models.Functional},
    "models.functional": {"Functional": fncompile.models.Functional},
    "optimizers": {"get": fncompile.optimizers.get},
    "saving.saving_lib": {
        "_CONFIG_FILENAME": "config.json", "_METADATA_FILENAME": "metadata.json",
        "_VARS_FNAME": "model.weights", "_VARS_FNAME_H5": "model.weights.h5",
        "save_model": lambda model, path, **options: fncompile.saving.save_model(
            model, path, **options),
        "load_model": lambda path, **options: fncompile.saving.load_model(path, **options),
        "save_weights_only": lambda model, path, **options: model.save_weights(path, **options),
        "load_weights_only": lambda model, path, **options: model.load_weights(path, **options),
    },
    "trainers.fncompile": {"Trainer": _Trainer},
    "utils": {"removesuffix": str.removesuffix, "removeprefix": str.removeprefix},
    "utils.file_utils": {
        "join": os.path.join, "exists": os.path.exists, "isdir": os.path.isdir,
        "makedirs": os.makedirs,
    },
    "utils.naming": {"auto_name": naming.auto_name, "to_snake_case": naming.to_snake_case},
    "utils.traceback_utils": {
        "is_traceback_filtering_enabled": lambda: False,
        "disable_traceback_filtering": lambda: None,
    },
}  # fmt: skip
# module below keras.src -> the one that holds the functions of the same names
ALIASES = {
    "backend.core": "ops.core", "backend.image": "ops.image", "backend.linalg": "ops.linalg",
    "backend.math": "ops.math", "backend.nn": "ops.nn", "backend.numpy": "ops.numpy",
    "backend.random": "random", "ops.random": "random",
}  # fmt: skip
# module below keras.src -> the module of fncompile that has its place, whose names tests replace
OWN = {"backend.common.remat": "fncompile.scopes"}
# Helpers of the tests; these are executed from the wheel.
HELPERS = frozenset({
    "backend.common.dtypes", "testing", "testing.test_case", "testing.test_utils", "tree",
    "tree.optree_impl", "tree.tree_api", "utils.module_utils", "utils.python_utils",
})
# Words of helpers and tests that are read in another way.
ADAPTED = {
    # Which class trains, and where batches are made, is asked of the backend's name.
    "trainers.trainer_test": [
        ("with backend.device(CPU_DEVICES[backend.backend()]):", "if True:"),
        ('if backend.backend() == "jax":\n    from',
         'from keras.src.trainers.fncompile import Trainer\n'
         'if backend.backend() == "jax":\n    from'),
        ('else:\n    raise ImportError(f"Invalid backend: {backend.backend()}")', ""),
    ],
}  # fmt: skip


def adapt_dtypes(module: Any) -> None:
    """Products over dtypes hold those that fncompile has."""
    for name in ("ALLOWED_DTYPES", "INT_TYPES", "FLOAT_TYPES"):
        setattr(module, name, tuple(d for d in getattr(module, name) if d in DTYPES))
    module.FLOAT8_TYPES = module.COMPLEX_TYPES = ()
