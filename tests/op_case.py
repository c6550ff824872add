"""One row of the table of ops: a call of an op, its arrays, and what NumPy says it gives.

case.arrays("float64")   its array arguments, in order, the same at each call
case.call(arrays)        the op on them (arrays, traced tensors or symbolic ones)
case.expected(arrays)    the reference, from the same arrays
program_of(cases)        all of them in one Program, with gradients if asked, to be compiled at once
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fncompile import autodiff
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType, is_float


@dataclass(frozen=True)
class Array:
    """An array argument. `domain` is a key of DOMAINS, with ":" and a number where it takes one."""

    shape: tuple[int, ...]
    domain: str = "normal"
    dtype: str = "float"

    def make(self, rng: np.random.Generator, floatx: str) -> np.ndarray:
        kind, _, bound = self.domain.partition(":")
        numbers = DOMAINS[kind](rng, self.shape, *([int(bound)] if bound else []))
        return np.asarray(numbers).astype(floatx if self.dtype == "float" else self.dtype)


def _distinct(rng, shape):
    """No two closer than 0.2, so that a maximum has one place and a derivative."""
    n = int(np.prod(shape))
    return (rng.permutation(n) - n / 2 + 0.3 * rng.random(n)).reshape(shape) / 2


def _away(rng, shape):
    """No closer than 0.1 to a whole or half number, where functions have kinks and jumps."""
    return rng.integers(-8, 8, shape) / 2 + rng.uniform(0.1, 0.4, shape)


def _rows(rng, shape):
    """Probabilities along the last axis."""
    e = np.exp(rng.standard_normal(shape))
    return e / e.sum(-1, keepdims=True)


def _special(rng, shape):
    pool = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 0.5, -2.5, 1e-30, 1e30]
    return np.resize(pool, shape)


DOMAINS: dict[str, Callable[..., Any]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "positive": lambda rng, shape: rng.uniform(0.2, 3.0, shape),
    "unit": lambda rng, shape: rng.uniform(0.05, 0.95, shape),
    "wide": lambda rng, shape: rng.uniform(-40.0, 40.0, shape),
    "distinct": _distinct,
    "away": _away,
    "rows": _rows,
    "special": _special,
    "int": lambda rng, shape: rng.integers(-6, 7, shape),
    "bits": lambda rng, shape: rng.integers(0, 2, shape),
    "below": lambda rng, shape, n: rng.integers(0, n, shape),  # indices
    "index": lambda rng, shape, n: rng.integers(-n, n, shape),  # also from the end
    "beyond": lambda rng, shape, n: rng.integers(-n - 2, n + 3, shape),  # also out of range
}


@dataclass(frozen=True)
class OpCase:
    """`args` may nest `Array`s in lists. `differentiable` counts the Arrays in flattened order, as
    does `batch`: those whose axis 0 may have an unknown extent, the same for all of them."""

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    reference: Callable[..., Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    differentiable: tuple[int, ...] = ()
    batch: tuple[int, ...] = ()
    rtol: float = 1e-12
    keras: bool = True  # the same call of keras.ops gives the same

    @property
    def specs(self) -> list[Array]:
        return [a for a in flatten(self.args) if isinstance(a, Array)]

    def arrays(self, floatx: str = "float64") -> list[np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return [spec.make(rng, floatx) for spec in self.specs]

    def _with(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        given = iter(arrays)
        return map_structure(lambda a: next(given) if isinstance(a, Array) else a, self.args)

    def call(self, arrays: Sequence[Any]) -> Any:
        return self.fn(*self._with(arrays), **self.kwargs)

    def expected(self, arrays: Sequence[np.ndarray]) -> Any:
        with np.errstate(all="ignore"):
            return self.reference(*self._with(arrays))

    def types(self, floatx: str = "float64", batch: str | None = None) -> list[TensorType]:
        """Types of the arrays; `batch` names the unknown extent, if there shall be one."""
        found = [TensorType(floatx if s.dtype == "float" else s.dtype, s.shape) for s in self.specs]
        if batch is None:
            return found
        return [TensorType(t.dtype, (symbol(batch), *t.shape[1:])) if i in self.batch else t
                for i, t in enumerate(found)]  # fmt: skip


def program_of(
    cases: Sequence[OpCase],
    floatx: str = "float64",
    symbolic: bool = False,
    gradients: bool = False,
) -> Program:
    """One Program with the inputs `c<i>_<j>` (case i, array j) and the outputs `c<i>_<k>`.

    With `symbolic` the batch of case i has the unknown extent `batch_<i>`; with `gradients` there
    are outputs `c<i>_y`, a scalar, and `c<i>_g<j>`, its gradients. `config.floatx()` must agree.
    """
    inputs: list[Node] = []
    outputs: dict[str, Node] = {}
    with Trace().active():
        for i, case in enumerate(cases):
            types = case.types(floatx, f"batch_{i}" if symbolic and case.batch else None)
            given = [placeholder(f"c{i}_{j}", t) for j, t in enumerate(types)]
            results = [r.node for r in flatten(case.call(given)) if hasattr(r, "node")]
            inputs += [g.node for g in given]
            outputs.update({f"c{i}_{k}": r for k, r in enumerate(results)})
            if gradients and case.differentiable:
                wrt = {f"g{j}": given[j].node for j in case.differentiable}
                outputs.update({f"c{i}_{k}": n for k, n in _differentiated(results, wrt).items()})
    return Program(tuple(inputs), (), outputs)


def _differentiated(results: Sequence[Node], wrt: dict[str, Node]) -> dict[str, Node]:
    """As "y" all floating-point results summed in different weights, and its gradients."""
    floating = [x for x in results if is_float(x.dtype)]
    sums = [build.reduce(build.ew("mul", x, _weights(x)), "sum", range(x.ndim)) for x in floating]
    y = functools.reduce(lambda a, b: build.ew("add", a, b), sums)
    return {"y": y, **dict(zip(wrt, autodiff.gradients(y, list(wrt.values()))))}


def _weights(x: Node) -> Node:
    """The product over the axes of 1 + (0.3 + axis / 9) index: another number for each element."""
    out = build.full(x.shape, 1, x.dtype)
    for axis in range(x.ndim):
        index = build.cast(build.iota(x.shape, axis), x.dtype)
        slope = build.ew("mul", index, build.like(x, 0.3 + axis / 9))
        out = build.ew("mul", out, build.ew("add", slope, build.like(x, 1)))
    return out
