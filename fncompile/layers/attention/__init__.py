"""Layers that weigh the positions of one sequence by their likeness to those of another."""

from __future__ import annotations

from fncompile.layers.attention.additive import AdditiveAttention
from fncompile.layers.attention.dot_product import Attention
from fncompile.layers.attention.grouped_query import GroupedQueryAttention
from fncompile.layers.attention.multi_head import MultiHeadAttention

# Keras exports the class under the shorter name; automatic names come from the longer one.
GroupQueryAttention = GroupedQueryAttention

__all__ = [
    "AdditiveAttention",
    "Attention",
    "GroupQueryAttention",
    "MultiHeadAttention",
]
