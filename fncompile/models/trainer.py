"""`Trainer`: what a model has as a layer that can be compiled, trained and run.

The work is done in session/ and training/, which are imported when first used.
"""

from __future__ import annotations

from typing import Any

from fncompile.caller import warn_caller
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import Tensor
from fncompile.layers.base import Layer

_STEPS = ("train_step", "test_step", "compute_loss", "compute_metrics")


class Trainer(Layer):
    """A layer with flat inputs and outputs for the compiler, and with `compile`, `fit` and kin."""

    _accepts_any = True
    _not_state = Layer._not_state | {
        "optimizer",
        "history",
        "_objective",
        "_steps",
        "_compile_arguments",
        "_compile_metrics",
        "_loss_tracker",
        "_output_places",
    }
    _not_pickled = Layer._not_pickled | {"_steps"}  # compiled code: a copy finds it in the cache
    compiled = False
    stop_training = stop_evaluating = stop_predicting = False  # callbacks set them
    steps_per_execution = 1
    optimizer: Any  # of `compile`
    _compile_arguments: dict[str, Any]  # of it, but for the optimizer
    loss: Any  # of it
    training_seed: int  # of it
    _loss_tracker: Any  # of it
    _compile_metrics: Any  # of it
    history: Any  # of `fit`
    _initial_epoch: int  # of it
    _output_places: Any  # once a model that is no graph was called
    _objective: Any = None
    _steps: Any = None

    _own_steps = False  # does the class say itself what happens in a step?
    _own_predictions = False  # ... and what `predict` gives?

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._own_steps = any(getattr(cls, hook) is not getattr(Trainer, hook) for hook in _STEPS)
        cls._own_predictions = cls.predict_step is not Trainer.predict_step

    # what the compiler sees -----------------------------------------------------------------------

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        """What a user passes for one call, as the flat list of tensors or arrays that `run_graph`
        takes."""
        self._structure_of_inputs = map_structure(lambda x: None, inputs)
        return flatten(inputs)

    @property
    def input_count(self) -> int:
        """The number of flat inputs; known once `flatten_inputs` has seen some."""
        return len(flatten(self._structure_of_inputs))

    def run_graph(self, tensors: list[Tensor | None], training: bool | None = None) -> list[Tensor]:
        """The model's computation on flat inputs, inside the active trace: flat outputs."""
        inputs = pack_like(self._structure_of_inputs, tensors)
        outputs = self.run(inputs, training=training)
        self._structure_of_outputs = map_structure(lambda x: None, outputs)
        return flatten(outputs)

    def pack_outputs(self, flat: list[Any]) -> Any:
        """Flat outputs in the structure that `call` gives."""
        return pack_like(self._structure_of_outputs, flat)

    def run_predictions(self, tensors: list[Tensor | None]) -> list[Tensor]:
        """As `run_graph`, for what the model's own `predict_step` gives."""
        from fncompile.training import own_step

        found = own_step.run_predict_step(self, pack_like(self._input_structure, tensors))
        self._structure_of_predictions = map_structure(lambda x: None, found)
        return flatten(found)

    def pack_predictions(self, flat: list[Any]) -> Any:
        """What the model's own `predict_step` gives, in its structure."""
        return pack_like(self._structure_of_predictions, flat)

    @property
    def _input_structure(self) -> Any:
        """That in which users give the inputs."""
        return self._structure_of_inputs

    # compiling and running: the packages named inside do it ---------------------------------------

    def steps(self) -> Any:
        """What runs the model's compiled steps; see `fncompile.training.Steps`."""
        from fncompile.session.compiled import steps

        return steps(self)

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Choose optimizer, loss and metrics; see `fncompile.training.compile`."""
        from fncompile.training.compile import compile

        return compile(self, *args, **kwargs)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train for a number of epochs; gives the History; see `fncompile.training.fit`."""
        from fncompile.training.loop import fit

        return fit(self, *args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Loss and metrics on data; see `fncompile.training.evaluate`."""
        from fncompile.training.loop import evaluate

        return evaluate(self, *args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Outputs for data, in batches; see `fncompile.training.predict`."""
        from fncompile.training.loop import predict

        return predict(self, *args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """One training step; gives loss and metrics; see `fncompile.training.train_on_batch`."""
        from fncompile.training.on_batch import train_on_batch

        return train_on_batch(self, *args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Loss and metrics of one batch; see `fncompile.training.test_on_batch`."""
        from fncompile.training.on_batch import test_on_batch

        return test_on_batch(self, *args, **kwargs)

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Outputs for one batch; see `fncompile.training.predict_on_batch`."""
        from fncompile.training.on_batch import predict_on_batch

        return predict_on_batch(self, *args, **kwargs)

    # what a subclass may say itself: each is traced, and the step compiled as a whole -------------

    def train_step(self, *data: Any) -> Any:
        """One step of training on `data`: x, (x, y) or (x, y, sample_weight); what it returns is
        reported by name. A subclass's own is traced: tapes, optimizers, metrics and `assign` of
        variables become one compiled step.

        In JAX's manner `train_step(state, data)` gives (results, state) and assigns nothing; a
        state has the values of trainable, non-trainable, optimizer's and metrics' variables."""
        from fncompile.training import own_step

        return own_step.usual_step(self, "train_step", *data)

    def test_step(self, *data: Any) -> Any:
        """One step of evaluation on `data`, as `train_step` without training. In JAX's manner the
        state has no optimizer's variables."""
        from fncompile.training import own_step

        return own_step.usual_step(self, "test_step", *data)

    def predict_step(self, *data: Any) -> Any:
        """What `predict` gives for the inputs `data` of a batch: tensors with the batch first, in
        any structure. A subclass's own is traced; calling the model, and exporting it, are not
        concerned. In JAX's manner `predict_step(state, data)`, of trainable and non-trainable
        variables, gives the values of the last too."""
        from fncompile.training import own_step

        return own_step.usual_step(self, "predict_step", *data)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar to minimise: the losses that `compile` was given for targets `y` and outputs
        `y_pred`, and what layers add."""
        from fncompile.training import own_step

        return own_step.compute_loss(self, y, y_pred, sample_weight)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Let the metrics that `compile` was given see a batch; gives `get_metrics_result()`."""
        from fncompile.training import own_step

        return own_step.compute_metrics(self, y, y_pred, sample_weight)

    def get_metrics_result(self) -> dict[str, Any]:
        """The present results of `metrics` by name."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            found.update(result if isinstance(result, dict) else {metric.name: result})
        return found

    def reset_metrics(self) -> None:
        """Forget what loss and metrics have seen."""
        if self._objective is not None:
            self._objective.reset()

    @property
    def metrics(self) -> list[Any]:
        """After `compile`, the tracker of the loss, one metric for all those of `compile`, and
        trackers of single losses; then those that layers hold."""
        if not self.compiled:
            return self.held_metrics()
        compiled = [self._loss_tracker, self._compile_metrics]
        single = self._objective.loss_trackers if self._objective is not None else []
        return [*filter(None, compiled), *single, *self.held_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that `evaluate` gives, in its order."""
        return [] if self._objective is None else [n for n, _ in self._objective.named_metrics]

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, as data; None for a model that is not compiled."""
        from fncompile.saving import compile_config

        return compile_config.get_compile_config(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """`compile` as `get_compile_config` describes it.

        A class with a `compile` of its own says itself how, by a `compile_from_config`; without
        one nothing is done but to warn.
        """
        from fncompile.saving import compile_config

        if type(self).compile is not Trainer.compile:
            warn_caller(
                "`compile()` was not called as part of model loading because the model's "
                f"`compile()` method is custom. Give {type(self).__name__} the methods "
                "`get_compile_config()` and `compile_from_config(config)` too, or call "
                "`compile()` after loading."
            )
            return
        compile_config.compile_from_config(self, config)
