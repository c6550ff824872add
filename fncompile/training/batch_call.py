"""What is decided once for each kind of batches that a user gives one by one: `batch_call`.

    step, arrays = batch_call(model, "train", x, y, sample_weight, class_weight)
    outputs = step(arrays)

The kind of an argument is its structure, with the dtypes and shapes of its arrays. From the kinds
follow where each array goes, as which dtype, and every size of the step: a call like one before
takes what was found then. Arguments that are not made of NumPy arrays, and arrays that need another
shape, go the whole way each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile import flags
from fncompile.config import floatx
from fncompile.training.class_weight import class_weights_to_sample_weights
from fncompile.training.data import Arrays, Placed, converted, place_data, place_inputs
from fncompile.training.steps import Step

KINDS = 64  # that one model remembers; then it begins anew


@dataclass(frozen=True)
class BatchCall:
    """`step` for arguments of one kind: `sources` has, for each array that it takes, the number of
    that array among the arguments, and its dtype. What is made of class weights comes after."""

    step: Step
    sources: list[tuple[int, np.dtype]]
    switches: Any  # of `flags`, which this was made under

    def arrays(self, given: Arrays, class_weight: Any) -> Arrays:
        arrays = [np.ascontiguousarray(given[i], dtype) for i, dtype in self.sources]
        if class_weight is not None:
            arrays.append(class_weights_to_sample_weights(arrays[-1], class_weight))
        return arrays


def batch_call(
    model: Any,
    verb: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> tuple[Step, Arrays]:
    """What runs one batch, and the flat arrays to call it with; `verb` is "train", "evaluate" or
    "predict". ValueError as `flat_data`.
    """
    data, given = (x, y, sample_weight), []
    kind = _kind(data, given)
    key = (verb, kind, class_weight is None, floatx())
    known = None if kind is None else model.steps().bound.get(key)
    if known is not None and known.switches is flags.overrides():
        return known.step, known.arrays(given, class_weight)
    views: Arrays = []
    data = data if kind is None else _viewed(data, views)
    placed = _placed(model, verb, data, class_weight)
    arrays, steps = converted(placed), model.steps()
    step, sources = steps.shaped(verb, arrays), _sources(placed, views, class_weight is not None)
    if sources is not None:
        _remember(steps.bound, key, BatchCall(step, sources, flags.overrides()))
    return step, arrays


def _remember(bound: dict[tuple, Any], key: tuple, call: BatchCall) -> None:
    if len(bound) == KINDS:
        bound.clear()
    bound[key] = call


def _kind(x: Any, given: Arrays) -> Any:
    """Structure, dtypes and shapes of `x`, whose arrays are added to `given`; None where something
    in it is neither an array nor None."""
    structure = type(x)
    if structure is np.ndarray:
        given.append(x)
        return x.dtype, x.shape
    if x is None:
        return ()
    if structure is not tuple and structure is not list and structure is not dict:
        return None
    kinds: list[Any] = [structure, *x] if structure is dict else [structure]
    for item in x.values() if structure is dict else x:
        kind = _kind(item, given)
        if kind is None:
            return None
        kinds.append(kind)
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
    model: Any, verb: str, data: tuple[Any, Any, Any], class_weight: Any
) -> dict[str, list[Placed]]:
    if verb == "predict":
        return {"x": place_inputs(model, data[0])}
    return place_data(model, *data, class_weight)


def _sources(
    placed: dict[str, list[Placed]], views: Arrays, from_classes: bool
) -> list[tuple[int, np.dtype]] | None:
    """What `BatchCall.sources` is; None where an array is not one of the arguments as it was."""
    weights = placed.get("sample_weight", [])
    if from_classes and not weights:
        return None
    numbers = {id(view): i for i, view in enumerate(views)}
    wanted = [*placed["x"], *placed.get("y", []), *([] if from_classes else weights)]
    found = [(numbers.get(id(value)), dtype) for value, dtype in wanted]
    return None if any(number is None for number, _ in found) else found  # type: ignore[return-value]
