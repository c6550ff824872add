"""Losses, loss weights and metrics of `compile`, sorted to the outputs that they are for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fncompile.training.identifiers import check_metric, loss_object
from fncompile.training.places import Places

LossEntry = tuple[int, Any, "float | None", str]


def losses(outputs: Places, loss: Any, loss_weights: Any) -> list[LossEntry]:
    """(output, loss, weight, name) of each loss; the names are `<output>_loss`."""
    if loss is None or loss == []:
        return []
    wanted = _one_each(outputs, loss)
    order = [p for p in _loss_order(outputs, loss) if wanted[p] is not None]
    weights = _weights(outputs, order, loss_weights)
    return [(p, loss_object(wanted[p]), weights[p], f"{outputs.names[p]}_loss") for p in order]


def _one_each(outputs: Places, loss: Any) -> list[Any]:
    if isinstance(loss, dict):
        error = ValueError(
            f"Expected keys {outputs.names} in loss dict, but found loss.keys()={list(loss)}"
        )
        complete = set(loss) in (set(outputs.names), set(outputs.tensor_names))
        if not (complete or outputs.by_key):
            raise error
        return outputs.match(loss, lambda: error)
    if not isinstance(loss, (list, tuple)):
        return [loss] * len(outputs)
    if len(outputs) == 1 and len(loss) == 1:
        return [loss[0]]
    error = ValueError(
        f"`loss` should have one entry for each of the model's outputs {outputs.names} (None for "
        f"an output without a loss). Received: loss={loss}"
    )
    if len(outputs) == 1:
        raise error
    return outputs.match(loss, lambda: error)


def _loss_order(outputs: Places, loss: Any) -> list[int]:
    """Flat order; a dict of losses for a dict of outputs keeps its own."""
    if isinstance(loss, dict) and outputs.by_key and len(outputs) > 1:
        return [outputs.names.index(key) for key in loss if key in outputs.names]
    return list(range(len(outputs)))


def _weights(outputs: Places, order: list[int], given: Any) -> list[Any]:
    """A weight or None for each output; one number is for the only loss."""
    none = [None] * len(outputs)
    if given is None:
        return none
    if isinstance(given, (int, float)):
        given = [given]
    error = ValueError(
        f"`loss_weights` must match the number of losses, got {len(order)} losses and "
        f"{len(given)} weights."
    )
    if len(given) not in (len(order), len(outputs)):
        raise error
    if isinstance(given, dict):
        return outputs.match(given, lambda: _unknown_weights(outputs, given))
    positions = outputs.written if len(given) == len(outputs) else order
    for position, weight in zip(positions, given, strict=True):
        none[position] = weight
    return none


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
