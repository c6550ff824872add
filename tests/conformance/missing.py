"""What stands where fncompile has no such name: its use ends the test and says what is missing."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NoReturn

used: list[Missing] = []  # by the test that runs now; tests may swallow the exception


class MissingName(Exception):
    """A test used a name that is not there."""


class Missing:
    """Something at `path`. `kind` is "missing" for a public name of Keras, "internal" for one that
    is not, and "skipped" for what other libraries would have to be installed for."""

    def __init__(self, path: str, kind: str) -> None:
        self.__dict__.update(path=path, kind=kind, __name__=path.split(".")[-1])

    def fail(self, *_: Any, **__: Any) -> NoReturn:
        used.append(self)
        raise MissingName(f"{self.path} ({self.kind})")

    __call__ = __enter__ = __iter__ = __getitem__ = fail
    __instancecheck__ = __subclasscheck__ = fail

    def __exit__(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.fail()

    def __mro_entries__(self, bases: tuple[type, ...]) -> tuple[type, ...]:
        """A class may be defined on it; making an instance is the use."""
        body = {
            "__new__": lambda cls, *_, **__: self.fail(),
            "__init_subclass__": classmethod(lambda cls, **_: None),
        }
        return (type("Missing", (), body),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Missing) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.path}>"


class MissingLibrary(ModuleType):
    """A library that is not installed and that a test file imports."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.__name__}.{name}", "skipped")
