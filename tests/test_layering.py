"""Imports point one way, and each arrow between rooms is there for a reason.

A room is a module or directory directly below fncompile. `ROOMS` lists what each imports: leaves,
whose reason is that of the leaf, and other rooms, each with a reason of its own. An arrow that is
not listed fails, and so does one that is listed and not there. Rooms stand in an order in which all
arrows point up. Imports inside functions count, those for type checkers alone do not.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fncompile

PACKAGE = Path(fncompile.__file__).parent

LEAVES = {
    "keras_names": "the names that Keras has",
    "refusals": "why this package does not have some of them",
    "missing": "what is said of names that Keras has and this package has not",
    "caller": "warnings name the user's line",
    "config": "floatx and the other numeric settings",
    "flags": "the table of switches",
}

# room: (the leaves that it imports, {other rooms that it imports: why})
ROOMS: dict[str, tuple[str, dict[str, str]]] = {
    "keras_names": ("", {}),
    "refusals": ("", {}),
    "missing": ("keras_names refusals", {}),
    "caller": ("", {}),
    "config": ("missing", {}),
    "flags": ("caller", {}),
    "dtype_policies": ("missing config", {}),
    # the compiler
    "ir": ("config", {}),
    "plan": ("", {"ir": "types, dims and scalar functions of kernels are those of nodes"}),
    "autodiff": ("", {
        "ir": "gradients of nodes are nodes",
        "plan": "sizes are compared by the machine's numbers",
    }),
    "passes": ("flags", {
        "ir": "passes from Program to Program",
        "autodiff": "the pass `differentiate`",
        "plan": "passes from Plan to Plan",
    }),
    "codegen": ("", {
        "ir": "dims and dtypes become C",
        "plan": "a Plan becomes C",
    }),
    "runtime": ("caller flags", {
        "ir": "binds arrays to the inputs of a Program; the interpreter",
        "plan": "the work of a call, the machine's numbers",
        "passes": "an entry takes its Program through them",
        "codegen": "and has it printed",
    }),
    # the functional API
    "graph": ("caller config", {"ir": "tensors of a trace are nodes"}),
    "gradients": ("", {
        "ir": "gradients are nodes",
        "autodiff": "takes them",
        "graph": "of tensors and variables",
    }),
    "ops": ("missing caller config", {
        "ir": "each op is a composition of nodes",
        "autodiff": "derivatives along a direction",
        "graph": "ops take arrays, symbolic tensors and tensors of a trace",
    }),
    "random": ("missing config flags", {
        "ir": "random bits are nodes",
        "graph": "seeds are variables",
        "ops": "shapes and dtypes as ops take them",
    }),
    "saving": ("missing caller", {
        "ir": "files hold the bits of bfloat16",
        "graph": "variables have their values from files",
    }),
    "identifiers": ("", {
        "graph": "names in snake case",
        "saving": "objects by name are those that files may name",
    }),
    "activations": ("missing", {"ops": "written in it", "identifiers": "found by name"}),
    "initializers": ("missing config", {
        "ir": "dtypes",
        "graph": "says what a variable made from a name is filled with",
        "random": "draws numbers",
        "saving": "described in files",
        "identifiers": "found by name",
    }),
    "tree": ("missing", {"graph": "structures of tensors"}),
    "scopes": ("", {"graph": "names of weights"}),
    "tensors": ("", {
        "graph": "the kinds of tensors",
        "ops": "their methods are ops",
        "initializers": "variables may be made from their names",
    }),
    "regularizers": ("missing", {"ops": "written in it", "identifiers": "found by name"}),
    "constraints": ("missing config", {"ops": "written in it", "identifiers": "found by name"}),
    "losses": ("missing caller config", {
        "graph": "structures of tensors; masks",
        "ops": "written in it",
        "saving": "described in files",
        "identifiers": "found by name",
    }),
    "metrics": ("missing config caller", {
        "graph": "their state is variables",
        "ops": "written in it",
        "saving": "described in files",
        "identifiers": "found by name",
        "initializers": "of their state",
        "losses": "the mean of a loss is a metric",
    }),
    "optimizers": ("missing caller config", {
        "graph": "their state is variables",
        "ops": "written in it",
        "identifiers": "found by name",
        "initializers": "of their state",
    }),
    "mixed_precision": ("missing config", {"optimizers": "LossScaleOptimizer by its older name"}),
    "layers": ("missing refusals caller config", {
        "dtype_policies": "each has one",
        "graph": "a call of a layer is a node of the graph",
        "ops": "written in it",
        "random": "dropout and noise",
        "saving": "described in files",
        "activations": "by name",
        "initializers": "of weights",
        "regularizers": "of weights",
        "constraints": "of weights",
        "metrics": "which attributes are metrics",
        "scopes": "what is asked of layers that are made inside",
    }),
    # the face
    "callbacks": ("missing caller", {"ops": "what compares two values, as Keras names it"}),
    "distribution": ("missing caller", {}),
    "training": ("caller config", {
        "ir": "the loss of a batch, and the results of metrics, are nodes",
        "gradients": "the step that a model takes by itself is written with a tape",
        "graph": "structures of inputs and outputs; traces",
        "losses": "of `compile`",
        "metrics": "of `compile`",
        "optimizers": "of `compile`",
        "callbacks": "called between stretches",
        "distribution": "which processes train together",
    }),
    "export": ("missing flags", {
        "ir": "types of what the library's functions take",
        "plan": "where arrays lie in memory",
        "passes": "sizes of memory are rounded as they round them",
        "codegen": "the public C API is printed by the same printer",
        "runtime": "the C compiler",
        "graph": "initial values are those of variables",
        "saving": "a checkpoint is an HDF5 file",
    }),
    "devtools": ("flags", {
        "ir": "programs as text",
        "plan": "plans as text, their cost, their interpreter",
        "passes": "watches them",
        "codegen": "which kernels only pack",
        "runtime": "an entry that runs kernel by kernel",
    }),
    "session": ("caller config flags", {
        "ir": "a model's programs and the types of their inputs",
        "passes": "the optimizer as their pass asks for it",
        "runtime": "entries and blocks of memory",
        "graph": "traces a model; moves its variables",
        "ops": "the metrics as an exported library reports them",
        "layers": "what the lists of users' layers hold",
        "training": "the objective of a model",
        "distribution": "steps that processes take together",
        "export": "what C names begin with",
        "devtools": "where a switch asks to look in, and only then",
    }),
    "models": ("missing caller config", {
        "ir": "dtypes of inputs; nodes of a constant",
        "graph": "a model is a graph",
        "ops": "an op in a graph is a layer of its own",
        "saving": "its files",
        "layers": "a model is a layer",
        "training": "its loop",
        "export": "its library",
        "devtools": "`explain` and `profile`",
        "session": "its compiled steps",
    }),
    "utils": ("missing config", {
        "graph": "kinds of tensors; forgets names",
        "ops": "dtypes",
        "random": "sets the seed",
        "saving": "tables learnt are described in files",
        "layers": "columns of a table are taken by layers; boxes are moved with images",
    }),
    "preprocessing": ("missing", {"utils": "the same under another name"}),
    "backend": ("missing config", {"utils": "the same under another name"}),
    "wrappers": ("missing", {"models": "a model is cloned for each fit"}),
    "cli": ("flags", {
        "graph": "draws a model",
        "saving": "reads and writes its files",
        "runtime": "builds and runs a self-test",
        "devtools": "what it can explain; the installation",
        "session": "targets that a model's losses take",
        "training": "its losses",
        "layers": "a small model to try the compiler with",
        "models": "a small model to try the compiler with",
    }),
    "__main__": ("", {
        "cli": "the commands",
        "devtools": "prints what it tells about the installation",
    }),
    "datasets": ("missing flags config", {"utils": "where archives lie"}),
    "applications": ("config missing", {
        "initializers": "those that some networks begin with",
        "ops": "images as a network wants them",
        "utils": "where the names of classes lie",
        "graph": "what an Input is",
        "layers": "the layers of a network",
        "models": "a network is a model",
    }),
}

# Third-party module -> the rooms that may import it, and whether only inside functions.
GUESTS = {"networkx": (("graph", "passes"), True), "cffi": (("runtime",), True),
          "sklearn": (("wrappers",), False), "mpi4py": (("distribution",), True)}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "csrc" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def allowed(room: str) -> set[str]:
    """The rooms that `room` may import; one without a row is another test's complaint."""
    leaves, others = ROOMS.get(room, ("", {}))
    return {room, *leaves.split(), *others}


def imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[str, int, bool]]:
    """Each imported dotted name, its line, and whether the import is inside a function."""
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, inside = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += [(child, inside) for child in node.orelse]
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            yield from ((".".join([*base, alias.name]), node.lineno, inside)
                        for alias in node.names)
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]


def complaints(text: str, path: Path) -> list[str]:
    """What is wrong with the imports of one file of the package."""
    room = room_of(path)
    package = ["fncompile", *path.relative_to(PACKAGE).parts[:-1]]
    found = []
    for name, line, inside in imports(ast.parse(text), package):
        parts = name.split(".")
        where = f"{path.relative_to(PACKAGE.parent)}:{line} imports {name}"
        if parts[0] == "fncompile" and len(parts) > 1 and parts[1] in ROOMS:
            if parts[1] not in allowed(room):
                found.append(f"{where}, but {room} only imports "
                             f"{', '.join(sorted(allowed(room)))}; is there a reason for more?")
        elif parts[0] in GUESTS:
            rooms, lazily = GUESTS[parts[0]]
            if room not in rooms:
                found.append(f"{where}, which only {' and '.join(rooms)} may")
            elif lazily and not inside:
                found.append(f"{where} when it is loaded: move that into a function")
    return found


def test_no_arrow_runs_back():
    wrong = [line for path in sources() if path.parent != PACKAGE or path.name != "__init__.py"
             for line in complaints(path.read_text(), path)]
    assert not wrong, "\n".join(["", *wrong])


