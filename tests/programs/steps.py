"""Random training steps, and machines of random thresholds to plan them for.

`RandomStep(seed)` draws a chain of layers with shared weights, biases and branches, a loss, runs in
which its weights lie with gaps, and an optimizer; `machine_numbers(seed)` draws what the schedule
decides by, so that small sizes are on either side of every threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.passes.apply_optimizer import Member, Run
from fncompile.passes.manager import Context

B = symbol("B")
F64 = "float64"
WIDTHS = (1, 3, 5, 8, 16, 17, 33, 40, 65)
NUMBERS: dict[str, tuple[Any, ...]] = {
    "typical": (1, 64, 1000),
    "wide_columns": (1, 8, 30, 128),
    "large_elements": (1, 64, 500, 1 << 15),
    "read_strided": (1.0, 2.07, 50.0),
    "pack": (0.0, 1.0, 34.0),
    "few_elements": (1, 300, 1 << 19),
    "pack_on_the_fly": (1.0, 1.527, 5.0),
    "swap": (0.9, 1.13, 5.0),
    "narrow": (0.1, 0.5, 2.0),
    "row_panel_columns": (1, 8, 30, 256),
    "row_panel_elements": (1, 200, 1 << 16),
    "by_rows": (0.5, 0.95),
    "row_panel_steps": (1, 4, 20),
    "few_rows_to_cut": (1, 8, 64),
    "lanes": (8, 16, 32, 64),
    "most_lanes": (8, 64, 256),
    "local_bytes": (0, 300, 1 << 15),
    "long_piece": (1, 16, 1 << 14),
}


def machine_numbers(seed: int) -> dict[str, Any]:
    """For `machine.drawn`."""
    rng = np.random.default_rng(seed)
    return {name: values[rng.integers(len(values))] for name, values in NUMBERS.items()}


class Optimizer:
    """Momentum or Adam without its corrections, perhaps clipped by the norm or to a range, perhaps
    of gradients that are added up."""

    def __init__(self, adaptive: bool, clip: str, constrained: str | None, adds_up: bool):
        self.slots = ("mean", "square") if adaptive else ("velocity",)
        self.clip, self.constrained, self.adds_up = clip, constrained, adds_up

    def slots_of(self, overwritten: bool) -> tuple[str, ...]:
        return (*self.slots, *(("gradient_accumulator",) if self.adds_up else ()))

    def add_up(self, g: Node, before: Node, overwritten: bool) -> tuple[Node, Node]:
        total = build.ew("add", g, before)
        return total, _times(total, 0.5)

    def transform(self, grads: dict[str, Node]) -> dict[str, Node]:
        if self.clip == "norm":
            return {n: build.ew("div", g, self._length(g)) for n, g in grads.items()}
        if self.clip == "value":
            return {n: build.ew("min", g, build.like(g, 0.1)) for n, g in grads.items()}
        return grads

    def _length(self, x: Node) -> Node:
        total = build.reduce(build.ew("mul", x, x), "sum", range(x.ndim))
        return build.broadcast_to(build.ew("add", total, build.like(total, 1)), x.shape)

    def update(self, run: Run, g: Node, slots: dict[str, Node], total: Node | None):
        w, kept = run.param(), {} if total is None else {"gradient_accumulator": total}
        new, changed = self._update(w, g, slots, run.decay)
        return new, {**changed, **kept}

    def _update(self, w: Node, g: Node, slots: dict[str, Node], decay: bool):
        if decay:
            g = build.ew("add", g, _times(w, 0.02))
        first = self.slots[0]
        new = build.ew("add", _times(slots[first], 0.9), _times(g, 0.1))
        if len(self.slots) == 1:
            return build.ew("sub", w, new), {first: new}
        square = build.ew("add", _times(slots["square"], 0.9), build.ew("mul", g, g))
        root = build.ew("sqrt", build.ew("add", build.ew("abs", square), build.like(g, 0.1)))
        step = build.ew("div", _times(new, 0.1), root)
        return build.ew("sub", w, step), {first: new, "square": square}

    def constrain(self, name: str, value: Node) -> Node:
        return build.ew("div", value, self._length(value)) if name == self.constrained else value

    def settle(self, run: Run, old: Node, new: Node) -> Node:
        return new

    def finish(self) -> dict[Node, Node]:
        return {}


def _times(x: Node, factor: float) -> Node:
    return build.ew("mul", x, build.like(x, factor))


class RandomStep:
    """`program` is what is traced; `context()` a new Context for the pipeline "train"; `params` the
    nodes that the step reads and writes when the optimizer has been applied."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.weights: list[Node] = []
        x = build.input("x", TensorType(F64, (B, self._width())))
        outputs = {"y": self._layers(x)}
        outputs["loss"] = self._loss(outputs["y"])
        self.program = Program((x,), tuple(self.weights), outputs, {})
        self.runs = self._placed()
        self.optimizer = Optimizer(
            self._often(0.5),
            self._pick(("", "", "value", "norm")),
            self._pick(self.weights)["name"] if self._often(0.2) else None,
            self._often(0.2),
        )
        slots = (None, *self.optimizer.slots_of(False))
        self.params = [run.param(slot) for run in self.runs for slot in slots]

    def context(self, **more: Any) -> Context:
        names = [w["name"] for w in self.weights]
        return Context(trainable=names, runs=self.runs, optimizer=self.optimizer, **more)

    def arrays(self, rows: int) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Inputs, and parameters by name."""
        rng = np.random.default_rng(rows)
        x = rng.uniform(-1, 1, (rows, self.program.inputs[0].shape[1]))
        return [x], {p["name"]: rng.uniform(-1, 1, p.shape) for p in self.params}

    def _pick(self, items):
        return items[self.rng.integers(len(items))]

    def _often(self, chance: float) -> bool:
        return bool(self.rng.random() < chance)

    def _width(self) -> int:
        return int(self._pick(WIDTHS))

    def _weight(self, *shape: int) -> Node:
        """A new one, or one of the same shape once more."""
        same = [w for w in self.weights if w.shape == shape]
        if same and self._often(0.4):
            return self._pick(same)
        made = build.param(f"w{len(self.weights)}", TensorType(F64, shape))
        self.weights.append(made)
        return made

    def _layers(self, x: Node) -> Node:
        for _ in range(int(self.rng.integers(2, 5))):
            y = self._dense(x, x.shape[1] if self._often(0.3) else self._width())
            if y.shape == x.shape and self._often(0.5):
                y = build.ew("add", x, y)
            x = self._normal(y) if self._often(0.2) else y
        return x

    def _dense(self, x: Node, units: int) -> Node:
        if self._often(0.3):
            y = build.dot(x, self._weight(units, x.shape[1]), ((1,), (1,)))
        else:
            y = build.dot(x, self._weight(x.shape[1], units), ((1,), (0,)))
        y = _times(y, 1 / 8)
        if self._often(0.7):
            y = build.ew("add", y, build.broadcast_to(self._weight(units), y.shape))
        return build.ew(self._pick(("tanh", "sigmoid", "sin", "abs")), y)

    def _normal(self, x: Node) -> Node:
        """Divided by the lengths of its rows, or of its columns."""
        axis = int(self.rng.integers(2))
        total = build.reduce(build.ew("mul", x, x), "sum", (axis,), keepdims=True)
        root = build.ew("sqrt", build.ew("add", total, build.like(total, 1)))
        return build.ew("div", x, build.broadcast_to(root, x.shape))

    def _loss(self, y: Node) -> Node:
        loss = _times(build.reduce(build.ew("mul", y, y), "sum", (0, 1)), 1 / 16)
        if self._often(0.3):  # a penalty, so that gradients read weights
            w = self._pick(self.weights)
            loss = build.ew("add", loss, build.reduce(build.ew("mul", w, w), "sum", range(w.ndim)))
        return loss

    def _placed(self) -> list[Run]:
        """All weights in one run, or in two; gaps between them."""
        cut = int(self.rng.integers(len(self.weights))) if self._often(0.4) else 0
        parts = [p for p in (self.weights[:cut], self.weights[cut:]) if p]
        return [self._run(f"run{i}", part) for i, part in enumerate(parts)]

    def _run(self, name: str, weights: list[Node]) -> Run:
        members, end = [], 0
        for w in weights:
            members.append(Member(w["name"], w.type, end))
            end += int(np.prod(w.shape)) + int(self._pick((0, 0, 3, 8)))
        return Run(name, F64, end, tuple(members), decay=self._often(0.5))
