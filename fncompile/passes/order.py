"""The order of kernels.

Requires: a fused Plan. Ensures: the order that `fuse` gave is kept where nothing speaks against it,
and among kernels that could run next, one that frees memory runs before one that takes more.
Kernels are named by their position.
"""

from __future__ import annotations

from dataclasses import replace

from fncompile.ir.dims import evaluate
from fncompile.passes.naming import name_kernels
from fncompile.plan.types import Buffer, Kernel, Plan, reads, root_buffer, writes

TYPICAL = 64  # every symbol is taken to be this large when two orders are compared


def order(plan: Plan, context=None) -> Plan:
    graph = _graph(plan)
    users = _users(plan)
    waiting = {i: graph.in_degree(i) for i in graph}
    ready = [i for i, n in waiting.items() if n == 0]
    done: list[int] = []
    while ready:
        best = min(
            ready, key=lambda i: (_growth(plan.kernels[i], i, users, set(done), plan) > 0, i)
        )
        ready.remove(best)
        done.append(best)
        for s in graph.successors(best):
            waiting[s] -= 1
            if waiting[s] == 0:
                ready.append(s)
    assert len(done) == len(plan.kernels), "the kernels wait for each other"
    return replace(plan, kernels=name_kernels([plan.kernels[i] for i in done]))


def _graph(plan: Plan):
    """An edge wherever two kernels touch the same memory and one of them writes it."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(plan.kernels)))
    touched: dict[Buffer, list[tuple[int, bool]]] = {}
    for i, kernel in enumerate(plan.kernels):
        written = {root_buffer(b) for b in writes(kernel)}
        for buffer in written | {root_buffer(b) for b in reads(kernel)}:
            for j, wrote in touched.get(buffer, ()):
                if wrote or buffer in written:
                    graph.add_edge(j, i)
            touched.setdefault(buffer, []).append((i, buffer in written))
    return graph


def _users(plan: Plan) -> dict[Buffer, set[int]]:
    users: dict[Buffer, set[int]] = {}
    for i, kernel in enumerate(plan.kernels):
        for buffer in reads(kernel) | writes(kernel):
            users.setdefault(root_buffer(buffer), set()).add(i)
    return users


def _growth(
    kernel: Kernel, i: int, users: dict[Buffer, set[int]], done: set[int], plan: Plan
) -> int:
    """Bytes that become live minus bytes that die when the kernel runs now."""
    sizes = dict.fromkeys(plan.symbols, TYPICAL)
    total = 0
    for buffer in {root_buffer(b) for b in reads(kernel) | writes(kernel)}:
        if buffer.kind != "arena":
            continue
        size = evaluate(buffer.type.nbytes, sizes)
        total += 0 if users[buffer] & done else size
        total -= size if users[buffer] <= done | {i} else 0
    return total
