"""Models as native libraries: `model.export(directory)`.

bundle = model.export("build/mnist")     # libmnist_model.so .a, mnist_model.h .pc, an example
print(bundle.header)
"""

from __future__ import annotations

from typing import Any

__all__ = ["Bundle", "export"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import bundle

        return getattr(bundle, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
