"""What `compile` makes of losses and metrics, and how a step computes them.

Requires: the model's output structure and names. Ensures: `trace` gives the total loss of a batch
and moves the trackers; after any number of steps `results` has what `evaluate` reports, in Keras'
order, and `logs` the same sorted by name, as History has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fncompile import metrics as metric_types
from fncompile.config import floatx
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, suspended
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.losses import Loss
from fncompile.training import assignment
from fncompile.training.members import metric_object
from fncompile.training.metric_results import MetricResults
from fncompile.training.places import Places, unique_name


@dataclass
class LossTerm:
    """The loss of one output, or of a structure of outputs together: `place` has the position, or
    the positions. `tracker` keeps its unweighted mean when there are several losses."""

    place: Any
    loss: Loss
    weight: float | None
    name: str
    tracker: Any = None


@dataclass
class MetricTerm:
    """One metric of one output; `weighted` says whether sample weights count."""

    output: int
    identifier: Any
    weighted: bool
    metric: Any = None
    name: str = ""


class Objective:
    """Losses and metrics of a model's outputs, and `own`, the metrics that its layers hold and
    update themselves.

    `targets` lists the outputs, in flat order, that have a loss or a metric and so need data.
    """

    def __init__(
        self,
        outputs: Places,
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        own: Sequence[Any] = (),
        loss_tracker: Any = None,
    ):
        self.outputs = outputs
        self.own = list(own)
        self.loss = loss
        self.terms = [LossTerm(*t) for t in assignment.losses(outputs, loss, loss_weights)]
        self.metric_terms = [
            MetricTerm(output, identifier, weighted)
            for weighted, given in ((False, metrics), (True, weighted_metrics))
            for output, identifier in assignment.metrics(outputs, given, weighted)
        ]
        places = [t.place for t in self.terms], [t.output for t in self.metric_terms]
        self.targets = sorted(set(flatten(places)))
        self.loss_tracker = loss_tracker or metric_types.Mean(name="loss")
        if len(self.terms) > 1:
            for term in self.terms:
                term.tracker = metric_types.Mean(name=term.name)
        self.built = False
        self._begin_metrics()
        self.named_metrics = self._name_metrics()  # for logs, in the order of `evaluate`
        self._results: MetricResults | None = None

    def build(self, y_true: Sequence[Any], y_pred: Sequence[Any]) -> None:
        """Make the metrics: the shapes of targets and predictions, in flat order, are known."""
        if self.built:
            return
        with suspended():
            for term in self.metric_terms:
                true, pred = y_true[term.output], y_pred[term.output]
                if term.metric is None:
                    term.metric = metric_object(term.identifier, true, pred)
                if not term.metric.built:
                    term.metric.build_once(true, pred)
        self.built, self.named_metrics, self._results = True, self._name_metrics(), None

    def _begin_metrics(self) -> None:
        """Name all metrics, and make those that need no shapes."""
        taken: dict[int, set[str]] = {}
        with suspended():
            for term in self.metric_terms:
                term.metric = metric_object(term.identifier)
                term.name = self._metric_name(term, taken.setdefault(term.output, {"loss"}))
        self.built = all(t.metric is not None and t.metric.built for t in self.metric_terms)

    def _metric_name(self, term: MetricTerm, taken: set[str]) -> str:
        name = term.identifier if term.metric is None else term.metric.name
        if name in taken and term.weighted:
            name = f"weighted_{name}"
        name = unique_name(name, taken)
        output = self.outputs.metric_names[term.output]
        return name if len(self.outputs) == 1 else f"{output}_{name}"

    # inside a step --------------------------------------------------------------------------------

    def trace(
        self,
        y_true: Sequence[Tensor | None],
        y_pred: Sequence[Tensor],
        sample_weight: Sequence[Tensor | None],
        extra_losses: Sequence[Tensor] = (),
    ) -> Tensor:
        """The total loss of a batch; all lists are by flat output. The trace updates trackers.

        ValueError in a training trace where there is nothing to minimise.
        """
        self.build(y_true, y_pred)
        total = self.total(y_true, y_pred, sample_weight, extra_losses)
        scope = _trace().scope
        with scope("metrics"), scope("loss"):
            self.loss_tracker.update_state(total, sample_weight=_rows(y_pred))
        self.update_metrics(y_true, y_pred, sample_weight)
        return total

    def update_metrics(
        self,
        y_true: Sequence[Tensor | None],
        y_pred: Sequence[Tensor],
        sample_weight: Sequence[Tensor | None],
    ) -> None:
        """Let the metrics see a batch, which tells the shapes of those that are not made yet."""
        self.build(y_true, y_pred)
        scope = _trace().scope
        for term in self.metric_terms:
            i = term.output
            weight = sample_weight[i] if term.weighted else None
            with scope("metrics"), scope(term.name):
                term.metric.update_state(y_true[i], y_pred[i], sample_weight=weight)

    def total(
        self,
        y_true: Sequence[Tensor | None],
        y_pred: Sequence[Tensor],
        sample_weight: Sequence[Tensor | None],
        extra_losses: Sequence[Tensor] = (),
    ) -> Tensor:
        """The total loss of a batch; the trackers of its parts see it."""
        with _trace().scope("loss"):
            return self._total_loss(y_true, y_pred, sample_weight, extra_losses, _rows(y_pred))

    def _total_loss(self, y_true, y_pred, sample_weight, extra_losses, rows) -> Tensor:
        parts = []
        for term in self.terms:
            true, pred = (map_structure(ys.__getitem__, term.place) for ys in (y_true, y_pred))
            weight = sample_weight[flatten(term.place)[0]]
            with _trace().scope(term.loss.name):
                value = term.loss(true, pred, sample_weight=weight)
            if term.tracker is not None:
                term.tracker.update_state(value, sample_weight=rows)
            parts.append(value if term.weight is None else value * term.weight)
        parts += extra_losses
        if not parts:
            return self._no_loss()
        return sum(parts[1:], parts[0])

    def _no_loss(self) -> Tensor:
        if _trace().training:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return Tensor(build.const(0, floatx()))

    # between steps --------------------------------------------------------------------------------

    @property
    def loss_trackers(self) -> list[Any]:
        """The means of single losses, where there are several."""
        return [term.tracker for term in self.terms if term.tracker is not None]

    @property
    def metrics(self) -> list[Any]:
        """Every metric object, trackers included, in `evaluate`'s order."""
        return [metric for _, metric in self.named_metrics]

    @property
    def variables(self) -> list[Variable]:
        return [v for metric in self.metrics for v in metric.variables]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_results": None}  # for pickle and copy: made again when asked for

    def reset(self, verb: str = "train") -> None:
        """Forget what metrics have seen; they see the steps of any verb alike."""
        if self._results is None:
            for _, metric in self.named_metrics:
                metric.reset_state()
        else:
            self._results.reset()

    def _name_metrics(self) -> list[tuple[str, Any]]:
        """What `named_metrics` is; metrics of outputs are among them once they are made, and those
        of layers come last."""
        trackers = [(t.name, t.tracker) for t in self.terms if t.tracker is not None]
        made = [t for t in self.metric_terms if t.metric is not None]
        made = made if len(self.outputs) == 1 else sorted(made, key=lambda t: t.name)
        found = [("loss", self.loss_tracker), *trackers, *((t.name, t.metric) for t in made)]
        taken = {name for name, _ in found}
        return [*found, *((unique_name(metric.name, taken), metric) for metric in self.own)]

    def results(self) -> list[tuple[str, Any]]:
        """Names and present values in the order of `evaluate`."""
        if self._results is None:
            self._results = MetricResults(self.named_metrics)
        return self._results()

    def logs(self) -> dict[str, Any]:
        """`results` as Python numbers, sorted by name."""
        return dict(sorted(self.results()))


def _trace() -> Trace:
    trace = current_trace()
    assert trace is not None  # a loss is computed inside a step
    return trace


def _rows(y_pred: Sequence[Tensor]) -> Tensor:
    """How many samples a batch has."""
    return Tensor(build.extent(y_pred[0].type.shape[0], floatx()))
