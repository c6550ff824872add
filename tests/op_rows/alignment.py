"""Rows of CTC, held against the sum over all alignments."""

from __future__ import annotations

import itertools

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase


def _collapsed(path, blank):
    return [c for c, before in zip(path, (None, *path)) if c not in (before, blank)]


def _ctc(target, output, target_length, output_length):
    """Every path of classes whose labels, with blanks and repetitions left out, are the target."""
    log = output - np.log(np.exp(output).sum(-1, keepdims=True))
    found = []
    for labels, chances, n, steps in zip(target, log, target_length, output_length):
        wanted = list(labels[:n])
        total = -np.inf
        for path in itertools.product(range(output.shape[2]), repeat=steps):
            if _collapsed(path, 0) == wanted:
                total = np.logaddexp(total, sum(chances[t, c] for t, c in enumerate(path)))
        found.append(-total)
    return np.array(found)


LABELS = np.array([[1, 2, 2], [2, 1, 1], [1, 1, 2]], "int32")
CASES = [
    OpCase("ctc_loss", lambda x: ops.ctc_loss(LABELS, x, [1, 2, 2], [3, 4, 4]),
           (Array((3, 5, 3)),), lambda x: _ctc(LABELS, x, [1, 2, 2], [3, 4, 4]),
           differentiable=(0,), rtol=1e-10),
]  # fmt: skip
