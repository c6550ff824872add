"""The closed set of tensor ops and scalar functions: one row each.

A row here needs a row in `infer.RULES`, `interp.RULES`, `autodiff.rules.VJP` (or an entry in its
NOT_DIFFERENTIABLE), and a way to be emitted; `tests/test_completeness.py` names what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpDef:
    """`arity` is the number of sources (-1: one or more), `attrs` the attribute names in order."""

    name: str
    arity: int
    attrs: tuple[str, ...] = ()
    family: str = ""

    @property
    def has_region(self) -> bool:
        """Is the first attribute a region?"""
        return self.attrs[:1] == ("body",)


OPS = {
    row.name: row
    for row in (
        OpDef("input", 0, ("name", "type"), "leaf"),
        OpDef("param", 0, ("name", "type"), "leaf"),
        OpDef("const", 0, ("type", "data"), "leaf"),  # data: bytes of the elements, row-major
        OpDef("iota", 0, ("type", "axis"), "leaf"),  # the index along `axis`
        OpDef("size", 0, ("dim", "dtype"), "leaf"),  # the number of elements `dim`, a scalar
        OpDef("ew", -1, ("fn",), "elementwise"),  # fn: a key of SCALARS; equal shapes
        OpDef("cast", 1, ("dtype",), "elementwise"),
        OpDef("reshape", 1, ("shape",), "view"),
        OpDef("permute", 1, ("perm",), "view"),
        OpDef("broadcast", 1, ("shape",), "view"),  # same rank; extents of 1 grow
        OpDef("slice", 1, ("start", "size", "step"), "view"),  # out[i] = x[start + i*step]
        OpDef("pad", 1, ("start", "size", "step", "value"), "view"),  # out[start + i*step] = x[i]
        OpDef("concat", -1, ("axis",), "view"),
        # out[.., o, .., t ..] = x[.., o*stride + t*dilation - low, ..] along each of `axes`, and
        # `fill` outside: taps are further axes behind those of x, in the order of `axes`.
        OpDef("window", 1, ("axes", "size", "stride", "dilation", "low", "high", "fill"), "view"),
        # The sum of all that windows saw of each element: the adjoint of `window`.
        OpDef("unwindow", 1, ("axes", "extents", "stride", "dilation", "low"), "reduce"),
        OpDef("reduce", 1, ("kind", "axes"), "reduce"),  # kind: a key of REDUCTIONS; drops axes
        OpDef(
            "argmax", 1, ("axis",), "reduce"
        ),  # first of equal maxima, int32; a NaN is the maximum
        # Axes of a, then of b: (batch_a, batch_b, contract_a, contract_b).
        # Result: batch axes, then the free axes of a, then those of b.
        OpDef("dot", 2, ("batch_a", "batch_b", "contract_a", "contract_b"), "contraction"),
        # softmax(scale q k^T + bias) v; scores are `hidden` where not `mask`; weights by `factor`.
        # q[B,T,K,G,H], k[B,S,K,H], v[B,S,K,E], bias, mask, factor [B,K,G,T,S]: K heads of keys, of
        # which each serves G queries. One row: the result [B,T,K,G,E], then, [B,K,G,T] each, the
        # largest score and the reciprocal of the sum of exp(score - largest).
        OpDef("attention", 6, ("scale", "hidden"), "routine"),
        # Its sources, its result, the cotangent [B,T,K,G,E]: one row, the cotangents of q, k and v.
        OpDef("attention_grad", 8, ("scale", "hidden"), "routine"),
        # Positions of the elements of each row, along the last axis, in order; equal ones, and NaN,
        # which is the largest, by position. int32
        OpDef("argsort", 1, ("descending",), "routine"),
        OpDef(
            "gather", 2, (), "indexing"
        ),  # x[idx] along axis 0; out of range: NaN, or 0 for integers
        OpDef(
            "scatter_add", 2, ("size",), "indexing"
        ),  # (updates, idx) -> sum of rows; out of range: dropped
        OpDef("bits", 1, ("shape",), "random"),  # Philox4x32-10 stream of key seed: u32[2]
        OpDef("stop_gradient", 1, (), "marker"),
        # The value of the first, the gradient of the second, which has the value of the first.
        OpDef("straight_through", 2, (), "marker"),
        # Sources: a value, what `body` reads besides the cotangent of the value, and what the
        # cotangents that it gives are of.
        OpDef("own_gradient", -1, ("body",), "marker"),
        # Sources: first carries, sequences (time axis first), invariants, as the inputs of `body`,
        # a Region. Gives a bundle: last carries, then sequences out. `reverse`: from the last
        # element to the first; what comes out has the places of what went in.
        OpDef("scan", -1, ("body", "count", "reverse"), "region"),
        OpDef("part", 1, ("index",), "region"),  # of a bundle
    )
}


@dataclass(frozen=True)
class Scalar:
    """A scalar function. `takes`: kinds of element it accepts; `result`: "same", or "bool"."""

    name: str
    arity: int
    takes: str = "f"
    result: str = "same"


SCALARS = {
    row.name: row
    for row in (
        Scalar("neg", 1, "fi"),
        Scalar("abs", 1, "fi"),
        Scalar("floor", 1),
        Scalar("rint", 1),  # half to even
        Scalar("signbit", 1, "f", "bool"),  # true of -0.0
        Scalar("exp", 1),
        Scalar("expm1", 1),
        Scalar("log", 1),
        Scalar("log1p", 1),
        Scalar("sqrt", 1),
        Scalar("rsqrt", 1),
        Scalar("sin", 1),
        Scalar("cos", 1),
        Scalar("atan", 1),
        Scalar("tanh", 1),
        Scalar("sigmoid", 1),
        Scalar("erf", 1),
        Scalar("add", 2, "fiu"),
        Scalar("sub", 2, "fiu"),
        Scalar("mul", 2, "fiu"),
        Scalar("div", 2),
        Scalar("floordiv", 2, "fiu"),  # integers: x // 0 is 0
        Scalar("mod", 2, "fiu"),  # sign of the divisor; integers: x % 0 is 0
        Scalar("pow", 2),
        Scalar("max", 2, "fiu"),  # NaN wins
        Scalar("min", 2, "fiu"),
        Scalar("eq", 2, "fiub", "bool"),
        Scalar("lt", 2, "fiu", "bool"),
        Scalar("le", 2, "fiu", "bool"),
        Scalar("and", 2, "biu"),  # of integers bit by bit, as the next three
        Scalar("or", 2, "biu"),
        Scalar("xor", 2, "iu"),
        Scalar("not", 1, "biu"),
        Scalar("select", 3, "fiub"),  # (bool condition, a, b)
        Scalar("shr", 2, "iu"),  # by 0 to one less than there are bits; of "i" the sign comes in
        Scalar("shl", 2, "iu"),  # the same
    )
}

REDUCTIONS = ("sum", "max", "min", "prod")  # max and min: NaN wins; integer sums wrap
