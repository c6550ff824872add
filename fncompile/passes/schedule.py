"""Decide what each kernel becomes in C: layouts, drivers, guards, partition, lanes.

Requires: a fused Plan. Ensures: every kernel has a Schedule. Passes behind it carry out what it
says: `update` moves an optimizer's sweep into products that hand over rows, `pack` makes the packed
operands. A pass that makes a kernel gives it a schedule by `scheduled`.

Ways to compute a product compete by their cost, a straight line over its rows in multiply-adds for
each element of the right operand: `fixed` for laying that out, `slope` for each row. The numbers
are those of plan/machine.py. What serves any number of rows is chosen for the rows at hand, or with
`typical` for what is unknown of them; what serves at most `limit` rows is put before it, guarded,
where it costs less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from fncompile.ir.dims import product as prod
from fncompile.ir.types import DTYPES
from fncompile.passes.hoist import movable
from fncompile.passes.sources import sources
from fncompile.plan.cost import amount
from fncompile.plan.machine import far_apart, machine, usual
from fncompile.plan.partition import lanes_of, partition_of, partition_of_product
from fncompile.plan.schedule import ALONE, DRIVERS, Guard, Schedule, Variant
from fncompile.plan.types import (
    Buffer,
    Kernel,
    Plan,
    Product,
    mapped,
    result_arrays,
    root_buffer,
    writes,
)


@dataclass(frozen=True)
class Facts:
    """What the cost depends on besides the product itself; of a right operand that can be packed.

    `by_columns`: does the right operand lie by columns, behind a copy that brings it into rows?
    `prepared`: does it depend on weights alone, so that it is packed once for many calls?
    `shared`: do several products read it, so that it is packed once for them?
    """

    by_columns: bool = False
    prepared: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Cost:
    """For `limit` rows at most (None: any number)."""

    fixed: float
    slope: float
    limit: int | None = None

    def of(self, rows: int) -> float:
        return self.fixed + self.slope * rows


def schedule(plan: Plan, context=None) -> Plan:
    """For an entry whose packed weights are kept from call to call."""
    made = {root_buffer(b) for k in movable(plan) for b in writes(k)}
    changed = {root_buffer(b) for k in plan.kernels for b in writes(k)}

    def is_prepared(buffer: Buffer) -> bool:
        root = root_buffer(buffer)
        kept = root.kind == "const" or (root.kind == "param" and root not in changed)
        return kept or root in made

    return _scheduled(plan, is_prepared)


def schedule_step(plan: Plan, context=None) -> Plan:
    """For a step that changes the weights."""
    return _scheduled(plan, lambda buffer: False)


def _scheduled(plan: Plan, is_prepared: Callable[[Buffer], bool]) -> Plan:
    facts = iter(_facts(plan, is_prepared))
    plan = replace(plan, steps=mapped(plan.steps, lambda kernel: scheduled(kernel, next(facts))))
    return replace(plan, steps=mapped(plan.steps, _alone)) if _is_never_shared(plan) else plan


def _is_never_shared(plan: Plan) -> bool:
    """Is it too little work for a team, whatever comes in? So ends of loops are known numbers."""
    work = amount(plan.steps)
    return isinstance(work, int) and work < machine().least_work


def _alone(kernel: Kernel) -> Kernel:
    """The same, if it is of loops: what csrc/kern computes is cut at run time."""
    found = kernel.schedule
    if found is None or found.variants or any(s.routine is not None for s in kernel.stages):
        return kernel
    return replace(kernel, schedule=replace(found, partition=ALONE))


def scheduled(kernel: Kernel, facts: Facts | None) -> Kernel:
    """The kernel with its schedule; one that has one keeps what it computes by."""
    if kernel.schedule is not None:
        found = replace(kernel.schedule, partition=partition_of(kernel), lanes=lanes_of(kernel))
        return replace(kernel, schedule=found)
    variants: tuple[Variant, ...] = ()
    if kernel.product is not None:
        variants = variants_of(kernel, facts)
    made = Schedule(partition_of(kernel), variants, lanes=lanes_of(kernel))
    return replace(kernel, schedule=made)


def _facts(plan: Plan, is_prepared: Callable[[Buffer], bool]) -> list[Facts | None]:
    """Of each kernel."""
    found = sources(plan)
    readers = Counter(found)
    return [
        Facts(s.at.coefficient(1) != 1, is_prepared(s.buffer), readers[s] > 1) if s else None
        for s in found
    ]


# the choice ---------------------------------------------------------------------------------------


def variants_of(kernel: Kernel, facts: Facts | None) -> tuple[Variant, ...]:
    """The ways to compute the product of a kernel, cheapest for the rows at hand."""
    product = kernel.product
    assert product is not None
    outer = product.contracted[:-1]
    return tuple(replace(v, outer=outer) for v in _cheapest(kernel, product, facts))


def _cheapest(kernel: Kernel, product: Product, facts: Facts | None) -> tuple[Variant, ...]:
    dtype = kernel.stages[0].dtype
    if not DTYPES[dtype].tile:
        return (Variant("loops"),)
    if facts is None:
        return (Variant("tiles"),)
    found = {name: rule(product, dtype, facts) for name, rule in COSTS.items()}
    costs = {name: cost for name, cost in found.items() if cost is not None}
    rows = prod(product.batches) * product.matrix_shape[0]
    if isinstance(rows, int):
        able = [n for n, c in costs.items() if c.limit is None or rows <= c.limit]
        return _with_short_sums(min(able, key=lambda n: costs[n].of(rows)), kernel, product)
    typical = usual(rows)
    always = min(
        (n for n, c in costs.items() if c.limit is None), key=lambda n: costs[n].of(typical)
    )
    guarded = sorted((c.limit, n) for n, c in costs.items() if c.limit is not None)
    few = [(most, n) for limit, n in guarded if (most := _most(costs[n], costs[always], limit))]
    variants = [Variant(n, guard=Guard(rows, most)) for most, n in few]
    return (*variants, *_with_short_sums(always, kernel, product))


def _most(cost: Cost, other: Cost, limit: int) -> int:
    """Up to how many rows, `limit` at most, `cost` is less than `other`."""
    if cost.slope <= other.slope:
        return limit if cost.of(limit) < other.of(limit) else 0
    return min(limit, int((other.fixed - cost.fixed) / (cost.slope - other.slope)))


def _with_short_sums(name: str, kernel: Kernel, product: Product) -> tuple[Variant, ...]:
    """Sums of few steps, stored in one array alone, gain nothing by rows."""
    depth, least = product.matrix_shape[2], machine().row_panel_steps
    if name != "row_panels" or len(result_arrays(kernel)) > 1:
        return (Variant(name),)
    if isinstance(depth, int):
        return (Variant("panels" if depth < least else name),)
    return (Variant("panels", guard=Guard(depth, least - 1)), Variant(name))


# what each way costs; None where it cannot be taken -----------------------------------------------


def _tiles(product: Product, dtype: str, facts: Facts) -> Cost:
    rows, columns, _ = product.matrix_shape
    number = machine()
    if not _is_far_apart(product):
        return Cost(0, 1)
    near = isinstance(rows, int) and isinstance(columns, int) and columns < number.far_columns
    return Cost(0, number.read_apart if near else number.read_strided)


def _panels(product: Product, dtype: str, facts: Facts) -> Cost | None:
    narrow = DTYPES[dtype].widens
    if not (narrow or _is_far_apart(product)) or not product.b.is_shared:
        return None
    rows, number = product.matrix_shape[0], machine()
    once = facts.prepared and (narrow or not isinstance(rows, int))
    return Cost(0 if once else number.pack, _narrow_slope(product) if narrow else 1)


def _narrow_slope(product: Product) -> float:
    """By words of two numbers, where the left operand lies in such; else it is copied."""
    depth, columns, number = product.contracted[-1], product.matrix_shape[1], machine()
    if _lies_in_words(product) or not isinstance(columns, int):
        return number.narrow
    short = product.a.strides[1] == 1 and isinstance(depth, int) and depth < number.narrow_run
    return number.narrow + (number.narrow_lone if short else number.narrow_copy) / columns


def _lies_in_words(product: Product) -> bool:
    """Do both numbers of each word lie side by side in the left operand, rows in whole words?"""
    at, count, depth = product.a.at, len(product.batches), product.contracted[-1]
    steps = [c for axis, c in at.terms if axis >= count + 2 or axis == product.line_axis]
    even = (depth, product.a.strides[0], *steps)
    return product.a.strides[1] == 1 and all(isinstance(d, int) and d % 2 == 0 for d in even)


def _packing_on_the_fly(product: Product, dtype: str, facts: Facts) -> Cost | None:
    if facts.by_columns or not _is_large(product, dtype, facts):
        return None
    return Cost(0, machine().pack_on_the_fly, machine().few_rows)


def _swapped(product: Product, dtype: str, facts: Facts) -> Cost | None:
    if not facts.by_columns or not product.is_single or 1 not in product.a.strides:
        return None
    if not _is_large(product, dtype, facts):
        return None
    return Cost(0, machine().swap, machine().few_rows)


def _row_panels(product: Product, dtype: str, facts: Facts) -> Cost | None:
    """The gradient x^T dy of large weights: x lies by columns."""
    panels, number = _panels(product, dtype, facts), machine()
    rows, columns, _ = product.matrix_shape
    if panels is None or not product.is_plain:
        return None
    if not isinstance(rows, int) or not isinstance(columns, int):
        return None
    if columns < number.row_panel_columns or rows * columns < number.row_panel_elements:
        return None
    if product.a.strides[0] != 1 or DTYPES[dtype].widens:
        return None
    return replace(panels, slope=number.by_rows)


def _pixels(product: Product, dtype: str, facts: Facts) -> Cost | None:
    """Images of known sizes, or rows of one, and weights a vector wide at least."""
    known = _is_image(product, dtype) and all(isinstance(d, int) for d in product.contracted)
    cut = partition_of_product(product).axis in ("batches", "columns")
    return Cost(0, machine().pixels) if known and cut else None


def _word_pixels(product: Product, dtype: str, facts: Facts) -> Cost | None:
    """The same by words of two numbers, with weights that are packed."""
    panels, pixels = _panels(product, dtype, facts), _pixels(product, dtype, facts)
    if panels is None or pixels is None or not DTYPES[dtype].widens or not _lies_in_words(product):
        return None
    return replace(panels, slope=panels.slope * pixels.slope)


def _long_pixels(product: Product, dtype: str, facts: Facts) -> Cost | None:
    """The same summed up over any number of turns of known sizes."""
    turns, *known = product.contracted
    fit = known and all(isinstance(d, int) and d > 0 for d in known)
    if not fit or isinstance(turns, int) or not _is_image(product, dtype):
        return None
    return Cost(0, machine().pixels)


def _is_image(product: Product, dtype: str) -> bool:
    """Are its rows and lines at strides that are known, and the columns of `b` adjacent?"""
    count, line = len(product.batches), product.line_axis
    if product.is_plain or not product.b.is_shared:
        return False
    first = count if line is None else line
    strides = [c for axis, c in product.a.at.terms if axis >= first]
    if not all(isinstance(d, int) for d in (product.matrix_shape[0], *strides)):
        return False
    number, columns = machine(), product.matrix_shape[1]
    if not isinstance(columns, int) or product.b.strides[1] != 1:
        return False
    size = DTYPES[DTYPES[dtype].in_register].size  # pixels are floats, also of a narrower dtype
    return number.align <= columns * size and columns <= number.pixel_columns


def _is_far_apart(product: Product) -> bool:
    """Is the right operand wide and large, so that its rows fall on few sets of the caches?"""
    _, columns, inner = product.matrix_shape
    return far_apart(inner, columns)


def _is_large(product: Product, dtype: str, facts: Facts) -> bool:
    """Would packing it in each call take long, and for this product alone?"""
    _, columns, inner = product.matrix_shape
    if not product.is_plain or facts.prepared or facts.shared or DTYPES[dtype].widens:
        return False
    if not isinstance(columns, int) or not isinstance(inner, int):
        return False
    vector = columns * DTYPES[dtype].size >= machine().align  # csrc/kern/gemm_large.h takes no less
    wide = vector and columns >= machine().wide_columns
    return wide and columns * inner >= machine().few_elements


CostRule = Callable[[Product, str, Facts], Cost | None]
COSTS: dict[str, CostRule] = {
    "tiles": _tiles,
    "panels": _panels,
    "packing": _packing_on_the_fly,
    "swapped": _swapped,
    "row_panels": _row_panels,
    "pixels": _pixels,
    "long_pixels": _long_pixels,
    "word_pixels": _word_pixels,
}
assert COSTS.keys() <= DRIVERS.keys()
