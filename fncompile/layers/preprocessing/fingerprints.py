"""Hashes of strings, the same everywhere: FarmHash's Fingerprint64, SipHash-2-4, and the way that
crossed features are put together.

Published algorithms: Pike and Alakuijala, FarmHash (2014); Aumasson and Bernstein, "SipHash: a fast
short-input PRF" (2012).
"""

from __future__ import annotations

_ALL = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS, _CROSS_START = 0xC6A4A7935BD1E995, 0xDECAFCAFFE


def _word(s: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(s[at : at + size], "little")


def _right(x: int, by: int) -> int:
    return ((x >> by) | (x << (64 - by))) & _ALL


def _fold(x: int) -> int:
    return x ^ (x >> 47)


def _pair(u: int, v: int, mul: int) -> int:
    a = _fold(((u ^ v) * mul) & _ALL)
    return (_fold(((v ^ a) * mul) & _ALL) * mul) & _ALL


def fingerprint(s: bytes) -> int:
    """FarmHash's 64-bit fingerprint."""
    size = len(s)
    if size <= 16:
        return _up_to_16(s)
    if size <= 32:
        return _up_to_32(s)
    return _up_to_64(s) if size <= 64 else _long(s)


def _up_to_16(s: bytes) -> int:
    size = len(s)
    mul = _K2 + size * 2
    if size >= 8:
        a, b = (_word(s, 0) + _K2) & _ALL, _word(s, size - 8)
        c = (_right(b, 37) * mul + a) & _ALL
        d = ((_right(a, 25) + b) * mul) & _ALL
        return _pair(c, d, mul)
    if size >= 4:
        return _pair((size + (_word(s, 0, 4) << 3)) & _ALL, _word(s, size - 4, 4), mul)
    if size == 0:
        return _K2
    y = s[0] + (s[size >> 1] << 8)
    z = size + (s[-1] << 2)
    return (_fold(((y * _K2) ^ (z * _K0)) & _ALL) * _K2) & _ALL


def _up_to_32(s: bytes) -> int:
    size = len(s)
    mul = _K2 + size * 2
    a, b = (_word(s, 0) * _K1) & _ALL, _word(s, 8)
    c, d = (_word(s, size - 8) * mul) & _ALL, (_word(s, size - 16) * _K2) & _ALL
    u = _right((a + b) & _ALL, 43) + _right(c, 30) + d
    return _pair(u & _ALL, (a + _right((b + _K2) & _ALL, 18) + c) & _ALL, mul)


def _up_to_64(s: bytes) -> int:
    size = len(s)
    mul = _K2 + size * 2
    a, b = (_word(s, 0) * _K2) & _ALL, _word(s, 8)
    c, d = (_word(s, size - 8) * mul) & _ALL, (_word(s, size - 16) * _K2) & _ALL
    y = (_right((a + b) & _ALL, 43) + _right(c, 30) + d) & _ALL
    z = _pair(y, (a + _right((b + _K2) & _ALL, 18) + c) & _ALL, mul)
    e, f = (_word(s, 16) * mul) & _ALL, _word(s, 24)
    g, h = ((y + _word(s, size - 32)) * mul) & _ALL, ((z + _word(s, size - 24)) * mul) & _ALL
    u = _right((e + f) & _ALL, 43) + _right(g, 30) + h
    return _pair(u & _ALL, (e + _right((f + a) & _ALL, 18) + g) & _ALL, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(s, at + 8 * i) for i in range(4))
    a = (a + w) & _ALL
    b = _right((b + a + z) & _ALL, 21)
    moved = (a + x + y) & _ALL
    return (moved + z) & _ALL, (b + _right(moved, 44) + a) & _ALL


def _long(s: bytes) -> int:
    last = len(s) - 64
    x, y = 81, (81 * _K1 + 113) & _ALL
    z = (_fold((y * _K2 + 113) & _ALL) * _K2) & _ALL
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(s, 0)) & _ALL
    for at in range(0, (len(s) - 1) // 64 * 64, 64):
        x = (_right((x + y + v[0] + _word(s, at + 8)) & _ALL, 37) * _K1) & _ALL
        y = (_right((y + v[1] + _word(s, at + 48)) & _ALL, 42) * _K1) & _ALL
        x ^= w[1]
        y = (y + v[0] + _word(s, at + 40)) & _ALL
        z = (_right((z + w[0]) & _ALL, 33) * _K1) & _ALL
        v = _weak(s, at, (v[1] * _K1) & _ALL, (x + w[0]) & _ALL)
        w = _weak(s, at + 32, (z + w[1]) & _ALL, (y + _word(s, at + 16)) & _ALL)
        z, x = x, z
    mul = _K1 + ((z & 0xFF) << 1)
    w = ((w[0] + ((len(s) - 1) & 63)) & _ALL, w[1])
    v = ((v[0] + w[0]) & _ALL, v[1])
    w = ((w[0] + v[0]) & _ALL, w[1])
    x = (_right((x + y + v[0] + _word(s, last + 8)) & _ALL, 37) * mul) & _ALL
    y = (_right((y + v[1] + _word(s, last + 48)) & _ALL, 42) * mul) & _ALL
    x ^= (w[1] * 9) & _ALL
    y = (y + v[0] * 9 + _word(s, last + 40)) & _ALL
    z = (_right((z + w[0]) & _ALL, 33) * mul) & _ALL
    v = _weak(s, last, (v[1] * mul) & _ALL, (x + w[0]) & _ALL)
    w = _weak(s, last + 32, (z + w[1]) & _ALL, (y + _word(s, last + 16)) & _ALL)
    z, x = x, z
    first = (_pair(v[0], w[0], mul) + _fold(y) * _K0 + z) & _ALL
    return _pair(first, (_pair(v[1], w[1], mul) + x) & _ALL, mul)


def sip(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 under a key of two numbers of 64 bits."""
    k0, k1 = (k & _ALL for k in key)
    state = [
        k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573,
    ]  # fmt: skip
    whole = len(s) // 8 * 8
    tail = int.from_bytes(s[whole:], "little") | ((len(s) & 0xFF) << 56)
    for word in (*(_word(s, at) for at in range(0, whole, 8)), tail):
        state[3] ^= word
        _round(_round(state))
        state[0] ^= word
    state[2] ^= 0xFF
    for _ in range(4):
        _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _left(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _ALL


def _round(v: list[int]) -> list[int]:
    v[0] = (v[0] + v[1]) & _ALL
    v[2] = (v[2] + v[3]) & _ALL
    v[1], v[3] = _left(v[1], 13) ^ v[0], _left(v[3], 16) ^ v[2]
    v[0] = _left(v[0], 32)
    v[2] = (v[2] + v[1]) & _ALL
    v[0] = (v[0] + v[3]) & _ALL
    v[1], v[3] = _left(v[1], 17) ^ v[2], _left(v[3], 21) ^ v[0]
    v[2] = _left(v[2], 32)
    return v


def crossed(hashes: tuple[int, ...]) -> int:
    """One hash of several, in this order."""
    out = _CROSS_START
    for h in hashes:
        mixed = _fold(((h & _ALL) * _CROSS) & _ALL) * _CROSS
        out = (out ^ _CROSS) ^ (mixed & _ALL)
        out = (_fold((out * _CROSS) & _ALL) * _CROSS) & _ALL
        out = _fold(out)
    return out
