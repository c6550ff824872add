"""Calls of layers whose results Keras has given; a case is a line.

A line is: class, its arguments, the inputs, arguments of the call. `F(shape)` stands for numbers,
`B(shape)` for a mask, `L(class, ...)` for a layer among the arguments; numbers are drawn from the
place they have in the case, so that Keras and we see the same. Weights are drawn too, from their
shapes.
"""

from __future__ import annotations

import zlib

import numpy as np

from tests.keras_reference import preprocessing_cases, recurrent_cases, window_cases
from tests.keras_reference.placeholders import B, F, L

Q, V, K = F((2, 4, 6)), F((2, 5, 6)), F((2, 5, 7))
NONE_SEEN = B((2, 4, 5), 0.0)
HEADS = dict(num_heads=2, key_dim=3)
GROUPS = dict(head_dim=3, num_query_heads=4, num_key_value_heads=2)
SCORES = dict(return_attention_scores=True)
CAUSAL = dict(use_causal_mask=True)

CASES = {
    "mha": ("MultiHeadAttention", HEADS, (Q, V), {}),
    "mha_gate": (
        "MultiHeadAttention",
        dict(**HEADS, value_dim=5, use_gate=True),
        (Q, V, K),
        SCORES,
    ),
    "mha_no_bias": (
        "MultiHeadAttention",
        dict(**HEADS, use_bias=False, output_shape=9),
        (Q, V),
        SCORES,
    ),
    "mha_window": (
        "MultiHeadAttention",
        dict(**HEADS, output_shape=(2, 3), sliding_window=2),
        (Q, V),
        CAUSAL,
    ),
    "mha_dropout": (
        "MultiHeadAttention",
        dict(**HEADS, dropout=0.5),
        (Q, V),
        dict(**CAUSAL, attention_mask=B((2, 4, 5))),
    ),
    "mha_causal": ("MultiHeadAttention", HEADS, (Q, Q), CAUSAL),
    "mha_none_seen": ("MultiHeadAttention", HEADS, (Q, V), dict(attention_mask=NONE_SEEN)),
    "mha_none_seen_scores": (
        "MultiHeadAttention",
        HEADS,
        (Q, V),
        dict(attention_mask=NONE_SEEN, **SCORES),
    ),
    "mha_masks": (
        "MultiHeadAttention",
        HEADS,
        (Q, V),
        dict(value_mask=B((2, 5)), key_mask=B((2, 5), 0.9)),
    ),
    "mha_of_one": (
        "MultiHeadAttention",
        dict(num_heads=1, key_dim=1),
        (F((1, 1, 1)), F((1, 1, 1))),
        {},
    ),
    "mha_two_axes": (
        "MultiHeadAttention",
        dict(**HEADS, attention_axes=(1, 2)),
        (F((2, 3, 4, 6)), F((2, 2, 5, 6))),
        {},
    ),
    "mha_second_axis": (
        "MultiHeadAttention",
        dict(**HEADS, attention_axes=(2,)),
        (F((2, 3, 4, 6)), F((2, 3, 5, 6))),
        SCORES,
    ),
    "mha_axis_from_end": (
        "MultiHeadAttention",
        dict(**HEADS, attention_axes=-2),
        (F((2, 3, 4, 6)), F((2, 3, 5, 6))),
        {},
    ),
    "gqa": ("GroupQueryAttention", GROUPS, (Q, V), {}),
    "gqa_one_key": (
        "GroupQueryAttention",
        dict(head_dim=3, num_query_heads=4, num_key_value_heads=1, use_gate=True),
        (Q, V, V),
        CAUSAL,
    ),
    "gqa_window": (
        "GroupQueryAttention",
        dict(**GROUPS, use_bias=False, sliding_window=3),
        (Q, V),
        dict(**SCORES, attention_mask=B((2, 4, 5))),
    ),
    "gqa_dropout": ("GroupQueryAttention", dict(**GROUPS, dropout=0.5), (Q, V), {}),
    "attention": ("Attention", {}, ([Q, V],), {}),
    "attention_concat": (
        "Attention",
        dict(use_scale=True, score_mode="concat"),
        ([Q, V, V],),
        SCORES,
    ),
    "attention_causal": ("Attention", dict(use_scale=True, dropout=0.4), ([Q, V],), CAUSAL),
    "attention_masks": ("Attention", {}, ([Q, V],), dict(mask=[B((2, 4)), B((2, 5))])),
    "attention_value_mask": (
        "Attention",
        {},
        ([Q, V],),
        dict(mask=[None, B((2, 5), 0.9)], **CAUSAL),
    ),
    "additive": (
        "AdditiveAttention",
        {},
        ([Q, V],),
        dict(mask=[B((2, 4)), B((2, 5), 0.9)], **CAUSAL, **SCORES),
    ),
    "additive_no_scale": ("AdditiveAttention", dict(use_scale=False), ([Q, V, V],), {}),
    "einsum_dense": (
        "EinsumDense",
        dict(equation="ab,bc->ac", output_shape=3, bias_axes="c"),
        (F((4, 6)),),
        {},
    ),
    "einsum_rank_3": (
        "EinsumDense",
        dict(equation="abc,cd->abd", output_shape=(None, 3), bias_axes="d", activation="relu"),
        (Q,),
        {},
    ),
    "einsum_ahead": (
        "EinsumDense",
        dict(equation="...x,xy->...y", output_shape=3, bias_axes="y"),
        (F((2, 3, 4, 6)),),
        {},
    ),
    "einsum_behind": (
        "EinsumDense",
        dict(equation="ab...,bc->ac...", output_shape=3, bias_axes="c"),
        (Q,),
        {},
    ),
    "einsum_two_new": (
        "EinsumDense",
        dict(equation="abc,cde->abde", output_shape=(None, 3, 2), bias_axes="d"),
        (Q,),
        {},
    ),
    "einsum_two_summed": ("EinsumDense", dict(equation="abc,bcd->ad", output_shape=3), (Q,), {}),
    "einsum_batch": (
        "EinsumDense",
        dict(equation="ab,ac->abc", output_shape=(6, 3), bias_axes="bc"),
        (F((1, 6)),),
        {},
    ),
    **recurrent_cases.CASES,
    **window_cases.CASES,
    **preprocessing_cases.CASES,
}

