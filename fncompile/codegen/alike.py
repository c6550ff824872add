"""Kernels that differ in nothing but where their memory lies: one function of C serves them all.

    k02_dense_dot(env, part, parts, env->in[0], env->weights + AT_DENSE_KERNEL, ...);

Its pointers are given in the order in which the kernel mentions them. The function of a kernel that
is alone finds its memory itself, by constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from fncompile.plan.types import Affine, Buffer, Const, Kernel, memory_place

COSMETIC = ("name", "origins", "node")  # fields that do not tell how a kernel is computed


@dataclass(frozen=True)
class Group:
    """`kernels` that are alike, and the `memory` of each, in the order of the function's
    pointers."""

    kernels: tuple[Kernel, ...]
    memory: tuple[tuple[Buffer, ...], ...]

    @property
    def is_shared(self) -> bool:
        return len(self.kernels) > 1

    @property
    def given(self) -> tuple[Buffer, ...]:
        """The memory of the first kernel, where its function is given pointers."""
        return self.memory[0] if self.is_shared else ()

    @property
    def first(self) -> Kernel:
        """Whose name the function has."""
        return self.kernels[0]


def groups(kernels: Iterable[Kernel]) -> Mapping[str, Group]:
    """The group of each kernel, by its name."""
    found: dict[Any, list[tuple[Kernel, tuple[Buffer, ...]]]] = {}
    for kernel in kernels:
        form = _Form()
        key = form.of(kernel)
        found.setdefault(key, []).append((kernel, tuple(form.memory)))
    out: dict[str, Group] = {}
    for members in found.values():
        group = Group(tuple(k for k, _ in members), tuple(m for _, m in members))
        out |= {kernel.name: group for kernel in group.kernels}
    return out


class _Form:
    """What a kernel is with its buffers numbered as they come, where `memory` remembers them."""

    def __init__(self) -> None:
        self.memory: list[Buffer] = []
        self._numbers: dict[Any, int] = {}

    def of(self, part: Any) -> Any:
        kind = part.__class__
        if kind is Buffer:
            return self._number(part)
        if kind is tuple:
            return tuple([self.of(p) for p in part])
        if kind is Const:
            return repr(part)  # 0.0 equals -0.0
        telling = _telling(kind)
        return (kind, *[self.of(getattr(part, name)) for name in telling]) if telling else part

    def _number(self, buffer: Buffer) -> Any:
        local = buffer.kind == "local"
        place = memory_place(buffer)
        if place not in self._numbers:
            self._numbers[place] = len(self._numbers)
            if not local:
                self.memory.append(buffer)
        return self._numbers[place], buffer.type if local else buffer.type.dtype, local


@cache
def _telling(kind: Any) -> tuple[str, ...]:
    """The fields that tell one from another; none of what is compared as a whole."""
    if kind is Affine or not is_dataclass(kind):
        return ()
    return tuple(f.name for f in fields(kind) if f.name not in COSMETIC)
