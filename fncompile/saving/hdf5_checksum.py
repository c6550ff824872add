"""Jenkins' lookup3 hash ("hashlittle", initial value 0), the checksum of HDF5 metadata.

Source: Bob Jenkins, "lookup3.c", 2006 (public domain description), as the HDF5 file format
specification prescribes it. The data are padded with zeros to 12-byte blocks, which is what the
original's fall-through over the last bytes amounts to.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF


def lookup3(data: bytes) -> int:
    """Return the 32-bit hash of `data`."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    if not data:
        return c
    padded = data + bytes(-len(data) % 12)
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    for i in range(0, len(words) - 3, 3):
        a, b, c = _mix(a + words[i], b + words[i + 1], c + words[i + 2])
    return _final(a + words[-3], b + words[-2], c + words[-1])


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    # Operands may exceed 32 bits between steps; each line masks what it rotates.
    c &= _MASK
    a = ((a - c) & _MASK) ^ (c << 4 & _MASK | c >> 28)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ (a << 6 & _MASK | a >> 26)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ (b << 8 & _MASK | b >> 24)
    b = (b + a) & _MASK
    a = ((a - c) & _MASK) ^ (c << 16 & _MASK | c >> 16)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ (a << 19 & _MASK | a >> 13)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ (b << 4 & _MASK | b >> 28)
    return a, b + a & _MASK, c


def _final(a: int, b: int, c: int) -> int:
    a, b, c = a & _MASK, b & _MASK, c & _MASK
    c = ((c ^ b) - (b << 14 & _MASK | b >> 18)) & _MASK
    a = ((a ^ c) - (c << 11 & _MASK | c >> 21)) & _MASK
    b = ((b ^ a) - (a << 25 & _MASK | a >> 7)) & _MASK
    c = ((c ^ b) - (b << 16 & _MASK | b >> 16)) & _MASK
    a = ((a ^ c) - (c << 4 & _MASK | c >> 28)) & _MASK
    b = ((b ^ a) - (a << 14 & _MASK | a >> 18)) & _MASK
    return ((c ^ b) - (b << 24 & _MASK | b >> 8)) & _MASK
