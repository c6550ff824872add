"""Every public class and function says what it takes, and shows it by an example that runs here."""

from __future__ import annotations

import doctest
import inspect
import re
import warnings

import numpy as np
import pytest

import fncompile
from fncompile.saving import registry
from tests.api.namespaces import public_objects

OBJECTS = public_objects()
each_object = pytest.mark.parametrize("path", OBJECTS)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def docstring(thing: object) -> str:
    """Its own, which of a class must not be that of a base class."""
    own = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return inspect.cleandoc(own or "")


def described(thing: object) -> str:
    """What is said of arguments: for a class, also by the base classes that take them."""
    classes = thing.__mro__[:-1] if inspect.isclass(thing) else ()
    return "\n".join([docstring(thing), *(c.__doc__ or "" for c in classes)])


def parameters(thing: object) -> list[str]:
    """The names of the arguments, without those that only hand on."""
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@each_object
def test_it_has_an_example(path):
    assert ">>>" in docstring(OBJECTS[path])


@each_object
def test_every_argument_is_described(path):
    text = described(OBJECTS[path])
    missing = [name for name in parameters(OBJECTS[path]) if not re.search(rf"\b{name}\b", text)]
    assert missing == []


@each_object
def test_the_example_runs(path, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_objects", {})  # what examples register, other tests would find
    monkeypatch.setattr(registry, "_names", {})
    monkeypatch.chdir(tmp_path)
    fncompile.utils.clear_session()  # names count from the first again, whatever ran before
    names = {name: getattr(fncompile, name) for name in fncompile.__all__}
    names |= {"fncompile": fncompile, "np": np}
    test = doctest.DocTestParser().get_doctest(docstring(OBJECTS[path]), names, path, None, None)
    failures: list[str] = []
    with fncompile.flags(interp=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a model was not compiled when it was saved
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=failures.append)
    assert failures == [], "".join(failures)


CLASSES = [path for path, thing in OBJECTS.items() if inspect.isclass(thing)]


@pytest.mark.parametrize("path", CLASSES)
def test_every_public_method_says_what_it_does(path):
    """Itself, or the method of a base class that it overrides."""
    silent = []
    for name in dir(OBJECTS[path]):
        member = inspect.getattr_static(OBJECTS[path], name)
        ours = inspect.isfunction(member) or isinstance(member, property | classmethod)
        if ours and not name.startswith("_") and not inspect.getdoc(getattr(OBJECTS[path], name)):
            silent.append(name)
    assert silent == []
