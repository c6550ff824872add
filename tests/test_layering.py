"""Imports point one way: from the face of the package down to the tensor language.

`ROOMS` says which rooms (a module or directory directly below fncompile) each room may import, in
addition to itself; what those may import, it may too. Imports inside functions count, those for
type checkers alone do not.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import fncompile

PACKAGE = Path(fncompile.__file__).parent

ROOMS = {
    # leaves
    "keras_names": (),
    "missing": ("keras_names",),
    "caller": (),
    "config": ("missing",),
    "flags": ("caller",),
    "dtype_policies": ("config",),
    "mixed_precision": ("config",),
    # the compiler
    "ir": ("config", "flags", "caller"),
    "autodiff": ("ir",),
    "plan": ("ir",),
    "passes": ("autodiff", "plan"),
    "codegen": ("passes",),
    "runtime": ("codegen",),
    # the functional API
    "graph": ("ir",),
    "ops": ("graph",),
    "random": ("ops",),
    "saving": ("graph",),
    "identifiers": ("saving",),
    "activations": ("ops", "identifiers"),
    "initializers": ("random", "activations"),
    "tensors": ("initializers",),
    "regularizers": ("initializers",),
    "constraints": ("regularizers",),
    "losses": ("constraints",),
    "metrics": ("losses",),
    "optimizers": ("metrics",),
    "layers": ("optimizers", "dtype_policies"),
    # the face
    "callbacks": ("layers",),
    "training": ("callbacks", "runtime"),
    "export": ("saving", "runtime"),
    "devtools": ("runtime",),
    "session": ("training", "export", "devtools"),
    "models": ("session",),
    "utils": ("models",),
    "backend": ("utils",),
    "__main__": ("devtools",),
    "datasets": ("flags", "missing"),
}
# Arrows that the table would allow by way of a room between, and DESIGN.md does not.
NEVER = {("training", "codegen")}

# Third-party module -> the rooms that may import it, and whether only inside functions.
GUESTS = {"networkx": (("graph", "passes"), True), "cffi": (("runtime",), True)}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "csrc" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def reachable(room: str) -> frozenset[str]:
    direct = ROOMS.get(room, ())  # a room without a row is another test's complaint
    return frozenset({room, *direct}).union(*(reachable(other) for other in direct))


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
            if parts[1] not in reachable(room) or (room, parts[1]) in NEVER:
                found.append(f"{where}, but {room} may only import "
                             f"{', '.join(sorted(reachable(room)))}")
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


def test_every_room_has_a_row():
    rooms = {room_of(path) for path in sources()} - {"__init__", "__main__"}
    assert rooms <= set(ROOMS), "add a row to ROOMS for a new room, and say what it may import"


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
    ("models/x.py", "from fncompile.ir.ops import Op"),
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


def test_no_module_loads_networkx_or_cffi():
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
             for path in sources() if path.name not in ("__init__.py", "__main__.py")]
    code = (f"import importlib, sys\n"
            f"for name in {names}:\n"
            "    try: importlib.import_module(name)\n"
            "    except ModuleNotFoundError as error:\n"
            "        if error.name != 'h5py': raise  # the optional one\n"
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
