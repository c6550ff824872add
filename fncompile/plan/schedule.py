"""What a kernel becomes in C, decided in one place: a `Schedule` on every kernel.

    if B<=64: packing x{0 800*1 1*2} w{0 800*1 1*2}; else: panels x{0 800*1 1*2} panels:packed0{...}
    | rows B/16

reads: for at most 64 rows the driver `packing` computes it from x and w, whose elements lie 800 and
1 apart along axes 1 and 2, else `panels` from x and the panels packed0; a team cuts the B rows at
multiples of 16. `passes/schedule.py` chooses it, emitters print it; `schedule_text`, which has all
of it on one line, and `parse_schedule` are each other's inverse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim, dim_text, parse_dim
from fncompile.plan.types import Affine, Buffer, Operand


@dataclass(frozen=True)
class Driver:
    """How csrc/kern computes a product: one row of DRIVERS.

    `function` is the stem of its entry; `a` and `b` are the layouts that it takes for its operands
    (`rows` and `columns` lie in memory with that axis adjacent, `any` by strides, `panels` are
    packed); `unit` is what the epilogue receives at once: a `tile`, or a `row` of the
    result, without which an epilogue that walks arrays as large as the result is slow.
    """

    function: str
    a: str
    b: str
    unit: str
    about: str


DRIVERS = {
    "tiles": Driver("fnc_gemm", "any", "rows", "tile", "tile after tile, operands where they lie"),
    "panels": Driver("fnc_gemm_packed", "any", "panels", "tile", "tile after tile, packed b"),
    "packing": Driver("fnc_gemm_packing", "any", "rows", "tile", "packs strips of b on the fly"),
    "swapped": Driver("fnc_gemm_swapped", "panels", "columns", "tile", "C^T = B^T A^T, packed a"),
    "row_panels": Driver("fnc_gemm_row_panels", "columns", "panels", "row", "rows of the result"),
    "pixels": Driver("fnc_gemm_pixels", "any", "rows", "tile", "tiles of lines and pixels"),
    "long_pixels": Driver("fnc_gemm_pixels_long", "any", "rows", "tile", "pixels, over images"),
    "word_pixels": Driver("fnc_gemm_pixels", "any", "panels", "tile", "pixels, by words of two"),
    "loops": Driver("", "any", "any", "tile", "plain loops, for integers"),
}
PACKING = ("pack", "nothing")  # what the kernel of a packed operand may do


@dataclass(frozen=True)
class Guard:
    """True while `size` is at most `most`."""

    size: Dim
    most: int


@dataclass(frozen=True)
class Variant:
    """One way to compute a kernel: taken where `guard` holds, and no variant before it was.

    Of a product `driver` is a key of DRIVERS and `a`, `b` what it reads; of a packed operand it is
    one of PACKING and `a` the matrix of `columns` columns that is packed, element (k, n) at axes 1
    and 2.
    `outer` are the extents of the axes of `a` that K counts along besides its last one: the driver
    walks them, from segment to segment of the sum.
    """

    driver: str
    a: Operand | None = None
    b: Operand | None = None
    guard: Guard | None = None
    columns: Dim = 0
    outer: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Partition:
    """How a team shares a kernel: `extent` of `axis` is cut at multiples of `grain`.

    `axis`: "alone" (the first worker does all), "rows" (of a product, or the first outer axis),
    "columns", "batches", "longer" of rows and columns, as sizes turn out, or "panels" of a packed
    operand.
    """

    axis: str
    extent: Dim = 1
    grain: int = 1


ALONE = Partition("alone")


@dataclass(frozen=True)
class Schedule:
    """All that an emitter asks about a kernel.

    `updates`: the epilogue walks an optimizer's arrays, so every variant must hand over rows.
    `lanes`: rows of the last outer axis that are computed side by side, or 1.
    """

    partition: Partition = ALONE
    variants: tuple[Variant, ...] = ()
    updates: bool = False
    lanes: int = 1

    def __post_init__(self) -> None:
        if self.variants and self.variants[-1].guard is not None:
            raise ValueError(f"The last variant is guarded, so nothing may serve: {self.variants}")
        if any(v.guard is None for v in self.variants[:-1]):
            raise ValueError(f"What follows a variant without a guard is idle: {self.variants}")
        tiles = [v.driver for v in self.variants if not _by_row(v)]
        if self.updates and tiles:
            raise ValueError(f"An optimizer's update needs rows, but {tiles} hand over tiles.")

    @property
    def unit(self) -> str:
        """What the epilogue receives in every variant: "row", or else "tile"."""
        return "row" if self.variants and all(map(_by_row, self.variants)) else "tile"


def _by_row(variant: Variant) -> bool:
    return variant.driver in DRIVERS and DRIVERS[variant.driver].unit == "row"


def by_rows(schedule: Schedule) -> tuple[Variant, ...]:
    """The variants that hand over rows and serve where no other does: () where there is none."""
    return tuple(v for v in schedule.variants if _by_row(v) and v.guard is None)


def updating(schedule: Schedule) -> Schedule:
    """The same for a product that updates an optimizer's arrays: by rows alone."""
    return replace(schedule, variants=by_rows(schedule), updates=True)


