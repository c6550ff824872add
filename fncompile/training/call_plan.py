"""From the arguments of a call to its plan and the flat arrays for it: `call_plan`.

    plan, arrays = call_plan(model, "train", x, y, sample_weight, class_weight)
    outputs = plan.batch(arrays)

The kind of an argument is its structure, with the dtypes and shapes of its arrays. From the kinds
follow where each array goes, as which dtype, and every size of the step: a call like one before
takes the plan that was made then. Arguments that are not made of NumPy arrays, and arrays that need
another shape, go the whole way each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.training.class_weight import class_weights_to_sample_weights
from fncompile.training.compile import check_compiled, check_has_optimizer
from fncompile.training.data import Arrays, Placed, converted, place_data, place_inputs
from fncompile.training.own_step import parts_of
from fncompile.training.steps import CallPlan
from fncompile.training.trained import TrainedModel

KINDS = 64  # that one model remembers; then it begins anew


def call_plan(
    model: TrainedModel,
    verb: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> tuple[CallPlan, Arrays]:
    """How a call is done, and the flat arrays to do it with; `verb` is "train", "evaluate" or
    "predict". ValueError as `flat_data`.
    """
    given: Arrays = []
    kind = _kind((x, y, sample_weight), given)
    key = (verb, kind, class_weight is None)
    known = model._steps
    plan = None if kind is None or known is None else known.plans.get(key)
    if plan is None or not plan.holds(model):
        data = (x, y, sample_weight)
        return _new_plan(model, verb, data, class_weight, None if kind is None else key)
    arrays = [np.ascontiguousarray(given[i], dtype) for i, dtype in plan.sources]
    if class_weight is not None:
        arrays.append(class_weights_to_sample_weights(arrays[-1], class_weight))
    return plan, arrays


def plan_again(model: TrainedModel, plan: CallPlan, arrays: Arrays) -> CallPlan:
    """`plan`, or one for the same kind of call where it holds no more."""
    return plan if plan.holds(model) else model.steps().plan(plan.verb, arrays, parts=plan.parts)


def _new_plan(
    model: TrainedModel, verb: str, data: tuple, class_weight: Any, key: tuple | None
) -> tuple[CallPlan, Arrays]:
    """The plan, remembered as `key` where each array is one of the arguments as it is."""
    if verb != "predict":
        check_compiled(model)
    if verb == "train":
        check_has_optimizer(model)
    views: Arrays = []
    placed = _placed(model, verb, data if key is None else _viewed(data, views), class_weight)
    arrays, steps = converted(placed), model.steps()
    sources = _sources(placed, views, class_weight is not None)
    done = "predict_step" if verb == "predict" and model._own_predictions else verb
    plan = steps.plan(done, arrays, sources, parts_of(model))
    if sources is not None:
        if len(steps.plans) == KINDS:
            steps.plans.clear()
        steps.plans[key] = plan
    return plan, arrays


def _kind(x: Any, given: Arrays) -> Any:
    """Structure, dtypes and shapes of `x`, a tuple, list or dict, whose arrays are added to
    `given`; None where something in it is neither of these nor an array nor None."""
    structure = type(x)
    kinds: list[Any] = [structure, *x] if structure is dict else [structure]
    for item in x.values() if structure is dict else x:
        inside = type(item)
        if inside is np.ndarray:
            given.append(item)
            kinds += item.dtype, item.shape
        elif item is None:
            kinds.append(None)
        elif inside is tuple or inside is list or inside is dict:
            kind = _kind(item, given)
            if kind is None:
                return None
            kinds.append(kind)
        else:
            return None
    return tuple(kinds)


def _viewed(x: Any, views: Arrays) -> Any:
    """`x` with a view in place of each array, in the order of `_kind`. One array may be given
    twice; its views are two."""
    if x is None:
        return None
    if type(x) is dict:
        return {key: _viewed(item, views) for key, item in x.items()}
    if type(x) is not np.ndarray:
        return type(x)([_viewed(item, views) for item in x])
    views.append(x.view())
    return views[-1]


def _placed(
    model: TrainedModel, verb: str, data: tuple[Any, Any, Any], class_weight: Any
) -> dict[str, list[Placed]]:
    if verb == "predict":
        return {"x": place_inputs(model, data[0])}
    return place_data(model, *data, class_weight, verb)


def _sources(
    placed: dict[str, list[Placed]], views: Arrays, from_classes: bool
) -> list[tuple[int, np.dtype]] | None:
    """For each array of a plan the number of that array among the arguments, and its dtype; what is
    made of class weights comes after. None where an array is not one of the arguments as it is."""
    weights = placed.get("sample_weight", [])
    if from_classes and not weights:
        return None
    numbers = {id(view): i for i, view in enumerate(views)}
    wanted = [*placed["x"], *placed.get("y", []), *([] if from_classes else weights)]
    found = [(numbers.get(id(value)), dtype) for value, dtype in wanted]
    return None if any(number is None for number, _ in found) else found  # type: ignore[return-value]
