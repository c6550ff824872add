"""Why a test failed: a public name is missing, an internal one, or the behaviour differs.

The kinds are those of the table's columns. What no rule here recognises is behaviour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fncompile.graph.naming import to_snake_case
from tests.conformance import wheel
from tests.conformance.missing import Missing

PASSED, MISSING, BEHAVIOUR, MEANT, OUT, INTERNAL, SKIPPED = KINDS = (
    "passed", "missing", "behaviour", "meant", "out", "internal", "skipped",
)  # fmt: skip

# In what an exception says, words that stand for something public that is not there.
_MISSING = [
    (r"(\w+)(?:\.\w+)?\(\) got an unexpected keyword argument '(\w+)'", "argument {1}= of {0}"),
    (r"<missing ([\w.]+)>", "{0}"),
    (r"module 'fncompile[\w.]*' has no attribute '(\w+)'", "{0}"),
    (r"(\w+)\(\) takes no arguments", "arguments of {0}"),
    (r"are not supported: \['(\w+)'", "argument {0}="),
    (r"Unrecognized keyword arguments passed to (\w+): \{'(\w+)'", "argument {1}= of {0}"),
    (r"Optimizer argument `(\w+)` is not supported", "argument {0}= of Optimizer"),
    (r"defines `(\w+)`, which fncompile would never call", "overridden {0}"),
    (r"(?:Unknown dtype|Cannot convert|Unknown `floatx` value:|Invalid dtype:) '?(\w+)'?",
     "dtype {0}"),
    (r"(float16|int16|uint16|uint64|float8_\w+|complex\d+)", "dtype {0}"),
    (r"float32 and dtype=(bfloat16)|'float32' != '(bfloat16)'", "dtype {0} of values"),
    (r"enable_lora|quantiz", "quantization and LoRA"),
]  # fmt: skip
_STAND_INS = "tests.conformance.stand_ins"
_BY_NAME = r"Could not (?:locate (?:class|function|object)|interpret \w+ identifier:) '?(\w+)'?"


def classify(error: BaseException, used: Sequence[Missing]) -> tuple[str, str]:
    """The kind of a failure, and what is missing."""
    if used:
        kinds = [missing.kind for missing in used]
        kind = next(kind for kind in (SKIPPED, MISSING, INTERNAL) if kind in kinds)
        return kind, used[kinds.index(kind)].path
    for each in causes(error):
        found = _missing_in(each)
        if found:
            return found
    return BEHAVIOUR, ""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what it was raised from or during."""
    for _ in range(5):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _missing_in(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, ModuleNotFoundError):
        return SKIPPED, str(error.name)
    if "object has no attribute '_keras_mask'" in str(error):  # values are NumPy's own arrays
        return INTERNAL, "a mask on a value"
    if isinstance(error, AttributeError) and type(error.obj).__module__ == _STAND_INS:
        return INTERNAL, f"attribute .{error.name} of an operation"
    if isinstance(error, AttributeError) and error.name and _is_ours(error):
        kind = INTERNAL if error.name.startswith("_") else MISSING
        return kind, f"attribute .{error.name}"
    text = str(error)
    named = re.search(_BY_NAME, text)
    if named and named[1] in _public_names():
        return MISSING, named[1]
    for pattern, label in _MISSING:
        match = re.search(pattern, text)
        if match:
            return MISSING, label.format(*(group for group in match.groups() if group))
    return None


def _is_ours(error: AttributeError) -> bool:
    """Whether the object without the attribute is fncompile's."""
    owner: Any = error.obj
    family = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
    names = [getattr(owner, "__name__", ""), *(c.__module__ for c in family)]
    return any(f"{name}.".startswith("fncompile.") for name in names)


def _public_names() -> set[str]:
    names = {path.split(".")[-1] for path in wheel.exports().public}
    return names | {to_snake_case(name) for name in names}
