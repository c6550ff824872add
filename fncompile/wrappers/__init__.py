"""Models as estimators of scikit-learn, under Keras' names.

They need scikit-learn 1.6 or newer: `pip install 'fncompile[sklearn]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fncompile.wrappers.estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            from fncompile.missing import complaint

            raise complaint(__name__, name)
        try:
            from fncompile.wrappers import estimators
        except ImportError as error:
            raise ImportError(
                f"fncompile.wrappers.{name} needs scikit-learn 1.6 or newer: "
                f"pip install 'fncompile[sklearn]'. ({error})"
            ) from error
        return getattr(estimators, name)


def __dir__() -> list[str]:
    from fncompile.missing import shown_names

    return shown_names(__name__)
