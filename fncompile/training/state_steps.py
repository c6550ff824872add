"""Steps in JAX's manner: `train_step(state, data)` gives `(logs, state)` instead of assigning.

A state is a tuple of lists of values, in the order of the model's variables:

    train_step    trainable, non-trainable, optimizer's and metrics' variables
    test_step     trainable, non-trainable and metrics' variables
    predict_step  trainable and non-trainable variables; gives outputs and the values of the last

Which manner a step is written in its arguments tell: `data` alone, or something called `state`
before it. What it gives is assigned, and it is then a step like any other: one compiled program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from fncompile.graph.stateless import with_values
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, suspended
from fncompile.graph.variable import Variable
from fncompile.training.trained import TrainedModel

_TRAINABLE, _OTHERS, _SLOTS, _METRICS = (
    "trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables",
)  # fmt: skip
_STATE = {
    "train_step": (_TRAINABLE, _OTHERS, _SLOTS, _METRICS),
    "test_step": (_TRAINABLE, _OTHERS, _METRICS),
    "predict_step": (_TRAINABLE, _OTHERS),
}


def takes_state(model: TrainedModel, name: str) -> bool:
    """Is the model's step of this name written in JAX's manner? TypeError for arguments of neither.

    Arguments with defaults do not count; `*args` takes the data.
    """
    given = inspect.signature(getattr(model, name)).parameters.values()
    places = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in places if p.default is p.empty]
    if len(needed) == 2 and "state" in needed[0].lower():
        return True
    if len(needed) > 1 or not (places or any(p.kind is p.VAR_POSITIONAL for p in given)):
        written = ", ".join(["self", *map(str, given)])
        raise TypeError(
            f"A step takes `data`, or in JAX's manner `state` and `data`; {type(model).__name__} "
            f"has `{name}({written})`. Write `def {name}(self, data)` and unpack x and y from "
            f"`data`, or `def {name}(self, state, data)`, which gives results and the new state."
        )
    return False


def run(model: TrainedModel, name: str, data: Any, prepare: Callable[[], Any]) -> Any:
    """What the model's step of this name gives for `data`, inside the active trace, in whichever
    manner it is written. `prepare`, called in a trace of its own, makes all variables that there
    are to be. ValueError for a step that gives no state like the one it was given."""
    step = getattr(model, name)
    if not takes_state(model, name):
        return step(data)
    trace = current_trace()
    assert trace is not None  # a step is traced
    with Trace(training=False).active():
        prepare()
    groups = _groups(model, name)
    state = tuple([Tensor(trace.read(v)) for v in group] for group in groups)
    try:
        found = step(state, data)
    except TypeError as error:
        raise _in_words(model, name, error) from error
    new = _new_state(model, name, found, groups)
    for group, values in zip(groups[-len(new) :], new, strict=True):
        for variable, value in zip(group, values, strict=True):
            trace.write(variable, value)
    return found[0]


def _in_words(model: TrainedModel, name: str, error: TypeError) -> TypeError:
    """What to write in place of JAX's own functions, where it is these that refused a tensor."""
    if "valid JAX type" not in str(error):
        return error
    return TypeError(
        f"`{name}` of {type(model).__name__} gives tensors to JAX: {error} What fncompile compiles "
        "is written in fncompile.ops and differentiated by fncompile.value_and_grad or "
        "fncompile.grad, in place of jax.numpy, jax.value_and_grad and jax.grad."
    )


def _groups(model: TrainedModel, name: str) -> list[list[Variable]]:
    optimizer = getattr(model, "optimizer", None)
    if name == "train_step" and optimizer is not None and not optimizer.built:
        with suspended():
            optimizer.build(model.trainable_variables)
    slots = [] if optimizer is None else optimizer.variables
    return [slots if g == _SLOTS else list(getattr(model, g)) for g in _STATE[name]]


def _new_state(
    model: TrainedModel, name: str, found: Any, groups: Sequence[Sequence[Variable]]
) -> Sequence[Sequence[Any]]:
    """The state that a step gave: of `predict_step` the last group alone."""
    pair = isinstance(found, (tuple, list)) and len(found) == 2
    state: Any = found[1] if pair else None
    if name == "predict_step":
        groups, state = groups[-1:], (state,)
    fits = isinstance(state, (tuple, list)) and len(state) == len(groups)
    if fits and all(_is_of(values, group) for values, group in zip(state, groups)):
        return state
    wanted = ", ".join(f"{len(g)} {n}" for g, n in zip(groups, _STATE[name][-len(groups) :]))
    first = "outputs" if name == "predict_step" else "logs"
    raise ValueError(
        f"`{name}` of {type(model).__name__} takes a state, so it must give the pair ({first}, "
        f"state) with the values of {wanted}, in this order. Received: {_told(found)}"
    )


def _is_of(values: Any, group: Sequence[Variable]) -> bool:
    return isinstance(values, (tuple, list)) and len(values) == len(group)


def _told(found: Any) -> str:
    if not isinstance(found, (tuple, list)):
        return str(found)
    return "(" + ", ".join(_told_entry(entry) for entry in found) + ")"


def _told_entry(entry: Any) -> str:
    if not isinstance(entry, (tuple, list)):
        return str(entry)
    lists = all(isinstance(part, (tuple, list)) for part in entry)
    return f"lists of {[len(part) for part in entry]}" if lists else f"{len(entry)} values"


def of_state(model: TrainedModel, name: str, step: Callable[[Any], Any], *given: Any) -> Any:
    """What `step(data)`, which assigns, gives for `(data,)`, and in JAX's manner for
    `(state, data)`: what it gives, and the new state."""
    if len(given) == 1:
        return step(given[0])
    if len(given) != 2:
        raise TypeError(f"`{name}` takes (data) or (state, data). Received: {len(given)} arguments")
    state, data = given
    groups = _groups(model, name)
    values = [value for part in state for value in part]
    found, after = with_values(step, [v for group in groups for v in group], values, data)
    ends = [sum(map(len, groups[: k + 1])) for k in range(len(groups))]
    new = tuple(after[end - len(group) : end] for end, group in zip(ends, groups))
    return found, new[-1] if name == "predict_step" else new
