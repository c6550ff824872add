"""How far fncompile may be from the stored numbers of Keras.

The stored values are float64. A float32 run of Keras differs from them by at most 5e-6 in losses
and 2e-4 in weights (Adam divides by the root of a tiny second moment, and 1-beta_2**t loses three
digits in float32), so 1e-4 and 1e-3 leave room for another order of summation and for nothing
else: the smallest real mistakes (an epsilon outside the root, a missing bias correction, a partial
batch weighted wrong) move losses by more than 1e-3.
In float64 only the last digits of the stored text (12) limit the comparison.
"""

from __future__ import annotations

import numpy as np

LOSSES = 1e-4
WEIGHTS = 1e-3
DOUBLE = 1e-8


def distance(a, b) -> float:
    """Largest |a-b| / (|a| + 0.01) over two nested structures; infinite where they differ in
    form."""
    if isinstance(a, dict):
        same = isinstance(b, dict) and a.keys() == b.keys()
        return max((distance(a[key], b[key]) for key in a), default=0.0) if same else np.inf
    if isinstance(a, list) and any(isinstance(item, (list, dict)) for item in a):
        same = isinstance(b, list) and len(a) == len(b)
        return max(map(distance, a, b), default=0.0) if same else np.inf
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    if a.shape != b.shape or not np.isfinite(b).all():
        return np.inf
    return float(np.max(np.abs(a - b) / (np.abs(a) + 0.01), initial=0.0))


def difference(field: str, expected, actual, tolerance: float) -> list[str]:
    """Nothing, or one text that tells how far apart the two are."""
    gap = distance(expected, actual)
    if gap <= tolerance:
        return []
    head = f"{field}: off by {gap:.1e}, allowed {tolerance:.0e}"
    return [f"{head}\nKeras: {clip(expected)}\nhere:  {clip(actual)}"]


def clip(value, length=600) -> str:
    text = str(value)
    return text if len(text) <= length else text[:length] + " …"
