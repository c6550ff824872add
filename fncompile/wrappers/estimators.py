"""The estimators; imports scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from fncompile.models import Model, clone_model
from fncompile.wrappers.targets import Classes, probabilities


class _Estimator(BaseEstimator):
    """What the three have in common: the arguments, and how a model is made and fitted."""

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # weights and batches are drawn anew for each fit
        tags.target_tags.required = True
        return tags

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Fit a new model, or with `warm_start` the one of the last fit, to the data.

        `X`: (samples, features); `y`: (samples,), or (samples, outputs) where the kind of estimator
        takes several; other arguments as for `Model.fit`, before those of `fit_kwargs`. ValueError
        for data of other kinds, RuntimeError where the model is not compiled.
        """
        again = self.warm_start and hasattr(self, "model_")
        X, y = self._checked(X, y, reset=not again)
        self._learn_targets(y, reset=not again)
        return self._trained(X, y, {**(self.fit_kwargs or {}), **kwargs}, anew=not again)

    def partial_fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train the model that there is, or a new one, on a part of the data: one epoch, unless
        `epochs` is given.

        `X`, `y` and other arguments as for `fit`, of whose `fit_kwargs` `epochs` does not count.
        """
        first = not hasattr(self, "model_")
        X, y = self._checked(X, y, reset=first)
        self._learn_targets(y, reset=first)
        given = {**(self.fit_kwargs or {}), "epochs": 1, **kwargs}
        return self._trained(X, y, given, anew=first)

    def _trained(self, X: Any, y: Any, kwargs: dict[str, Any], anew: bool) -> Any:
        model = self._new_model(X, y) if anew else self.model_
        self.history_ = model.fit(X, self._targets(y, model), **kwargs)
        self.model_: Model = model
        return self

    def _new_model(self, X: np.ndarray, y: np.ndarray) -> Model:
        if isinstance(self.model, Model):
            model = clone_model(self.model)
        else:
            model = self.model(X=X, y=self._shown(y), **(self.model_kwargs or {}))
        if not (model.compiled and model.loss is not None):
            raise RuntimeError(
                f"The model {model.name!r} must be compiled, with a loss and an optimizer."
            )
        return model

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        several = self.__sklearn_tags__().target_tags.multi_output
        X, y = validate_data(self, X, y, reset=reset, multi_output=several)
        if several and y.ndim == 2 and y.shape[1] == 1 and not reset and self._target_ndim == 1:
            y = y[:, 0]
        return X, y

    def _outputs(self, X: Any) -> np.ndarray:
        """What the model makes of `X`. NotFittedError before `fit`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.model_.predict(X, verbose=0)

    # numbers: what a classifier does otherwise ----------------------------------------------------

    def _learn_targets(self, y: np.ndarray, reset: bool) -> None:
        if type_of_target(y) == "unknown":
            raise ValueError(f"Unknown label type: {y!r}")
        if reset:
            self._target_ndim = y.ndim

    def _shown(self, y: np.ndarray) -> np.ndarray:
        """`y` as a function that makes a model sees it: (samples, outputs)."""
        return y[:, None] if y.ndim == 1 else y

    def _targets(self, y: np.ndarray, model: Model) -> np.ndarray:
        return self._shown(y)

    def _numbers(self, X: Any) -> np.ndarray:
        outputs = self._outputs(X)
        return outputs[:, 0] if self._target_ndim == 1 and outputs.shape[1:] == (1,) else outputs


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model as a classifier of scikit-learn.

    `model`: a compiled Model, which is cloned for each fit, or a function of `X`, `y` (one-hot) and
    `model_kwargs` that gives one. `warm_start`: whether a fit goes on from the one before.
    `fit_kwargs`: arguments of each `Model.fit`, such as `epochs`. After a fit there are `model_`,
    `history_` and `classes_`.

    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(200, 8, random_state=0)
    >>> x = fncompile.Input((8,))
    >>> model = fncompile.Model(x, layers.Dense(2, activation="softmax")(x))
    >>> model.compile(fncompile.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    >>> estimator = fncompile.wrappers.SKLearnClassifier(model, fit_kwargs={"verbose": 0})
    >>> estimator.fit(X, y, epochs=50).score(X, y) > 0.7
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # on the tiny data of scikit-learn's checks
        return tags

    def partial_fit(self, X: Any, y: Any, classes: Any = None, **kwargs: Any) -> Any:
        """As of the others, where the first call needs all `classes` unless `y` has them."""
        if classes is not None and not hasattr(self, "model_"):
            self._given_classes = np.asarray(classes)
        try:
            return super().partial_fit(X, y, **kwargs)
        finally:
            self.__dict__.pop("_given_classes", None)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sample. `X`: (samples, features)."""
        numbers = self.predict_proba(X).argmax(axis=1)
        return self.classes_[numbers]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (samples, classes). `X`: (samples, features)."""
        return probabilities(self._outputs(X), self.model_.loss)

    def decision_function(self, X: Any) -> np.ndarray:
        """The outputs of the model, as Keras gives them. `X`: (samples, features)."""
        return self._outputs(X)

    def _learn_targets(self, y: np.ndarray, reset: bool) -> None:
        check_classification_targets(y)
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Only binary and multiclass targets are supported. Target type: {kind}"
            )
        if reset:
            self._classes = Classes(getattr(self, "_given_classes", y))
            self.classes_ = self._classes.labels
            if len(self.classes_) < 2:
                raise ValueError(
                    f"Classifier can't train when only one class is present: {self.classes_[0]!r}."
                )

    def _shown(self, y: np.ndarray) -> np.ndarray:
        return self._classes.one_hot(y)

    def _targets(self, y: np.ndarray, model: Model) -> np.ndarray:
        return self._classes.targets(y, model)


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model as a regressor of scikit-learn, for one or several numbers a sample.

    `model`: a compiled Model, which is cloned for each fit, or a function of `X`, `y` (samples,
    outputs) and `model_kwargs` that gives one. `warm_start`: whether a fit goes on from the one
    before. `fit_kwargs`: arguments of each `Model.fit`, such as `epochs`. After a fit there are
    `model_` and `history_`.

    >>> from sklearn.datasets import make_regression
    >>> X, y = make_regression(200, 4, random_state=0)
    >>> x = fncompile.Input((4,))
    >>> model = fncompile.Model(x, layers.Dense(1)(x))
    >>> model.compile(fncompile.optimizers.SGD(0.1), "mse")
    >>> estimator = fncompile.wrappers.SKLearnRegressor(model, fit_kwargs={"verbose": 0})
    >>> estimator.fit(X, y, epochs=50).score(X, y) > 0.99
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # on the tiny data of scikit-learn's checks
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """The number or numbers of each sample, as float64. `X`: (samples, features)."""
        return self._numbers(X).astype("float64")


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model as a transformer of scikit-learn: what it predicts are the new features.

    `model`: a compiled Model, which is cloned for each fit, or a function of `X`, `y` (samples,
    outputs) and `model_kwargs` that gives one. `warm_start`: whether a fit goes on from the one
    before. `fit_kwargs`: arguments of each `Model.fit`, such as `epochs`. After a fit there are
    `model_` and `history_`.

    >>> X = np.random.default_rng(0).normal(size=(50, 6))
    >>> x = fncompile.Input((6,))
    >>> model = fncompile.Model(x, layers.Dense(6)(layers.Dense(2)(x)))
    >>> model.compile("adam", "mse")
    >>> estimator = fncompile.wrappers.SKLearnTransformer(model, fit_kwargs={"verbose": 0})
    >>> estimator.fit(X, X).transform(X).shape
    (50, 6)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def transform(self, X: Any) -> np.ndarray:
        """The outputs of the model. `X`: (samples, features)."""
        return self._numbers(X)
