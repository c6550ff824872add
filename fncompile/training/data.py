"""From what users pass as data to the flat arrays that compiled steps take.

`flat_data` ensures: arrays in the order inputs, targets, sample weights, all C-contiguous, in the
dtypes of the program and with the same number of rows. ValueError, in Keras' words, for anything
else.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from fncompile.caller import warn_caller
from fncompile.config import floatx
from fncompile.graph.nest import dicts_given_as_lists, flatten, has_ambiguous_list
from fncompile.graph.texts import strings
from fncompile.graph.trace import default_dtype
from fncompile.ir.types import DTYPES
from fncompile.training import own_step
from fncompile.training.absent import absent, is_optional
from fncompile.training.class_weight import class_weights_to_sample_weights
from fncompile.training.compile import build_for, objective_of
from fncompile.training.own_step import has_own_steps
from fncompile.training.places import Places
from fncompile.training.trained import TrainedGraph, TrainedModel

Arrays = list[np.ndarray]
Placed = tuple[np.ndarray, np.dtype]  # an array, and what steps take it as


def flat_data(
    model: TrainedModel, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None
) -> Arrays:
    """Inputs, the targets that `model`'s objective needs, and weights for them if there are any."""
    return converted(place_data(model, x, y, sample_weight, class_weight))


def place_data(
    model: TrainedModel,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    verb: str = "train",
) -> dict[str, list[Placed]]:
    """The groups of `flat_data` before anything is converted or compared: where no array needs
    another shape, these are the user's own."""
    if has_own_steps(model):
        return _place_own(model, x, y, sample_weight, class_weight, verb)
    inputs = place_inputs(model, x)
    objective = objective_of(model)
    places = len(objective.outputs)
    y = as_arrays(y, "y", places)
    targets = _targets(objective, y)
    values = [value for value, _ in targets]
    if class_weight is not None:
        sample_weight = _from_classes(objective, values, sample_weight, class_weight)
    weights = _weights(objective, as_arrays(sample_weight, "sample_weight", places), values)
    return {"x": inputs, "y": targets, "sample_weight": weights}


def _place_own(
    model: TrainedModel, x: Any, y: Any, sample_weight: Any, class_weight: Any, verb: str
) -> dict[str, list[Placed]]:
    """The data of a step that the user wrote, in the user's own structure."""
    x, y, sample_weight = (
        as_arrays(value, name) for value, name in ((x, "x"), (y, "y"), (sample_weight, "w"))
    )
    if class_weight is not None:
        if not isinstance(y, np.ndarray):
            raise ValueError("`class_weight` is only for one array of targets.")
        sample_weight = class_weights_to_sample_weights(y, class_weight)
    return own_step.place(model, verb, x, y, sample_weight)


def converted(placed: Mapping[str, list[Placed]]) -> Arrays:
    """Groups of arrays as compiled steps take them, in one list; an array that is so already is
    itself. ValueError where their rows are not as many."""
    groups = {
        name: [np.ascontiguousarray(*entry) for entry in group] for name, group in placed.items()
    }
    check_cardinality(groups)
    return [array for group in groups.values() for array in group]


