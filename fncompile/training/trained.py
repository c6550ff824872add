"""What training asks of a model: the protocols `TrainedModel` and, of a graph, `TrainedGraph`.

Which of them a model is, and whether it has the `build_on` of a stack, is asked by `hasattr`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fncompile.callbacks.watched import RunningModel

if TYPE_CHECKING:
    from fncompile.graph.tensor import KerasTensor, Tensor
    from fncompile.graph.variable import Variable
    from fncompile.optimizers import Optimizer
    from fncompile.training.places import Places


class TrainedModel(RunningModel, Protocol):
    """A layer with flat inputs and outputs, and what `compile` and the loop note on it."""

    built: bool

    # of `compile`
    compiled: bool
    optimizer: Optimizer
    loss: Any
    steps_per_execution: int
    _own_steps: bool  # is a step what the user's class says? Then the objective is an OwnObjective
    _own_predictions: bool  # is what `predict` gives what the user's class says?
    _compile_arguments: dict[str, Any]
    _compile_metrics: Any
    _loss_tracker: Any

    # of the loop
    _output_places: Places | None  # of a model that is no graph, once it was called
    _steps: Any  # a `Steps`, once there was need of them

    @property
    def dtype_policy(self) -> Any:
        """What it computes in."""

    @property
    def weights(self) -> list[Variable]:
        """Those among them that files hold."""

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The others: state that calls may change."""

    @property
    def input_count(self) -> int:
        """The number of flat inputs; known once `flatten_inputs` has seen some."""

    def steps(self) -> Any:
        """Its compiled steps, a `training.Steps`, made anew where the model changed."""

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """What a user passes for one call, as flat tensors or arrays."""

    def run_graph(self, tensors: list[Tensor | None], training: bool | None = None) -> list[Tensor]:
        """Flat outputs for flat inputs, inside the active trace."""

    def pack_outputs(self, flat: list[Any]) -> Any:
        """Flat outputs in the structure that users see."""

    def run_predictions(self, tensors: list[Tensor | None]) -> list[Tensor]:
        """As `run_graph`, for what the model's own `predict_step` gives."""

    def pack_predictions(self, flat: list[Any]) -> Any:
        """What the model's own `predict_step` gives, in its structure."""

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`, each once."""

    def held_metrics(self) -> list[Any]:
        """Metrics on attributes of layers."""

    def _flatten_layers(self) -> list[Any]:
        """Itself, and the layers below."""

    # of a step, all of which the user's class may say itself

    @property
    def metrics(self) -> list[Any]:
        """Those that a step updates."""

    @property
    def losses(self) -> list[Any]:
        """What layers add to the loss, inside the active trace."""

    @property
    def train_step(self) -> Callable[[Any], dict[str, Any]]:
        """Trains on one batch of data; gives results by name."""

    @property
    def test_step(self) -> Callable[[Any], dict[str, Any]]:
        """The same, without training."""

    @property
    def compute_loss(self) -> Callable[..., Any]:
        """The loss, of the keyword arguments `x`, `y`, `y_pred` and `sample_weight`."""

    @property
    def compute_metrics(self) -> Callable[..., dict[str, Any]]:
        """Updates metrics with the same; gives their results by name."""

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of metrics by name."""


class TrainedGraph(TrainedModel, Protocol):
    """A model with symbolic inputs and outputs."""

    @property
    def inputs(self) -> list[KerasTensor]:
        """Flat."""

    @property
    def compiled_inputs(self) -> list[KerasTensor]:
        """What compiled code takes: `inputs`, or what layers of strings make of them."""

    @property
    def compiled_names(self) -> list[str]:
        """One for each of these."""

    @property
    def host_part(self) -> Any:
        """A `models.HostPart` that makes them so, or None."""

    @property
    def outputs(self) -> list[KerasTensor]:
        """Flat."""

    @property
    def output(self) -> Any:
        """In their structure."""

    @property
    def input_names(self) -> list[str]:
        """One for each of `inputs`."""

    @property
    def output_names(self) -> list[str]:
        """One for each of `outputs`; a name may come twice."""

    @property
    def input_places(self) -> Places:
        """The structure of inputs."""
