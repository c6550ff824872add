"""Models as estimators: scikit-learn's own checks, and what people do with estimators."""

from __future__ import annotations

import doctest
import functools
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fncompile
from fncompile import layers
from fncompile.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer, estimators

QUIET = {"verbose": 0}


pytestmark = pytest.mark.usefixtures("quickly_compiled")


def network(X, y, loss="mse", activation=None, hidden=(), rate=None):
    """Layers that fit the data, as many outputs as `y` has columns."""
    x = inputs = fncompile.Input((X.shape[1],))
    for width in hidden:
        x = layers.Dense(width, activation="relu")(x)
    model = fncompile.Model(inputs, layers.Dense(y.shape[1], activation=activation)(x))
    model.compile(fncompile.optimizers.Adam(rate) if rate else "rmsprop", loss)
    return model


def classifier(**kwargs):
    own = {"loss": "categorical_crossentropy", "activation": "softmax", "hidden": (20,)}
    return SKLearnClassifier(network, model_kwargs={**own, **kwargs}, fit_kwargs=QUIET)


def regressor(**kwargs):
    return SKLearnRegressor(network, model_kwargs=kwargs, fit_kwargs=QUIET)


def transformer():
    return SKLearnTransformer(network, fit_kwargs=QUIET)


# What scikit-learn checks and these estimators do not promise. Keras lists the same.
RANDOM = "two fits start from different weights"
COLUMNS = "decision_function has a column for each of two classes, as in Keras"
NOT_MEANT = {
    "SKLearnClassifier": {
        "check_classifier_data_not_an_array": RANDOM,
        "check_supervised_y_2d": RANDOM,
        "check_fit_idempotent": RANDOM,
        "check_classifiers_one_label_sample_weights": "a class of weight 0 is a class",
        "check_decision_proba_consistency": COLUMNS,
        "check_classifiers_classes": "one epoch on a few samples may never predict some class",
        "check_classifiers_train": COLUMNS,
    },
    "SKLearnRegressor": dict.fromkeys(
        ("check_regressor_data_not_an_array", "check_supervised_y_2d", "check_regressors_int",
         "check_fit_idempotent"), RANDOM),
    "SKLearnTransformer": {"check_fit_idempotent": RANDOM},
}  # fmt: skip


CHECKS = parametrize_with_checks(
    [classifier(), regressor(), transformer()],
    expected_failed_checks=lambda estimator: NOT_MEANT[type(estimator).__name__],
)


def named(part):
    """An estimator or a check. What scikit-learn calls an estimator has the address of its model
    in it, which is another in each process that collects the tests."""
    if isinstance(part, functools.partial):
        return "-".join([part.func.__name__, *(f"{k}={v}" for k, v in part.keywords.items())])
    return type(part).__name__ if hasattr(part, "get_params") else part.__name__


@pytest.mark.parametrize(*CHECKS.mark.args, ids=named)
@pytest.mark.filterwarnings("ignore")
def test_as_scikit_learn_checks_it(estimator, check):
    with fncompile.flags(interp=True):  # many small fits, of data of as many shapes
        check(estimator)


@pytest.fixture
def data():
    X, y = make_classification(240, 8, n_informative=5, n_classes=3, random_state=1)
    return X.astype("float32"), np.array(["ash", "birch", "cedar"])[y]


LEARNING = {"rate": 0.02}


def learned(estimator, X, y):
    return estimator.fit(X, y, epochs=40).score(X, y)


def test_labels_of_any_kind_are_learned(data):
    X, y = data
    estimator = classifier(**LEARNING)
    assert learned(estimator, X, y) > 0.85
    assert estimator.classes_.tolist() == ["ash", "birch", "cedar"]
    chances = estimator.predict_proba(X)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(estimator.classes_[chances.argmax(1)], estimator.predict(X))
    np.testing.assert_array_equal(estimator.decision_function(X), chances)
    assert estimator.history_.history["loss"][-1] < estimator.history_.history["loss"][0]


@pytest.mark.parametrize("outputs, loss, activation", [
    (3, "sparse_categorical_crossentropy", "softmax"),
    (3, fncompile.losses.SparseCategoricalCrossentropy(from_logits=True), None),
    (3, fncompile.losses.CategoricalCrossentropy(from_logits=True), None),
    (1, "binary_crossentropy", "sigmoid"),
    (1, fncompile.losses.BinaryCrossentropy(from_logits=True), None),
], ids=str)  # fmt: skip
def test_models_get_targets_as_their_loss_takes_them(data, outputs, loss, activation):
    X, y = data
    if outputs == 1:
        X, y = X[y != "cedar"], y[y != "cedar"]
    model = network(X, np.zeros((1, outputs)), loss, activation, (20,), LEARNING["rate"])
    estimator = SKLearnClassifier(model, fit_kwargs=QUIET)
    assert learned(estimator, X, y) > 0.85
    chances = estimator.predict_proba(X)
    assert chances.shape == (len(X), len(np.unique(y))) and (chances >= 0).all()
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    assert estimator.model_ is not model and not model.optimizer.iterations.numpy()


