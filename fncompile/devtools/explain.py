"""Decisions of the compiler in words: `model.explain()`, FNC_EXPLAIN, FNC_DEBUG=3."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.ir.dims import dim_text
from fncompile.passes.memory import live_ranges
from fncompile.plan.cost import flops
from fncompile.plan.schedule import schedule_text
from fncompile.plan.text import stage_lines
from fncompile.plan.types import (
    Kernel,
    Plan,
    Repeat,
    kernels_of,
    reads,
    repeats_of,
    root_buffer,
    writes,
)

TOPICS = (
    "rewrite", "kernels", "fuse", "schedule", "scans", "order", "barriers", "memory", "hoist",
)  # fmt: skip


def explain_plan(plan: Plan, topics: Sequence[str] | None = None, layer: str | None = None) -> str:
    """The sections named in `topics` (all of TOPICS by default), of one layer if `layer` is given.

    ValueError for an unknown topic.
    """
    wanted = list(topics or TOPICS)
    unknown = [t for t in wanted if t not in TOPICS]
    if unknown:
        raise ValueError(f"Cannot explain {unknown}. Choose from {list(TOPICS)}.")
    return "\n".join("\n".join(SECTIONS[t](plan, layer)) for t in wanted) + "\n"


def _concerns(kernel: Kernel, layer: str | None) -> bool:
    return layer is None or any(layer in origin.path.split("/") for origin in kernel.origins)


def _rewrite(plan: Plan, layer: str | None) -> list[str]:
    found = [r for r in plan.rewritten if layer is None or layer in r]
    return ["rewrite:", *(f"  {r}" for r in found)] if found else ["rewrite: nothing"]


def _kernels(plan: Plan, layer: str | None) -> list[str]:
    lines = [
        f"kernels: {len(plan.prepare)} once per change of weights, {len(plan.kernels)} per call"
    ]
    for kernel in (*plan.prepare, *plan.kernels):
        if _concerns(kernel, layer):
            lines.append(
                f"  {kernel.name}   ({kernel.layers}; "
                f"{dim_text(flops(kernel))} flops)"
            )
            lines += [f"      {line}" for line in stage_lines(kernel)]
    return lines


def _fuse(plan: Plan, layer: str | None) -> list[str]:
    found = [d for d in dict.fromkeys(plan.decisions) if layer is None or layer in d.subject]
    fused = [d for d in found if d.fused]
    apart = [d for d in found if not d.fused]
    return [
        "fuse:",
        *(f"  together: {d}" for d in fused),
        *(f"  apart:    {d}" for d in apart),
    ]


def _order(plan: Plan, layer: str | None) -> list[str]:
    return ["order:", *(f"  {k.name}" for k in plan.kernels if _concerns(k, layer))]


def _memory(plan: Plan, layer: str | None) -> list[str]:
    lines = [
        f"memory: {dim_text(plan.arena)} bytes of scratch memory, {plan.prepared} of prepared "
        "weights"
    ]
    for buffer, (first, last) in live_ranges(plan).items():
        users = [k for k in plan.kernels[first : last + 1] if _concerns(k, layer)]
        if users:
            lives = f"kernels {first} to {last}"
            lines.append(
                f"  {buffer.name} {buffer.type} at {dim_text(plan.offsets[buffer])}: lives "
                f"through {lives}"
            )
    return lines


def _hoist(plan: Plan, layer: str | None) -> list[str]:
    names = [k.name for k in plan.prepare if _concerns(k, layer)]
    return [f"hoist: {', '.join(names) or 'nothing depends on weights alone'}"]


def _schedule(plan: Plan, layer: str | None) -> list[str]:
    lines = ["schedule: drivers with what they read, | how a team shares the kernel"]
    for kernel in (*plan.prepare, *plan.kernels):
        if _concerns(kernel, layer) and kernel.schedule is not None:
            lines.append(f"  {kernel.name}: {schedule_text(kernel.schedule)}")
    return lines


def _scans(plan: Plan, layer: str | None) -> list[str]:
    """What of its turns a scan keeps in memory, and for whom; all else is computed again."""
    found = [r for r in repeats_of(plan.steps) if any(_concerns(k, layer) for k in _inside(r))]
    if not found:
        return ["scans: none"]
    lines = [
        "scans: of each turn the least is kept of which a gradient can compute the rest again, but "
        "no product, sum or look-up"
    ]
    for repeat in found:
        inside = set(map(id, _inside(repeat)))
        others = [k for k in plan.kernels if id(k) not in inside]
        read = {root_buffer(b): k.name for k in reversed(others) for b in reads(k)}
        carried = {root_buffer(b) for b in repeat.carries}
        written = {root_buffer(b) for b in writes(repeat)} - carried
        kept = sorted((b for b in written if b in read), key=lambda b: b.name)
        total = sum((b.type.nbytes for b in kept), 0)
        lines.append(
            f"  {repeat.symbol}: {dim_text(repeat.count)} turns of "
            f"{', '.join(k.name for k in _inside(repeat))}; keeps {dim_text(total)} bytes"
        )
        lines += [f"      {b.name} {b.type}, for {read[b]}" for b in kept]
    return lines


def _inside(repeat: Repeat) -> list[Kernel]:
    return list(kernels_of(repeat.body))


def _barriers(plan: Plan, layer: str | None) -> list[str]:
    lines = ["barriers: why the workers of a team wait for each other before a kernel"]
    for kernel, reason in zip(plan.kernels, plan.barriers, strict=True):
        if _concerns(kernel, layer):
            lines.append(f"  {kernel.name}: {reason or 'no barrier'}")
    return lines


SECTIONS = {
    "rewrite": _rewrite, "kernels": _kernels, "fuse": _fuse, "schedule": _schedule, "scans": _scans,
    "order": _order, "barriers": _barriers, "memory": _memory, "hoist": _hoist,
}  # fmt: skip
