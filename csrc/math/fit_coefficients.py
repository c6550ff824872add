"""Minimax coefficients of the polynomials in csrc/math, by Remez exchange in 60 digits.

Needs mpmath; run by hand when a polynomial is to be changed:
    python3 csrc/math/fit_coefficients.py
Each row of FITS states f(x) ~ P(x) on [a, b] with the weighted error (P - f) * w made minimal;
the weight turns it into the relative error of the function that is computed from P.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


def remez(f: Function, w: Function, a, b, degree: int, rounds: int = 8) -> tuple[list, mp.mpf]:
    """Coefficients (lowest power first) of the best weighted polynomial and its error."""
    a, b, n = mp.mpf(a), mp.mpf(b), degree + 2
    weight, w = w, lambda x: abs(weight(x)) + TINY  # positive also where the weight vanishes
    nodes = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * i / (n - 1)) for i in range(n)]
    for _ in range(rounds):
        rows = mp.matrix(n, n)
        for i, x in enumerate(nodes):
            for j in range(n - 1):
                rows[i, j] = x**j
            rows[i, n - 1] = (-1) ** i / w(x)
        solution = mp.lu_solve(rows, mp.matrix([f(x) for x in nodes]))
        coefficients = list(solution[: n - 1])

        def error(x, c=coefficients[::-1]):
            return (mp.polyval(c, x) - f(x)) * w(x)

        nodes, worst = _extrema(error, a, b, n)
    return coefficients, worst


def _extrema(error: Function, a, b, n: int) -> tuple[list, mp.mpf]:
    """The n alternating extrema of the error on [a, b] and the largest of them."""
    grid = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * i / (40 * n)) for i in range(40 * n + 1)]
    values = [error(x) for x in grid]
    runs: list[list[int]] = []
    for i, v in enumerate(values):
        if runs and mp.sign(values[runs[-1][0]]) == mp.sign(v):
            runs[-1].append(i)
        else:
            runs.append([i])
    peaks = [max(run, key=lambda i: abs(values[i])) for run in runs]
    while len(peaks) > n:
        peaks.pop(0 if abs(values[peaks[0]]) < abs(values[peaks[-1]]) else -1)
    if len(peaks) < n:
        raise ArithmeticError(f"expected {n} alternations, found {len(peaks)}; lower the degree")
    return [grid[i] for i in peaks], max(abs(v) for v in values)


LN2_2 = mp.log(2) / 2 * mp.mpf("1.0005")
ROOT = mp.sqrt(2) - 1
TINY = mp.mpf("1e-12")


def _exp_tail(x):
    return mp.taylor(mp.exp, 0, 2)[2] if abs(x) < TINY else (mp.expm1(x) - x) / x**2


def _log_tail(x):
    return mp.mpf(1) / 3 if abs(x) < TINY else (mp.log1p(x) - x + x * x / 2) / x**3


def _atanh_tail(z):
    s = mp.sqrt(z)
    return mp.mpf(2) / 3 if z < TINY else (2 * mp.atanh(s) - 2 * s) / s**3


def _sin_tail(z):
    s = mp.sqrt(z)
    return -mp.mpf(1) / 6 if z < TINY else (mp.sin(s) / s - 1) / z


def _cos_tail(z):
    return mp.mpf(1) / 24 if z < TINY else (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def _erf_ratio(z):
    return 2 / mp.sqrt(mp.pi) if z < TINY else mp.erf(mp.sqrt(z)) / mp.sqrt(z)


def _erf_about_middle(u):
    return _erf_ratio((u + 1) * ERF_END / 2)


def _atan_tail(z):
    s = mp.sqrt(z)
    return -mp.mpf(1) / 3 if z < TINY else (mp.atan(s) / s - 1) / z


QUARTER = (mp.pi / 4 * mp.mpf("1.001")) ** 2
ATANH_END = (ROOT / (2 + ROOT)) ** 2 * mp.mpf("1.001")
ERF_END = mp.mpf("3.75") ** 2


def _exp_weight(r):
    return r**2 / mp.expm1(r) if r else 0


def _exp_itself(r):
    return r**2 / mp.exp(r)


def _log_weight(f):
    return f**2


def _exp2_tail(r):
    return mp.log(2) if abs(r) < TINY else mp.expm1(r * mp.log(2)) / r


def _exp2_weight(r):
    return r / 2**r


HALF = 1 / mp.sqrt(2) - 1
FITS = [
    ("exp f32: (e^r-1-r)/r^2", _exp_tail, _exp_weight, -LN2_2, LN2_2, 4, "f"),
    ("exp in sigmoid f32: the same, of exp itself", _exp_tail, _exp_itself, -LN2_2, LN2_2, 3, "f"),
    ("exp in attention f32: (2^r-1)/r", _exp2_tail, _exp2_weight, -0.5005, 0.5005, 4, "f"),
    ("exp f64: (e^r-1-r)/r^2", _exp_tail, _exp_weight, -LN2_2, LN2_2, 9, ""),
    ("log f32: (log(1+f)-f+f^2/2)/f^3", _log_tail, _log_weight, HALF, ROOT, 7, "f"),
    ("log f64: (2atanh(s)-2s)/s^3, z=s^2", _atanh_tail, lambda z: z, 0, ATANH_END, 6, ""),
    ("log2 for pow f32: same, short", _atanh_tail, lambda z: z, 0, ATANH_END, 4, ""),
    ("sin: (sin(r)/r-1)/z", _sin_tail, lambda z: z, 0, QUARTER, 2, "f"),
    ("cos: (cos(r)-1+z/2)/z^2", _cos_tail, lambda z: z * z, 0, QUARTER, 2, "f"),
    ("atan: (atan(r)/r-1)/z", _atan_tail, lambda z: z, 0, 1, 7, "f"),
    ("erf: erf(x)/x, u=2z/z1-1", _erf_about_middle, lambda u: 1 / _erf_about_middle(u), -1, 1,
     15, "f"),
]


def main() -> None:
    for name, f, w, a, b, degree, suffix in FITS:
        coefficients, worst = remez(f, w, a, b, degree)
        digits = 9 if suffix else 17
        print(f"{name}: error 2^{mp.nstr(mp.log(worst, 2), 4)}")
        print("   ", ", ".join(mp.nstr(c, digits) + suffix for c in coefficients))


if __name__ == "__main__":
    main()
