"""Attention by several heads, each with projections of its own."""

from __future__ import annotations

from typing import Any

from fncompile.layers.attention.projected import WEIGHT_FIELDS, ProjectedAttention, check_keys


class MultiHeadAttention(ProjectedAttention):
    """`num_heads` attentions side by side, projected back together (Vaswani et al. 2017).

    Called as `layer(query, value, key=None)` on (batch, T, …), (batch, S, …) and (batch, S, …); key
    is value if None. Gives the shape of the query, or `output_shape` behind its positions; with
    `return_attention_scores` also the weights (batch, heads, T, S). `attention_mask` (batch, T, S)
    is False where a query must not see a key; `query_mask`, `value_mask`, `key_mask` (those of the
    inputs by default) hide positions; with `use_causal_mask` position t sees the keys 0 to t.

    `key_dim`, `value_dim`: the width of a head, value_dim as key_dim if None; `dropout`: of the
    weights, in training; `use_bias`: in every projection; `attention_axes`: the axes of positions,
    all but batch and last if None; `sliding_window`: keys that far away or further are not seen;
    `use_gate`: the result times sigmoid of another projection of the query; `seed` of the dropout.
    `flash_attention` is without effect: the compiler chooses the kernel. The initializers,
    regularizers and constraints are those of every projection. ValueError for sizes that are not
    positive and for inputs that do not fit together.

    >>> layer = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> layer(np.ones((1, 4, 5)), np.ones((1, 6, 5))).shape
    (1, 4, 5)
    """

    fields = (
        "num_heads", "key_dim", "value_dim", "dropout", "use_bias", "use_gate", "attention_axes",
        "sliding_window", *WEIGHT_FIELDS, "seed",
    )  # fmt: skip

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(dropout, use_bias, sliding_window, **kwargs)
        _check("num_heads", num_heads, "a positive integer")
        _check("key_dim", key_dim, "a positive integer")
        if value_dim is not None:
            _check("value_dim", value_dim, "a positive integer or `None`")
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim or key_dim
        self._output_shape = _as_extents(output_shape)
        self.attention_axes = _as_axes(attention_axes)

    def get_config(self) -> dict[str, Any]:
        shape = self._output_shape
        return {**super().get_config(), "output_shape": None if shape is None else list(shape)}

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_keys(value_shape, key_shape)
        narrow, wide = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim)
        self.query_dense = self._projection("query", query_shape, 1, narrow)
        self.key_dense = self._projection("key", key_shape, 1, narrow)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, 1, wide, "sigmoid")
        self.value_dense = self._projection("value", value_shape, 1, wide)
        rank = len(query_shape) + 1
        self.attention_axes = self._positions(rank)
        self._make_weights_layers(len(self.attention_axes))
        self.output_dense = self._projection(
            "attention_output", (*query_shape[:-1], *wide), 2,
            self._output_shape or (query_shape[-1],),
        )  # fmt: skip

    def _positions(self, rank: int) -> tuple[int, ...]:
        if self.attention_axes is None:
            return tuple(range(1, rank - 2))
        return tuple(axis if axis >= 0 else rank - 1 + axis for axis in self.attention_axes)

    def _projections(self) -> tuple[Any, Any, Any, Any]:
        return self.query_dense, self.key_dense, self.value_dense, self.output_dense

    @property
    def _width(self) -> int:
        return self.key_dim


def _check(name: str, value: Any, wanted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected {wanted}. "
            f"Received: {name}={value}"
        )


def _as_extents(output_shape: Any) -> tuple[int, ...] | None:
    if not output_shape:
        return None
    if isinstance(output_shape, int):
        return (output_shape,)
    if not isinstance(output_shape, (list, tuple)):
        raise ValueError(
            f"Invalid `output_shape`: {output_shape}. When specified, the `output_shape` should be "
            "of type tuple, list, or int."
        )
    return tuple(output_shape)


def _as_axes(axes: Any) -> tuple[int, ...] | None:
    if axes is not None and not isinstance(axes, (int, list, tuple)):
        raise ValueError(
            f"`attention_axes` must be an int, list, or tuple. Received: attention_axes={axes}"
        )
    if isinstance(axes, int):
        return (axes,)
    return tuple(axes) if axes else None
