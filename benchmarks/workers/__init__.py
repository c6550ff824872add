"""One module a framework, each with a class `Worker`; `serve.py` runs one of them in a process.

A worker is made with the number of cores. It has

* `versions()`: the versions it runs, by name;
* `ways(case)`: the names of the ways in which it can run a case; none if it cannot;
* `build(case, way) -> Run`: the case, ready to be called;
* `end_to_end(x, y, epochs, batch)` (some): trains mlp784 on arrays; gives a function for the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PEERS = ("torch", "jax", "onnxruntime", "openvino", "keras")
CHECK_RATE = 1e-4  # of the steps that are compared
CHECK_STEPS = 4
# Of the steps that are timed: so small that the gradient stays what it was, however many they are.
# Units that die or losses that vanish would fill Adam's moments with denormal numbers.
TIMED_RATE = 1e-7
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7


@dataclass
class Run:
    """`call()` is timed. It gives outputs, or for a step the loss, as anything NumPy can read.

    `wait(result)` gives the result when it is there (asynchronous frameworks); `rate` sets the
    learning rate. Where calls do not give the losses of single steps, `losses()` gives those of the
    first. Where a call is not Python's but C's, `seconds(most)` times instead of the caller.
    """

    call: Callable[[], Any]
    wait: Callable[[Any], Any] = lambda result: result
    rate: Callable[[float], Any] = lambda value: None
    steps: int = 1  # that one call makes
    losses: Callable[[], Sequence[float]] | None = None
    seconds: Callable[[float], float] | None = None
