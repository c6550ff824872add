"""What training needs besides variables to go on bit for bit: attributes that Keras ignores."""

from __future__ import annotations

import numpy as np

from .saved import Saveable
from .tree import Group

# Attributes of a compiled model that say how its training will go on.
_TRAINING = ("training_seed",)
_PREFIX = "fncompile_"


def store_training_state(model: Saveable, tree: Group) -> None:
    for name in _TRAINING:
        value = getattr(model, name, None)
        if value is not None:
            tree.attrs[_PREFIX + name] = int(value)


def load_training_state(model: Saveable, tree: Group) -> None:
    for name in _TRAINING:
        value = tree.attrs.get(_PREFIX + name)
        if hasattr(model, name) and isinstance(value, (int, np.integer)):
            setattr(model, name, int(value))
