"""Attention by a nonlinear sum of queries and keys."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.attention.dot_product import Attention


class AdditiveAttention(Attention):
    """softmax(sum(scale · tanh(query + key))) · value (Bahdanau et al. 2015).

    Inputs, masks and results are those of `Attention`; queries and keys have one dim. `use_scale`:
    a trainable vector (dim,), else 1; `dropout`: of the weights, in training; `seed` of it.

    >>> x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> layers.AdditiveAttention(use_scale=False)([x, x]).round(4)
    array([[[0.3637, 0.6363],
            [0.6363, 0.3637]]], dtype=float32)
    """

    fields = ("use_scale", "dropout", "seed")

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check_list(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform"
            )

    def _scores(self, query: Any, key: Any) -> Any:
        pairs = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(pairs if self.scale is None else self.scale * pairs, axis=-1)
