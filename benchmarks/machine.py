"""The machine, in words and numbers: what a table of results cannot be read without."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
from pathlib import Path

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
TYPICAL = {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}  # where the system does not say
FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16")


def describe() -> dict:
    """Names, sizes and the load of the last minute."""
    return {
        "cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "caches": caches(),
        "features": [f for f in FEATURES if f in _cpuinfo("flags|Features").split()],
        "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "compiler": compiler_version(), "revision": revision(),
        "load": round(os.getloadavg()[0], 2),
    }


def revision() -> str:
    """The commit that is measured; empty outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:  # no git
        return ""


def cpu_name() -> str:
    family, model = _cpuinfo("cpu family"), _cpuinfo("model")
    name = _cpuinfo("model name") or platform.processor() or platform.machine()
    return f"{name} (family {family}, model {model})" if family else name


def short_name() -> str:
    """A file name for the results of this kind of machine."""
    words = re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")
    return f"{words}-{len(os.sched_getaffinity(0))}-cores"


def caches() -> dict[str, int]:
    """Bytes of the data caches that the first core sees."""
    found = {}
    for index in sorted(CACHES.glob("index*")):
        facts = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        level, kind, size = facts
        if kind != "Instruction":
            found[f"L{level}"] = int(size[:-1]) << {"K": 10, "M": 20}[size[-1]]
    return found or TYPICAL


def compiler() -> list[str]:
    return shlex.split(os.environ.get("FNC_CC") or os.environ.get("CC") or "cc")


def compiler_version() -> str:
    command = [*compiler(), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    found = path.exists() and re.search(rf"^(?:{key})\s*: (.*)$", path.read_text(), re.M)
    return found.group(1).strip() if found else ""
