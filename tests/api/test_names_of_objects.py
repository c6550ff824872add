"""What has a name refuses one that is no text at once, not where the name is first looked up: a
damaged file had ended in "unhashable type: 'dict'"."""

from __future__ import annotations

import pytest

import fncompile
from fncompile import initializers, layers, losses, metrics, optimizers


@pytest.mark.parametrize("make", [
    layers.Dense, metrics.Mean, metrics.AUC, losses.Huber, optimizers.Adam,
    lambda *args, **kwargs: fncompile.Sequential(name=kwargs["name"]),
    lambda *args, **kwargs: fncompile.Input((2,), name=kwargs["name"]),
], ids=["layer", "metric", "AUC", "loss", "optimizer", "model", "input"])  # fmt: skip
@pytest.mark.parametrize("name", [{"a": 1}, ["x"], 3, b"x"])
def test_a_name_is_text(make, name):
    arguments = (2,) if make is layers.Dense else ()
    with pytest.raises(ValueError, match="`name` must be a string"):
        make(*arguments, name=name)


@pytest.mark.parametrize("distribution", [["x"], {}, "even"])
def test_a_choice_may_be_anything_and_is_refused_in_words(distribution):
    with pytest.raises(ValueError, match="`distribution`"):
        initializers.VarianceScaling(distribution=distribution)
