"""Rows of flips, pieces, differences, segments and counts, windows and ratios, and without NaN."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase


def A(*shape, domain="normal"):
    return Array(shape, domain)


def ints(*shape, domain="below:4"):
    return Array(shape, domain, "int32")


def row(op, args, reference, label="", grad=True, batch=(0,), **options):
    """All floating-point arrays are differentiated unless `grad` says no."""
    case = OpCase(f"{op}:{label}", getattr(ops, op), args, reference, batch=batch, rtol=1e-11,
                  **options)  # fmt: skip
    smooth = [i for i, s in enumerate(case.specs) if grad and s.dtype == "float"]
    return OpCase(**{**vars(case), "differentiable": tuple(smooth)})


def _segments(kind, start):
    def reference(x, ids, n):
        out = np.full((n, *x.shape[1:]), start, x.dtype)
        kind.at(out, ids, x)
        return out

    return reference


def _scatter_update(x, at, updates, reduction):
    x, at = x.copy(), tuple(np.moveaxis(at, -1, 0))
    if reduction is None:
        x[at] = updates
    else:
        kind = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction]
        kind.at(x, at, updates)
    return x


def _floats(xs):
    return [x.astype(float) for x in xs]


def _depth_to_space(x, n):
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, n, n, c // n**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * n, w * n, c // n**2)


def _space_to_depth(x, n):
    b, h, w, c = x.shape
    x = x.reshape(b, h // n, n, w // n, n, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // n, w // n, c * n**2)


NAN_REDUCTIONS = {
    "nansum": np.nansum, "nanprod": np.nanprod, "nanmax": np.nanmax, "nanmin": np.nanmin,
    "nanmean": np.nanmean, "nanvar": np.nanvar, "nanstd": np.nanstd, "nanargmax": np.nanargmax,
    "nanargmin": np.nanargmin, "nancumsum": np.nancumsum, "nancumprod": np.nancumprod,
}  # fmt: skip


def _without_nan() -> list[OpCase]:
    return [
        OpCase(
            f"{name}:{axis}",
            lambda x, a, name=name: getattr(ops, name)(ops.where(x > 1.0, np.nan, x), a),
            (Array((5, 7)), axis),
            lambda x, a, f=reference: f(np.where(x > 1.0, np.nan, x), a),
            rtol=1e-11,
            batch=(0,),
        )
        for name, reference in NAN_REDUCTIONS.items()
        for axis in (0, 1)
    ] + [
        row(name, (A(5, 7), 1), reference, "no NaN")
        for name, reference in NAN_REDUCTIONS.items()
        if "arg" not in name and name not in ("nanmax", "nanmin")
    ] + [
        row(name, (A(5, 7, domain="distinct"), 1), NAN_REDUCTIONS[name], "no NaN")
        for name in ("nanmax", "nanmin")
    ]  # fmt: skip


def _windows() -> list[OpCase]:
    names = ("bartlett", "hanning", "hamming", "blackman")
    return [
        *(OpCase(f"{name}:{n}", getattr(ops, name), (n,), getattr(np, name), rtol=1e-11)
          for name in names for n in (1, 2, 9)),
        OpCase("kaiser", ops.kaiser, (9, 8.6), np.kaiser, rtol=1e-7),  # NumPy's own i0 is rough
    ]  # fmt: skip


CASES = [
    row("fliplr", (A(3, 4, 2),), np.fliplr),
    row("flipud", (A(3, 4),), np.flipud),
    *(row("rot90", (A(2, 3, 4), k, axes), np.rot90, f"{k}{axes}")
      for k, axes in ((1, (0, 1)), (2, (0, 2)), (3, (1, 2)), (-1, (2, 0)), (4, (0, 1)))),
    row("dstack", ([A(3, 4), A(3, 4)],), np.dstack, "matrices", batch=(0, 1)),
    row("dstack", ([A(3), A(3)],), np.dstack, "vectors", batch=(0, 1)),
    row("hsplit", (A(3, 6), 3), np.hsplit, "columns"),
    row("hsplit", (A(6), [2, 3]), np.hsplit, "vector", batch=()),
    row("vsplit", (A(6, 2), 3), np.vsplit, batch=()),
    row("dsplit", (A(3, 2, 6), 3), np.dsplit),
    row("diagflat", (A(2, 3), 1), np.diagflat, batch=()),
    row("vander", (A(5, domain="away"), 4, True), np.vander),
    row("vander", (A(5, domain="away"),), np.vander, "square", batch=()),
    row("kron", (A(2, 3), A(4, 1)), np.kron, "matrices", batch=(0,)),
    row("kron", (A(3), A(2, 2)), np.kron, "ranks", batch=()),
    row("cross", (A(4, 3), A(4, 3)), np.cross, "3", batch=(0, 1)),
    row("cross", (A(4, 3), A(3)), np.cross, "broadcast", batch=(0,)),
    row("cross", (A(3, 4), A(4, 3), 0, 1, 0), np.cross, "axes", batch=(1,)),
    row("unravel_index", (ints(5, domain="below:24"), (2, 3, 4)), np.unravel_index),
    row("diff", (A(5, 4),), np.diff, "1"),
    row("diff", (A(5, 4), 2, 0), np.diff, "2", batch=()),
    row("ptp", (A(5, 4, domain="distinct"), 1), np.ptp),
    row("trapezoid", (A(5, 4),), np.trapezoid, "dx"),
    row("trapezoid", (A(5, 4), A(4)), np.trapezoid, "x"),
    row("trapezoid", (A(5, 4), A(5, 4), 1.0, 0), np.trapezoid, "axis", batch=()),
    row("depth_to_space", (A(2, 3, 2, 8), 2), _depth_to_space),
    row("space_to_depth", (A(2, 4, 6, 3), 2), _space_to_depth),
    row("segment_max", (A(9, 2, domain="distinct"), ints(9), 5), _segments(np.maximum, -np.inf),
        grad=False, batch=(0, 1)),
    row("segment_min", (A(9, 2, domain="distinct"), ints(9), 5), _segments(np.minimum, np.inf),
        grad=False, batch=(0, 1)),
    row("segment_prod", (A(9, 2), ints(9), 5), _segments(np.multiply, 1.0), batch=(0, 1)),
    *(row("scatter_update", (A(3, 3), ints(6, 2, domain="below:3"), A(6), how), _scatter_update,
          str(how), grad=how not in ("max", "min"), batch=(1, 2))
      for how in (None, "add", "max", "min", "mul")),
    row("scatter_update", (A(3, 4), ints(2, 1, domain="below:3"), A(2, 4), None), _scatter_update,
        "rows", batch=(1, 2)),
    OpCase("bincount", lambda x: ops.bincount(ops.stop_gradient(x), minlength=6),
           (ints(9),), lambda x: np.bincount(x, minlength=6).astype("int32")[:6], batch=(0,)),
    OpCase("bincount:weights", lambda x, w: ops.bincount(x, weights=w, minlength=4),
           (ints(9), A(9)), lambda x, w: np.bincount(x, w, minlength=4), batch=(0, 1),
           differentiable=(1,)),
    OpCase("histogram", lambda x: ops.histogram(x, 4, (-1.0, 1.0)), (A(9),),
           lambda x: _floats(np.histogram(x, 4, (-1.0, 1.0))), batch=(0,)),
    OpCase("histogram:range", lambda x: ops.histogram(x, 3), (A(9),),
           lambda x: _floats(np.histogram(x, 3)), batch=(0,)),
    row("digitize", (A(9, 2), A(1)), np.digitize, grad=False),
    row("corrcoef", (A(3, 5),), np.corrcoef),
    row("corrcoef", (A(5),), np.corrcoef, "vector", grad=False, batch=()),
    *(row("correlate", (A(7), A(3), mode), np.correlate, mode, batch=())
      for mode in ("valid", "same", "full")),
    *(row("correlate", (A(2), A(5), mode), np.correlate, "longer " + mode, batch=())
      for mode in ("valid", "same", "full")),
    row("cdist", (A(4, 3), A(5, 3)), lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=-1)),
    row("psnr", (A(4, 3), A(4, 3), 2.0),
        lambda x, y, m: 10 * np.log10(m**2 / np.mean((x - y) ** 2)), batch=(0, 1)),
    row("logspace", (0.0, 2.0, 5), np.logspace, batch=()),
    row("geomspace", (1.0, 64.0, 7), np.geomspace, batch=()),
    *_windows(),
    *_without_nan(),
]  # fmt: skip
