"""Gradients in a user's own code: `GradientTape`, and functions of functions.

    with fncompile.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply(gradients, model.trainable_variables)

Inside `train_step` this is traced, differentiated by the compiler and becomes part of the compiled
step; in a loop written by hand it runs at once, by the interpreter. Gradients of gradients work in
both. What was computed before a tape's block, or outside of the function, is a constant to it, a
variable that was assigned before among it. Tensors that are computed by the same ops from the same
tensors are one: a gradient with respect to one of them is with respect to all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np

from fncompile.autodiff.reverse import pullback
from fncompile.graph.eager import run_eagerly
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.recorded import Recording
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, to_node
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.node import Node, noting
from fncompile.ir.types import is_float

_UNCONNECTED = ("none", "zero")


class GradientTape:
    """What happens inside `with GradientTape() as tape:` can be differentiated by `tape.gradient`.

    Trainable variables that are read are watched, unless `watch_accessed_variables` is False; other
    variables and tensors are by `watch`. Tapes may be nested: what an inner one gives inside an
    outer one can be differentiated again. `persistent`: whether `gradient` may be called more than
    once.

    >>> w = fncompile.Variable([1.0, 2.0])
    >>> with fncompile.GradientTape() as tape:
    ...     loss = ops.sum(w * w)
    >>> tape.gradient(loss, w)
    array([2., 4.], dtype=float32)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent = persistent
        self._watches = watch_accessed_variables
        self._watched: set[int] = set()
        self._kept: list[Any] = []  # what is watched, so that ids hold
        self._values: dict[Variable, Node] | None = None
        self._trace: Trace | None = None
        self._context = ExitStack()
        self._made: set[Node] = set()  # what is computed inside the block
        self._used = False

    def __enter__(self) -> GradientTape:
        self._trace, self._values, self._owns = current_trace(), None, False
        if self._trace is None:
            self._trace, self._owns = Recording(), True
            self._context.enter_context(self._trace.active())
        self._context.enter_context(noting(self._made))
        return self

    def __exit__(self, *error: Any) -> None:
        assert self._trace is not None
        self._values = dict(self._trace.values)
        self._context.close()
        if self._owns and error[0] is None:
            self._trace.finish()  # type: ignore[attr-defined]

    def watch(self, tensor: Any) -> None:
        """Differentiate with respect to `tensor` too: a tensor, array or variable, or a structure
        of them. RuntimeError outside of the `with` block."""
        trace = self._inside("watch")
        for x in flatten(tensor):
            if isinstance(x, np.ndarray) and isinstance(trace, Recording):
                trace.watch(x)
            self._watched.add(id(x))
            self._kept.append(x)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that are watched, in the order in which they were first read."""
        trace = self._trace
        return () if trace is None else tuple(v for v in trace.params if self._is_watched(v))

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """d(target)/d(source) for each source, in the structure of `sources`.

        Several targets, or a target with axes, count as the sum of their elements, each times its
        `output_gradients` where these are given. A source that is not watched or that the target
        does not depend on gives None, or zeros where `unconnected_gradients` is "zero". Arrays,
        where the tape ran on arrays and its block has ended, else tensors.

        ValueError for targets that are no floating-point numbers and for other names;
        RuntimeError for a second call on a tape that is not persistent.
        """
        if unconnected_gradients not in _UNCONNECTED:
            raise ValueError(
                f"`unconnected_gradients` must be one of {_UNCONNECTED}. "
                f"Received: unconnected_gradients={unconnected_gradients!r}"
            )
        self._use()
        trace, found = self._trace, flatten(sources)
        ended = isinstance(trace, Recording) and trace is not current_trace()
        with trace.active() if ended else nullcontext():  # type: ignore[union-attr]
            with noting(self._made):
                total = _total(target, output_gradients)
            results: list[Any] = self._of(total, found, unconnected_gradients == "zero")
        if ended:
            results = [None if g is None else g.numpy() for g in results]
        return pack_like(sources, results)

    def _of(self, total: Node, sources: Sequence[Any], zeros: bool) -> list[Tensor | None]:
        nodes = [self._node(x) for x in sources]
        known = [n for n in nodes if n is not None]
        seed = build.const(1, total.dtype)
        by_node = dict(zip(known, pullback([total], [seed], known, self._made)))
        found = [None if n is None else by_node[n] for n in nodes]
        return [_filled(x, g, zeros) for x, g in zip(sources, found)]

    def _node(self, x: Any) -> Node | None:
        """What stands for a source in what was recorded; None where it is not watched."""
        if not self._is_watched(x):
            return None
        if isinstance(x, Variable):
            values = self._trace.values if self._values is None else self._values  # type: ignore[union-attr]
            return values.get(x)
        return to_node(x)

    def _is_watched(self, x: Any) -> bool:
        by_itself = isinstance(x, Variable) and x.trainable and self._watches
        return by_itself or id(x) in self._watched

    def _use(self) -> None:
        if self._trace is None:
            raise RuntimeError("`gradient` is for what ran in the tape's `with` block.")
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients. "
                "Make it with `GradientTape(persistent=True)`."
            )
        self._used = True

    def _inside(self, method: str) -> Trace:
        if self._trace is None or self._values is not None:
            raise RuntimeError(f"`{method}` is for use inside the tape's `with` block.")
        return self._trace


def _filled(source: Any, gradient: Node | None, zeros: bool) -> Tensor | None:
    if gradient is None and zeros:
        like = to_node(source)
        gradient = build.full(like.shape, 0, like.dtype)
    return None if gradient is None else Tensor(gradient)


def _total(target: Any, seeds: Any) -> Node:
    """The scalar whose gradient is asked for."""
    targets = flatten(target)
    given = [None] * len(targets) if seeds is None else flatten(seeds)
    if not targets or len(given) != len(targets):
        raise ValueError(
            "`output_gradients` must have one entry for each target. "
            f"Received: {len(targets)} targets and {len(given)} output gradients"
        )
    parts = []
    for x, seed in zip(targets, given):
        node = to_node(x)
        if not is_float(node.dtype):
            raise ValueError(f"Only floating-point numbers have gradients. Received: {node.type}")
        if seed is not None:
            node = build.ew("mul", node, build.cast(to_node(seed), node.dtype))
        parts.append(build.reduce(node, "sum", range(node.ndim)))
    total = parts[0]
    for part in parts[1:]:
        total = build.ew("add", total, build.cast(part, total.dtype))
    return total


def value_and_grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives `(fn(...), gradient)`, the gradient with respect to the arguments at
    `argnums`: numbers, arrays, variables, or structures of these.

    `fn`, written in ops, gives a scalar, or with `has_aux` a pair of a scalar and anything else,
    which comes back unchanged. ValueError where it gives no floating-point scalar.

    >>> fncompile.value_and_grad(lambda x: ops.sum(x**2))(np.array([1.0, 3.0]))
    (array(10., dtype=float32), array([2., 6.], dtype=float32))
    """

    def traced(*args: Any, **kwargs: Any) -> Any:
        places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        args = tuple(
            map_structure(_as_source, x) if i in places else x for i, x in enumerate(args)
        )
        chosen = [args[i] for i in places]
        made: set[Node] = set()
        with noting(made):
            out = fn(*args, **kwargs)
            value = to_node(out[0] if has_aux else out)
        if value.shape != () or not is_float(value.dtype):
            raise ValueError(
                "The function to differentiate must give a floating-point scalar. "
                f"Received: {value.type}"
            )
        sources = [to_node(x) for x in flatten(chosen)]
        found = pullback([value], [build.const(1, value.dtype)], sources, made)
        packed = pack_like(chosen, [_filled(x, g, True) for x, g in zip(sources, found)])
        return out, packed[0] if isinstance(argnums, int) else tuple(packed)

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if current_trace() is not None:
            return traced(*args, **kwargs)
        return run_eagerly(traced, map_structure(_as_array, args), kwargs)

    return wrapper


def grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `fn`, with respect to the arguments at `argnums`.

    With `has_aux`, a pair of it and what `fn` gave besides its scalar. Errors are those of
    `value_and_grad`.

    >>> fncompile.grad(lambda x: x**3)(2.0)
    array(12., dtype=float32)
    """
    both = value_and_grad(fn, argnums, has_aux)

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def _as_array(x: Any) -> Any:
    """Python's floats as arrays, so that each is a leaf of its own."""
    return np.asarray(x) if isinstance(x, (float, np.floating)) else x


def _as_source(x: Any) -> Any:
    return x if isinstance(x, (Tensor, Variable)) else Tensor(to_node(x))
