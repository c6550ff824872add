"""Small models whose training by real Keras is stored, and repeated by fncompile.

Each function of `MODELS` takes the module to build with (`keras` or `fncompile`) and answers
`(model, compile_kwargs, x, y, fit_kwargs)`. `fit_kwargs` holds what both `fit` and
`train_on_batch` take: `class_weight` and `sample_weight`.

Models avoid what would make the comparison ill-conditioned: a bias in front of a normalisation
has a gradient of exactly zero, which RMSprop and Adam would turn into amplified rounding.
"""

from tests.keras_reference.data import MODELS
from tests.keras_reference.models import (
    images,
    joins,
    layer_kinds,
    losses,
    recurrent,
    scores,
    topology,
    trained,
    weighting,
)
from tests.keras_reference.models.optimizers import OPTIMIZERS, build_with_optimizer

__all__ = ["MODELS", "OPTIMIZERS", "build_with_optimizer",
           "images", "joins", "layer_kinds", "losses", "recurrent", "scores", "topology", "trained",
           "weighting"]
