"""Public names: found at run time and by those who only read; and what is said of one that is not
there."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import fncompile
from fncompile.keras_names import NAMES
from fncompile.refusals import REASONS
from tests.api.namespaces import MODULES, load

each_module = pytest.mark.parametrize("module", MODULES)


@each_module
def test_every_public_name_is_found(module):
    assert [name for name in load(module).__all__ if not hasattr(load(module), name)] == []
    assert len(set(load(module).__all__)) == len(load(module).__all__)


@each_module
def test_readers_see_the_public_names(module):
    """What an IDE or type checker reads, without running, binds exactly what `__all__` says."""
    tree = ast.parse(Path(load(module).__file__).read_text())
    literal = next(n.value for n in tree.body if isinstance(n, ast.Assign)
                   and getattr(n.targets[0], "id", "") == "__all__")  # fmt: skip
    said = ast.literal_eval(literal)
    assert sorted(said) == sorted(load(module).__all__)
    assert sorted(set(said) - bound(tree.body)) == []


def bound(body: list[ast.stmt]) -> set[str]:
    """Names that statements at the top of a module bind, those for type checkers included."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {a.asname or a.name for a in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            names |= bound(node.body)
    return names


@pytest.mark.parametrize("module", ["fncompile", "fncompile.saving", "fncompile.utils",
                                    "fncompile.export"])  # fmt: skip
def test_lazy_names_come_from_where_readers_are_sent(module):
    """Each import for type checkers, done for real, gives the object that the module gives."""
    tree = ast.parse(Path(load(module).__file__).read_text())
    guarded = next(n for n in tree.body if isinstance(n, ast.If)
                   and "TYPE_CHECKING" in ast.unparse(n.test))  # fmt: skip
    namespace = {"__name__": module, "__package__": module}
    exec(compile(ast.Module(guarded.body, []), module, "exec"), namespace)
    lazy = set(namespace) & set(load(module).__all__)
    assert lazy and all(namespace[name] is getattr(load(module), name) for name in lazy)


@each_module
def test_star_imports(module):
    namespace: dict = {}
    exec(f"from {module} import *", namespace)
    assert set(load(module).__all__) <= set(namespace)


@pytest.mark.parametrize("module", [*MODULES, "fncompile.wrappers"])
def test_dir_shows_public_names_alone(module):
    """No modules that hold them, and nothing that is imported for use inside."""
    found = {name for name in dir(load(module)) if not name.startswith("__")}
    assert found == {name for name in load(module).__all__ if not name.startswith("__")}


def test_the_package_says_that_it_is_typed():
    assert (Path(fncompile.__file__).parent / "py.typed").exists()


def test_mypy_sees_the_public_names(tmp_path):
    lines = [f"import {module}\n{module}.{name}" for module in MODULES
             for name in load(module).__all__]  # fmt: skip
    lines += ["with fncompile.flags(threads=2):", "    pass", "fncompile.no_such_name", ""]
    (tmp_path / "use.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports",
               "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "use.py")]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path,
                           env={"MYPYPATH": str(Path(fncompile.__file__).parents[1])})  # fmt: skip
    assert [line.split("error: ")[1] for line in found.stdout.splitlines()[:-1]] == [
        'Module has no attribute "no_such_name"  [attr-defined]'
    ], found.stdout + found.stderr


# names that are not there -------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name", "hint"), [
    ("fncompile", "Sequentail", "Did you mean 'Sequential'"),
    ("fncompile", "optimizer", "Did you mean '[Oo]ptimizers?'"),
    ("fncompile", "Dense", "Did you mean 'fncompile.layers.Dense'"),
    ("fncompile", "quantizers", "Keras has keras.quantizers; fncompile does not have it"),
    ("fncompile.layers", "Desne", "Did you mean 'Dense'"),
    ("fncompile.layers", "dense", "Did you mean 'Dense'"),
    ("fncompile.layers", "BatchNormalisation", "Did you mean 'BatchNormalization'"),
    ("fncompile.layers", "relu", "Did you mean 'fncompile.ops.relu'|fncompile.activations.relu"),
    ("fncompile.ops", "softmx", "Did you mean 'softmax'"),
    ("fncompile.ops.nn", "einsum", "Did you mean 'fncompile.ops.einsum'|ops.numpy.einsum"),
    ("fncompile.optimizers", "adam", "Did you mean 'Adam'"),
    ("fncompile.metrics", "Accurancy", "Did you mean 'Accuracy'"),
    ("fncompile.losses", "MeanSquareError", "Did you mean 'MeanSquaredError'"),
    ("fncompile.callbacks", "EarlyStoping", "Did you mean 'EarlyStopping'"),
    ("fncompile.initializers", "he_norml", "Did you mean 'he_normal'"),
    ("fncompile.regularizers", "L3", None),
    ("fncompile.random", "unifrom", "Did you mean 'uniform'"),
    ("fncompile.saving", "loadmodel", "Did you mean 'load_model'"),
    ("fncompile.utils", "to_categoricals", "Did you mean 'to_categorical'"),
    ("fncompile.config", "float_x", "Did you mean 'floatx'"),
    ("fncompile.datasets", "mnst", "Did you mean 'mnist'"),
    ("fncompile.optimizers.schedules", "CosinDecay", "Did you mean 'CosineDecay'"),
])  # fmt: skip
def test_a_misspelt_name_is_told_the_right_one(module, name, hint):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'") as caught:
        getattr(load(module), name)
    assert hint is None or re.search(hint, str(caught.value))
    assert len(str(caught.value)) < 300  # no list of everything
    if hint is not None and "Did you mean" in hint:  # a question needs no advice behind it
        assert str(caught.value).endswith("?")


