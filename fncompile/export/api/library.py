"""The library of a model as data: what `api` and `header` write C for.

Sizes are dimensions over the model's symbols; `SIZE_NAMES` gives each its name in C.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fncompile.codegen.c_names import distinct
from fncompile.ir.dims import Dim, evaluate
from fncompile.ir.types import TensorType

ABI_VERSION = 1
MODES = ("PREDICT", "PRIVATE", "TRAIN", "SPLIT")
# What macros about the arrays of a role begin with, and what is said of them.
ROLES = {
    "input": ("IN", "in"),
    "data": ("DATA", "in"),
    "target": ("TARGET", "in, target"),
    "weight": ("WEIGHT", "in, sample weights"),
    "output": ("OUT", "out"),
}
OWNERSHIP = """What was generated, and the data, belong to those who made the model. The parts of
fncompile in the library are under the Apache License 2.0 (SPDX: Apache-2.0)."""
# Names that generated functions, and those of the example, use already.
RESERVED = (
    "ctx",
    "n",
    "loss",
    "dims",
    "args",
    "in",
    "out",
    "unused",
    "index",
    "count",
    "rows",
    "batch_size",
    "the_model",
    "check",
    "exit",
    "fprintf",
    "i",
    "metrics",
    "printf",
    "memory",
    "memset",
    "options",
    "step",
)


@dataclass(frozen=True)
class Port:
    """One array of a call. `name` is its C name, `title` what the user calls it, `role` one of
    ROLES, where data is what steps of the user's own take as x; `known` says which numbers it may
    have, where it is an index."""

    name: str
    title: str
    type: TensorType
    role: str
    known: str = ""


@dataclass(frozen=True)
class Step:
    """One entry point. `arena` is its scratch memory, with room for gathered rows if `steps`."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    symbols: tuple[str, ...]
    arena: Dim
    prepared: int
    steps: bool = False
    reads_state: bool = False
    halves: bool = False  # forward and backward


@dataclass(frozen=True)
class Part:
    """Of a weight that is trained: its sum of gradients, and a byte an element that says whether it
    is frozen, by their offsets in the training state."""

    gradient: int
    frozen: int


@dataclass(frozen=True)
class Param:
    """One weight: where it lies in the block of weights (bytes) and in the flat array (elements).

    `first` is None for a weight of another type than the flat array has. `type` is that of the
    caller's arrays; a `narrow` weight is kept in memory as bfloat16."""

    title: str
    type: TensorType
    offset: int
    first: int | None
    trainable: bool
    narrow: bool = False
    part: Part | None = None


@dataclass(frozen=True)
class Level:
    """Instructions that all entries are compiled for: `name` for users, `target` as in FNC_TARGET;
    `suffix` tells the functions of several levels apart."""

    name: str
    target: str
    suffix: str = ""


@dataclass(frozen=True)
class State:
    """A scalar of the training state, by its offset in the block."""

    dtype: str
    offset: int


@dataclass(frozen=True)
class Piece:
    """One dataset of a checkpoint: its path, its place in the file, and its source in the
    context, where a `narrow` one is kept as bfloat16."""

    path: str
    type: TensorType
    file_at: int
    block: str  # weights, train, state or fixed
    offset: int
    narrow: bool = False


@dataclass(frozen=True)
class Checkpoint:
    head_at: int
    head_bytes: int
    file_bytes: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Training:
    """What a library that trains has besides: the training state and what reads it."""

    metrics: tuple[str, ...]
    metric_spans: tuple[tuple[int, int], ...]
    rate: State | None  # None where a schedule sets it
    iterations: State | None  # None, as the rate, where the steps are not the model's optimizer's
    real: str  # dtype of losses, metrics and the learning rate


@dataclass(frozen=True)
class Library:
    """`steps` by name: predict, and with training those of `describe.TRAINING`."""

    prefix: str
    title: str
    hash: str
    build: str
    version: str
    levels: tuple[Level, ...]  # the best first
    steps: dict[str, Step]
    params: tuple[Param, ...]
    param_dtype: str
    weights_bytes: int
    train_at: int
    train_bytes: int
    state_bytes: int  # what one prediction leaves to the next; behind train_bytes in the data
    parts_bytes: int  # behind the training state, in contexts that train in parts
    checkpoint: Checkpoint
    batch: int | None  # the only batch size, where it is not open
    training: Training | None = None
    data_bytes: int = 0
    embedded: bool = True  # or the data are in a file, which contexts are told of
    freestanding: bool = False  # nothing of the system: no heap, no files, no threads
    symbols: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = {s for step in self.steps.values() for s in step.symbols}
        object.__setattr__(self, "symbols", tuple(sorted(found, key=lambda s: (s != "B", s))))

    @property
    def modes(self) -> tuple[str, ...]:
        """What a context may be for; a step of the user's own is not split."""
        if self.training is None:
            return MODES[:2]
        return MODES if "gradient" in self.steps else MODES[:3]

    @property
    def macro(self) -> str:
        """What every macro begins with."""
        return self.prefix.upper()

    @property
    def size_names(self) -> dict[str, str]:
        """The C name of each symbol; the batch is `n`."""
        ports = [p.name for s in self.steps.values() for p in (*s.inputs, *s.outputs)]
        others = [s for s in self.symbols if s != "B"]
        return {"B": "n", **dict(zip(others, distinct(others, (*RESERVED, *ports)), strict=True))}

    @property
    def param_count(self) -> int:
        """Elements of the flat array of parameters."""
        return sum(evaluate(p.type.size, {}) for p in self.params if p.first is not None)

    @property
    def prepared_bytes(self) -> int:
        return sum(step.prepared for step in self.steps.values())
