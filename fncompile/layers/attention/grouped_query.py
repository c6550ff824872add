"""Attention where several heads of queries share one of keys and values."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.attention.projected import WEIGHT_FIELDS, ProjectedAttention, check_keys


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
        check_keys(value, key)

    def _positions(self, rank: int) -> tuple[int, ...]:
        return (1,)

    def _projections(self) -> tuple[Any, Any, Any, Any]:
        return self._query_dense, self._key_dense, self._value_dense, self._output_dense

    @property
    def _width(self) -> int:
        return self.head_dim

    def _by_query(self, x: Any) -> Any:
        return ops.repeat(x, self.num_repeats, axis=2)
