"""`Model`: a layer that can be trained, run compiled, saved and exported.

`Model(inputs, outputs)` makes a `Functional` model of a graph; a subclass of `Model` with its own
`call` is a model too. The work is done elsewhere: graph/ knows the architecture, training/ the loop
(see trainer.py), saving/ and export/ the files; each is imported when first used.
"""

from __future__ import annotations

import json
from typing import Any

from fncompile.layers.base import Layer
from fncompile.models.trainer import Trainer

_LARGEST_SHOWN = 100  # layers in the picture of a notebook


class Model(Trainer):
    """A graph of layers from `inputs` to `outputs` (see `Functional`), or a base class.

    A subclass writes `__init__` and `call(self, inputs, training=None, mask=None)`.

    >>> x = fncompile.Input((4,))
    >>> model = fncompile.Model(x, layers.Dense(2, activation="softmax")(x))
    >>> model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    >>> history = model.fit(np.ones((8, 4)), np.zeros(8), epochs=2, verbose=0)
    >>> model.predict(np.ones((3, 4)), verbose=0).shape
    (3, 2)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Model:
        if cls is Model and _is_functional(args, kwargs):
            from fncompile.models.functional import Functional

            return super().__new__(Functional, *args, **kwargs)  # type: ignore[return-value]
        return super().__new__(cls, *args, **kwargs)  # type: ignore[return-value]

    def __init__(self, *args: Any, **kwargs: Any):
        if _is_functional(args, kwargs):  # a subclass that hands its graph up
            from fncompile.models.functional import Functional

            _put_functional_behind(type(self))
            Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
        elif args:
            raise TypeError(
                f"{type(self).__name__} takes `inputs` and `outputs`, or neither. Received: {args}"
            )
        else:
            super().__init__(**kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"Model {type(self).__name__} does not have a `call()` method implemented, and it was "
            "not made from `inputs` and `outputs`."
        )

    # layers ---------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers directly in this model."""
        return self._sublayers()

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that index of `layers`; ValueError where there is none."""
        layers = self.layers
        if name is not None and index is not None:
            raise ValueError(
                f"Provide only a layer name or a layer index. Received: index={index}, name={name}."
            )
        if name is None and index is None:
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        if index is not None:
            if index >= len(layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has "
                    f"{len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}."
        )

    # files, native code, pictures: the packages named inside do it ------------------------------

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write architecture, weights and training state to a `.keras` or `.h5` file.

        `filepath`: a path; an existing file is replaced if `overwrite`, else FileExistsError. Other
        errors as for `saving.save_model`.
        """
        from fncompile import saving

        saving.save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write the weights, and the optimizer's variables, to a `.weights.h5` file; with
        `max_shard_size`, in GB, to as many as needed, and a `.weights.json` that lists them.

        `filepath`: a path; an existing file is replaced if `overwrite`, else FileExistsError.
        """
        from fncompile import saving

        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read weights from a `.weights.h5`, `.weights.json`, `.keras` or `.h5` file at `filepath`.

        What does not fit is a ValueError, unless `skip_mismatch` leaves it out; `by_name=True`
        matches layers by their names, from `.h5` files; layers in `objects_to_skip` keep theirs.
        """
        from fncompile import saving

        saving.load_weights(self, filepath, skip_mismatch, **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict[str, Any]]:
        """The values of all variables as nested dicts, by the parts of their paths: a dict of the
        trees "trainable_variables", "non_trainable_variables", "optimizer_variables" and
        "metrics_variables".

        The leaves are arrays, copies of the values; `value_format`, "backend_tensor" or
        "numpy_array", makes no difference. ValueError where two variables have the same path.
        """
        from fncompile.models.state_tree import tree_of, variables_by_group

        if value_format not in ("backend_tensor", "numpy_array"):
            raise ValueError(
                "Invalid `value_format` argument. Expected one of 'backend_tensor', 'numpy_array'. "
                f"Received: value_format={value_format}"
            )
        return {name: tree_of(own) for name, own in variables_by_group(self).items()}

    def set_state_tree(self, state_tree: dict[str, dict[str, Any]]) -> None:
        """Assign what a dict as of `get_state_tree` has; what it has not stays as it is. ValueError
        for names of groups and paths of variables that there are not, and for other shapes."""
        from fncompile.models.state_tree import assign_tree, variables_by_group

        groups = variables_by_group(self)
        for name, tree in state_tree.items():
            if name not in groups:
                raise ValueError(f"Unknown variable name: {name}. There are {list(groups)}.")
            assign_tree(groups[name], tree)

    def export(self, directory: Any, **kwargs: Any) -> Any:
        """Write a native library of this model to `directory`; see `fncompile.export.export`."""
        from fncompile import export

        return export.export(self, directory, **kwargs)

    def summary(self, **kwargs: Any) -> None:
        """Print the layers, their shapes and numbers of parameters; see `fncompile.graph.view`."""
        from fncompile.graph import view

        view.summary(self, **kwargs)

    def _repr_svg_(self) -> str | None:
        """The picture that notebooks show; None of a model that is not built or too large."""
        from fncompile.graph import view

        if not self.built or len(self.layers) > _LARGEST_SHOWN:
            return None
        return view.plot_model(self, to_file=None, show_shapes=True).svg

    # description ----------------------------------------------------------------------------------

    def explain(self, what: Any = None, layer: str | None = None) -> str:
        """How the model was compiled: kernels, what was fused and what not and why, memory.

        `what` is a topic or a list of them, of `devtools.explain.TOPICS`; `layer` leaves out what
        does not concern the layer of that name. What has been compiled so far is explained, or
        prediction.
        """
        from fncompile.devtools.models import explain

        return explain(self, what, layer)

    def profile(self, x: Any, y: Any = None, repeats: int = 20) -> str:
        """A table of the kernels of a prediction on the arrays `x`, or with `y` of a training step,
        over `repeats` runs.

        Weights and training state are as before afterwards.
        """
        from fncompile.devtools.models import profile

        return profile(self, x, y, repeats)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON, without weights; `model_from_json` reads it."""
        from fncompile.saving.serialization import object_sharing_scope, serialize_keras_object

        with object_sharing_scope():
            return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Model:
        """A new model, with new weights, from what `get_config` gave."""
        from fncompile.models import functional
        from fncompile.saving.registry import CustomObjectScope

        with CustomObjectScope(custom_objects):
            if "input_layers" in config or "output_layers" in config:
                return functional.from_config(cls, config)
            return super().from_config(config)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """A new model, with new weights, from what `model.to_json()` gave.

    `json_string`: text; `custom_objects`: names of the user's classes and functions.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> models.model_from_json(model.to_json()).count_params()
    3
    """
    from fncompile.saving.serialization import deserialize_keras_object, object_sharing_scope

    with object_sharing_scope():
        return deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)


def _is_functional(args: tuple, kwargs: dict[str, Any]) -> bool:
    given = len(args) + ("inputs" in kwargs) + ("outputs" in kwargs)
    return len(args) == 2 or (given == 2 and "outputs" in kwargs)


def _put_functional_behind(cls: type) -> None:
    """Make `cls`, whose instances hand their graph up, a subclass of `Functional`: one that keeps
    its identity, for files and pickles to find it by name."""
    from fncompile.models.functional import Functional

    bases = cls.__bases__
    if Model in bases:
        cls.__bases__ = tuple(Functional if base is Model else base for base in bases)
    elif not issubclass(cls, Functional):
        cls.__bases__ = (*bases, Functional)
