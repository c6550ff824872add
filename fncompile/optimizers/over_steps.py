"""What goes over several steps: gradients that are added up, and averages of weights.

Both are Keras' rules, element by element, so that the compiler makes them part of the one sweep of
the optimizer. A step that only adds to the sum computes the update as well, and leaves it.
"""

from __future__ import annotations

from typing import Any

from fncompile import ops

SUM, AVERAGE = "gradient_accumulator", "average"  # the names of their slots
Step = tuple[Any, dict[str, Any]]  # a weight, and what changes of its slots


def add_up(optimizer: Any, gradient: Any, before: Any, overwritten: bool) -> tuple[Any, Any]:
    """The sum of gradients, `before` being the sum so far, and what to follow once it is complete:
    the mean. Of a variable that is overwritten with its gradient both are the largest."""
    if overwritten:
        largest = ops.maximum(gradient, before)
        return largest, largest
    total = gradient + before
    return total, total / optimizer.gradient_accumulation_steps


def is_due(optimizer: Any) -> Any:
    """Whether this step is the last of those that are added up."""
    return (optimizer._iterations + 1) % optimizer.gradient_accumulation_steps == 0


def when_due(optimizer: Any, step: Step, w: Any, slots: dict[str, Any]) -> Step:
    """`step` in the last of the steps that are added up; in the others the weight `w` stays, and so
    do the slots, of which `slots` has the sum."""
    due = is_due(optimizer)
    new, changed = step[0], {**step[1], SUM: ops.zeros_like(slots[SUM])}
    return ops.where(due, new, w), {s: ops.where(due, v, slots[s]) for s, v in changed.items()}


def averaged(optimizer: Any, w: Any, average: Any) -> tuple[Any, Any]:
    """The weight to go on with, and its average; the first average is the weight itself."""
    iterations = optimizer.iterations
    momentum = ops.cast(iterations != 0, w.dtype) * optimizer.ema_momentum
    average = momentum * average + (1 - momentum) * w
    if optimizer.ema_overwrite_frequency:
        w = ops.where((iterations + 1) % optimizer.ema_overwrite_frequency == 0, average, w)
    return w, average
