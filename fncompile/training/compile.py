"""`model.compile`: which optimizer, losses and metrics a model is trained with."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from fncompile import optimizers
from fncompile.caller import warn_caller
from fncompile.graph.nest import flatten, map_structure
from fncompile.metrics import Mean
from fncompile.training.compile_metrics import CompileMetrics
from fncompile.training.objective import Objective
from fncompile.training.own_step import OwnObjective, has_own_steps
from fncompile.training.places import Places
from fncompile.training.trained import TrainedGraph, TrainedModel

# What a subclass may override in Keras, to say how Python runs its steps; here a step is C.
KERAS_HOOKS = ("make_train_function", "make_test_function", "make_predict_function")


def compile(
    model: TrainedModel,
    optimizer: Any = "rmsprop",
    loss: Any = None,
    loss_weights: Any = None,
    metrics: Any = None,
    weighted_metrics: Any = None,
    run_eagerly: bool = False,
    steps_per_execution: int = 1,
    jit_compile: str | bool = "auto",
    auto_scale_loss: bool = True,
) -> None:
    """Give `model` an optimizer and an objective; what it was compiled with before is forgotten.

    `loss`, `loss_weights`, `metrics` and `weighted_metrics` are one for all outputs, or lists or
    dicts by output. ValueError where they do not fit the outputs or name what does not exist;
    NotImplementedError where a subclass has one of `KERAS_HOOKS`. `steps_per_execution` is how many
    batches callbacks see as one; where none looks at batches, as many as fit in a moment run at a
    time. `auto_scale_loss` wraps the optimizer of a model of policy "mixed_float16" in a
    `LossScaleOptimizer`. `run_eagerly` and `jit_compile` are Keras' arguments and ignored; here the
    whole step is always compiled.
    """
    if isinstance(steps_per_execution, bool) or not isinstance(steps_per_execution, int) or (
        steps_per_execution < 1
    ):
        raise ValueError(
            "`steps_per_execution` must be a positive integer. Received: "
            f"steps_per_execution={steps_per_execution}"
        )
    _refuse_hooks(model)
    arguments = {
        "loss": loss,
        "loss_weights": loss_weights,
        "metrics": metrics,
        "weighted_metrics": weighted_metrics,
    }
    model.optimizer = optimizers.get(optimizer)
    if auto_scale_loss and model.dtype_policy.name == "mixed_float16":
        model.optimizer = _scaling(model.optimizer)
    # An optimizer that looks at whole variables takes its steps as the user's own are taken.
    whole = model.optimizer is not None and not model.optimizer.elementwise
    model._own_steps = type(model)._own_steps or whole
    model._compile_arguments, model.loss = arguments, loss
    model._loss_tracker = Mean(name="loss")
    given = metrics is not None or weighted_metrics is not None
    model._compile_metrics = CompileMetrics() if given else None
    known = knows_outputs(model) or has_own_steps(model)
    model._objective = _objective(model) if known else None
    model._steps = None
    model.training_seed = int(np.random.randint(2**31 - 1))
    model.stop_training = False
    model.steps_per_execution = steps_per_execution
    model.compiled = True
    del run_eagerly, jit_compile


def _scaling(optimizer: Any) -> Any:
    """The optimizer of a loss that is scaled, unless it is one."""
    if optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _refuse_hooks(model: TrainedModel) -> None:
    """A hook that nobody calls would train something else than its author means."""
    name = type(model).__name__
    for hook in KERAS_HOOKS:
        if hasattr(model, hook):
            raise NotImplementedError(
                f"{name} defines `{hook}`, which fncompile would never call: the whole step is "
                "compiled. Write `train_step`, `test_step` or `call`, which become such a step."
            )


def knows_outputs(model: TrainedModel) -> bool:
    """Is the model built? A stack without input shape, or a subclass, is not until it has data."""
    return bool(
        getattr(model, "_output_places", None) or (model.built and hasattr(model, "outputs"))
    )


def places_of(model: TrainedModel) -> Places:
    """The places of the model's outputs."""
    known = getattr(model, "_output_places", None)
    graph = cast(TrainedGraph, model)  # or it has been called
    return known or Places(graph.output, graph.output_names)


def objective_of(model: TrainedModel) -> Any:
    """The model's objective, made now if its outputs were unknown at `compile`."""
    if model._objective is None:
        check_compiled(model)
        model._objective = _objective(model)
    return model._objective


def _objective(model: TrainedModel) -> Any:
    if has_own_steps(model):
        return OwnObjective(model)
    return objective_for(model, places_of(model))


def objective_for(model: TrainedModel, places: Places) -> Objective:
    """What `compile` was given, for outputs at these places."""
    found = Objective(
        places,
        **model._compile_arguments,
        own=model.held_metrics(),
        loss_tracker=model._loss_tracker,
    )
    if model._compile_metrics is not None:
        model._compile_metrics.objective = found
    return found


def build_for(model: TrainedModel, x: Any) -> None:
    """Build a model that did not know its shapes, with those of the data `x`."""
    if hasattr(model, "build_on"):  # a stack of layers
        model.build_on(x)
    elif not knows_outputs(model):
        state = [(v, np.array(v)) for v in model.non_trainable_variables]
        outputs = model(map_structure(lambda a: None if a is None else a[:1], x))
        for variable, value in state:  # that call was no prediction, and leaves nothing behind
            variable.assign(value)
        names = [f"output_{k}" for k in range(len(flatten(outputs)))]
        model._output_places = Places(outputs, names)


def reset_metrics(model: TrainedModel, verb: str) -> None:
    """Forget what metrics have seen; the next steps are of this verb."""
    if model._objective is not None:
        model._objective.reset(verb)


def check_compiled(model: TrainedModel) -> None:
    if not getattr(model, "compiled", False):
        raise ValueError("You must call `compile()` before using the model.")


def optimizer_of(model: TrainedModel) -> Any:
    """The model's optimizer; one that takes no step, where it was compiled without."""
    return model.optimizer or optimizers.SGD()


def check_has_optimizer(model: TrainedModel) -> None:
    """ValueError where the model was compiled to be evaluated alone."""
    if model.optimizer is None:
        raise ValueError(
            f"Model '{model.name}' was compiled with `optimizer=None`, so it can be evaluated and "
            "not be trained. Give `compile` an optimizer."
        )


def warn_if_nothing_trains(model: TrainedModel) -> None:
    if model.built and not model.steps().trains:
        warn_caller("The model does not have any trainable weights.")
