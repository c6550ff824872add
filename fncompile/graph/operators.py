"""Python's operators on symbolic and traced tensors.

The operations behind them live in `fncompile.ops`, which fills `IMPLEMENTATIONS` when imported;
that keeps the arrow between the packages pointing one way. A package that nobody may have imported
yet is imported when its name is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any


class _Implementations(dict[str, Callable[..., Any]]):
    filled_by = {"normal": "fncompile.random"}

    def __missing__(self, name: str) -> Callable[..., Any]:
        importlib.import_module(self.filled_by[name])
        return self[name]


IMPLEMENTATIONS = _Implementations()

_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
    "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
    "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}  # fmt: skip
_COMPARE = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
    "eq": "equal", "ne": "not_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "logical_not"}


class Operators:
    """Mixin: `x + y`, `x @ y`, `x[...]`, `x < y` and the rest call the ops of the same meaning."""

    __array_priority__ = 1000  # so that `array + tensor` asks the tensor
    __hash__ = object.__hash__

    def __getitem__(self, key: Any) -> Any:
        return IMPLEMENTATIONS["get_item"](self, key)

    if TYPE_CHECKING:  # of what is set below, that which this package uses

        def __add__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __rsub__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __rtruediv__(self, other: Any) -> Any: ...
        def __and__(self, other: Any) -> Any: ...
        def __or__(self, other: Any) -> Any: ...
        def __xor__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __lt__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...
        def __gt__(self, other: Any) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...


def _forward(name: str) -> Callable[..., Any]:
    return lambda self, *other: IMPLEMENTATIONS[name](self, *other)


def _reflected(name: str) -> Callable[..., Any]:
    return lambda self, other: IMPLEMENTATIONS[name](other, self)


for _dunder, _name in {**_BINARY, **_COMPARE, **_UNARY}.items():
    setattr(Operators, f"__{_dunder}__", _forward(_name))
for _dunder, _name in _BINARY.items():
    setattr(Operators, f"__r{_dunder}__", _reflected(_name))