def test_rooms_stand_in_order():
    """All arrows point up, so none can close a circle; leaves import nothing but leaves."""
    order = list(ROOMS)
    assert set(LEAVES) <= set(order)
    for room, (leaves, others) in ROOMS.items():
        assert set(leaves.split()) <= set(LEAVES) and not set(others) & set(LEAVES), room
        assert all(order.index(other) < order.index(room) for other in allowed(room) - {room}), room
        assert all(others.values()) and not (room in LEAVES and others), room


def test_each_listed_arrow_exists():
    """A permission that nobody needs is an arrow that nobody would notice."""
    found: dict[str, set[str]] = {room: {room} for room in ROOMS}
    for path in sources():
        if path.parent != PACKAGE or path.name != "__init__.py":
            package = ["fncompile", *path.relative_to(PACKAGE).parts[:-1]]
            names = (name for name, _, _ in imports(ast.parse(path.read_text()), package))
            found[room_of(path)] |= {n.split(".")[1] for n in names if n.startswith("fncompile.")}
    unused = {room: allowed(room) - found[room] for room in ROOMS if allowed(room) - found[room]}
    assert not unused, f"listed, and imported by nobody: {unused}"


def test_every_room_has_a_row():
    rooms = {room_of(path) for path in sources()} - {"__init__", "__main__"}
    assert rooms <= set(ROOMS), "add a row to ROOMS for a new room, and say what it may import"


def test_a_model_that_crosses_rooms_has_a_type():
    """A room says in a protocol (`SavedModel`, `TrainedModel` ...) what it asks of a model."""
    untold = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.arg) and (node.arg == "model" or node.arg.endswith("_model")):
                kind = "" if node.annotation is None else ast.unparse(node.annotation)
                if "Any" in kind.split(" | ") or not kind:
                    untold.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.arg}: {kind}")
    assert not untold, "\n".join(["", *untold])


