"""Sequences of labels in sequences of predictions that are longer: CTC."""

from __future__ import annotations

from typing import Any

from fncompile.ops.activations import log_softmax
from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, real, tensor
from fncompile.ops.contraction import einsum
from fncompile.ops.creation import arange, full
from fncompile.ops.dispatch import op, wide_dtype
from fncompile.ops.functions import logaddexp
from fncompile.ops.indexing import one_hot
from fncompile.ops.joining import concatenate
from fncompile.ops.logic import equal, not_equal, where
from fncompile.ops.reductions import logsumexp
from fncompile.ops.scanning import scan
from fncompile.ops.shaping import expand_dims, reshape
from fncompile.ops.types import Result, TensorLike

NEVER = -1e30  # the logarithm of no chance: a number, so that differences of two are none of NaN


@op
def ctc_loss(
    target: TensorLike,
    output: TensorLike,
    target_length: TensorLike,
    output_length: TensorLike,
    mask_index: int = 0,
) -> Result:
    """Minus the logarithm of how likely the labels are, in any alignment (Graves et al. 2006).

    Blanks may stand between labels, and each label and blank may last several steps.

    `target`: class numbers (samples, labels), of which `target_length` (samples,) count; `output`:
    logits (samples, steps, classes), of which `output_length` (samples,) steps count; `mask_index`:
    the class that is blank. ValueError for other ranks.

    >>> ops.ctc_loss([[1, 2]], np.zeros((1, 3, 3)), [2], [3]).round(4)
    array([1.6864], dtype=float32)
    """
    labels, logits = cast(target, "int32"), real(output)
    logits = cast(logits, wide_dtype(logits.dtype))
    if len(labels.shape) != 2 or len(logits.shape) != 3:
        raise ValueError(
            "`ctc_loss` takes `target` (samples, labels) and `output` (samples, steps, classes). "
            f"Received: shapes {display(labels.shape)} and {display(logits.shape)}"
        )
    states = _with_blanks(labels, mask_index)
    rows, count = extents(states)
    classes = one_hot(states, extents(logits)[2], dtype=logits.dtype)
    chances = einsum("btc,bsc->tbs", log_softmax(logits), classes)
    steps = cast(tensor(output_length), "int32")
    begin = where(arange(count) < 2, tensor(0.0, logits.dtype), tensor(NEVER, logits.dtype))
    jump = _may_skip(states)

    def turn(before: Any, row: Any) -> Any:
        number, chance = row
        stay = logaddexp(before, _moved(before, 1))
        skip = where(jump, _moved(before, 2), NEVER)
        after = where(equal(number, 0), begin, logaddexp(stay, skip)) + chance
        return where(expand_dims(number < steps, 1), after, before), None

    first = full((rows, count), NEVER, logits.dtype)
    numbers = arange(extents(logits)[1], dtype="int32")
    last, _ = scan(turn, first, (numbers, chances))
    end = 2 * expand_dims(cast(tensor(target_length), "int32"), 1)
    at = arange(count, dtype="int32")
    ends = equal(at, end) | equal(at, end - 1)
    return -logsumexp(where(ends, last, NEVER), axis=1)


def _with_blanks(labels: Any, blank: int) -> Any:
    """A blank before, between and behind the labels."""
    rows, count = extents(labels)
    pairs = concatenate([full((rows, count, 1), blank, "int32"), expand_dims(labels, 2)], axis=2)
    return concatenate([reshape(pairs, (rows, 2 * count)), full((rows, 1), blank, "int32")], axis=1)


def _may_skip(states: Any) -> Any:
    """May the blank before a label be left out? Not between equal labels."""
    rows = extents(states)[0]
    label = equal(arange(extents(states)[1] - 2) % 2, 1)
    other = label & not_equal(states[:, 2:], states[:, :-2])
    return concatenate([full((rows, 2), False, "bool"), other], axis=1)


def _moved(x: Any, by: int) -> Any:
    """Each state's number at the state `by` behind it."""
    rows = extents(x)[0]
    return concatenate([full((rows, by), NEVER, x.dtype), x[:, :-by]], axis=1)
