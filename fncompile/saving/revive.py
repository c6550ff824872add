"""A model from its description in a file that may be damaged or hostile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fncompile.graph.variable import values_to_come

from .errors import FileFormatError
from .saved import SavedModel
from .serialization import deserialize_keras_object
from .tree import Group

# What data of the wrong form lead to in code that expects the right one.
_MALFORMED = (LookupError, AttributeError, NotImplementedError, RecursionError, ArithmeticError)
# Room for what a file need not hold: states of random generators, of metrics.
_SLACK = 1 << 20


def model_from_config(config: dict[str, Any], weights: Group) -> SavedModel:
    """Return the model of a config; ValueError where its weights would exceed those in the file."""
    in_file = sum(array.nbytes for _, array in weights.datasets())
    with values_to_come(2 * in_file + _SLACK):
        model = deserialize_keras_object(config)
    if not hasattr(model, "layers"):
        raise FileFormatError(f"the file describes {type(model).__name__}, which is not a model")
    return model


@contextmanager
def describing(path: Any) -> Iterator[None]:
    """Errors of making a model from a file name the file.

    TypeError and ValueError stay what they are; what malformed data lead to else becomes
    FileFormatError.
    """
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from error
    except _MALFORMED as error:
        raise FileFormatError(f"{path}: its configuration makes no model: {error!r}") from error
