"""Pictures of a Plan: kernels as DOT, the arena over time as SVG."""

from __future__ import annotations

from fncompile.ir.dims import evaluate
from fncompile.passes.memory import live_ranges
from fncompile.plan.types import Plan, reads, root_buffer, writes

TYPICAL = 64  # the size of every symbol in pictures


def kernels_dot(plan: Plan) -> str:
    """Kernels as nodes, an edge for each buffer that one writes and another reads."""
    lines = ["digraph kernels {", "  rankdir=TB; node [shape=box, style=rounded];"]
    writer: dict = {}
    for kernel in (*plan.prepare, *plan.kernels):
        lines.append(f'  "{kernel.name}" [label="{kernel.name}\\n{kernel.layers}"];')
        for buffer in sorted({root_buffer(b) for b in reads(kernel)}, key=lambda b: b.name):
            if buffer in writer and writer[buffer] != kernel.name:
                lines.append(f'  "{writer[buffer]}" -> "{kernel.name}" [label="{buffer.type}"];')
        writer.update((root_buffer(b), kernel.name) for b in writes(kernel))
    return "\n".join([*lines, "}"]) + "\n"


def memory_svg(plan: Plan) -> str:
    """Each temporary as a box: kernels from left to right, bytes of the arena from top to
    bottom."""
    sizes = dict.fromkeys(plan.symbols, TYPICAL)
    total = max(evaluate(plan.arena, sizes), 1)
    width, height, column = 900, 420, 900 / max(len(plan.kernels), 1)
    boxes = []
    for buffer, (first, last) in live_ranges(plan).items():
        top = evaluate(plan.offsets[buffer], sizes) / total * height
        tall = max(evaluate(buffer.type.nbytes, sizes) / total * height, 1)
        x, wide = first * column, (last - first + 1) * column
        boxes.append(
            f'<g><title>{buffer.name} {buffer.type}</title><rect x="{x:.1f}" y="{top:.1f}" '
            f'width="{wide:.1f}" '
            f'height="{tall:.1f}" fill="#cfe3f7" stroke="#3d6b99"/>'
            f'<text x="{x + 3:.1f}" y="{top + min(tall, 11):.1f}" '
            f'font-size="9">{buffer.name}</text></g>'
        )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">'
    )
    return head + "".join(boxes) + "</svg>\n"
