"""Memory of an attention is linear in its lengths, forward and backward; the plan says so."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.ir.dims import Poly, evaluate
from tests.attention.compositions import CASES, SIZES, arrays, program, rewritten
from tests.programs import native

# Their masks or terms, which are given, are as large as the scores.
GIVEN = ("mask of all", "bias", "lowered")


def degree(size, symbols: tuple[str, ...] = ("T", "S")) -> int:
    """The most lengths that are multiplied in a number of bytes."""
    if not isinstance(size, Poly):
        return 0
    return max(sum(s in symbols for s in monomial) for monomial, _ in size.terms)


@pytest.mark.parametrize("name", [n for n in CASES if n not in GIVEN])
def test_no_tensor_is_as_large_as_the_scores(name):
    _, plan = native.stages(rewritten(program(name, backward=True)))
    assert {b.name: degree(b.type.size) for b in plan.offsets if degree(b.type.size) > 1} == {}
    assert degree(plan.arena) == 1


def test_a_composition_that_is_left_has_one():
    """So that the test above can fail."""
    _, plan = native.stages(rewritten(program("plain", backward=True)))
    with fncompile.flags(skip="attention"):
        _, composed = native.stages(program("plain", backward=False))
    assert degree(plan.arena) == 1 and degree(composed.arena) == 2


def _block(length: int | None, **options) -> fncompile.Model:
    x = fncompile.Input((length, 16))
    attended = layers.MultiHeadAttention(2, 8, name="heads", **options)(x, x, use_causal_mask=True)
    out = layers.Dense(1)(layers.LayerNormalization()(layers.add([x, attended])))
    model = fncompile.Model(x, out)
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_a_training_step_of_a_layer_is_linear(dropout):
    model = _block(None, dropout=dropout)
    x = np.random.default_rng(0).normal(size=(2, 33, 16)).astype("float32")
    model.train_on_batch(x, x[..., :1])
    model.predict(x, verbose=0)
    entries = [e for e in model.steps().compiled_entries() if e.plan.kernels]
    found = [k for e in entries for k in e.plan.kernels if k.routine is not None]
    assert {k.routine.name for k in found} == {"attention", "attention_grad"}
    for entry in entries:
        assert degree(entry.plan.arena, tuple(set(entry.plan.symbols) - {"B"})) <= 1


def test_a_length_of_8192_fits():
    """T x T floats would be 268 MB for each of two heads."""
    model = _block(8192)
    x = np.random.default_rng(0).normal(size=(1, 8192, 16)).astype("float32")
    model.train_on_batch(x, x[..., :1])
    [arena] = [e.plan.arena for e in model.steps().compiled_entries() if e.name == "train_step"]
    assert evaluate(arena, {"B": 1}) < 16_000_000


def test_explain_says_where_and_where_not():
    model = _block(12)
    assert "attention: heads" in model.explain("rewrite")
    assert "is one kernel by blocks" in model.explain("rewrite")
    x = fncompile.Input((12, 16))
    out, scores = layers.MultiHeadAttention(2, 8, name="heads")(
        x, x, return_attention_scores=True
    )
    told = fncompile.Model(x, [out, scores]).explain("rewrite")
    assert "attention: heads: not rewritten: others read its weights" in told


@pytest.mark.parametrize("name", ["causal and masked", "dropout", "grouped"])
def test_bits_do_not_depend_on_the_number_of_threads(name):
    made = rewritten(program(name, backward=True))
    given = arrays(made, SIZES["blocks"])
    found = []
    for threads in (1, 2, 3):
        with fncompile.flags(threads=threads):
            found.append(native.run(native.compiled(made), given, {})[0])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
