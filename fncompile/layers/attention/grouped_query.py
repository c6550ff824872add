"""Attention where several heads of queries share one of keys and values."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.attention import masks
from fncompile.layers.attention.projected import WEIGHT_FIELDS, ProjectedAttention, scale_of


class GroupedQueryAttention(ProjectedAttention):
    """`num_query_heads` attentions over `num_key_value_heads` keys (Ainslie et al. 2023).

    Called as `layer(query, value, key=None)` on (batch, T, dim), (batch, S, dim) and
    (batch, S, dim), with masks and further arguments as for MultiHeadAttention; gives
    (batch, T, dim), and with `return_attention_scores` the weights (batch, heads, T, S) too.

    `head_dim`: the width of a head; `dropout`, `use_bias`, `sliding_window`, `use_gate`, `seed` and
    the initializers, regularizers and constraints as for MultiHeadAttention. ValueError where the
    heads of queries are not a multiple of those of keys.

    >>> layer = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> layer(np.ones((1, 4, 5)), np.ones((1, 6, 5))).shape
    (1, 4, 5)
    """

    fields = (
        "head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate",
        "sliding_window", "dropout", *WEIGHT_FIELDS, "seed",
    )  # fmt: skip

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(dropout, use_bias, sliding_window, **kwargs)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`. Received: "
                f"num_query_heads={num_query_heads}, num_key_value_heads={num_key_value_heads}"
            )
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        many, few = (
            (heads, self.head_dim) for heads in (self.num_query_heads, self.num_key_value_heads)
        )
        self._query_dense = self._projection("query", query_shape, 1, many)
        self._key_dense = self._projection("key", key_shape, 1, few)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, 1, many, "sigmoid")
        self._value_dense = self._projection("value", value_shape, 1, few)
        self._make_weights_layers(1)
        self._output_dense = self._projection(
            "attention_output", (*query_shape[:-1], *many), 2, (query_shape[-1],)
        )

    def _check_shapes(self, query: Any, value: Any, key: Any) -> None:
        if query[-1] != value[-1]:
            raise ValueError(
                "The last dimension of `query_shape` and `value_shape` must be equal, but are "
                f"{query[-1]}, {value[-1]}. Received: query_shape={query}, value_shape={value}"
            )
        if value[1:-1] != key[1:-1]:
            raise ValueError(
                "All dimensions of `value` and `key`, except the last one, must be equal. "
                f"Received: value_shape={value} and key_shape={key}"
            )

    def _positions(self, rank: int) -> tuple[int, ...]:
        return (1,)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        given = query_mask, value_mask, key_mask
        seen = self._seen(query, value, given, attention_mask, use_causal_mask)
        query, value = masks.without_mask(query), masks.without_mask(value)
        key = value if key is None else masks.without_mask(key)
        gate = self._gate_dense(query) if self.use_gate else None
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        scale = scale_of(self.head_dim)
        weights = None
        if self.dropout > 0.0 or return_attention_scores:
            k, v = (ops.repeat(x, self.num_repeats, axis=2) for x in (k, v))
            out, weights = self._attend(q, k, v, seen, training, scale)
        else:
            seen = None if seen is None else masks.over_heads(seen, 4)
            out = ops.dot_product_attention(q, k, v, mask=seen, scale=scale)
        out = self._output_dense(out if gate is None else out * gate)
        return (out, weights) if return_attention_scores else out