def as_arrays(x: Any, name: str, places: int = 1) -> Any:
    """The structure `x` with arrays as leaves; nested lists of numbers become arrays.

    Where there are several `places` for them, a list of lists is one list for each.
    """
    if isinstance(x, Mapping):
        return {key: as_arrays(value, name) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and (_holds_arrays(x) or (places > 1 and _is_nested(x))):
        return [as_arrays(item, name) for item in x]
    return None if x is None else _numeric(x, name)


def _holds_arrays(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(item is None or _holds_arrays(item) for item in x)
    return isinstance(x, Mapping) or (hasattr(x, "__array__") and np.ndim(x) > 0)


def _is_nested(x: Any) -> bool:
    return any(isinstance(item, (list, tuple)) for item in x)


def _numeric(x: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(x)
    except ValueError:  # rows of different lengths
        array = None
    kinds = "biufUSOT" if name == "x" else "biuf"  # where inputs hold text is seen by each
    if array is None or array.dtype.kind not in kinds:
        raise _unrecognized(x, name)
    return array


def _unrecognized(x: Any, name: str) -> ValueError:
    return ValueError(
        f"Unrecognized data type: {name}={reprlib.repr(x)} (of type {type(x)}). Expected "
        "arrays of numbers, or lists or dicts of them."
    )


# inputs -------------------------------------------------------------------------------------------


def flat_inputs(model: TrainedModel, x: Any) -> Arrays:
    """The model's flat inputs, each in its Input's dtype and rank, checked against its shape."""
    return [np.ascontiguousarray(*entry) for entry in place_inputs(model, x)]


def place_inputs(model: TrainedModel, x: Any) -> list[Placed]:
    """`flat_inputs` before anything is converted to another dtype."""
    x = as_arrays(x, "x", len(getattr(model, "inputs", None) or [0]) if model.built else 1)
    build_for(model, x)
    if not getattr(model, "inputs", None):
        return [(a, _default(a)) for a in model.flatten_inputs(x)]
    graph = cast(TrainedGraph, model)
    values = _by_place(graph, graph.input_places, x)
    placed = [_fitted(graph, values, k) for k in range(len(values))]
    if graph.host_part is None:
        return placed
    arrays = graph.host_part.convert(graph.inputs, [array for array, _ in placed])
    return [(a, DTYPES[t.dtype].border) for a, t in zip(arrays, graph.compiled_inputs)]


def _default(array: np.ndarray) -> np.dtype:
    return DTYPES[default_dtype(array)].border


def _by_place(model: TrainedGraph, places: Places, x: Any) -> list[Any]:
    if isinstance(x, Mapping) and not places.is_nested:
        return _by_name(places, x, model.inputs)
    received = len(flatten(x))
    if received != len(places):
        raise ValueError(
            f'Layer "{model.name}" expects {len(places)} input(s) with names {places.names}, but '
            f"it received {received} input tensors. Pass inputs as a dict, e.g. "
            f"`{{{', '.join(f'{n!r}: ...' for n in places.names)}}}`."
        )
    if has_ambiguous_list(x, places.structure):
        raise _structure_error(places, x)
    if any(dicts_given_as_lists(x, places.structure)):
        warn_caller(str(_structure_error(places, x)))
    return flatten(x) if len(places) == 1 else places.match(x, lambda: _structure_error(places, x))


def _by_name(places: Places, x: Mapping, tensors: list[Any]) -> list[Any]:
    names = places.names if places.names[0] in x else places.tensor_names
    for name, tensor in zip(names, tensors, strict=True):
        if name not in x and not is_optional(tensor):
            raise ValueError(
                f'Missing data for input "{name}". You passed a data dictionary with keys '
                f"{list(x)}. Expected the following keys: {names}"
            )
    if places.by_key and len(x) > len(names):
        warn_caller(str(_structure_error(places, x)))
    return [x.get(name) for name in names]


def _structure_error(places: Places, x: Any) -> ValueError:
    return ValueError(
        "The structure of `inputs` doesn't match the expected structure.\n"
        f"Expected: {places.describe()}\nReceived: {[np.shape(a) for a in flatten(x)]}"
    )


def _fitted(model: TrainedGraph, values: list[Any], k: int) -> Placed:
    """Input k in its rank; for an optional one that is left out, what stands for it."""
    x, tensor = values[k], model.inputs[k]
    if x is None:
        return _left_out(model, values, k)
    if tensor.dtype != "string" and x.dtype.kind not in "biuf":
        raise _unrecognized(x, "x")
    expected, shape = tensor.shape, np.shape(x)
    if len(shape) == len(expected) + 1 and shape[-1] == 1:
        x = x[..., 0]
    elif len(shape) == len(expected) - 1 and expected[-1] == 1:
        x = x[..., None]
    fits = all(e is None or e == d for e, d in zip(expected[1:], x.shape[1:], strict=False))
    if len(x.shape) != len(expected) or not fits:
        raise ValueError(
            f"Input {k} with name '{model.input_names[k]}' of layer '{model.name}' is incompatible "
            f"with the layer: expected shape={(None, *expected[1:])}, found shape={shape}"
        )
    if tensor.dtype == "string":
        return strings(x), np.dtype(object)
    return x, DTYPES[tensor.dtype].border


def _left_out(model: TrainedGraph, values: list[Any], k: int) -> Placed:
    if not is_optional(model.inputs[k]):
        raise ValueError(
            f"The input '{model.input_names[k]}' is not optional, but None was passed. Please "
            "provide a valid tensor."
        )
    stand_in = absent(model.inputs[k], next((len(v) for v in values if np.ndim(v)), 0))
    return stand_in, stand_in.dtype


# targets and weights ------------------------------------------------------------------------------


def _targets(objective: Any, y: Any) -> list[Placed]:
    """The targets of the outputs that have a loss or a metric."""
    places, needed = objective.outputs, objective.targets
    if not needed:
        return []
    values = _per_output(places, y, "y", needed)
    for k in needed:
        if values[k] is None:
            raise ValueError(
                f"Target data is missing for output '{places.names[k]}', which was compiled with a "
                f"loss or a metric and therefore expects target data. Received: y={_shapes(y)}"
            )
    return [(values[k], _default(values[k])) for k in needed]


def _per_output(places: Places, value: Any, what: str, needed: list[int]) -> list[Any]:
    """An entry for each output, or None; where outputs beside those `needed` are, a value may have
    entries for the needed ones alone."""
    if len(places) == 1 and isinstance(value, list) and len(value) == 1:
        return value
    if len(needed) < len(places) and value is not None:
        entries = value if isinstance(value, list) else [value]
        if len(entries) == len(needed) and all(isinstance(e, np.ndarray) for e in entries):
            by_position = dict(zip(needed, entries, strict=True))
            return [by_position.get(k) for k in range(len(places))]

    def misfit() -> ValueError:
        return ValueError(
            f"`{what}` and the model's outputs have different structures. Expected data for the "
            f"outputs {places.names}, as {places.describe()}. Received: {what}={_shapes(value)}"
        )

    if len(places) == 1 and isinstance(value, list):
        raise misfit()
    return [None] * len(places) if value is None else places.match(value, misfit)


def _shapes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shapes(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_shapes(entry) for entry in value]
    return None if value is None else f"array of shape {np.shape(value)}"


def _weights(objective: Any, sample_weight: Any, targets: Arrays) -> list[Placed]:
    """One array per target: the user's, one array for all, or ones where an output has none."""
    if sample_weight is None or not targets:
        return []
    if isinstance(sample_weight, np.ndarray):
        values = [sample_weight] * len(objective.outputs)
    else:
        _check_one_weight(objective)
        values = _per_output(objective.outputs, sample_weight, "sample_weight", objective.targets)
    given = [values[k] for k in objective.targets]
    found = [np.ones(np.shape(t)[:1]) if w is None else w for w, t in zip(given, targets)]
    return [(w, DTYPES[floatx()].border) for w in found]


def _check_one_weight(objective: Any) -> None:
    for term in objective.terms:
        if not isinstance(term.place, int):
            raise ValueError(
                f"The loss '{term.name}' is of several outputs together, so `sample_weight` has to "
                "be one array for all outputs."
            )


def _from_classes(objective: Any, targets: Arrays, sample_weight: Any, class_weight: Any) -> Any:
    if len(objective.outputs) > 1:
        raise ValueError("`class_weight` is only supported for Models with a single output.")
    if sample_weight is not None:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if not targets:
        return None
    return class_weights_to_sample_weights(targets[0], class_weight)


def check_cardinality(data: Mapping[str, Arrays]) -> None:
    """All arrays have the same number of rows, or ValueError."""
    sizes = {name: [_rows(a) for a in arrays] for name, arrays in data.items() if arrays}
    if len({size for group in sizes.values() for size in group}) > 1:
        lines = "".join(f"'{n}' sizes: {', '.join(map(str, s))}\n" for n, s in sizes.items())
        raise ValueError(
            "Data cardinality is ambiguous. "
            f"Make sure all arrays contain the same number of samples.{lines}"
        )


def _rows(array: np.ndarray) -> int:
    if array.ndim == 0:
        raise ValueError(
            "Data has no axis of samples: a scalar was passed where an array is expected."
        )
    return array.shape[0]


def split(arrays: Arrays, validation_split: float) -> tuple[Arrays, Arrays]:
    """All but the last fraction of the rows, and that fraction."""
    rows = len(arrays[0])
    at = int(np.floor(rows * (1.0 - validation_split)))
    if not 0 < at < rows:
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a "
            f"validation and training set as specified by `validation_split={validation_split}`. "
            "Either provide more data, or a different value for the `validation_split` argument."
        )
    return [a[:at] for a in arrays], [a[at:] for a in arrays]
