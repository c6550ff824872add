"""Rows of activations, crossentropies and normalisations."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase
from tests.op_rows.elementwise import erf
from tests.op_rows.shaping import A, row


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def _sparse_plus(x):
    return np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "elu": elu,
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "celu": elu,
    "sigmoid": sigmoid,
    "log_sigmoid": lambda x: -softplus(-x),
    "silu": lambda x: x * sigmoid(x),
    "gelu": gelu_tanh,
    "softplus": softplus,
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": lambda x: x * hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "sparse_plus": _sparse_plus,
}


def _activations() -> list[OpCase]:
    return [
        OpCase(
            f"{name}{list(shape)}",
            getattr(ops, name),
            (Array(shape, domain),),
            reference,
            {},
            (0,),
            (0,) if shape else (),
            1e-11,
        )
        for name, reference in ACTIVATIONS.items()
        for shape, domain in (
            ((17,), "away"),
            ((3, 5), "away"),
            ((9,), "wide"),
            ((), "away"),
            ((0, 3), "away"),
        )
    ]


def _log_p(p):
    return np.log(np.clip(p / p.sum(-1, keepdims=True), 1e-7, 1 - 1e-7))


def _categorical(t, p):
    return -(t * _log_p(p)).sum(-1)


def _categorical_logits(t, x):
    return -(t * np.log(softmax(x))).sum(-1)


def _sparse(t, log_p):
    t = t.reshape(log_p.shape[:-1])
    known = (t >= 0) & (t < log_p.shape[-1])
    picked = np.take_along_axis(log_p, np.where(known, t, 0)[..., None], -1)[..., 0]
    return np.where(known, -picked, np.nan)


def _binary(t, p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def _binary_logits(t, x):
    return t * softplus(-x) + (1 - t) * softplus(x)


def _normalized(x, scale, offset):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-3) * scale + offset


# Options that are tensors, such as weights of a layer: differentiated like any other operand.
AWAY, OPTION = Array((9, 7), "away"), Array((7,), "positive")
TENSOR_OPTIONS = [
    row("leaky_relu", (AWAY, OPTION), lambda x, a: np.where(x < 0, a * x, x), "tensor", batch=(0,)),
    row("elu", (AWAY, OPTION), elu, "tensor", batch=(0,)),
    row(
        "celu",
        (AWAY, OPTION),
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)),
        "tensor",
        batch=(0,),
    ),
    row(
        "soft_shrink",
        (AWAY, OPTION),
        lambda x, t: np.sign(x) * np.maximum(np.abs(x) - t, 0),
        "tensor",
        batch=(0,),
    ),
    row("squareplus", (AWAY, OPTION), lambda x, b: (x + np.sqrt(x**2 + b)) / 2, "tensor"),
]


P, T, LOGITS = Array((9, 7), "rows"), Array((9, 7), "rows"), Array((9, 7), "wide")
LABELS = Array((9,), "below:7", "int32")
LOSSES = [
    row("categorical_crossentropy", (T, P), _categorical, batch=(0, 1)),
    row(
        "categorical_crossentropy",
        (T, LOGITS),
        _categorical_logits,
        "logits",
        batch=(0, 1),
        from_logits=True,
    ),
    row(
        "sparse_categorical_crossentropy",
        (LABELS, P),
        lambda t, p: _sparse(t, _log_p(p)),
        batch=(0, 1),
    ),
    row(
        "sparse_categorical_crossentropy",
        (LABELS, LOGITS),
        lambda t, x: _sparse(t, np.log(softmax(x))),
        "logits",
        batch=(0, 1),
        from_logits=True,
    ),
    row(
        "sparse_categorical_crossentropy",
        (Array((9, 1), "below:7", "int64"), P),
        lambda t, p: _sparse(t, _log_p(p)),
        "column",
        batch=(0, 1),
    ),
    row(
        "sparse_categorical_crossentropy",
        (Array((2, 3), "below:4", "int32"), Array((2, 3, 4), "rows")),
        lambda t, p: _sparse(t, _log_p(p)),
        "sequence",
    ),
    row(
        "binary_crossentropy", (Array((9, 3), "bits"), Array((9, 3), "unit")), _binary, batch=(0, 1)
    ),
    row(
        "binary_crossentropy",
        (Array((9, 3), "unit"), Array((9, 3), "wide")),
        _binary_logits,
        "logits",
        batch=(0, 1),
        from_logits=True,
    ),
]
NORMS = [
    row("softmax", (A(9, 7),), softmax, batch=(0,)),
    row("softmax", (Array((3, 17), "wide"), 0), softmax, "columns"),
    row(
        "softmax",
        (A(3, 4, 5), (1, 2)),
        lambda x, a: np.exp(x) / np.exp(x).sum(a, keepdims=True),
        "two axes",
        batch=(0,),
    ),
    row("softmax", (A(3, 1),), softmax, "one class"),
    row("softmax", (A(0, 4),), softmax, "no rows"),
    row("log_softmax", (Array((9, 7), "wide"),), lambda x: np.log(softmax(x)), batch=(0,)),
    row("log_softmax", (A(4, 3), 0), lambda x, a: np.log(softmax(x, a)), "columns"),
    row("glu", (A(3, 8),), lambda x: x[:, :4] * sigmoid(x[:, 4:]), batch=(0,)),
    row("glu", (A(4, 3), 0), lambda x, a: x[:2] * sigmoid(x[2:]), "rows"),
    row(
        "gelu", (A(17),), lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))), "exact", approximate=False
    ),
    row(
        "celu",
        (Array((17,), "away"), 2.0),
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)),
        "alpha",
    ),
    row("elu", (Array((17,), "away"), 2.0), elu, "alpha"),
    *TENSOR_OPTIONS,
    row("threshold", (Array((17,), "away"), 1.0, -3.0), lambda x, t, v: np.where(x > t, x, v)),
    row("moments", (A(9, 7), 0), lambda x, a: (x.mean(a), x.var(a)), batch=(0,)),
    row(
        "moments",
        (A(4, 5, 3), (0, 2)),
        lambda x, a: (x.mean(a, keepdims=True), x.var(a, keepdims=True)),
        "keepdims",
        keepdims=True,
    ),
    row(
        "normalize", (A(9, 7),), lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), batch=(0,)
    ),
    row(
        "normalize",
        (A(4, 5), 0, 3),
        lambda x, a, p: x / np.linalg.norm(x, p, a, keepdims=True),
        "order 3",
    ),
    row(
        "batch_normalization",
        (A(9, 7), A(7), Array((7,), "positive"), -1, A(7), A(7)),
        lambda x, m, v, a, b, g: (x - m) / np.sqrt(v + 1e-3) * g + b,
        batch=(0,),
    ),
    row("layer_normalization", (A(9, 7), A(7), A(7)), _normalized, batch=(0,), epsilon=1e-3),
    row(
        "rms_normalization",
        (A(9, 7), A(7)),
        lambda x, s: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7) * s,
        batch=(0,),
    ),
]
CASES = [*_activations(), *LOSSES, *NORMS]