# text ---------------------------------------------------------------------------------------------


def schedule_text(schedule: Schedule) -> str:
    """One line."""
    parts = [_partition_text(schedule.partition)]
    if schedule.variants:
        parts.insert(0, "; ".join(_variant_text(v, schedule.variants) for v in schedule.variants))
    parts += ["update"] * schedule.updates
    parts += [f"{schedule.lanes} lanes"] * (schedule.lanes != 1)
    return " | ".join(parts)


def _partition_text(partition: Partition) -> str:
    if partition == Partition(partition.axis):
        return partition.axis
    return f"{partition.axis} {dim_text(partition.extent)}/{partition.grain}"


def _variant_text(variant: Variant, all_of_them: tuple[Variant, ...]) -> str:
    guard, head = variant.guard, ""
    if guard is not None:
        head = f"if {dim_text(guard.size)}<={guard.most}: "
    elif len(all_of_them) > 1:
        head = "else: "
    operands = [_operand_text(o) for o in (variant.a, variant.b) if o is not None]
    columns = [f"columns {dim_text(variant.columns)}"] * (variant.columns != 0)
    outer = [f"segments {','.join(map(dim_text, variant.outer))}"] * bool(variant.outer)
    return head + " ".join([variant.driver, *operands, *columns, *outer])


def _operand_text(operand: Operand) -> str:
    """`w{3+201*1+1*2}`: offset, then coefficient times axis; a packed one has its layout before."""
    terms = [dim_text(operand.at.offset), *(f"{dim_text(c)}*{a}" for a, c in operand.at.terms)]
    head = "" if operand.layout == "strided" else f"{operand.layout}:"
    return f"{head}{operand.buffer.name}{{{' '.join(terms)}}}"


PARTITION = re.compile(r"(alone|rows|columns|batches|longer|panels)(?: (\S+)/(\d+))?")
VARIANT = re.compile(r"(?:if (?P<size>\S+)<=(?P<most>\d+): |else: )?(?P<driver>\w+)(?P<rest>.*)")


def parse_schedule(text: str, buffers: Mapping[str, Buffer]) -> Schedule:
    """The inverse of `schedule_text`; `buffers` by name. ValueError where the text is none."""
    variants: tuple[Variant, ...] = ()
    partition, updates, lanes = ALONE, False, 1
    for part in text.split(" | "):
        if part == "update":
            updates = True
        elif found := re.fullmatch(r"(\d+) lanes", part):
            lanes = int(found[1])
        elif found := PARTITION.fullmatch(part):
            extent, grain = (parse_dim(found[2]), int(found[3])) if found[2] else (1, 1)
            partition = Partition(found[1], extent, grain)
        else:
            variants = tuple(_parse_variant(v, buffers) for v in part.split("; "))
    return Schedule(partition, variants, updates, lanes)


def _parse_variant(text: str, buffers: Mapping[str, Buffer]) -> Variant:
    found = VARIANT.fullmatch(text)
    if found is None or found["driver"] not in (*DRIVERS, *PACKING):
        raise ValueError(f"No variant of a schedule: {text!r}. Drivers are {[*DRIVERS, *PACKING]}.")
    operands = [_parse_operand(o, buffers) for o in re.findall(r"\S+?\{[^}]*\}", found["rest"])]
    guard = Guard(parse_dim(found["size"]), int(found["most"])) if found["size"] else None
    columns = re.search(r" columns (\S+)", found["rest"])
    outer = re.search(r" segments (\S+)", found["rest"])
    a, b = [*operands, None, None][:2]
    across = parse_dim(columns[1]) if columns else 0
    walked = tuple(map(parse_dim, outer[1].split(","))) if outer else ()
    return Variant(found["driver"], a, b, guard, across, walked)


def _parse_operand(text: str, buffers: Mapping[str, Buffer]) -> Operand:
    name, _, places = text.rstrip("}").rpartition("{")
    layout, _, name = name.rpartition(":") if name not in buffers else ("", "", name)
    offset, *terms = places.split(" ")
    pairs = [term.rsplit("*", 1) for term in terms]
    at = Affine(parse_dim(offset), tuple((int(axis), parse_dim(c)) for c, axis in pairs))
    return Operand(buffers[name], at, layout or "strided")
