"""Every golden model, predicting and training on three threads; to be run under ThreadSanitizer:

    LD_PRELOAD=$(gcc -print-file-name=libtsan.so) FNC_SAN=thread FNC_THREADS=3 \\
        FNC_CFLAGS="-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1" \\
        setarch -R python -m tests.runtime.race_hunt [models]

A meeting left out that was needed is a data race, which the sanitizer reports.
"""

from __future__ import annotations

import sys

import numpy as np

from fncompile.runtime import team
from tests.golden.models import PREDICT, TRAIN
from tests.runtime.test_team import arrays_for, large


def predict(build) -> None:
    model = build()
    entry = model.steps().predict_entry(())
    entry.prepare(0)
    static = isinstance(model.inputs[0].shape[0], int)
    for batch in (2,) if static else (1, 50, 97):
        entry.run(arrays_for(model, batch))


def train(build, optimizer, loss, row, dtype) -> None:
    model = build()
    model.compile(optimizer, loss)
    x = arrays_for(model, 205)[0]
    y = np.random.default_rng(5).integers(0, 2, (205, *row)).astype(dtype)
    model.fit(x, y, batch_size=100, epochs=1, verbose=0)


def main(wanted: list[str]) -> None:
    team.processors = lambda: 3
    cases = [(large, "adam", "sparse_categorical_crossentropy", (), "int32"), *TRAIN]
    for case in cases:
        if not wanted or case[0].__name__ in wanted:
            train(*case)
    for build in (large, *PREDICT):
        if not wanted or build.__name__ in wanted:
            predict(build)
    print("done")


if __name__ == "__main__":
    main(sys.argv[1:])
