"""Calling a layer on values of its variables, which stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fncompile.graph.stateless import with_values
from fncompile.graph.trace import current_trace


class Stateless:
    """Mixin of `Layer`."""

    if TYPE_CHECKING:  # of the other parts of `Layer`
        built: bool

        @property
        def trainable_variables(self) -> list[Any]: ...
        @property
        def non_trainable_variables(self) -> list[Any]: ...
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
        def _regularization_losses(self) -> list[Any]: ...

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """What a call of the layer with the other arguments gives, and leaves, where its variables
        have these values: (outputs, values of `non_trainable_variables`), and with `return_losses`
        a list of what the call added to the loss.

        Values are arrays, tensors or variables, in the order of the layer's `trainable_variables`
        and `non_trainable_variables`. ValueError for another number of them, and for a layer that
        is not built.
        """
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables "
                "must have been already created). You can build it by calling it on some data."
            )
        trained, others = self.trainable_variables, self.non_trainable_variables
        _check("trainable_variables", self, trainable_variables, trained)
        _check("non_trainable_variables", self, non_trainable_variables, others)
        values = [*trainable_variables, *non_trainable_variables]
        (outputs, losses), after = with_values(
            self._with_losses, [*trained, *others], values, args, kwargs
        )
        kept = after[len(trained) :]
        return (outputs, kept, losses) if return_losses else (outputs, kept)

    def _with_losses(self, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
        """What a call gives, and what it adds to the loss: nothing else hears of that."""
        trace = current_trace()
        assert trace is not None
        before = len(trace.losses)
        outputs = self(*args, **kwargs)
        added = trace.losses[before:]
        del trace.losses[before:], trace.adders[before:]
        return outputs, [*added, *self._regularization_losses()]


def _check(what: str, layer: Any, values: Sequence[Any], variables: Sequence[Any]) -> None:
    if len(values) != len(variables):
        raise ValueError(
            f"Argument `{what}` must be a list of tensors corresponding 1:1 to "
            f"{type(layer).__name__}().{what}. Received list with length {len(values)}, but "
            f"expected {len(variables)} variables."
        )