def made(structure, rng):
    """The structure with arrays for `F` and `B`."""
    if isinstance(structure, dict):
        return {key: made(value, rng) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(made(value, rng) for value in structure)
    return structure.make(rng) if isinstance(structure, (F, B)) else structure


def layer_of(keras, case, **more):
    """The layer of a case, with `more` arguments; layers inside get its dtype."""
    kind, init, *_ = CASES[case]
    inner = {"dtype": more["dtype"]} if "dtype" in more else {}

    def argument(value):
        if isinstance(value, list):
            return [argument(item) for item in value]
        if not isinstance(value, L):
            return value
        return getattr(keras.layers, value.kind)(**value.init, **inner)

    given = {key: argument(value) for key, value in init.items()}
    return getattr(keras.layers, kind)(**given, **more)


def called(keras, name):
    """(layer, inputs, arguments of the call) of a case, the layer with the drawn weights."""
    kind, _, inputs, kwargs = CASES[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inputs, kwargs = made(inputs, rng), made(kwargs, rng)
    layer = layer_of(keras, name, dtype="float64")
    layer(*inputs, **kwargs)
    least = -0.9 if name in recurrent_cases.CASES and kind != "TimeDistributed" else 0.2
    layer.set_weights([_weight(w, rng, least) for w in layer.get_weights()])
    return layer, inputs, kwargs


def _weight(w, rng, least):
    return rng.uniform(least, 0.9, w.shape).round(3)


def results(keras, name):
    """The shapes of the weights, and each result as (shape, numbers)."""
    layer, inputs, kwargs = called(keras, name)
    found = layer(*inputs, **kwargs)
    found = found if isinstance(found, (list, tuple)) else [found]
    arrays = [keras.ops.convert_to_numpy(x) for x in found]
    return {
        "weights": [list(w.shape) for w in layer.get_weights()],
        "results": [[list(x.shape), x.ravel().tolist()] for x in arrays],
    }
