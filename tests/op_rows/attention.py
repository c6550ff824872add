"""Rows of attention."""

from __future__ import annotations

import numpy as np

from tests.op_case import Array
from tests.op_rows.shaping import A, row


def reference(q, k, v, bias=None, mask=None, scale=None, is_causal=False):
    """In float64, head by head."""
    repeats = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, repeats, 2), np.repeat(v, repeats, 2)
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    logits = np.einsum("btnh,bsnh->bnts", q, k) * scale
    logits = logits if bias is None else logits + bias
    hidden = -0.7 * 3.38953e38
    logits = logits if mask is None else np.where(mask, logits, hidden)
    if is_causal:
        logits = np.where(np.tri(*logits.shape[2:], dtype=bool), logits, hidden)
    e = np.exp(logits - logits.max(-1, keepdims=True, initial=hidden))
    return np.einsum("bnts,bsnh->btnh", e / e.sum(-1, keepdims=True), v)


def case(note, q, k, v, *more):
    args = (q, k, v, *more)
    return row("dot_product_attention", args, reference, note, batch=(0, 1, 2))


CASES = [
    case("", A(2, 3, 2, 4), A(2, 5, 2, 4), A(2, 5, 2, 4)),
    case("wide value", A(2, 3, 1, 4), A(2, 5, 1, 4), A(2, 5, 1, 7)),
    case("groups", A(2, 3, 4, 2), A(2, 5, 2, 2), A(2, 5, 2, 3)),
    case("causal", A(2, 5, 2, 3), A(2, 5, 2, 3), A(2, 5, 2, 3), None, None, 0.3, True),
    case("causal, fewer keys", A(1, 5, 1, 3), A(1, 3, 1, 3), A(1, 3, 1, 3), None, None, None, True),
    case("of one", A(1, 1, 1, 1), A(1, 1, 1, 1), A(1, 1, 1, 1)),
    case("no query", A(2, 0, 2, 4), A(2, 5, 2, 4), A(2, 5, 2, 4)),
    case("lengths past a vector", A(1, 19, 1, 17), A(1, 33, 1, 17), A(1, 33, 1, 17)),
    row(
        "dot_product_attention",
        (*3 * [A(2, 3, 2, 4)], A(2, 3, 3), Array((2, 1, 3, 3), "bits", "bool")),
        reference,
        "bias and mask",
    ),
]  # fmt: skip
