"""The systems that libraries are built for: what their files are called, and how they are linked.

`System.of(triple)` for a triple as zig has it, `aarch64-linux-gnu`; "" is this machine.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from fncompile.export.api.library import ABI_VERSION

KINDS = {"windows": "pe", "macos": "macho", "wasi": "wasm", "wasm32": "wasm"}
ELF_LINK = ("-Wl,-soname,{soname}", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack",
            "-Wl,--version-script={m}.map", "-lm", "-pthread")  # fmt: skip
LINK = {
    "elf": ELF_LINK,
    "pe": ("-Wl,--out-implib,{m}.lib",),
    "macho": ("-Wl,-install_name,@rpath/{soname}",),
    "wasm": ("-mexec-model=reactor", "-Wl,--export-dynamic"),
}
NAMES = {
    "elf": ("lib{m}.so", "lib{m}.so.{abi}"),
    "pe": ("{m}.dll", "{m}.dll"),
    "macho": ("lib{m}.dylib", "lib{m}.dylib"),
    "wasm": ("{m}.wasm", "{m}.wasm"),
}
X86_64 = ("x86_64", "AMD64")


@dataclass(frozen=True)
class System:
    """`kind` of object files: elf, pe, macho or wasm."""

    triple: str
    kind: str

    @classmethod
    def of(cls, triple: str) -> System:
        """ValueError for what is no triple of processor, system and perhaps C library."""
        words = triple.split("-")
        if triple and len(words) not in (2, 3):
            raise ValueError(
                "`target` must be a processor, a system and perhaps its C library, as in "
                "'aarch64-linux-gnu', 'aarch64-macos', 'x86_64-windows-gnu' or 'wasm32-wasi'. "
                f"Received: target={triple!r}"
            )
        host = {"Darwin": "macho", "Windows": "pe"}.get(platform.system(), "elf")
        found = [KINDS[w.split(".")[0]] for w in words if w.split(".")[0] in KINDS]
        return cls(triple, found[0] if found else "elf" if triple else host)

    @property
    def is_x86_64(self) -> bool:
        """Has it levels of instructions?"""
        return (self.triple.split("-")[0] if self.triple else platform.machine()) in X86_64

    def shared(self, m: str) -> str:
        """What the shared library is called by who links it."""
        return NAMES[self.kind][0].format(m=m)

    def soname(self, m: str) -> str:
        """What it is called by who loads it; another number is another ABI."""
        return NAMES[self.kind][1].format(m=m, abi=ABI_VERSION)

    def link_flags(self, m: str) -> list[str]:
        """Flags of the link of a shared library, in a directory that has the list of exports."""
        return [flag.format(m=m, soname=self.soname(m)) for flag in LINK[self.kind]]
