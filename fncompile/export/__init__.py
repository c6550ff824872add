"""Models as native libraries: `model.export(directory)`.

bundle = model.export("build/mnist")     # libmnist_model.so .a, mnist_model.h .pc, an example
print(bundle.header)
fncompile.load_library("build/mnist").predict(images)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fncompile.missing import complaint, shown_names

if TYPE_CHECKING:
    from .build import Bundle
    from .bundle import export
    from .opened import NativeModel, load_library

__all__ = ["Bundle", "NativeModel", "export", "load_library"]
_ROOMS = {"NativeModel": "opened", "load_library": "opened", "Bundle": "build"}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            module = import_module(f".{_ROOMS.get(name, 'bundle')}", __name__)
            return getattr(module, name)
        raise complaint(__name__, name)


def __dir__() -> list[str]:
    return shown_names(__name__)
