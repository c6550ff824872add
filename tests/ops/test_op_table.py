"""Every row of the table: on arrays, in the graph, and as a program with an unknown batch."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from fncompile import ops
from fncompile.graph.call import infer_outputs
from fncompile.graph.nest import flatten
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.ir.interp import run
from fncompile.ir.text import parse, print_program
from fncompile.ir.verify import verify
from tests.op_table import CASES, OpCase, program_of

pytestmark = pytest.mark.usefixtures("float64")
BY_ID = pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)


def check(case: OpCase, got: list, want: list) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, map(np.asarray, want)):
        assert np.shape(g) == w.shape
        assert np.asarray(g).dtype.kind == w.dtype.kind
        np.testing.assert_allclose(g, w, rtol=case.rtol, atol=1e-13)


@BY_ID
def test_arrays(case):
    arrays = case.arrays()
    check(case, flatten(case.call(arrays)), flatten(case.expected(arrays)))


@BY_ID
def test_symbolic_shapes(case):
    """The graph knows the shape and dtype that the numbers will have."""
    arrays = case.arrays()
    tensors = [KerasTensor.of(t, f"x{i}") for i, t in enumerate(case.types())]
    got = flatten(infer_outputs(lambda *xs: case.call(xs), tuple(tensors), {}))
    for g, w in zip(got, flatten(case.call(arrays))):
        assert not isinstance(g, Tensor) or (g.shape, g.dtype) == (np.shape(w), w.dtype.name)


@pytest.mark.parametrize("case", [c for c in CASES if c.batch], ids=lambda c: c.name)
def test_unknown_batch(case):
    """With the batch unknown the program is well formed, survives printing, and gives the same."""
    program, arrays = program_of([case], symbolic=True), case.arrays()
    verify(program)
    assert parse(print_program(program)) == program
    outputs, _ = run(program, arrays, {})
    check(case, list(outputs.values()), flatten(case.expected(arrays)))


def test_each_op_has_a_row():
    public = {name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))}
    helpers = {
        "array",
        "convert_to_numpy",
        "dtype",
        "is_tensor",
        "ndim",
        "nonzero",
        "shape",
        "empty",
        "empty_like",
    }
    tested = {getattr(ops, c.name.split(":")[0].split("[")[0], None) for c in CASES}
    missing = [n for n in public - helpers if getattr(ops, n) not in tested]
    assert missing == []


def test_names_are_unique():
    assert len({c.name for c in CASES}) == len(CASES)
