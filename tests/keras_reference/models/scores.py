"""Losses of regions, embeddings and sequences, and metrics that count, on one small network."""

from __future__ import annotations

import numpy as np

from tests.keras_reference.data import N, case, floats, ints, one_hot
from tests.keras_reference.models.losses import mlp


@case
def counting_metrics(keras):
    m = keras.metrics
    metrics = [
        m.AUC(num_thresholds=20), m.AUC(num_thresholds=10, curve="PR", name="pr"), m.Precision(),
        m.Recall(thresholds=0.4), m.TruePositives(), m.FalsePositives(0.3), m.TrueNegatives(),
        m.FalseNegatives(), m.PrecisionAtRecall(0.5, 15), m.RecallAtPrecision(0.4, 15),
        m.SensitivityAtSpecificity(0.5, 15), m.SpecificityAtSensitivity(0.5, 15), m.BinaryIoU(),
    ]  # fmt: skip
    loss = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True)
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss=loss, metrics=metrics)
    return mlp(keras, 1, "sigmoid"), compiled, floats(6), ints(2, 1), {}


@case
def scores_of_classes(keras):
    m = keras.metrics
    metrics = [
        m.F1Score("macro"), m.FBetaScore("micro", beta=2.0, threshold=0.3),
        m.OneHotMeanIoU(3), m.OneHotIoU(3, [0, 2]), m.Precision(class_id=1, name="of_one"),
        m.Recall(top_k=2, name="of_two"), m.AUC(10, multi_label=True, name="by_label"),
    ]  # fmt: skip
    loss = keras.losses.CategoricalFocalCrossentropy(label_smoothing=0.1)
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss=loss, metrics=metrics)
    return mlp(keras, 3, "softmax"), compiled, floats(6), one_hot(3), {}


@case
def scores_of_regression(keras):
    m = keras.metrics
    metrics = [m.R2Score(), m.PearsonCorrelation(), m.ConcordanceCorrelation()]
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss="mse", metrics=metrics)
    return mlp(keras, 3), compiled, floats(6), floats(3, seed=2), {}


@case
def generalized_crossentropy(keras):
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), metrics=["accuracy"],
                    loss=keras.losses.CategoricalGeneralizedCrossEntropy(q=0.7))
    return mlp(keras, 3, "softmax"), compiled, floats(6), ints(3), {}


@case
def tversky_of_rows(keras):
    loss = keras.losses.Tversky(alpha=0.3, beta=0.6, axis=1)
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss=loss)
    return mlp(keras, 3, "sigmoid"), compiled, floats(6), one_hot(3), {}


@case
def dice_of_all(keras):
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss="dice")
    return mlp(keras, 3, "sigmoid"), compiled, floats(6), one_hot(3), {}


@case
def circle_of_embeddings(keras):
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="tanh")(inputs)
    outputs = layers.UnitNormalization()(layers.Dense(3)(x))
    compiled = dict(optimizer=keras.optimizers.SGD(0.02), loss=keras.losses.Circle(gamma=2.0))
    return keras.Model(inputs, outputs), compiled, floats(6), ints(2), {}


@case
def ctc_of_sequences(keras):
    layers = keras.layers
    inputs = keras.Input((5, 4))
    outputs = layers.Dense(4)(layers.Dense(6, activation="tanh")(inputs))
    labels = np.random.default_rng(3).integers(1, 4, (N, 2)).astype("int32")
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss=keras.losses.CTC())
    return keras.Model(inputs, outputs), compiled, floats(5, 4), labels, {}
