"""Score parts of an array in two worker processes of joblib."""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed
from scoring import compare, make_model, make_rows, rows_asked_for, score


def main() -> None:
    model, rows = make_model(), make_rows(rows_asked_for())
    parts = np.array_split(rows, 4)
    with Parallel(n_jobs=2) as workers:
        workers(delayed(score)(part[:9], model) for part in parts)  # opens the compiled code
        compare(rows, model, lambda: np.concatenate(
            workers(delayed(score)(part, model) for part in parts)))  # fmt: skip


if __name__ == "__main__":
    main()
