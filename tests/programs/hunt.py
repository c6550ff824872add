"""Try many seeds: `python -m tests.programs.hunt FIRST LAST [passes|compiled|gradients]`."""

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


def main(first: int, last: int, what: str = "passes") -> int:
    failures = 0
    for seed in range(first, last):
        try:
            program = random_program(
                seed, "float64", 6 + seed % 5 if what == "gradients" else size_of(seed)
            )
            if what == "gradients":
                program = with_gradients(program)
            (check_passes if what == "passes" else check_compiled)(program, seed)
        except Exception:
            failures += 1
            print(f"seed {seed}")
            traceback.print_exc()
    print(f"{last - first} seeds, {failures} failures")
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4])))
