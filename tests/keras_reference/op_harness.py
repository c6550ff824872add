"""Run a case of op_cases.py eagerly and as a graph, and record what came.

A record is {"eager": [array…], "static": [[shape, dtype]…], "dynamic": [[shape, dtype]…] or null,
"by_row": bool}: results on arrays; what is inferred for Inputs of the full shape; what is inferred
when the first extent is None; and whether running row by row gives the same as running at once.
`agreed` makes the stored expectation of the records of two of Keras' backends.
"""

from __future__ import annotations

import ast
import re

import numpy as np

from tests.keras_reference.op_cases import POOL


def used(expression: str) -> list[str]:
    """Names of the arrays in the expression, in order of first use."""
    words = re.findall(r"(?<![\w.\"])[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", expression))
    return [name for name in dict.fromkeys(words) if name in POOL]


def evaluate(keras, expression: str, arrays: dict) -> list:
    """The results of the expression as a flat list."""
    result = eval(expression, {**vars(keras.ops), **arrays})  # our own table
    return list(result) if isinstance(result, (list, tuple)) else [result]


def has_operator(expression: str) -> bool:
    """Whether an operator or index is applied: to plain arrays NumPy would answer it, not `ops`."""
    def is_operator(node):
        negative_number = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
        kinds = (ast.BinOp, ast.Compare, ast.Subscript, ast.UnaryOp)
        return isinstance(node, kinds) and not negative_number

    return any(map(is_operator, ast.walk(ast.parse(expression))))


def eager(keras, expression: str) -> list[np.ndarray]:
    """On plain arrays, or, where there are operators, on what the backend makes of them."""
    arrays = {name: POOL[name].copy() for name in used(expression)}  # NumPy may write into them
    if has_operator(expression):
        arrays = {name: keras.ops.convert_to_tensor(a) for name, a in arrays.items()}
    return [keras.ops.convert_to_numpy(r) for r in evaluate(keras, expression, arrays)]


def inputs(keras, names, dynamic: bool) -> dict:
    """An Input for every array; `dynamic` leaves the first extent open."""
    batch = (lambda a: (None, *a.shape[1:])) if dynamic else (lambda a: a.shape)
    return {name: keras.Input(batch_shape=batch(POOL[name]), dtype=POOL[name].dtype.name, name=name)
            for name in names}


def infer(keras, expression: str, dynamic: bool) -> list:
    tensors = evaluate(keras, expression, inputs(keras, used(expression), dynamic))
    return [[list(t.shape), str(t.dtype)] for t in tensors]


def describe(array: np.ndarray) -> dict:
    return {"shape": list(array.shape), "dtype": array.dtype.name, "values": array.ravel().tolist()}


def record(keras, expression: str) -> dict:
    names = used(expression)
    result = {"eager": [describe(a) for a in eager(keras, expression)]}
    if names:
        result["static"] = infer(keras, expression, dynamic=False)
        result["dynamic"], result["by_row"] = record_dynamic(keras, expression, names)
    return result


def record_dynamic(keras, expression, names):
    """Cases that fix their extents have no dynamic form: Keras refuses them in its own ways."""
    if any(POOL[name].ndim == 0 or len(POOL[name]) != 2 for name in names):
        return None, False
    try:
        shapes = infer(keras, expression, dynamic=True)
        rows = predict_by_row(keras, [expression])
    except Exception:  # whatever Keras raises means "not with an open extent"
        return None, False
    return shapes, all(row.shape == whole.shape and np.allclose(row, whole, 1e-5, 1e-6, True)
                       for row, whole in zip(rows, eager(keras, expression)))


def names_of(expressions) -> list[str]:
    return list(dict.fromkeys(name for e in expressions for name in used(e)))


def predict_by_row(keras, expressions) -> list[np.ndarray]:
    """All the expressions as outputs of one model with an open first extent, a row at a time."""
    names = names_of(expressions)
    tensors = inputs(keras, names, dynamic=True)
    outputs = [t for e in expressions for t in evaluate(keras, e, tensors)]
    model = keras.Model([tensors[name] for name in names], outputs)
    result = model.predict([POOL[name] for name in names], batch_size=1, verbose=0)
    return result if isinstance(result, list) else [result]


def run_static(keras, expressions) -> list[np.ndarray]:
    """All the expressions as outputs of one model whose Inputs have full shapes."""
    names = names_of(expressions)
    tensors = inputs(keras, names, dynamic=False)
    outputs = [t for e in expressions for t in evaluate(keras, e, tensors)]
    model = keras.Model([tensors[name] for name in names], outputs)
    result = model([POOL[name] for name in names])
    results = list(result) if isinstance(result, (list, tuple)) else [result]
    return [keras.ops.convert_to_numpy(r) for r in results]


# What the two backends do not agree in, or agree in wrongly, and why.
VALUES_OF_JAX = {"binary_crossentropy(hot, huge, from_logits=True)": "NumPy clips probabilities"}
VALUES_OF_NUMPY = dict.fromkeys(
    ("argmax(wild, axis=1)", "sign(wild)", "log(wild)"), "JAX flushes denormals to zero"
)
# Keras keeps int64 with TensorFlow, and narrows it to int32 with the backends used here.
INT64 = ("where(b, i, l)", "sum(l)", "concatenate([i, l], axis=0)", "add(i, l)", "add(l, 1)",
         "add(b, l)", "subtract(i, l)", "maximum(i, l)", "l * 2", "max(l)", "cast(i, \"int64\")")
WRONGLY_INFERRED = ("categorical_crossentropy(transpose(hot), transpose(probs), axis=0)",)
NOT_AS_KERAS = {*VALUES_OF_JAX, *VALUES_OF_NUMPY, *INT64, *WRONGLY_INFERRED}


def agreed(expression: str, by_numpy: dict, by_jax: dict) -> dict:
    """{"values": [[shape, dtype, numbers]…], "dynamic": …, "by_row": …}"""
    first, second = by_numpy["eager"], by_jax["eager"]
    if expression not in VALUES_OF_JAX and expression not in VALUES_OF_NUMPY:
        assert_same(expression, first, second)
    source = second if expression in VALUES_OF_JAX else first
    dtypes = [spec[1] for spec in by_numpy.get("static", [])] or [r["dtype"] for r in first]
    values = [[r["shape"], "int64" if expression in INT64 else dtype, r["values"]]
              for r, dtype in zip(source, dtypes)]
    dynamic = None if expression in WRONGLY_INFERRED else by_numpy.get("dynamic")
    if dynamic and expression in INT64:
        dynamic = [[shape, "int64"] for shape, _ in dynamic]
    return {"values": values, "dynamic": dynamic, "by_row": by_numpy.get("by_row")}


def assert_same(expression, first, second):
    for a, b in zip(first, second, strict=True):
        assert a["shape"] == b["shape"], expression
        np.testing.assert_allclose(a["values"], b["values"], 1e-5, 1e-6, err_msg=expression)
