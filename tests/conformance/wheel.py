"""What the `keras` wheel holds: its tests by directory, and which names its sources export."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

VERSION = "3.15.1"  # of the wheel that passing.json is about; pyproject.toml asks for it
DIRECTORIES = (
    "activations", "callbacks", "constraints", "dtype_policies", "initializers", "layers", "legacy",
    "losses", "metrics", "models", "ops", "optimizers", "random", "regularizers", "saving",
    "trainers", "utils",
)  # fmt: skip
# Tests of other backends' internals, of data sets of other libraries, and of the network.
LEFT_OUT = (
    "torch_utils_test", "jax_layer_test", "grain_dataset", "tf_dataset", "torch_data_loader",
    "orbax", "tensorboard", "optimizer_distribute", "file_utils_test", "audio_dataset",
    "image_dataset", "text_dataset", "timeseries_dataset", "dataset_utils_test", "code_stats",
    "backend_utils_test",
)  # fmt: skip


class Exports(NamedTuple):
    """`paths`: (module below keras.src, name) -> public paths, as "keras.ops.add".
    `operations`: (module, class) of keras.src.ops -> the parameters of its constructor."""

    paths: dict[tuple[str, str], tuple[str, ...]]
    operations: dict[tuple[str, str], tuple[str, ...]]

    @property
    def public(self) -> frozenset[str]:
        return _all_paths(tuple(self.paths.values()))


@cache
def _all_paths(groups: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    return frozenset(path for group in groups for path in group)


def is_the_recorded_one() -> bool:
    """Whether the installed wheel is the one that passing.json is about."""
    return importlib.util.find_spec("keras") is not None and version("keras") == VERSION


@cache
def source() -> Path:
    """The directory keras/src of the installed wheel. It is found without importing Keras."""
    spec = importlib.util.find_spec("keras")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The `keras` wheel is not here: make conformance installs it.")
    return Path(spec.submodule_search_locations[0], "src")


def rows() -> list[str]:
    """The rows of the table: the directories of tests, those below layers one by one."""
    below = {_row(path) for path in source().joinpath("layers").rglob("*_test.py")}
    return sorted({*DIRECTORIES, *below} - {"layers"})


def _row(path: Path) -> str:
    return row_of(str(path.relative_to(source())))


def row_of(test: str) -> str:
    """The row that a test (its path below keras/src, or its id) belongs to."""
    parts = test.split("::")[0].split("/")
    return "/".join(parts[:2]).removesuffix(".py") if parts[0] == "layers" else parts[0]


def tests(row: str) -> list[Path]:
    """The test files of a row."""
    files = sorted(source().joinpath(row.split("/")[0]).rglob("*_test.py"))
    return [f for f in files if _row(f) == row and not any(name in f.name for name in LEFT_OUT)]


def is_module(path: str) -> bool:
    """Whether keras.src has a module of this dotted path."""
    place = source() / path.replace(".", "/")
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


@cache
def exports() -> Exports:
    """Reads the decorators in the sources; executes nothing."""
    paths: dict[tuple[str, str], tuple[str, ...]] = {}
    operations: dict[tuple[str, str], tuple[str, ...]] = {}
    for module, node in _definitions():
        for names in _exported(node):
            paths[module, node.name] = names
        if isinstance(node, ast.ClassDef) and module.startswith("ops."):
            operations[module, node.name] = _constructor(node)
    return Exports(paths, operations)


def _definitions() -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    for path in sorted(source().rglob("*.py")):
        if path.name.endswith("_test.py"):
            continue
        parts = path.relative_to(source()).with_suffix("").parts
        module = ".".join(parts).removesuffix("__init__").removesuffix(".")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                yield module, node


def _exported(node: ast.ClassDef | ast.FunctionDef) -> Iterator[tuple[str, ...]]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "keras_export":
            names = ast.literal_eval(each.args[0])
            yield (names,) if isinstance(names, str) else tuple(names)


def _constructor(node: ast.ClassDef) -> tuple[str, ...]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return tuple(argument.arg for argument in each.args.args[1:])
    return ()
