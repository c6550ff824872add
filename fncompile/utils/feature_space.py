"""Tables of mixed columns as one array: each column by a layer of its own, and columns crossed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.graph.call import is_symbolic
from fncompile.graph.naming import auto_name
from fncompile.layers.base import Layer
from fncompile.layers.core import Identity
from fncompile.layers.input import Input
from fncompile.layers.preprocessing.category_encoding import CategoryEncoding
from fncompile.layers.preprocessing.discretization import Discretization
from fncompile.layers.preprocessing.encoding import checked_mode
from fncompile.layers.preprocessing.hashing import HashedCrossing, Hashing
from fncompile.layers.preprocessing.integer_lookup import IntegerLookup
from fncompile.layers.preprocessing.normalization import Normalization
from fncompile.layers.preprocessing.rescaling import Rescaling
from fncompile.layers.preprocessing.string_lookup import StringLookup


class Feature:
    """A column: the dtype of its values, the layer that takes them, and whether what this gives is
    "int", "one_hot" (encoded so) or "float"."""

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        self.dtype = dtype
        if isinstance(preprocessor, dict):
            from fncompile.saving import deserialize_keras_object

            preprocessor = deserialize_keras_object(preprocessor)
        self.preprocessor = preprocessor
        self.output_mode = checked_mode("FeatureSpace", output_mode, ("int", "one_hot", "float"))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        from fncompile.saving import serialize_keras_object

        preprocessor = serialize_keras_object(self.preprocessor)
        return {
            "dtype": self.dtype, "preprocessor": preprocessor, "output_mode": self.output_mode
        }  # fmt: skip


class Cross:
    """Columns to be crossed: their names, how many numbers their hash has, "int" or "one_hot"."""

    def __init__(
        self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"
    ):
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = checked_mode("FeatureSpace", output_mode, ("int", "one_hot"))

    @property
    def name(self) -> str:
        """The names of the columns together."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        names = list(self.feature_names)
        return {
            "feature_names": names, "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }  # fmt: skip


class FeatureSpace(Layer):
    """Makes one array of a table, a dict of columns by name: numbers normalized, words looked up,
    columns crossed.

    `features`: for each name a column's kind: "float", "float_rescaled", "float_normalized",
    "float_discretized", "integer_categorical", "string_categorical", "integer_hashed",
    "string_hashed", or what the functions of these names give (`FeatureSpace.float(...)`), or
    `FeatureSpace.feature(dtype, preprocessor, output_mode)` of any layer. `crosses`: tuples of
    names, or `FeatureSpace.cross(...)`, hashed together to `crossing_dim` numbers. `hashing_dim`
    and `num_discretization_bins`: for columns that say no number themselves. `output_mode`:
    "concat" for one array, columns in the order of their names and crosses behind them, or "dict".
    `name` as for a layer.

    `adapt(data)` learns ranges and vocabularies, of a dict of arrays or a data set of such. Called
    on a dict of arrays it gives the result; `get_inputs()` and `get_encoded_features()` are the
    symbolic ends of the same, for models that begin with the table or behind it. ValueError for
    columns that do not fit.

    >>> space = utils.FeatureSpace({"age": "float_normalized", "town": "string_categorical"})
    >>> space.adapt({"age": [10.0, 30.0], "town": ["Bonn", "Linz"]})
    >>> space({"age": [30.0], "town": ["Linz"]})
    array([[1., 0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features:
            raise ValueError("The `features` argument cannot be None or empty.")
        self.output_mode = checked_mode("FeatureSpace", output_mode, ("dict", "concat"))
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            key: Input((1,), dtype=feature.dtype, name=key)
            for key, feature in self.features.items()
        }
        self.preprocessors = {key: f.preprocessor for key, f in self.features.items()}
        self.crossers = {
            cross.name: HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self._adapted = not self._adaptable()
        self._encoded: Any = None

    # kinds of columns -----------------------------------------------------------------------------

    @classmethod
    def cross(
        cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"
    ) -> Cross:
        """Columns with these names, hashed together to `crossing_dim` numbers."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A column of values of `dtype`, for the layer `preprocessor`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", Identity(name=_named(name, "float")), "float")

    @classmethod
    def float_rescaled(
        cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None
    ) -> Feature:
        """Numbers times `scale` plus `offset`."""
        layer = Rescaling(scale, offset, name=_named(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers of mean 0 and variance 1, as `adapt` learns."""
        layer = Normalization(axis=-1, name=_named(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int | None,
        bin_boundaries: Any = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The range that a number is in, of `num_bins` that `adapt` learns, or those given."""
        layer = Discretization(
            bin_boundaries, None if bin_boundaries else num_bins,
            name=_named(name, "float_discretized"),
        )  # fmt: skip
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The place of a whole number in a vocabulary that `adapt` learns."""
        layer = IntegerLookup(
            max_tokens, num_oov_indices, name=_named(name, "integer_categorical")
        )  # fmt: skip
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The place of a word in a vocabulary that `adapt` learns."""
        layer = StringLookup(
            max_tokens, num_oov_indices, name=_named(name, "string_categorical")
        )  # fmt: skip
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The remainder of a word's hash by `num_bins`."""
        layer = Hashing(num_bins, name=_named(name, "string_hashed"))
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The remainder of a whole number's hash by `num_bins`."""
        layer = Hashing(num_bins, name=_named(name, "integer_hashed"))
        return Feature("int32", layer, output_mode)

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            return Feature(**value.get("config", value))
        numbers = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        if value not in _KINDS:
            raise ValueError(f"Invalid feature type: {value}. Expected one of {_KINDS}.")
        return getattr(type(self), value)(*numbers.get(value, ()), name=name)

    def _cross(self, value: Any) -> Cross:
        if isinstance(value, dict):
            value = Cross(**value.get("config", value))
        if not isinstance(value, Cross):
            if not self.crossing_dim:
                raise ValueError(
                    "When specifying `crosses`, the argument `crossing_dim` (dimensionality of the "
                    "crossing space) should be specified as well."
                )
            value = Cross(value, self.crossing_dim)
        if not set(value.feature_names) <= set(self.features):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present in the "
                f"`features` dict. Received unknown features: {value.feature_names}"
            )
        return value

    # learning -------------------------------------------------------------------------------------

    def _adaptable(self) -> list[str]:
        return [
            key
            for key, layer in self.preprocessors.items()
            if hasattr(layer, "adapt")
            and getattr(layer, "input_mean", None) is None
            and not getattr(layer, "_fixed", False)
            and not (isinstance(layer, Discretization) and layer.num_bins is None)
        ]

    def adapt(self, dataset: Any) -> None:
        """Learn ranges and vocabularies of `dataset`: a dict of columns, or an iterable of such.
        ValueError for anything else."""
        columns = dataset if isinstance(dataset, dict) else _gathered(dataset)
        for key in self._adaptable():
            values = np.asarray(columns[key])
            self.preprocessors[key].adapt(values[:, None] if values.ndim == 1 else values)
        self._adapted, self._encoded = True, None
        self.get_encoded_features()

    def _check_adapted(self) -> None:
        if not self._adapted:
            raise ValueError(
                "You need to call `.adapt(dataset)` on the FeatureSpace before you can start using "
                "it."
            )

    @property
    def layers(self) -> list[Layer]:
        """Those of the columns, of crosses, and what encodes their results."""
        return self._sublayers()

    # results --------------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, Any]:
        """An Input for each column, by name."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic result for `get_inputs()`."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._result(self.inputs)
            self.built = True
        return self._encoded

    def __call__(self, data: Any) -> Any:  # type: ignore[override]
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(
                "A FeatureSpace can only be called with a dict. "
                f"Received: data={data} (of type {type(data)})"
            )
        if is_symbolic(data):
            return self._result(data)
        columns = {key: self._column(key, value) for key, value in data.items()}
        alone = all(np.ndim(value) == 0 for value in data.values())
        found = self._result(columns)
        if not alone:
            return found
        return {k: v[0] for k, v in found.items()} if isinstance(found, dict) else found[0]

    def _column(self, key: str, value: Any) -> np.ndarray:
        dtype = self.features[key].dtype if key in self.features else None
        array = np.asarray(value, None if dtype in (None, "string") else dtype)
        return array.reshape(-1, 1) if array.ndim < 2 else array

    def _result(self, data: dict[str, Any]) -> Any:
        missing = set(self.features) - set(data)
        if missing:
            raise ValueError(f"The features {sorted(missing)} are missing in the data.")
        taken = {key: layer(data[key]) for key, layer in self.preprocessors.items()}
        crossed = {
            cross.name: self.crossers[cross.name]([taken[key] for key in cross.feature_names])
            for cross in self.crosses
        }
        specs: dict[str, Any] = {**self.features, **{cross.name: cross for cross in self.crosses}}
        found = {
            key: self._encode(key, value, specs[key].output_mode)
            for part in (taken, crossed)
            for key, value in sorted(part.items())
        }
        return found if self.output_mode == "dict" else self._joined(found)

    def _encode(self, key: str, value: Any, output_mode: str) -> Any:
        if output_mode != "one_hot":
            return value
        if not str(value.dtype).startswith("int"):
            raise ValueError(
                f"Feature '{key}' has `output_mode='one_hot'`. Thus its preprocessor should return "
                f"an integer dtype. Instead it returns a {value.dtype} dtype."
            )
        if key not in self.one_hot_encoders:
            layer = self.crossers.get(key, self.preprocessors.get(key))
            self.one_hot_encoders[key] = CategoryEncoding(_count(key, layer), "multi_hot")
        return self.one_hot_encoders[key](value)

    def _joined(self, found: dict[str, Any]) -> Any:
        for key, value in found.items():
            if not str(value.dtype).startswith(("float", "bfloat")):
                raise ValueError(
                    f"Cannot concatenate features because feature '{key}' has not been encoded (it "
                    f"has dtype {value.dtype}). Consider using `output_mode='dict'`."
                )
        return ops.concatenate(list(found.values()), axis=-1)

    # files ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON; what was learnt is in those of layers, and
        in their weights."""
        return {
            "name": self.name,
            "features": {key: feature.get_config() for key, feature in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [cross.get_config() for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    def get_build_config(self) -> dict[str, Any]:
        """What builds the layers of the columns, by name."""
        return {key: layer.get_build_config() for key, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layers of the columns as `get_build_config` says: what was learnt is there."""
        for key, shapes in config.items():
            if key in self.preprocessors and not self.preprocessors[key].built:
                self.preprocessors[key].build_from_config(shapes)
        self._adapted = True

    def save(self, filepath: Any) -> None:
        """Write the space to a `.keras` file; `models.load_model` reads it."""
        from fncompile import saving

        saving.save_model(self, filepath)


_KINDS = (
    "float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical",
    "string_categorical", "integer_hashed", "string_hashed",
)  # fmt: skip


def _named(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _gathered(dataset: Any) -> dict[str, np.ndarray]:
    """The columns of a data set of dicts, of batches or of single rows."""
    rows = list(dataset) if hasattr(dataset, "__iter__") else []
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError(
            "`adapt()` can only be called on a dict of arrays/lists, or a data set of such. "
            f"Received instead: {dataset} (of type {type(dataset)})"
        )
    joined = {}
    for key in rows[0]:
        values = [np.asarray(row[key]) for row in rows]
        joined[key] = np.stack(values) if values[0].ndim == 0 else np.concatenate(values)
    return joined


def _count(key: str, layer: Any) -> int:
    """How many numbers a layer may give."""
    if isinstance(layer, (IntegerLookup, StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        return layer.num_bins or len(layer.bin_boundaries or ()) + 1  # few data make fewer bins
    if isinstance(layer, CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, (HashedCrossing, Hashing)):
        return layer.num_bins
    raise ValueError(
        f"Feature '{key}' has `output_mode='one_hot'`. However it isn't a standard feature and the "
        "dimensionality of its output space is not known, thus it cannot be one-hot encoded. Try "
        "using `output_mode='int'`."
    )
