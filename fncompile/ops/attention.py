"""Scaled dot-product attention, as `keras.ops` defines it."""

from __future__ import annotations

import math
from typing import Any

from fncompile.ir import build
from fncompile.ir.dims import is_static
from fncompile.ir.node import Node
from fncompile.ops.activations import softmax_of
from fncompile.ops.axes import display
from fncompile.ops.contraction import contract
from fncompile.ops.dispatch import as_float, node, op, promote, widened
from fncompile.ops.types import Result, TensorLike

# What stands for minus infinity under a mask: finite, so that a row without any key has equal
# weights and not NaN. 0.7 times nearly the largest float32, as Keras on JAX and NumPy has it.
_HIDDEN = -0.7 * 3.38953e38


@op
def dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Result:
    """softmax(query · keyᵀ · scale + bias) · value, for each head (Vaswani et al. 2017).

    `query` is (batch, T, N, H), `key` and `value` are (batch, S, K, H) with N a multiple of the K
    heads of keys, each of which serves N / K queries; the result is (batch, T, N, H). `bias` and
    `mask` broadcast to (batch, N, T, S); False in the mask hides a key. `scale` is 1 / √H if None.
    With `is_causal`, position t sees the keys 0 to t. A query that sees no key weighs all alike.
    `flash_attention` is Keras' choice of a kernel and without effect: the compiler chooses.

    ValueError for other ranks, for heads that do not divide, and for `attn_logits_soft_cap`, which
    Keras has on TPUs alone.

    >>> x = np.array([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> ops.dot_product_attention(x, x, x, is_causal=True).round(4)
    array([[[[1.    , 0.    ]],
    <BLANKLINE>
            [[0.3302, 0.6698]]]], dtype=float32)
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            "attn_logits_soft_cap is for JAX on TPU only. Cap the logits in your own attention: "
            "`cap * ops.tanh(logits / cap)`."
        )
    q, k, v = (as_float(x) for x in promote(query, key, value))
    groups = _groups(q, k, v)
    q = build.reshape(q, (*q.shape[:2], *groups, q.shape[3]))
    logits = widened(contract(q, "btkgh", k, "bskh", "bkgts"))
    scale = _usual_scale(k) if scale is None else scale
    logits = build.ew("mul", logits, build.like(logits, scale))
    if bias is not None:
        logits = build.ew("add", logits, _by_head(node(bias, logits.dtype), groups, "bias"))
    if mask is not None:
        logits = _masked(logits, _by_head(node(mask, "bool"), groups, "mask"))
    if is_causal:
        position = build.iota(logits.shape, logits.ndim - 2)
        seen = build.ew("le", build.iota(logits.shape, logits.ndim - 1), position)
        logits = _masked(logits, seen)
    weights = build.cast(softmax_of(logits), v.dtype)
    out = contract(weights, "bkgts", v, "bskh", "btkgh")
    return build.reshape(out, (*out.shape[:2], groups[0] * groups[1], v.shape[3]))


def _groups(q: Node, k: Node, v: Node) -> tuple[Any, Any]:
    """(heads of keys, queries for each); ValueError where they do not fit."""
    shapes = (
        f"Received: query.shape={display(q.shape)}, key.shape={display(k.shape)}, "
        f"value.shape={display(v.shape)}."
    )
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(f"`dot_product_attention` only supports 4D inputs. {shapes}")
    heads, keys = q.shape[2], k.shape[2]
    if heads == keys == v.shape[2]:
        return keys, 1
    if not is_static((heads, keys)) or heads % keys or v.shape[2] != keys:
        raise ValueError(
            "`dot_product_attention`: the heads of `query` must be a multiple of those of `key` "
            f"and `value`. {shapes}"
        )
    return keys, heads // keys


def _usual_scale(k: Node) -> float:
    width = k.shape[3]
    if not is_static((width,)):
        raise ValueError(
            "`dot_product_attention` needs `scale` where the width of the heads is unknown. "
            f"Received: key.shape={display(k.shape)}"
        )
    return 1 / math.sqrt(max(width, 1))


def _by_head(x: Node, groups: tuple[Any, Any], name: str) -> Node:
    """What broadcasts to (batch, heads, T, S), with its axis of heads in groups."""
    if x.ndim > 4:
        raise ValueError(
            f"`{name}` must broadcast to (batch, heads, queries, keys). "
            f"Received: {name}.shape={display(x.shape)}"
        )
    x = build.expand_dims(x, range(4 - x.ndim))
    heads = (1, 1) if x.shape[1] == 1 else groups
    return build.reshape(x, (x.shape[0], *heads, *x.shape[2:]))


def _masked(logits: Node, seen: Node) -> Node:
    return build.ew("select", seen, logits, build.like(logits, _HIDDEN))