def test_every_directory_of_python_is_a_package():
    """A directory without __init__.py works in a checkout, and is missing from the wheel."""
    missing = {path.parent for path in sources() if not (path.parent / "__init__.py").exists()}
    assert not missing


@pytest.mark.parametrize(("path", "text", "word"), [
    ("ir/x.py", "from fncompile.graph import tensor", "fncompile.graph.tensor"),
    ("ir/x.py", "from fncompile import passes", "fncompile.passes"),
    ("ir/x.py", "from ..runtime.binding import Env", "fncompile.runtime.binding.Env"),
    ("ir/x.py", "def f():\n    import fncompile.layers as l", "fncompile.layers"),
    ("training/x.py", "from fncompile.codegen import emit", "fncompile.codegen.emit"),
    ("layers/x.py", "from fncompile.ir import build", "fncompile.ir.build"),
    ("losses/x.py", "from fncompile.optimizers import SGD", "fncompile.optimizers.SGD"),
    ("graph/x.py", "import networkx as nx", "move that into a function"),
    ("passes/x.py", "try:\n    from networkx import DiGraph\nexcept ImportError: pass", "move"),
    ("layers/x.py", "def f():\n    import networkx", "only graph and passes may"),
    ("ops/x.py", "def f():\n    from cffi import FFI", "only runtime may"),
    ("flags.py", "from fncompile.config import floatx", "fncompile.config.floatx"),
])
def test_a_wrong_import_is_seen(path, text, word):
    found = complaints(text, PACKAGE / path)
    assert len(found) == 1 and word in found[0]


@pytest.mark.parametrize(("path", "text"), [
    ("models/x.py", "from fncompile.ir.types import DTYPES"),
    ("ir/x.py", "from . import ops\nfrom .ops import add\nimport fncompile.ir.types"),
    ("ir/x.py", "from typing import TYPE_CHECKING\n"
                "if TYPE_CHECKING:\n    from fncompile.graph import tensor"),
    ("passes/x.py", "def f():\n    import networkx as nx"),
    ("runtime/x.py", "def f():\n    import cffi"),
    ("saving/x.py", "from fncompile import __version__"),
])
def test_a_right_import_is_not(path, text):
    assert complaints(text, PACKAGE / path) == []


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], text=True, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy():
    loaded = run("import fncompile, sys; print(*sys.modules)").split()
    assert not {"networkx", "cffi", "_cffi_backend", "numpy"} & set(loaded)
    assert [name for name in loaded if name.startswith("fncompile")] == ["fncompile"]


def test_models_load_no_training():
    loaded = run("import fncompile.models, sys; print(*sys.modules)").split()
    assert [name for name in loaded if name.startswith("fncompile.training")] == []


def test_training_loads_no_devtools():
    """They serve switches, and nobody set one."""
    code = ("import numpy as np, sys, fncompile as k\n"
            "model = k.Sequential([k.Input((2,)), k.layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n"
            "with k.flags(cflags='-O0', verify=0):\n"
            "    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)\n"
            "print(*(name for name in sys.modules if 'devtools' in name))")
    assert run(code) == ""


def test_no_module_loads_networkx_or_cffi():
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
             for path in sources() if path.name not in ("__init__.py", "__main__.py")]
    code = (f"import importlib, sys\n"
            f"for name in {names}:\n"
            "    try: importlib.import_module(name)\n"
            "    except ModuleNotFoundError as error:\n"
            "        if error.name not in ('h5py', 'sklearn'): raise  # the optional ones\n"
            "print(*({'networkx', 'cffi'} & set(sys.modules)))")
    assert run(code) == ""


def test_unknown_public_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'fncompile' has no attribute 'nonsense'"):
        fncompile.nonsense  # noqa: B018
    assert set(fncompile.__all__) <= set(dir(fncompile))


def test_public_names_are_the_same_objects():
    assert fncompile.Loss is fncompile.losses.Loss
    assert fncompile.Optimizer is fncompile.optimizers.Optimizer
    assert fncompile.utils.Sequence is fncompile.utils.PyDataset
