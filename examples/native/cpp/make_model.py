"""Export a classifier of points, untrained: the program trains it."""

import sys

import fncompile
from fncompile import layers

point = fncompile.Input((2,), name="point")
hidden = layers.Dense(16, activation="relu")(point)
side = layers.Dense(1, activation="sigmoid", name="side")(hidden)
model = fncompile.Model(point, side, name="signs")
model.compile(fncompile.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
model.export(sys.argv[1] if len(sys.argv) > 1 else "build/model")
