"""What users catch: Python's own exceptions, and few classes of ours that add something to them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops

PACKAGE = Path(fncompile.__file__).parent
# A class of ours that may reach a user -> what it says that its base class does not.
OURS = {
    "FileFormatError": "a file is damaged; public in `saving`",
    "ForeignFormatError": "h5py is needed to read the file",
    "AttributeTooLargeError": "the `.h5` layout cannot hold the model",
    "ToolchainError": "no compiler, or one that does not work",
    "CompileError": "line and text of the C that does not compile",
    "StoreError": "the cache cannot be written",
    "NoValueError": "of the call of a model on arrays: run it eagerly; a ValueError elsewhere",
    "KernelError": "of the switches FNC_CHECK and FNC_NAN: which kernel",
    "VerifyError": "of the switch FNC_VERIFY: a fault of fncompile",
    "Refused": "within one pass: why an attention is left as it is written",
    "Stopped": "of the switch FNC_STOP_AFTER: the program as it then is",
}


def exception_classes() -> set[str]:
    """Names of the classes in the package that derive from an exception."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            bases = [ast.unparse(b) for b in node.bases] if isinstance(node, ast.ClassDef) else []
            if any(b.endswith(("Error", "Exception", "Warning")) for b in bases):
                found.add(node.name)
    return found


def test_no_class_of_exceptions_without_a_reason():
    assert exception_classes() <= set(OURS)


@pytest.mark.parametrize("call", [
    lambda x: ops.sum(x, axis=7),
    lambda x: ops.reshape(x, (5, 5)),
    lambda x: ops.add(x, np.ones(5, "float32")),
    lambda x: ops.matmul(x, x),
    lambda x: ops.concatenate([x, x[:, :2]], axis=0),
    lambda x: layers.Dense(2)(x) + np.ones(5, "float32"),
    lambda x: layers.Reshape((5, 5))(x),
], ids=["axis", "reshape", "add", "matmul", "concatenate", "operator", "layer"])  # fmt: skip
def test_wrong_arguments_are_plain_value_errors(call):
    """Not a class of the compiler, on arrays and in the graph."""
    for x in (np.ones((2, 3), "float32"), fncompile.Input(batch_shape=(2, 3))):
        with pytest.raises(ValueError) as caught:
            call(x)
        assert type(caught.value) is ValueError


def test_sizes_that_contradict_are_plain_value_errors():
    a, b = fncompile.Input((None, 2)), fncompile.Input((None, 2))
    model = fncompile.Model([a, b], a + b)
    with pytest.raises(ValueError) as caught:
        model.predict([np.ones((1, 3, 2)), np.ones((1, 4, 2))], verbose=0)
    assert type(caught.value) is ValueError
