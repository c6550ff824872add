"""Lists of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """An array (sequences, maxlen, ...): short ones are filled with `value`, long ones cut.

    `padding` and `truncating` say at which end, "pre" or "post"; `maxlen` defaults to the longest.
    ValueError for other ends, and for a `value` of text in an array that is none.

    `sequences`: lists of numbers or of vectors of one length; `dtype`: that of the result.

    >>> utils.pad_sequences([[1, 2, 3], [4]], padding="post")
    array([[1, 2, 3],
           [4, 0, 0]], dtype=int32)
    """
    if isinstance(value, str) and np.dtype(dtype).kind not in "OU":
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}. Set "
            "`dtype=object` for text of any length."
        )
    for name, end in (("padding", padding), ("truncating", truncating)):
        if end not in ("pre", "post"):
            raise ValueError(f'Argument `{name}` must be "pre" or "post". Received: {name}={end}')
    rows = [np.asarray(s, dtype=dtype if len(s) else None) for s in sequences]
    maxlen = max((len(r) for r in rows), default=0) if maxlen is None else maxlen
    inner = next((r.shape[1:] for r in rows if len(r)), ())
    out = np.full((len(rows), maxlen, *inner), value, dtype=dtype)
    for target, row in zip(out, rows, strict=True):
        kept = row[len(row) - min(maxlen, len(row)) :] if truncating == "pre" else row[:maxlen]
        if len(kept):
            target[maxlen - len(kept) if padding == "pre" else 0 :][: len(kept)] = kept
    return out
