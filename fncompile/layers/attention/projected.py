"""What the layers with projections of their own share: options, projections, masks, the product."""

from __future__ import annotations

import math
import string
from typing import Any

from fncompile import ops
from fncompile.layers.activation import Softmax
from fncompile.layers.attention import masks
from fncompile.layers.einsum_dense import EinsumDense
from fncompile.layers.regularization.dropout import Dropout
from fncompile.layers.standard import StandardLayer, weight_fields

WEIGHT_FIELDS = weight_fields("kernel", "bias")


class ProjectedAttention(StandardLayer):
    """Base of MultiHeadAttention and GroupedQueryAttention.

    Subclasses make the projections in `build`, `_gate_dense` where there is a gate, and say by
    `_projections` which they are.
    """

    _gate_dense: Any

    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init__(
        self,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if sliding_window is not None:
            check_positive("sliding_window", sliding_window, "`None` or a positive integer")
        if flash_attention and dropout > 0.0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Please set dropout to "
                "0.0 to use flash attention."
            )
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.use_gate = use_gate
        self.seed = seed
        self._flash_attention = flash_attention
        self._weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.supports_masking = True

    def _projection(
        self, name: str, shape: tuple, summed: int, extents: tuple, activation: Any = None
    ) -> EinsumDense:
        """The last `summed` axes of an input of `shape` projected to axes of `extents`."""
        labels = string.ascii_lowercase
        free, last = labels[: len(shape) - summed], labels[len(shape) - summed : len(shape)]
        new = labels[len(shape) : len(shape) + len(extents)]
        layer = EinsumDense(
            f"{free}{last},{last}{new}->{free}{new}",
            output_shape=(*[None] * (len(free) - 1), *extents),
            bias_axes=new if self.use_bias else None,
            activation=activation,
            # Each projection draws its own numbers: an initializer without a seed keeps one.
            kernel_initializer=_again(self.kernel_initializer),
            bias_initializer=_again(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(shape)
        return layer

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
        if self._flash_attention and return_attention_scores:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled. "
                "Please disable flash attention to access attention scores."
            )
        given = query_mask, value_mask, key_mask
        seen = self._seen(query, value, given, attention_mask, use_causal_mask)
        query, value = masks.without_mask(query), masks.without_mask(value)
        key = value if key is None else masks.without_mask(key)
        gate = self._gate_dense(query) if self.use_gate else None
        query_dense, key_dense, value_dense, output_dense = self._projections()
        q, k, v = query_dense(query), key_dense(key), value_dense(value)
        scale = 1.0 / math.sqrt(float(self._width))
        weights = None
        if self.dropout > 0.0 or return_attention_scores or len(q.shape) != 4:
            k, v = self._by_query(k), self._by_query(v)
            out, weights = self._attend(q, k, v, seen, training, scale)
        else:
            seen = None if seen is None else masks.over_heads(seen, 4)
            out = ops.dot_product_attention(q, k, v, mask=seen, scale=scale)
        out = output_dense(out if gate is None else out * gate)
        return (out, weights) if return_attention_scores else out

    def _projections(self) -> tuple[Any, Any, Any, Any]:
        """Those of query, key, value and result."""
        raise NotImplementedError

    @property
    def _width(self) -> int:
        """Of the heads of keys."""
        raise NotImplementedError

    def _by_query(self, x: Any) -> Any:
        """Projected keys or values, as many heads as queries have."""
        return x

    def _make_weights_layers(self, axes: int) -> None:
        """Softmax over the last `axes`, and the dropout behind it."""
        self._softmax = Softmax(axis=tuple(range(-axes, 0)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)

    def _seen(
        self, query: Any, value: Any, given: tuple[Any, Any, Any], mask: Any, is_causal: bool
    ) -> Any:
        """The mask of queries against keys, from the masks `given` of query, value and key."""
        lengths = ops.shape(query)[1], ops.shape(value)[1]
        query_mask, value_mask, key_mask = given
        width = self.sliding_window
        return masks.together(
            masks.of_positions(query_mask, -1),
            masks.of_positions(value_mask, -2),
            masks.of_positions(key_mask, -2),
            masks.causal(*lengths) if is_causal else None,
            None if width is None else masks.sliding(*lengths, width),
            mask,
        )

    def _attend(
        self, query: Any, key: Any, value: Any, seen: Any, training: bool | None, scale: float
    ) -> tuple[Any, Any]:
        """(result, weights) of projected (batch, …, positions, heads, width), by einsum."""
        rank, axes = len(query.shape), self._positions(len(query.shape))
        labels = string.ascii_lowercase
        target = labels[:rank]
        source = "".join(labels[rank + i] if i in axes else target[i] for i in range(rank))
        batch = "".join(target[i] for i in range(rank - 1) if i not in axes)
        weights = batch + "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
        scaled = query * ops.cast(scale, query.dtype)
        scores = ops.einsum(f"{source},{target}->{weights}", key, scaled)
        if seen is not None:
            seen = masks.over_heads(seen, len(scores.shape), -2 * len(axes) - 1)
        probabilities = self._softmax(scores, mask=seen)
        dropped = self._dropout_layer(probabilities, training=training)
        return ops.einsum(f"{weights},{source}->{target}", dropped, value), probabilities

    def _positions(self, rank: int) -> tuple[int, ...]:
        """The axes of positions of projected tensors of `rank`."""
        raise NotImplementedError


def check_keys(value: Any, key: Any) -> None:
    """ValueError unless the shapes of values and keys have the same positions."""
    if value[1:-1] != key[1:-1]:
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. "
            f"Received: value_shape={value} and key_shape={key}"
        )


def check_positive(name: str, value: Any, wanted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"`{name}` must be {wanted}. Received: {name}={value}")


def _again(initializer: Any) -> Any:
    has_config = hasattr(initializer, "get_config")
    return type(initializer).from_config(initializer.get_config()) if has_config else initializer
