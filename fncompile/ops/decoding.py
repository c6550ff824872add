"""Labels out of predictions for each step, as CTC trains them."""

from __future__ import annotations

from typing import Any

from fncompile.ops.activations import log_softmax
from fncompile.ops.alignment import NEVER
from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, known, real, tensor
from fncompile.ops.contraction import einsum
from fncompile.ops.creation import arange, full
from fncompile.ops.dispatch import op, wide_dtype
from fncompile.ops.functions import logaddexp
from fncompile.ops.indexing import one_hot, take_along_axis
from fncompile.ops.joining import concatenate
from fncompile.ops.logic import equal, where
from fncompile.ops.reductions import all as all_of
from fncompile.ops.reductions import argmax, logsumexp
from fncompile.ops.reductions import max as max_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.scanning import scan
from fncompile.ops.shaping import broadcast_to, expand_dims, moveaxis, reshape
from fncompile.ops.sorting import argsort, top_k
from fncompile.ops.types import Result, TensorLike


@op
def ctc_decode(
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Result:
    """The most likely labels of samples, -1 behind the last of them, and how likely they are.

    `inputs`: logits (samples, steps, classes), of which `sequence_lengths` (samples,) steps count;
    `mask_index`: the class that is blank. `strategy` "greedy" takes the largest logit of each step,
    and with `merge_repeated` one label for several steps in a row: labels int32 (1, samples, steps)
    and minus the sum of those logits (samples, 1). "beam_search" adds up what leads to the same
    labels, going on with the `beam_width` best (Hannun 2014): labels (top_paths, samples, steps),
    the best first, and the logarithms of their chances (samples, top_paths). ValueError for other
    strategies and shapes.

    >>> ops.ctc_decode([[[0.0, 2.0], [0.0, 1.0], [3.0, 0.0], [0.0, 1.0]]], [4])
    (array([[[ 1,  1, -1, -1]]], dtype=int32), array([[-7.]], dtype=float32))
    """
    logits = real(inputs)
    logits = cast(logits, wide_dtype(logits.dtype))
    if len(logits.shape) != 3:
        raise ValueError(
            "`ctc_decode` takes `inputs` (samples, steps, classes). "
            f"Received: shape {display(logits.shape)}"
        )
    counted = cast(tensor(sequence_lengths), "int32")
    if strategy == "greedy":
        return _greedy(logits, counted, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise ValueError(
            f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'."
        )
    if not 1 <= top_paths <= beam_width:
        raise ValueError(
            "`top_paths` is at least 1 and at most `beam_width`. "
            f"Received: top_paths={top_paths}, beam_width={beam_width}"
        )
    return _beam_search(logits, counted, beam_width, top_paths, mask_index)


def _greedy(logits: Any, counted: Any, merge: bool, blank: int) -> tuple[Any, Any]:
    rows, steps, _ = extents(logits)
    at = arange(steps, dtype="int32")
    inside = at < expand_dims(counted, 1)
    labels = where(inside, argmax(logits, axis=-1), blank)
    chance = -sum_of(where(inside, max_of(logits, axis=-1), 0.0), axis=1, keepdims=True)
    there = labels != blank
    if merge:
        same = equal(labels[:, 1:], labels[:, :-1])
        there = there & concatenate([full((rows, 1), True, "bool"), ~same], axis=1)
    order = argsort(where(there, at, steps), axis=-1)  # those that are there come first
    labels = take_along_axis(where(there, labels, -1), order, axis=-1)
    return expand_dims(labels, 0), chance


def _beam_search(logits: Any, counted: Any, width: int, top: int, blank: int) -> tuple[Any, Any]:
    """A beam: its labels, how many these are, and the logarithms of the chances that the last step
    was a blank, and that it was the last label."""
    rows = extents(logits)[0]
    steps, classes = known("Steps and classes of a beam search", *extents(logits)[1:])
    paths = full((rows, width, steps), -1, "int32")
    only = broadcast_to(where(equal(arange(width), 0), tensor(0.0, logits.dtype), NEVER),
                        (rows, width))  # fmt: skip
    first = (paths, full((rows, width), 0, "int32"), only, full((rows, width), NEVER, logits.dtype))

    def turn(before: Any, step: Any) -> Any:
        number, chances = step
        after = _step(before, chances, blank % classes)
        counts = number < counted
        return tuple(
            where(reshape(counts, (-1, *[1] * (len(b.shape) - 1))), a, b)
            for a, b in zip(after, before)
        ), None

    each = moveaxis(log_softmax(logits), 1, 0)
    (paths, _, on_blank, on_label), _ = scan(turn, first, (arange(steps, dtype="int32"), each))
    best, which = top_k(logaddexp(on_blank, on_label), top)
    return moveaxis(_beams(paths, which), 1, 0), best


def _step(before: Any, chances: Any, blank: int) -> Any:
    """The best beams after a step of these logarithms of chances (rows, classes)."""
    paths, lengths, on_blank, on_label = before
    width, classes = paths.shape[1], chances.shape[1]
    at = arange(paths.shape[2], dtype="int32")
    total = logaddexp(on_blank, on_label)
    ends = equal(at, expand_dims(lengths - 1, 2))
    last = max_of(where(ends, paths, -1), axis=2)  # -1 where there is no label
    its_last = one_hot(last, classes, dtype=chances.dtype)
    of_last = where(last >= 0, einsum("bwc,bc->bw", its_last, chances), NEVER)
    # Beam j is beam i and one label more: then i with that label is j once more.
    without = expand_dims(where(ends, -1, paths), 1)
    alive = total > NEVER / 2
    child = all_of(equal(expand_dims(paths, 2), without), axis=3)
    child = child & expand_dims(alive, 2) & expand_dims(alive & (lengths > 0), 1)
    again = where(equal(expand_dims(last, 2), expand_dims(last, 1)), expand_dims(on_blank, 2),
                  expand_dims(total, 2))  # fmt: skip
    from_parent = logsumexp(where(child, again, NEVER), axis=1)
    kept_blank = total + chances[:, blank : blank + 1]
    kept_label = logaddexp(on_label, from_parent) + of_last
    taken = einsum("bij,bjc->bic", cast(child, chances.dtype), its_last) > 0
    own = where(its_last > 0, expand_dims(on_blank, 2), expand_dims(total, 2))
    longer = own + expand_dims(chances, 1)
    longer = where(taken | equal(arange(classes), blank), NEVER, longer)
    found = concatenate(
        [logaddexp(kept_blank, kept_label), reshape(longer, (-1, width * classes))], axis=1
    )
    best, which = top_k(found, width)
    kept = which < width
    source = where(kept, which, (which - width) // classes)
    label = where(kept, -1, (which - width) % classes)
    lengths = take_along_axis(lengths, source, axis=1)
    new = equal(at, expand_dims(lengths, 2)) & expand_dims(~kept, 2)
    paths = where(new, expand_dims(label, 2), _beams(paths, source))
    on_blank = where(kept, take_along_axis(kept_blank, source, axis=1), NEVER)
    on_label = where(kept, take_along_axis(kept_label, source, axis=1), best)
    return paths, lengths + cast(~kept, "int32"), on_blank, on_label


def _beams(paths: Any, which: Any) -> Any:
    """Some of the beams of each row."""
    index = broadcast_to(expand_dims(which, 2), (*extents(which), paths.shape[2]))
    return take_along_axis(paths, index, axis=1)
