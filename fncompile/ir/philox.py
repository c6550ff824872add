"""Philox4x32-10 (Salmon et al., SC'11) in NumPy: the twin of csrc/kern/philox.h."""

from __future__ import annotations

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(key0: int, key1: int, start: int, count: int) -> np.ndarray:
    """Elements [start, start + count) of the stream: counter index // 4, lane index % 4."""
    first, last = start // 4, (start + count + 3) // 4
    counter = np.arange(first, last, dtype=np.uint64)
    c = [counter & _LOW, counter >> _SHIFT, np.zeros_like(counter), np.zeros_like(counter)]
    for round_ in range(10):
        k0 = np.uint64((key0 + round_ * _W0) & 0xFFFFFFFF)
        k1 = np.uint64((key1 + round_ * _W1) & 0xFFFFFFFF)
        p0, p1 = c[0] * _M0, c[2] * _M1
        c = [(p1 >> _SHIFT) ^ c[1] ^ k0, p1 & _LOW, (p0 >> _SHIFT) ^ c[3] ^ k1, p0 & _LOW]
    words = np.stack(c, axis=1).reshape(-1).astype(np.uint32)
    return words[start - 4 * first : start - 4 * first + count]
