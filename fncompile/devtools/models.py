"""Explaining and profiling whole models."""

from __future__ import annotations

from typing import Any

from fncompile.devtools.explain import explain_plan
from fncompile.devtools.explained import ExplainedModel
from fncompile.devtools.stepwise import StepwiseEntry
from fncompile.flags import override


def explain(model: ExplainedModel, what: Any = None, layer: str | None = None) -> str:
    """See `Model.explain`. ValueError for an unknown topic or layer."""
    topics = [what] if isinstance(what, str) else what
    if layer is not None:
        model.get_layer(layer)
    entries = model.steps().compiled_entries()
    return "\n".join(
        f"== {entry.name} ==\n{explain_plan(entry.plan, topics, layer)}" for entry in entries
    )


def profile(model: ExplainedModel, x: Any, y: Any = None, repeats: int = 20) -> str:
    """See `Model.profile`."""
    run = (lambda: model.predict_on_batch(x)) if y is None else (lambda: model.train_on_batch(x, y))
    with override(profile=True):
        before = _state(model)
        for _ in range(max(repeats, 1)):
            run()
        wanted = "predict" if y is None else "train_step"
        entries = [
            e
            for e in model.steps().compiled_entries()
            if isinstance(e, StepwiseEntry) and e.name == wanted
        ]
    for variable, value in before.items():
        variable.assign(value)
    return entries[-1].table()


def _state(model: ExplainedModel) -> dict[Any, Any]:
    """Copies of all that a step may change. The optimizer's slots are made first, so that they are
    in it."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        optimizer.build(model.trainable_variables)
    variables = [*model.variables, *(optimizer.variables if optimizer is not None else [])]
    return {v: v.numpy() for v in dict.fromkeys(variables)}
