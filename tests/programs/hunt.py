"""Try many seeds: `python -m tests.programs.hunt FIRST LAST
[passes|compiled|gradients|steps|machines]`."""

from __future__ import annotations

import sys
import traceback

from tests.programs.generator import random_program
from tests.programs.test_random_programs import (
    check_compiled,
    check_passes,
    size_of,
    with_gradients,
)
from tests.programs.test_random_steps import check_drawn_machine, check_step

CHECKS = {
    "passes": lambda seed: check_passes(random_program(seed, "float64", size_of(seed)), seed),
    "compiled": lambda seed: check_compiled(random_program(seed, "float64", size_of(seed)), seed),
    "gradients": lambda seed: check_compiled(
        with_gradients(random_program(seed, "float64", 6 + seed % 5)), seed
    ),
    "steps": check_step,
    "machines": check_drawn_machine,
}


def main(first: int, last: int, what: str = "passes") -> int:
    failures = 0
    for seed in range(first, last):
        try:
            CHECKS[what](seed)
        except Exception:
            failures += 1
            print(f"seed {seed}")
            traceback.print_exc()
    print(f"{last - first} seeds, {failures} failures")
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4])))