@pytest.mark.parametrize(("statement", "hint"), [
    ("from fncompile.layers import Dense, FlaxLayer", "'FlaxLayer' .*Keras has keras.layers"),
    ("from fncompile.layers import Desne", "Did you mean 'Dense'"),
    ("from fncompile import Sequentail", "Did you mean 'Sequential'"),
    ("from fncompile.saving import loadmodel", "Did you mean 'load_model'"),
    ("from fncompile.ops import nonsense_of_no_kind", "cannot import name"),
])  # fmt: skip
def test_an_import_is_told_too(statement, hint):
    """Where Python itself says no more than that the name cannot be imported."""
    with pytest.raises(ImportError, match=hint):
        exec(statement)


@each_module
def test_what_keras_has_more_is_said_to_be(module):
    """Of every public module, each name that Keras has there and we have not."""
    room = module.removeprefix("fncompile").removeprefix(".")
    absent = [name for name in NAMES.get(room, ()) if not hasattr(load(module), name)]
    for name in absent:
        with pytest.raises(AttributeError, match="fncompile does not have it|Did you mean 'fncom"):
            getattr(load(module), name)


def test_each_name_of_keras_is_there_or_is_refused_with_its_reason():
    """And no reason is given for what is there."""
    absent = set()
    for room, names in NAMES.items():
        module = load(f"fncompile.{room}".rstrip("."))
        for name in names:
            try:
                getattr(module, name)
            except AttributeError as error:
                if "Did you mean 'fncompile." not in str(error):
                    absent.add(f"{room}.{name}".lstrip("."))
    assert absent == set(REASONS)


def test_a_reason_stands_behind_the_name():
    with pytest.raises(AttributeError, match="fncompile does not have it: there are no complex"):
        fncompile.ops.view_as_complex  # noqa: B018
    with pytest.raises(ImportError, match="calls another framework"):
        from fncompile.layers import TFSMLayer  # noqa: F401


@each_module
def test_nonsense_is_a_plain_attribute_error(module):
    for name in ("nonsense_of_no_kind", "_private", "__wrapped__"):
        message = f"^module '{module}' has no attribute '{name}'"
        with pytest.raises(AttributeError, match=message):
            getattr(load(module), name)
        assert not hasattr(load(module), name)


def test_python_does_not_guess_a_second_time(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import fncompile; fncompile.layers.Desne"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.stderr.count("Did you mean") == 1


def test_the_table_is_keras(tmp_path):
    """In a process of its own; a newer version has more, and may have dropped a few."""
    code = ("import importlib, json, keras\n"
            f"rooms = {sorted(NAMES)}\n"
            "found = {r: dir(importlib.import_module(f'keras.{r}'.rstrip('.'))) for r in rooms}\n"
            "print(json.dumps(found))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "KERAS_BACKEND": "numpy"})  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    for room, names in NAMES.items():
        assert len(names - set(found[room])) <= 0.05 * len(names), room


@pytest.mark.parametrize("module", ["fncompile.ops", "fncompile.activations",
                                    "fncompile.random"])  # fmt: skip
def test_functions_are_annotated(module):
    """Every argument and what is returned, by names that resolve."""
    for name in load(module).__all__:
        function = getattr(load(module), name)
        if inspect.isfunction(function):
            hints = typing.get_type_hints(inspect.unwrap(function))
            wanted = {*inspect.signature(function).parameters, "return"}
            assert wanted - set(hints) == set(), name


def test_loss_scaling_has_its_older_name():
    import fncompile

    assert fncompile.mixed_precision.LossScaleOptimizer is fncompile.optimizers.LossScaleOptimizer
