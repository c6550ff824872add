"""Choose the width of a network by scikit-learn's grid search, in two worker processes."""

from __future__ import annotations

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fncompile
from fncompile import layers
from fncompile.wrappers import SKLearnClassifier


def network(X, y, width):
    x = fncompile.Input((X.shape[1],))
    hidden = layers.Dense(width, activation="relu")(x)
    model = fncompile.Model(x, layers.Dense(y.shape[1], activation="softmax")(hidden))
    model.compile("adam", "categorical_crossentropy")
    return model


def main() -> None:
    fncompile.utils.set_random_seed(1)
    X, y = load_digits(return_X_y=True)
    classifier = SKLearnClassifier(
        network, model_kwargs={"width": 8}, fit_kwargs={"epochs": 15, "verbose": 0}
    )
    pipeline = make_pipeline(StandardScaler(), classifier)
    grid = {"sklearnclassifier__model_kwargs": [{"width": 4}, {"width": 32}]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, y)
    best = search.best_params_["sklearnclassifier__model_kwargs"]["width"]
    print(f"width {best}: accuracy {search.best_score_:.3f}")


if __name__ == "__main__":
    main()
