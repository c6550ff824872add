"""Readable names for kernels, from the layers that they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from fncompile.ir.node import Origin, current_origins
from fncompile.plan.types import Kernel, Stage, Step, mapped


def name_kernels(steps: Sequence[Step]) -> list[Step]:
    """`k02_dense_max`: position, then the layer, `_grad` for a backward part, then the work."""
    numbers = count()
    return mapped(
        steps,
        lambda k: replace(k, name=f"k{next(numbers):02d}_{_describe(k)}", origins=origins(k)),
    )


def origins(kernel: Kernel) -> tuple[Origin, ...]:
    known = current_origins()
    found = (known.get(s.node) for s in kernel.stages)
    return tuple(dict.fromkeys(o for o in found if o is not None))


def _describe(kernel: Kernel) -> str:
    """Of the stage that the kernel is about: its product, or else what comes out at its end."""
    stage = kernel.stages[0] if kernel.product else kernel.stages[-1]
    origin = current_origins().get(stage.node, Origin(""))
    layer = re.sub(r"[^A-Za-z0-9]+", "_", origin.path.split("/")[-1])
    words = [layer, "grad" if origin.backward else "", _work(stage)]
    return re.sub(r"_+", "_", "_".join(w for w in words if w)).strip("_")[:48].rstrip("_").lower()


def _work(stage: Stage) -> str:
    if stage.kind != "map":
        return stage.kind
    node = stage.node
    return node["fn"] if node.op == "ew" else node.op
