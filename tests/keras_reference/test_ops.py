"""Every function of `ops` gives Keras' values, shapes and dtypes: on arrays, and in a graph.

Expected results come from ops.json, made by make_reference.py. On the graph side many cases share
one model, so that a C compiler runs a few times and not a thousand, and optimizes only what is run
row by row; every case that is wrong is named, and `FNC_TEST_OPS_GROUP=1` gives each its own model.

float32 results may differ from Keras' by 2e-5 of their size or 2e-6: four ulp in the value, an
argument of sin or exp that was rounded differently, another order of summation.
"""

from __future__ import annotations

import json
import os
import re
import types
from pathlib import Path

import numpy as np
import pytest

from tests.keras_reference import op_cases, op_harness
from tests.keras_reference.target import NAME, keras

EXPECTED = json.loads((Path(__file__).parent / "ops.json").read_text())
CASES = op_cases.CASES
GROUP = int(os.environ.get("FNC_TEST_OPS_GROUP", "40"))
RTOL, ATOL = 2e-5, 2e-6
# What Keras has not, what gives no tensor, or nothing to compare.
# Pooling without strides fails in Keras 3.15: tests/ops/test_windows.py asks it with strides.
# Loops are in tests/scans, convolutions and the like in layers.json and tests/ops/test_windows.py.
ELSEWHERE = {
    "adaptive_average_pool", "adaptive_max_pool", "associative_scan", "bincount", "cond",
    "conv_transpose", "depthwise_conv", "extract_sequences", "fold", "fori_loop", "map", "scan",
    "separable_conv", "switch", "unfold", "vectorized_map", "while_loop",
}  # fmt: skip
# Of arrays alone, with signs that are free (op_rows/solving.py); CTC is in training.json.
ELSEWHERE |= {"ctc_loss", "eig", "eigh", "lstsq", "matrix_rank", "pinv", "qr", "svd", "view"}
ELSEWHERE |= {"cholesky_inverse", "logdet"}  # in tests/op_rows/solving.py
# In tests/op_rows/signals.py: functions of functions, what needs spectra, and what Keras has wrong.
ELSEWHERE |= {"ctc_decode", "custom_gradient", "istft", "jvp", "sparsemax", "vectorize"}
ELSEWHERE |= {"multi_hot"}  # Keras says that a graph gives int32, and gives float32
ELSEWHERE |= {"lu_factor"}  # Keras says that its pivots are float32, and gives int32
WITHOUT_CASE = ELSEWHERE | {
    "array", "average_pool", "convert_to_numpy", "convert_to_tensor", "empty_like", "is_tensor",
    "max_pool", "mish", "ndim", "nonzero",
}  # fmt: skip
if NAME == "keras":  # the exceptions are named and argued in op_harness.py
    CASES = [case for case in CASES if case not in op_harness.NOT_AS_KERAS]
SYMBOLIC = [case for case in CASES if op_harness.used(case)]
BY_ROW = [case for case in SYMBOLIC if EXPECTED[case]["by_row"]]
DYNAMIC = [case for case in SYMBOLIC if EXPECTED[case]["dynamic"]
           and case not in op_harness.WRONGLY_INFERRED]


def check(case, results):
    expected = EXPECTED[case]["values"]
    assert len(results) == len(expected)
    for result, (shape, dtype, values) in zip(results, expected):
        assert list(result.shape) == shape
        assert result.dtype.name == dtype
        np.testing.assert_allclose(result.ravel(), np.array(values, dtype), RTOL, ATOL)


def test_every_case_is_stored():
    assert list(EXPECTED) == op_cases.CASES


@pytest.mark.skipif(NAME == "keras", reason="Keras has more than we do")
def test_every_public_function_has_a_case():
    """A new function of `ops` is a line in op_cases.py."""
    named = {word for case in op_cases.CASES for word in re.findall(r"\w+", case)}
    functions = {name for name in keras.ops.__all__
                 if isinstance(getattr(keras.ops, name), types.FunctionType)}
    assert functions - named == WITHOUT_CASE


@pytest.mark.parametrize("case", [case for case in CASES if not op_harness.has_operator(case)])
def test_eager(case):
    check(case, op_harness.eager(keras, case))


@pytest.mark.parametrize("case", SYMBOLIC)
def test_inferred_shape_and_dtype(case):
    specs = [[shape, dtype] for shape, dtype, _ in EXPECTED[case]["values"]]
    assert op_harness.infer(keras, case, dynamic=False) == specs


@pytest.mark.parametrize("case", DYNAMIC)
def test_inferred_shape_with_open_first_extent(case):
    assert op_harness.infer(keras, case, dynamic=True) == EXPECTED[case]["dynamic"]


def traceable(case, dynamic) -> bool:
    try:
        op_harness.infer(keras, case, dynamic)
    except Exception:  # reported by the tests of inference above
        return False
    return True


def groups(cases):
    return [cases[start : start + GROUP] for start in range(0, len(cases), GROUP)]


def check_group(cases, run, dynamic):
    """One model for all cases that can be traced; every case that is wrong is named."""
    cases = [case for case in cases if traceable(case, dynamic)]
    results, wrong = iter(run(keras, cases) if cases else ()), []
    for case in cases:
        try:
            check(case, [next(results) for _ in EXPECTED[case]["values"]])
        except AssertionError as error:
            wrong.append(f"{case}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("cases", groups(SYMBOLIC), ids=lambda cases: cases[0])
def test_compiled(cases, quickly_compiled):
    check_group(cases, op_harness.run_static, dynamic=False)


@pytest.mark.parametrize("cases", groups(BY_ROW), ids=lambda cases: cases[0])
def test_compiled_row_by_row(cases):
    check_group(cases, op_harness.predict_by_row, dynamic=True)
