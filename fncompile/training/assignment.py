"""Losses, loss weights and metrics of `compile`, sorted to the outputs that they are for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fncompile.graph.nest import NESTS, flatten, map_structure
from fncompile.training.members import check_metric, loss_object
from fncompile.training.places import Part, Places, unique_name

LossEntry = tuple[Any, Any, "float | None", str]


def losses(outputs: Places, loss: Any, loss_weights: Any) -> list[LossEntry]:
    """(place, loss, weight, name) of each loss; the names are `<output>_loss`.

    A place is a position, or the structure of those whose targets and predictions a loss takes
    together. Losses go by position, but a dict of losses for a dict of outputs keeps its order.
    """
    if loss is None or loss == []:
        return []
    found = _loss_parts(outputs, loss)
    if not (isinstance(loss, dict) and outputs.by_key):
        found = sorted(found, key=lambda part: flatten(part.place)[0])
    weights, taken = _weights(outputs, found, loss_weights), set[str]()
    if any(isinstance(weight, (str, bool)) for weight in weights):
        raise ValueError(
            "`loss_weights`, the third argument of `compile`, must be numbers; give metrics by "
            f"`metrics=`. Received: loss_weights={loss_weights}"
        )
    return [
        (part.place, loss_object(part.entry), weight, unique_name(_loss_name(outputs, part), taken))
        for part, weight in zip(found, weights, strict=True)
    ]


def _loss_name(outputs: Places, part: Part) -> str:
    return f"{outputs.part_name(part)}_loss"


def _loss_parts(outputs: Places, loss: Any) -> list[Part]:
    if not isinstance(loss, NESTS):
        return [Part((), position, loss) for position in range(len(outputs))]
    if isinstance(loss, dict):
        error = ValueError(
            f"Expected keys {outputs.names} in loss dict, but found loss.keys()={list(loss)}"
        )
        complete = set(loss) in (set(outputs.names), set(outputs.tensor_names))
        if not (complete or outputs.by_key):
            raise error
        return outputs.parts(loss, lambda: error)
    return outputs.parts(_by_leaf(outputs, loss), lambda: _loss_misfit(outputs, loss))


def _by_leaf(outputs: Places, loss: Any) -> Any:
    """`loss`; as a structure, where it is a flat list with one entry for each output of one."""
    flat = len(loss) == len(outputs) and not any(isinstance(entry, NESTS) for entry in loss)
    if not flat or len(outputs) == 1:
        return loss
    entries = dict(zip(outputs.written, loss, strict=True))
    return map_structure(entries.__getitem__, outputs.structure)


def _loss_misfit(outputs: Places, loss: Any) -> ValueError:
    return ValueError(
        f"`loss` should have one entry for each of the model's outputs {outputs.names} (None for "
        f"an output without a loss). Received: loss={loss}"
    )


def _weights(outputs: Places, found: list[Part], given: Any) -> list[Any]:
    """A weight or None for each loss; one number is for the only loss."""
    if given is None:
        return [None] * len(found)
    given = [given] if isinstance(given, (int, float)) else given
    if isinstance(given, dict):
        if len(given) not in (len(found), len(outputs)):
            raise _weights_misfit(found, given)
        return _weights_by_place(outputs, found, given)
    flat = flatten(given)
    if len(flat) == len(outputs) and all(isinstance(part.place, int) for part in found):
        by_position = dict(zip(outputs.written, flat, strict=True))
        return [by_position[part.place] for part in found]
    if len(flat) != len(found):
        raise _weights_misfit(found, given)
    return flat


def _weights_by_place(outputs: Places, found: list[Part], given: dict) -> list[Any]:
    """The losses of one place share its weight, or have one each."""
    weights: dict[tuple, list[Any]] = {}
    for part in outputs.parts(given, lambda: _unknown_weights(outputs, given)):
        weights.setdefault(tuple(flatten(part.place)), []).append(part.entry)
    return [_next(weights.get(tuple(flatten(part.place)), [None])) for part in found]


def _next(weights: list[Any]) -> Any:
    return weights.pop(0) if len(weights) > 1 else weights[0]


def _weights_misfit(found: list[Part], given: Any) -> ValueError:
    return ValueError(
        f"`loss_weights` must match the number of losses, got {len(found)} losses and "
        f"{len(given)} weights."
    )


def _unknown_weights(outputs: Places, given: dict) -> ValueError:
    return ValueError(f"Expected keys {outputs.names} in `loss_weights`, but found {list(given)}")


def metrics(outputs: Places, given: Any, weighted: bool = False) -> Iterator[tuple[int, Any]]:
    """(output, identifier) of each metric, output by output."""
    if given is None or (isinstance(given, (list, tuple, dict)) and not given):
        return
    argument = "weighted_metrics" if weighted else "metrics"
    if not isinstance(given, (list, tuple, dict)):
        raise ValueError(
            f"Expected `{argument}` argument to be a list, tuple, or dict. "
            f"Received instead: {argument}={given} of type {type(given)}"
        )
    for output, entry in enumerate(_lists(outputs, given, argument)):
        for identifier in entry if isinstance(entry, (list, tuple)) else [entry]:
            if identifier is not None:
                yield output, check_metric(identifier)


def _lists(outputs: Places, given: Any, argument: str) -> list[Any]:
    if len(outputs) == 1 and not isinstance(given, dict):
        return [
            [i for entry in given for i in (entry if isinstance(entry, (list, tuple)) else [entry])]
        ]
    return outputs.match(given, lambda: _misfit(outputs, given, argument))


def _misfit(outputs: Places, given: Any, argument: str) -> ValueError:
    return ValueError(
        f"Invalid `{argument}`. `{argument}` should contain metrics objects and either be a dict "
        f"or a list matching the output names of the functional model {outputs.names} or match the "
        f"output structure of the model: {outputs.describe()}.\nReceived: {argument}={given}"
    )
