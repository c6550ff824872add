"""What `evaluate` and the on-batch methods give back."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

_VALUE = itemgetter(1)


def result_of(results: Sequence[tuple[str, Any]], as_dict: bool = False) -> Any:
    """The metrics in Keras' order: a number when there is the loss alone, else a list; or by name,
    sorted."""
    if as_dict:
        return dict(sorted(results))
    return results[0][1] if len(results) == 1 else [*map(_VALUE, results)]
