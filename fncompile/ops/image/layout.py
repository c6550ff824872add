"""What functions on images share: one image or a batch, channels last or first."""

from __future__ import annotations

from typing import Any

from fncompile.config import image_data_format
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.axes import display
from fncompile.ops.dispatch import node
from fncompile.ops.shaping import moved


def batched(images: Any, data_format: str | None, rank: int = 2) -> tuple[Node, str]:
    """`images` as (batch, height, width, channels), and how they came: what `as_given` takes. With
    `rank` 3 they are volumes, (batch, depth, height, width, channels)."""
    x, form = node(images), data_format or image_data_format()
    if form not in ("channels_first", "channels_last"):
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={data_format}"
        )
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"Invalid images rank: expected rank {rank + 1} (single image) or rank {rank + 2} "
            f"(batch of images). Received input with shape: images.shape={display(x.shape)}"
        )
    came = f"{form} {'one' if x.ndim == rank + 1 else 'batch'}"
    x = build.expand_dims(x, (0,)) if came.endswith("one") else x
    return (x if form == "channels_last" else build.permute(x, moved(x.ndim, 1, -1))), came


def as_given(x: Node, came: str) -> Node:
    """(batch, ..., channels) in the layout and rank that `batched` was given."""
    form, count = came.split()
    x = x if form == "channels_last" else build.permute(x, moved(x.ndim, -1, 1))
    return build.reshape(x, x.shape[1:]) if count == "one" else x
