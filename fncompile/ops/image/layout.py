"""What functions on images share: one image or a batch, channels last or first."""

from __future__ import annotations

from typing import Any

from fncompile.config import image_data_format
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.axes import display
from fncompile.ops.dispatch import node


def batched(images: Any, data_format: str | None) -> tuple[Node, str]:
    """`images` as (batch, height, width, channels), and how they came: what `as_given` takes."""
    x, form = node(images), data_format or image_data_format()
    if form not in ("channels_first", "channels_last"):
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={data_format}"
        )
    if x.ndim not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). "
            f"Received input with shape: images.shape={display(x.shape)}"
        )
    came = f"{form} {x.ndim}"
    x = build.expand_dims(x, (0,)) if x.ndim == 3 else x
    return (x if form == "channels_last" else build.permute(x, (0, 2, 3, 1))), came


def as_given(x: Node, came: str) -> Node:
    """(batch, height, width, channels) in the layout and rank that `batched` was given."""
    form, rank = came.split()
    x = x if form == "channels_last" else build.permute(x, (0, 3, 1, 2))
    return build.reshape(x, x.shape[1:]) if rank == "3" else x
