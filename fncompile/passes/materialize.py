"""Decide which values lie in memory, and where.

A value gets a buffer when it is an output or an update, when a kernel kind demands memory (the
operands of a contraction, the table of a gather), when it is a reduction or contraction itself, a
slope (slopes.py), or dearer to compute again for each reader than to store. Everything else is
inlined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from fncompile.ir import build
from fncompile.ir.dims import Dim, product, row_major
from fncompile.ir.node import Node, current_origins
from fncompile.ir.types import TensorType, at_hand
from fncompile.passes.access import SPREADING, base_of, is_leaf
from fncompile.passes.contraction import may_store_as
from fncompile.passes.demands import computed_again, computed_uses, viewed_uses
from fncompile.passes.inline import OUTSIDE, Flat, Recurrence
from fncompile.passes.masks import masked_again
from fncompile.passes.naming import Temporaries, stem
from fncompile.passes.slopes import stored_slopes
from fncompile.passes.written import Written, written_as
from fncompile.plan.types import Buffer, Decision

STAGE_OPS = (
    "reduce", "unwindow", "argmax", "dot", "concat", "scatter_add", "attention", "attention_grad",
    "argsort",
)  # fmt: skip
VIEW_OPS = ("reshape", "permute", "broadcast", "slice", "pad", "window", "stop_gradient")
COSTS = {"div": 4, "sqrt": 4, "rsqrt": 5, "mod": 6, "floordiv": 6}
COSTS |= dict.fromkeys(
    ("exp", "expm1", "log", "log1p", "sin", "cos", "atan", "tanh", "sigmoid", "erf", "pow"), 12
)
RECOMPUTE_LIMIT = 5  # a value read twice is stored when computing it costs more than this
DEPTH_LIMIT = 32  # an expression of more levels is cut: trees are walked by recursion, also in gcc
BROADCAST_LIMIT = 1  # a value spread over a larger shape is stored when it costs more than this


@dataclass(frozen=True)
class Copy:
    """The value of `node` moves to `target`, from element `start` on, in the turns of `home`.

    `via` is a temporary for a value that must be read before its destination is written.
    """

    node: Node
    target: Buffer
    via: Buffer | None = None
    start: Dim = 0
    home: str = OUTSIDE
    strides: tuple[Dim, ...] | None = None  # of the axes of `node`, where they are others


@dataclass
class Memory:
    """`buffers` of nodes; `copies` only move a value."""

    program: Flat
    readers: dict[Node, list[Node]]
    buffers: dict[Node, Buffer] = field(default_factory=dict)
    outputs: list[Buffer] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    # concat -> parts to copy: (part, destination, where it starts along the axis)
    parts: dict[Node, list[tuple[Node, Buffer, Dim]]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    not_in_place: set[str] = field(default_factory=set)
    # contraction -> the permute that alone reads it, in whose buffer it is stored
    stored_as: dict[Node, Node] = field(default_factory=dict)
    # sequence that comes out of a recurrence -> where it is written, and all such values
    written: dict[Node, Written] = field(default_factory=dict)
    names: Temporaries = field(default_factory=Temporaries)

    def demand(self, node: Node, reason: str) -> None:
        """Let `node` lie in memory for `reason`."""
        if node in self.buffers:
            return
        source = node.src[0] if node.op == "permute" else None
        if source is not None and source.op == "dot" and self._may_be_stored_as(source, node):
            reason += "; the contraction stores it in that order"
            self.stored_as[source] = node
            self.buffers.pop(source, None)
        self.decisions.append(Decision(describe(node), False, f"stored: {reason}"))
        self.add_arena(node)

    def _may_be_stored_as(self, dot: Node, permute: Node) -> bool:
        """Is it for this reader alone, and nobody has fixed where it lies?"""
        buffer = self.buffers.get(dot)
        free = buffer is None or (buffer.kind == "arena" and buffer.base is None)
        return free and self.readers[dot] == [permute] and may_store_as(dot, permute)

    def add_arena(self, node: Node) -> None:
        if node not in self.buffers:
            self.buffers[node] = Buffer(self.name_of(node), at_hand(node.type), "arena")

    def is_written(self, node: Node) -> bool:
        """Do the turns of a recurrence write it?"""
        return any(w.last is node for w in self.written.values())

    def name_of(self, node: Node) -> str:
        """For its buffer: the one that it has, or a new one."""
        buffer = self.buffers.get(node)
        return self.names.new(stem(node)) if buffer is None else buffer.name


def materialize(program: Flat, not_in_place: set[str] | None = None) -> Memory:
    order = program.nodes()
    readers: dict[Node, list[Node]] = defaultdict(list)
    for node in order:
        for source in dict.fromkeys(node.src):
            readers[source].append(node)
    for root in program.roots:
        readers[root].append(root)  # whoever asked for it
    memory = Memory(program, readers, not_in_place=set(not_in_place or ()))
    _place_leaves(memory, order)
    states = [_place_results(memory, r) for r in program.recurrences]
    _place_roots(memory)
    for recurrence, buffers in zip(program.recurrences, states):
        _place_turn(memory, recurrence, buffers)
    for node in order:
        for used, reason in computed_uses(node, memory.buffers):
            if not _has_stages(used):
                memory.demand(used, reason)
    slopes, at_hand_there = stored_slopes(order, readers, memory.buffers)
    for node in slopes:
        memory.demand(node, "the product before the activation has what it is computed of at hand")
    for node in filter(_has_stages, order):
        if node not in memory.stored_as:
            memory.add_arena(node)
    again = at_hand_there | computed_again(order) | masked_again(order, memory.buffers)
    _place_shared(memory, order, again)
    _place_invariants(memory, order)
    _cut_deep(memory, order)
    for node in order:
        if node.op == "concat":
            _place_parts(memory, node)
    for node in order:
        for used, reason in viewed_uses(node, memory.buffers):
            memory.demand(used, reason)
    return memory


def _has_stages(node: Node) -> bool:
    """Is it never inlined?"""
    return node.op in STAGE_OPS or (node.op == "pad" and any(abs(s) != 1 for s in node["step"]))


def describe(node: Node) -> str:
    fn = node["fn"] if node.op == "ew" else node.op
    return f"{current_origins().get(node, '')}:{fn} {node.type}"


def _place_leaves(memory: Memory, order: list[Node]) -> None:
    for i, node in enumerate(memory.program.inputs):
        memory.buffers[node] = Buffer(node["name"], node.type, "input", i)
    for node in memory.program.params:
        memory.buffers[node] = Buffer(node["name"], node.type, "param")
    for node in order:
        if node.op == "const" and node.type.size != 1 and build.splat(node) is None:
            name = memory.names.new(stem(node))
            memory.buffers[node] = Buffer(name, node.type, "const", data=node["data"])


def _place_roots(memory: Memory) -> None:
    """Outputs and updates are computed in place where the value can live there, else copied."""
    for i, (name, node) in enumerate(memory.program.outputs.items()):
        target = Buffer(name, node.type, "output", i)
        memory.outputs.append(target)
        _place_root(memory, node, target)
    for param, node in memory.program.updates.items():
        if node is param:
            continue
        target = Buffer(f"{param['name']}'", node.type, "param", base=memory.buffers[param])
        _place_root(memory, node, target, param["name"] not in memory.not_in_place)


def _place_root(
    memory: Memory, node: Node, target: Buffer, direct: bool = True, home: str = OUTSIDE
) -> None:
    if target.kind == "output" and memory.is_written(node) and node not in memory.buffers:
        memory.buffers[node] = target
        return
    base = base_of(node)
    computed = base.op not in VIEW_OPS and not is_leaf(base)
    pointwise = target.kind == "output" or base.op in ("ew", "cast")
    there = memory.program.home.get(base, OUTSIDE) == home
    if direct and computed and pointwise and there and base not in memory.buffers:
        memory.buffers[base] = _reshaped(target, base.shape)
    else:
        if computed:
            memory.add_arena(base)
        via = None
        if not direct and not computed:
            name = memory.names.new(f"{target.name.rstrip(chr(39))}_copy")
            via = Buffer(name, at_hand(node.type), "arena")
        memory.copies.append(Copy(node, target, via, 0, home))


def _place_results(memory: Memory, recurrence: Recurrence) -> list[Buffer]:
    """Memory of carries, which is given, and of the sequences that come out."""
    states = []
    for i, carry in enumerate(recurrence.carries):
        type = at_hand(carry.before.type)
        state = Buffer(f"{recurrence.symbol}_carry{i}", type, "arena", carried=True)
        memory.buffers[carry.before] = memory.buffers[carry.after] = state
        memory.copies.append(Copy(carry.first, state, None, 0, recurrence.around))
        states.append(state)
    for i, out in enumerate(recurrence.outs):
        written = written_as(out.whole, memory.readers)
        if written is not None and _same_home(memory, written.target, out.whole):
            memory.written[out.whole] = written
            continue
        name = f"{recurrence.symbol}_out{i}"
        memory.buffers[out.whole] = Buffer(name, at_hand(out.whole.type), "arena")
    return states


def _place_turn(memory: Memory, recurrence: Recurrence, states: Sequence[Buffer]) -> None:
    """What a turn computes: new carries in place where they can be, rows of what comes out."""
    for carry, state in zip(recurrence.carries, states):
        target = Buffer(f"{state.name}'", state.type, "arena", base=state)
        in_place = state.name not in memory.not_in_place
        _place_root(memory, carry.next, target, in_place, recurrence.symbol)
    for out in recurrence.outs:
        written = memory.written.get(out.whole)
        if written is None:
            written = Written(out.whole, out.whole, 0, tuple(row_major(out.whole.shape)))
        memory.add_arena(written.target)
        target, (step, *strides) = memory.buffers[written.target], written.strides
        start = written.start + out.at * step
        memory.copies.append(
            Copy(out.element, target, None, start, recurrence.symbol, tuple(strides))
        )


def _place_invariants(memory: Memory, order: list[Node]) -> None:
    """What is computed outside of turns that read it, or in those around, is stored."""
    home = memory.program.home

    def read(node: Node, reader: str) -> None:
        while node.op in VIEW_OPS and node not in memory.buffers:
            node = node.src[0]
        if home.get(node, OUTSIDE) != reader and not is_leaf(node):
            memory.demand(node, "the turns of a recurrence read it")

    if memory.program.recurrences:
        for node in order:
            for source in node.src if node.op not in VIEW_OPS else ():
                read(source, home.get(node, OUTSIDE))
        for copy in memory.copies:
            read(copy.node, copy.home)


def _reshaped(buffer: Buffer, shape: tuple[Dim, ...]) -> Buffer:
    """The same memory as a tensor of another shape."""
    if buffer.type.shape == shape:
        return buffer
    type = TensorType(buffer.type.dtype, shape)
    return Buffer(buffer.name, type, buffer.kind, buffer.index, buffer.base or buffer)


def _place_shared(memory: Memory, order: list[Node], again: set[Node]) -> None:
    """Values read more than once, or spread over a larger shape, when that is dearer than a
    store; but for those to be computed `again`."""
    readers: dict[Node, int] = defaultdict(int)
    spread: set[Node] = set()
    for node in order:
        for source in dict.fromkeys(node.src):
            readers[source] += 1
    for copy in memory.copies:
        readers[copy.node] += 1
    seen: set[Node] = set()  # by windows, which have a pad stored
    for node in reversed(order):  # a view's readers are the readers of what it views
        if node.op == "window" or (node in seen and node.op in ("reshape", "slice")):
            seen.add(node.src[0])
        if node.op in VIEW_OPS and not (node.op == "pad" and node in seen):
            readers[node.src[0]] += max(readers[node] - 1, 0)
            if node.op in SPREADING or node in spread:
                spread.add(node.src[0])
    costs: dict[Node, int] = {}
    for node in order:
        costs[node] = _cost(node, costs, memory)
        if node.op not in ("ew", "cast", "gather", "bits") or node in memory.buffers:
            continue
        if node in again:
            continue
        many = readers[node] > 1 and costs[node] > RECOMPUTE_LIMIT
        if many or (node in spread and costs[node] > BROADCAST_LIMIT):
            memory.add_arena(node)
            costs[node] = 1


def _cut_deep(memory: Memory, order: list[Node]) -> None:
    """Values far along a chain of inlined ones, views only where nothing else comes: what follows
    a computed one in the same loop finds it in a register."""
    depths: dict[Node, int] = {}
    for node in order:
        inlined = node not in memory.buffers
        depths[node] = 1 + max((depths[s] for s in node.src), default=0) if inlined else 0
        if depths[node] > DEPTH_LIMIT * (2 if node.op in VIEW_OPS else 1):
            memory.demand(node, "the chain is long")
            depths[node] = 0


def _cost(node: Node, costs: dict[Node, int], memory: Memory) -> int:
    if node in memory.buffers:
        return 1
    if is_leaf(node):
        return 0
    own = {"ew": 1, "cast": 1, "gather": 3, "bits": 40}.get(node.op, 0)
    if node.op == "ew":
        own = COSTS.get(node["fn"], 1)
    return own + sum(costs[s] for s in dict.fromkeys(node.src))


def _place_parts(memory: Memory, node: Node) -> None:
    """Let the parts of a concatenation be computed where they belong, when they lie in one piece,
    and no recurrence, which may read one of them, is known to write into the whole."""
    axis, start = node["axis"], 0
    contiguous = all(d == 1 for d in node.shape[:axis])
    free = not any(memory.is_written(part) for part in node.src)
    whole, row = memory.buffers[node], product(node.shape[axis + 1 :])
    memory.parts[node] = []
    for number, part in enumerate(node.src):
        if memory.is_written(part):
            start = start + part.shape[axis]
            continue
        base = base_of(part)
        moves = contiguous and free and _may_move(memory, base) and _same_home(memory, base, node)
        name = memory.name_of(base) if moves else f"{whole.name}_part{number}"
        type = TensorType(whole.type.dtype, base.shape)
        place = Buffer(name, type, whole.kind, whole.index, whole, start * row)
        if moves:
            memory.buffers[base] = place
        elif contiguous:
            memory.parts[node].append((part, place, 0))
        else:
            memory.parts[node].append((part, whole, start))
        start = start + part.shape[axis]


def _same_home(memory: Memory, a: Node, b: Node) -> bool:
    home = memory.program.home
    return home.get(a, OUTSIDE) == home.get(b, OUTSIDE)


def _may_move(memory: Memory, base: Node) -> bool:
    """Is `base` computed, by stages of its own, into memory that nobody has fixed yet?"""
    if base.op in VIEW_OPS or is_leaf(base) or base.op == "concat":
        return False
    buffer = memory.buffers.get(base)
    return buffer is None or (buffer.kind == "arena" and buffer.base is None)
