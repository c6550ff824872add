"""What is outside of the project: the reasons, and by which names in a test, or in what it misses,
it is known. Such tests are counted by themselves and printed with every run; those that pass all
the same count as passed.
"""

from __future__ import annotations

import re

REASONS: dict[str, str] = {
    "quantization and LoRA":
        r"[Qq]uanti[sz]|lora|gptq|awq|GPTQ|AWQ|int[48]_(from|abc)|_str_int[48]",
    "numbers of eight bits with a point": r"float8",
    "complex numbers": r"complex|ops\.(conj|conjugate|imag|real|polar)$",
    "wrappers of other frameworks": r"JaxLayer|FlaxLayer|TorchModuleWrapper|TFSMLayer",
    "files of other packages": r"argument format= of export",
}  # fmt: skip


def reason(test: str, detail: str) -> str | None:
    """Why a test is counted out, by its id and what it misses; None if it counts."""
    for why, pattern in REASONS.items():
        if re.search(pattern, test) or re.search(pattern, detail):
            return why
    return None
