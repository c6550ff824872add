"""All metrics of `compile` as one: `CompileMetrics`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fncompile.graph.eager import wherever
from fncompile.graph.nest import flatten
from fncompile.graph.variable import Variable
from fncompile.metrics import Metric


class CompileMetrics(Metric):
    """The metrics that `compile` was given, which `model.metrics` has as one from then on, whether
    or not the outputs that they belong to are known.

    `metrics` are those that have been made: all, once the shapes of targets are known.
    """

    def __init__(self) -> None:
        super().__init__(name="compile_metrics")
        self.objective: Any = None  # of the model, once its outputs are known

    @property
    def built(self) -> bool:  # type: ignore[override]
        """Have all of them been made?"""
        return self.objective is not None and self.objective.built

    @property
    def metrics(self) -> list[Any]:
        """The single metrics, in the order of outputs."""
        return [metric for _, metric in self._named()]

    @property
    def variables(self) -> list[Variable]:
        """Those of the single metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def _named(self) -> Iterator[tuple[str, Any]]:
        for term in self.objective.metric_terms if self.objective else ():
            if term.metric is not None:
                yield term.name, term.metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of all outputs; ValueError before the model knows its outputs.

        `y_true`, `y_pred`: as the outputs of the model; `sample_weight`: one for all, or None.
        """
        if self.objective is None:
            raise ValueError(f"{self.name} cannot take in a batch before its model is built.")
        true, pred = flatten(y_true), flatten(y_pred)
        wherever(self.objective.update_metrics, true, pred, [sample_weight] * len(pred))

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The results by the names that logs have; ValueError before the first batch."""
        if not self.built:
            raise ValueError(f"{self.name} has no result before the first batch.")
        return {name: metric.result() for name, metric in self._named()}

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            f"{self.name} belongs to a model; `model.get_compile_config()` describes it."
        )
