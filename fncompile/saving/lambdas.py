"""Python lambdas in files: bytecode, as Keras writes it, which is never run unless allowed.

Loading code from a file is the one thing here that could execute what a file says. It happens only
where the caller passes `safe_mode=False`, and only with code of the same Python version.
"""

from __future__ import annotations

import base64
import marshal
import types
from typing import Any

UNSAFE = (
    "This carries a potential risk of arbitrary code execution and thus it is disallowed by "
    "default. If you trust the source of the artifact, you can override this error by passing "
    "`safe_mode=False` to the loading function, or calling "
    "`keras.config.enable_unsafe_deserialization()`."
)


def is_lambda(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and value.__name__ == "<lambda>"


def dump_lambda(function: types.FunctionType) -> tuple[str, Any, Any]:
    """Return (code in base64, defaults, contents of closure) of a Python function."""
    code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
    closure = tuple(cell.cell_contents for cell in function.__closure__ or ()) or None
    return code, function.__defaults__, closure


def load_lambda(
    code: str, defaults: Any = None, closure: Any = None, scope: dict[str, Any] | None = None
) -> types.FunctionType:
    """Return the function that `dump_lambda` took apart; ValueError if the code is not of here.

    The function sees the names in `scope`, by default `ops`, `np` and `keras` as ours.
    """
    try:
        loaded = marshal.loads(base64.b64decode(code))
    except (ValueError, EOFError, TypeError) as error:
        raise ValueError(
            "The code of a Python lambda in the file cannot be read; it was probably written by "
            f"another version of Python ({error}). Use a named, registered function instead."
        ) from error
    if not isinstance(loaded, types.CodeType):
        raise ValueError("The file holds something else where the code of a lambda should be.")
    cells = tuple(map(types.CellType, closure or ()))
    return types.FunctionType(
        loaded, scope or _scope(), loaded.co_name, tuple(defaults) if defaults else None, cells
    )


def _scope() -> dict[str, Any]:
    import numpy

    import fncompile

    return {
        "keras": fncompile, "fncompile": fncompile, "ops": fncompile.ops, "K": fncompile.ops,
        "np": numpy, "numpy": numpy,
    }
