"""Attention by the dot products of queries and keys as they are."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.attention import masks
from fncompile.layers.standard import StandardLayer

_FAR_BELOW = 1e9  # what is taken off the scores of hidden keys, as Keras has it


class Attention(StandardLayer):
    """softmax(scores(query, key)) · value (Luong et al. 2015).

    Called on `[query, value]` or `[query, value, key]`, of shapes (batch, T, dim), (batch, S, dim)
    and (batch, S, dim), key being value if not given; gives (batch, T, dim of value), and with
    `return_attention_scores` the weights (batch, T, S) too. `mask` is a list
    `[query_mask, value_mask]` of (batch, T) and (batch, S): hidden keys do not count, the results
    of hidden queries are 0. With `use_causal_mask` position t sees the keys 0 to t.

    `use_scale`: a trainable factor of the scores; `score_mode`: "dot", or "concat" for
    `weight * sum(tanh(scale * (query + key)))`; `dropout`: of the weights, in training; `seed` of
    it. ValueError for other modes and for inputs that are not such a list.

    >>> x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> layers.Attention()([x, x]).round(4)
    array([[[0.7311, 0.2689],
            [0.2689, 0.7311]]], dtype=float32)
    """

    fields: tuple[str, ...] = ("use_scale", "score_mode", "dropout", "seed")

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                "Invalid value for argument score_mode. Expected one of {'dot', 'concat'}. "
                f"Received: score_mode={score_mode}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self.supports_masking = True
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        self._check_list(input_shape)
        self.scale = self._one("scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self._one("concat_score_weight") if concat else None

    def _one(self, name: str) -> Any:
        return self.add_weight(name=name, shape=(), initializer="ones")

    def _scores(self, query: Any, key: Any) -> Any:
        """(batch, T, S)"""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else scores * self.scale
        pairs = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        pairs = pairs if self.scale is None else self.scale * pairs
        return self.concat_score_weight * ops.sum(ops.tanh(pairs), axis=-1)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_list(inputs, mask)
        query, value, key = [*inputs, inputs[1]][:3]
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._scores(query, key)
        seen = masks.together(
            masks.of_positions(value_mask, -2),
            masks.causal(*ops.shape(scores)[-2:]) if use_causal_mask else None,
        )
        if seen is not None:
            scores = ops.where(seen, scores, scores - _FAR_BELOW)
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        out = ops.matmul(weights, value)
        if query_mask is not None:
            out = ops.where(masks.of_positions(query_mask, -1), out, 0.0)
        return (out, weights) if return_attention_scores else out

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        self._check_list(inputs, mask)
        return mask[0] if mask else None

    def _check_list(self, inputs: Any, mask: Any = None) -> None:
        kind = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(
                f"{kind} layer must be called on a list of inputs, namely [query, value] or "
                f"[query, value, key]. Received: inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{kind} layer accepts inputs list of length 2 or 3, namely [query, value] or "
                f"[query, value, key]. Received length: {len(inputs)}."
            )
        if mask is not None and not isinstance(mask, list):
            raise ValueError(
                f"{kind} layer mask must be a list, namely [query_mask, value_mask]. "
                f"Received: mask={mask}."
            )
        if mask is not None and len(mask) not in (2, 3):
            raise ValueError(
                f"{kind} layer accepts mask list of length 2 or 3. Received: inputs={inputs}, "
                f"mask={mask}."
            )
