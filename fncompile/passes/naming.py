"""Readable names for kernels, from the layers that they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from fncompile.ir.node import current_origins
from fncompile.plan.types import Kernel


def name_kernels(kernels: Sequence[Kernel]) -> list[Kernel]:
    """`k02_dense_relu`: position, then the last layer path, `_grad` for a backward part, then the
    work."""
    return [
        replace(k, name=f"k{i:02d}_{_describe(k)}", origins=origins(k))
        for i, k in enumerate(kernels)
    ]


def origins(kernel: Kernel) -> tuple[str, ...]:
    known = current_origins()
    found = (known.get(s.node) for s in kernel.stages)
    return tuple(dict.fromkeys(o for o in found if o))


def _describe(kernel: Kernel) -> str:
    layer = (origins(kernel) or ("",))[-1].split("/")[-1]
    backward = layer.endswith("'")
    words = [re.sub(r"\W+", "_", layer.rstrip("'")), "grad" if backward else "", _work(kernel)]
    return re.sub(r"_+", "_", "_".join(w for w in words if w)).strip("_")[:48].rstrip("_").lower()


def _work(kernel: Kernel) -> str:
    head = kernel.stages[0] if kernel.product else kernel.stages[-1]
    if head.kind != "map":
        return head.kind
    node = head.node
    return node["fn"] if node.op == "ew" else node.op
