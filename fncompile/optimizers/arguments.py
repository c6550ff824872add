"""Checks of what users give an optimizer."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.caller import warn_caller


def check_others(learning_rate: Any, kwargs: dict[str, Any]) -> Any:
    """The learning rate (`lr` in TF2.0), after a look at the arguments no optimizer here has."""
    kwargs = dict(kwargs)
    if kwargs.pop("decay", 0.0):
        warn_caller("Argument `decay` is no longer supported and will be ignored.")
    learning_rate = kwargs.pop("lr", learning_rate)
    if kwargs:
        raise ValueError(f"Argument(s) not recognized: {kwargs}")
    return learning_rate


def check_rate(name: str, rate: Any) -> None:
    """A rate that is a number has to be one that exports take too: not NaN, not negative."""
    if isinstance(rate, (numbers.Real, np.ndarray)) and not np.all(np.asarray(rate) >= 0):
        raise ValueError(
            f"The learning rate of optimizer '{name}' must be a number of at least 0; to climb "
            f"instead of to descend, negate the loss. Received: learning_rate={rate}"
        )


def check_clips(clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> None:
    if sum(x is not None for x in (clipnorm, clipvalue, global_clipnorm)) > 1:
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
        )


def check_averages(momentum: Any, frequency: Any) -> None:
    if not 0 <= momentum <= 1:
        raise ValueError(
            f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={momentum}"
        )
    if frequency is not None and (type(frequency) is not int or frequency < 1):
        raise ValueError(
            "`ema_overwrite_frequency` must be an integer >= 1 or None. "
            f"Received: ema_overwrite_frequency={frequency}"
        )


def check_accumulation(steps: Any) -> None:
    if steps is not None and (type(steps) is not int or steps < 2):
        raise ValueError(
            "`gradient_accumulation_steps` must be an integer >= 2. "
            f"Received: gradient_accumulation_steps={steps}"
        )


def takes_argument(rate: Any) -> bool:
    """Does a learning-rate callable want the iteration?"""
    return bool(inspect.signature(rate).parameters)


def check_variables(
    optimizer: Any, grads: Sequence[Any], variables: Sequence[Any] | None
) -> list[Any]:
    """The variables that `grads` belong to; ValueError where that is unknown."""
    if variables is None:
        if not optimizer.built:
            raise ValueError(
                "When passing `grads` without `variables`, the optimizer must already be built on "
                "a "
                "list of variables. Call `optimizer.build(trainable_variables)` first."
            )
        variables = optimizer._trainable_variables
    if len(grads) != len(variables):
        raise ValueError(
            "The list of gradients and the list of variables must have one length. Received: "
            f"{len(grads)} gradients and {len(variables)} variables."
        )
    return list(variables)


def with_gradient(grads: Sequence[Any], variables: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Gradients and variables without those whose gradient is None; a warning names them."""
    kept = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not variables:  # of a model that has nothing to train
        return [], []
    if not kept:
        raise ValueError("No gradients provided for any variable.")
    if len(kept) < len(variables):
        without = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        warn_caller(
            f"Gradients do not exist for variables {without} when minimizing the loss. If using "
            "`model.compile()`, did you forget to provide a `loss` argument?",
        )
    gradients, kept_variables = zip(*kept, strict=True)
    return list(gradients), list(kept_variables)