def test_numbers_one_or_several(data):
    X, y = make_regression(150, 5, n_targets=2, random_state=0)
    options = {"rate": 3.0}
    both = regressor(**options).fit(X, y, epochs=40)
    assert both.score(X, y) > 0.99 and both.predict(X).shape == (150, 2)
    one = regressor(**options).fit(X, y[:, 0], epochs=40)
    assert one.score(X, y[:, 0]) > 0.99 and one.predict(X).shape == (150,)


def test_in_a_pipeline_and_a_search_over_processes(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), classifier(**LEARNING))
    grid = {
        "sklearnclassifier__model_kwargs": [
            {"loss": "categorical_crossentropy", "activation": "softmax", "hidden": h}
            for h in ((4,), (16,))
        ],
        "sklearnclassifier__fit_kwargs": [{"verbose": 0, "epochs": 5}],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_.predict(X).shape == y.shape


def test_features_of_a_transformer_feed_a_classifier(data):
    X, y = data
    auto = SKLearnTransformer(network, model_kwargs={"hidden": (6,)}, fit_kwargs=QUIET)
    pipeline = make_pipeline(auto.fit(X, X), classifier(**LEARNING))
    assert auto.transform(X).shape == X.shape and auto.fit_transform(X, X).shape == X.shape
    assert cross_val_score(pipeline[-1], auto.transform(X), y, cv=2).shape == (2,)


@pytest.mark.parametrize("made", ["function", "model"])
def test_clone_starts_anew_and_pickle_goes_on(data, made, tmp_path):
    X, y = data
    estimator = classifier(**LEARNING)
    if made == "model":
        estimator.model = network(X, np.zeros((1, 3)), "categorical_crossentropy", "softmax")
    copy = clone(estimator.fit(X, y))
    assert copy.get_params().keys() == estimator.get_params().keys()
    assert copy.fit_kwargs == QUIET
    with pytest.raises(NotFittedError):
        copy.predict(X)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    loaded = joblib.load(tmp_path / "estimator.joblib")
    for again in (pickle.loads(pickle.dumps(estimator)), loaded):
        np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
        again.fit(X, y)


def test_partial_fit_goes_on_where_it_was(data):
    X, y = data
    estimator = classifier(**LEARNING)
    with pytest.raises(ValueError, match="only one class"):
        estimator.partial_fit(X[y == "ash"], y[y == "ash"])
    for _ in range(30):
        for part in ("ash", "birch", "cedar"):
            estimator.partial_fit(X[y == part][:20], y[y == part][:20], classes=np.unique(y))
    assert estimator.model_.optimizer.iterations.numpy() == 90
    with pytest.raises(ValueError, match="'oak' is not among the classes"):
        estimator.partial_fit(X[:2], np.array(["ash", "oak"]))
    number = regressor()
    first = number.partial_fit(X, X[:, 0]).model_
    assert number.partial_fit(X, X[:, 0]).model_ is first


def test_warm_start_keeps_the_model_and_its_features(data):
    X, _ = data
    warm = SKLearnRegressor(network, warm_start=True, fit_kwargs={"verbose": 0, "epochs": 2})
    model = warm.fit(X, X[:, 0]).model_
    assert warm.fit(X, X[:, 0]).model_ is model
    with pytest.raises(ValueError, match="features"):
        warm.fit(X[:, :3], X[:, 0])
    cold = regressor()
    assert cold.fit(X, X[:, 0]).model_ is not cold.fit(X, X[:, 0]).model_


def test_arguments_of_fit_come_before_fit_kwargs(data):
    X = data[0]
    estimator = SKLearnRegressor(network, fit_kwargs={"verbose": 0, "epochs": 5})
    assert len(estimator.fit(X, X[:, 0], epochs=2).history_.epoch) == 2
    assert estimator.fit_kwargs == {"verbose": 0, "epochs": 5}


def test_models_that_do_not_fit_are_refused_in_words(data):
    X, y = data
    x = fncompile.Input((8,))
    with pytest.raises(RuntimeError, match="must be compiled"):
        SKLearnRegressor(fncompile.Model(x, layers.Dense(1)(x))).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="has 2 outputs, but there are 3 classes"):
        SKLearnClassifier(network(X, np.zeros((1, 2)))).fit(X, y)


def test_without_scikit_learn_the_name_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None\nimport fncompile\n"
        "try: fncompile.wrappers.SKLearnClassifier\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fncompile[sklearn]'" in done.stdout


@pytest.mark.parametrize("name", fncompile.wrappers.__all__)
def test_examples_of_docstrings(name):
    globs = {"np": np, "fncompile": fncompile, "layers": layers}
    found = doctest.DocTestFinder(recurse=False).find(getattr(estimators, name), name, globs=globs)
    assert found and doctest.DocTestRunner().run(found[0]).failed == 0
