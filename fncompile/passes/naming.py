"""Readable names for kernels and temporaries, from the layers that they come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from fncompile.ir.node import Node, Origin, current_origins
from fncompile.plan.types import Kernel, Step, mapped


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
    named = stage.kind in ("map", "routine")  # by the op
    return stem(stage.node, _work(stage.node) if named else stage.kind)


def stem(node: Node, work: str = "") -> str:
    """`dense_max`, `dense_grad_dot`: the layer, whether backward, and the work: the node's own
    where none is given."""
    origin = current_origins().get(node, Origin(""))
    parts = origin.path.split("/")
    last = parts[0] if parts[0] == "loss" else parts[-1]  # names of loss functions are long
    layer = re.sub(r"[^A-Za-z0-9]+", "_", last)
    words = [layer, "grad" if origin.backward else "", work or _work(node)]
    return re.sub(r"_+", "_", "_".join(w for w in words if w)).strip("_")[:48].rstrip("_").lower()


def _work(node: Node) -> str:
    return node[{"ew": "fn", "reduce": "kind"}[node.op]] if node.op in ("ew", "reduce") else node.op


class Temporaries:
    """Names for temporaries, no two alike: `dense_max`, `dense_max_2`, ..."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()

    def new(self, stem: str) -> str:
        self._used[stem] += 1
        return stem if self._used[stem] == 1 else f"{stem}_{self._used[stem]}"
