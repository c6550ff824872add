"""An embedding that also goes the other way."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.embedding import Embedding


class ReversibleEmbedding(Embedding):
    """An `Embedding` which, called with `reverse=True` on vectors (..., output_dim), gives their
    products with the rows of its table, (..., input_dim): the logits of a language model.

    With `tie_weights` the table serves both ways, else there is a second one for the way back.
    `reverse_dtype`: what the way back is computed in, the layer's dtype if None; `logit_soft_cap`:
    c of `c * tanh(logits / c)`, None for none. `embeddings_initializer`, `embeddings_regularizer`,
    `embeddings_constraint` and `mask_zero` as for `Embedding`.

    >>> layer = layers.ReversibleEmbedding(5, 2, embeddings_initializer="ones")
    >>> layer(layer(np.array([[1, 3]])), reverse=True)[0, 0]
    array([2., 2., 2., 2., 2.], dtype=float32)
    """

    fields = (*Embedding.fields, "tie_weights", "reverse_dtype", "logit_soft_cap")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer,
            embeddings_constraint, mask_zero, **kwargs,
        )  # fmt: skip
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim), initializer=self.embeddings_initializer,
                name="reverse_embeddings",
            )  # fmt: skip

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            found = super().call(inputs)
            if self.mask_zero:
                found._keras_mask = ops.not_equal(inputs, 0)
            return found
        dtype = self.reverse_dtype or self.compute_dtype
        table = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        logits = ops.matmul(ops.cast(inputs, dtype), ops.cast(table, dtype))
        cap = self.logit_soft_cap
        return logits if cap is None else cap * ops.tanh(logits / cap)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None
