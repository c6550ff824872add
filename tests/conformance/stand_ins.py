"""The modules `keras`, `keras.src` and all below, made of fncompile, and what finds them.

A name in them is fncompile's own public one where Keras exports it; what `internals` supplies where
it is not public; a `Missing` where fncompile has neither.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
from types import ModuleType
from typing import Any

import fncompile
from tests.conformance import internals, wheel
from tests.conformance.missing import Missing, MissingLibrary

TESTS = "conformance_tests"  # where test modules live: what they define is not Keras' own


def ours(path: str) -> Any:
    """fncompile's object at a public path of Keras ("keras.layers.Dense"), or None."""
    names = path.split(".")[1:]
    found: Any = fncompile
    for name in names:
        found = getattr(found, name, None)
    return found


def exported(module: str, name: str) -> tuple[str, ...]:
    """The public paths of a name that `keras.src.<module>` defines, or has from a module below."""
    paths = wheel.exports().paths
    if (module, name) in paths:
        return paths[module, name]
    below = [
        public for (where, what), public in paths.items()
        if what == name and (not module or where.startswith(module + "."))
    ]  # fmt: skip
    exact = [public for public in below if f"keras.{module}.{name}" in public]
    return next(iter(exact or below), ())


def lookup(module: str, name: str) -> Any:
    """What `keras.src.<module>.<name>` is here."""
    if name in internals.SUPPLIED.get(module, {}):
        return internals.SUPPLIED[module][name]
    public = exported(module, name)
    if not public and module.startswith("backend") and name in internals.BACKEND:
        return internals.BACKEND[name]
    if public:
        found = next((x for x in map(ours, public) if x is not None), None)
        shortest = min(public, key=lambda path: (path.startswith("keras._legacy"), len(path)))
        return Missing(shortest, "missing") if found is None else found
    if (module, name) in wheel.exports().operations:
        return operation(module, name)
    path = ".".join(filter(None, (module, name)))
    found = ours(f"keras.{path}")  # constants and aliases, which no decorator shows
    if found is not None and not isinstance(found, ModuleType):
        return found
    if f"keras.{path}" in wheel.exports().public:
        return Missing(f"keras.{path}", "missing")
    return Missing(f"keras.src.{path}", "internal")


def operation(module: str, name: str) -> Any:
    """An operation's class (`ops.numpy.Add`), made of the function (`ops.add`)."""
    plain = name.lower()
    functions = [
        function for where, function in wheel.exports().paths
        if where == module and function != name and function.replace("_", "") == plain
    ]  # fmt: skip
    if not functions:
        return Missing(f"keras.src.{module}.{name}", "internal")
    function = lookup(module, functions[0])
    if isinstance(function, Missing):
        return function
    return _operation_of(function, name, wheel.exports().operations[module, name])


def _operation_of(function: Any, name: str, parameters: tuple[str, ...]) -> type:
    """The constructor takes the options, by place or name; a call takes the tensors."""

    class Operation:
        def __init__(self, *args: Any, name: str | None = None, **options: Any) -> None:
            self.options = {**dict(zip(parameters, args)), **options}

        def __call__(self, *tensors: Any, **more: Any) -> Any:
            options = {**self.options, **more}
            if "subscripts" in options:
                return function(options.pop("subscripts"), *tensors, **options)
            declared = inspect.signature(function).parameters.values()
            if any(p.kind is p.VAR_POSITIONAL for p in declared):
                return function(*tensors, **options)
            free = [p.name for p in declared if p.name not in options]
            return function(**dict(zip(free, tensors)), **options)

        symbolic_call = compute_output_spec = call = __call__

    Operation.__name__ = name
    return Operation


class SourceModule(ModuleType):
    """`keras.src.<path>`."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        path = self.__name__.removeprefix("keras.src").lstrip(".")
        full = ".".join(filter(None, (path, name)))
        if path == "backend" and name in internals.BACKEND:
            return internals.BACKEND[name]
        if full in internals.ALIASES or wheel.is_module(full):
            return importlib.import_module(f"keras.src.{internals.ALIASES.get(full, full)}")
        return lookup(path, name)


class PublicModule(ModuleType):
    """`keras.<path>`."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        path = self.__name__.removeprefix("keras").lstrip(".")
        if name in internals.SUPPLIED.get(path, {}):
            return internals.SUPPLIED[path][name]
        full = f"{self.__name__}.{name}"
        if full in ("keras.src", "keras.backend"):
            return importlib.import_module(full)
        if full == "keras.tree":
            return importlib.import_module("keras.src.tree")
        found = ours(full)
        if isinstance(found, ModuleType) or any(
            public.startswith(full + ".") for public in wheel.exports().public
        ):
            return importlib.import_module(full)
        return Missing(full, "missing") if found is None else found


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `keras` and all below, the test modules, and the libraries that only tests miss."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        root = name.split(".")[0]
        if root in ("keras", TESTS) or (not _is_installed(root) and _from_a_test()):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> ModuleType:
        if spec.name.split(".")[0] not in ("keras", TESTS):
            return MissingLibrary(spec.name)
        if spec.name.endswith("_test"):
            return ModuleType(spec.name)
        if not _is_source(spec.name):
            return PublicModule(spec.name)
        own = internals.OWN.get(_below(spec.name))
        if own:
            return importlib.import_module(own)
        alias = internals.ALIASES.get(_below(spec.name))
        return importlib.import_module(f"keras.src.{alias}") if alias else SourceModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        path = _below(module.__name__)
        if path in internals.HELPERS or path.endswith("_test"):
            _execute(module, path)


def _is_source(name: str) -> bool:
    return name.split(".")[0] == TESTS or f"{name}.".startswith("keras.src.")


def _below(name: str) -> str:
    """The path below keras/src, dotted, of a module of sources; others have none."""
    if not _is_source(name):
        return ""
    return name.removeprefix(TESTS).removeprefix("keras.src").lstrip(".")


def _is_installed(root: str) -> bool:
    if root in sys.modules:
        return not isinstance(sys.modules[root], MissingLibrary)
    others = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
    return any(finder.find_spec(root, None) for finder in others)


def _from_a_test() -> bool:
    """Whether it is a test file that imports, not a library that asks what there is."""
    frame = sys._getframe(2)
    while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename.endswith("_test.py")


def _execute(module: ModuleType, path: str) -> None:
    place = wheel.source() / path.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = file.read_text(encoding="utf-8")
    for old, new in internals.ADAPTED.get(path, []):
        if old not in text:
            raise LookupError(f"internals.ADAPTED: {file} has no {old!r}")
        text = text.replace(old, new)
    module.__file__ = str(file)
    exec(compile(text, str(file), "exec"), vars(module))
    if path == "backend.common.dtypes":
        internals.adapt_dtypes(module)
    if path == "testing.test_case":
        module.get_seed_generators = internals.seed_generators  # type: ignore[attr-defined]


def install() -> None:
    """From here on `import keras` is fncompile."""
    if any(name.split(".")[0] == "keras" for name in sys.modules):
        raise RuntimeError("Keras itself has been imported in this process")
    wheel.source(), wheel.exports()  # found while `keras` still is the wheel
    sys.meta_path.insert(0, Finder())
