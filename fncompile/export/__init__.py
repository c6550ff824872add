"""Models as native libraries: `model.export(directory)`.

bundle = model.export("build/mnist")     # libmnist_model.so .a, mnist_model.h .pc, an example
print(bundle.header)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fncompile.missing import complaint

if TYPE_CHECKING:
    from .bundle import Bundle, export

__all__ = ["Bundle", "export"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            from . import bundle

            return getattr(bundle, name)
        raise complaint(__name__, name)
