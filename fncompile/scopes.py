"""`with` blocks of Keras, names of weights made inside and devices, its `remat` and `version`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from fncompile.graph import naming

__all__ = ["RematScope", "device", "name_scope", "remat", "version"]


@contextmanager
def name_scope(name: str, **kwargs: Any) -> Iterator[str]:
    """Inside, weights of new layers get paths that begin with `name`.

    `name`: text without a "/", ValueError otherwise. Other arguments are Keras' own and ignored.

    >>> with fncompile.name_scope("encoder"):
    ...     layer = layers.Dense(1, name="out")
    ...     layer.build((None, 2))
    >>> layer.kernel.path
    'encoder/out/kernel'
    """
    with naming.name_scope(naming.checked_name(name)):
        yield name


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """Keras' choice of where to compute. Here that is the processor: `device_name` is "cpu" or
    "cpu:0"; ValueError for other devices.

    >>> with fncompile.device("cpu:0"):
    ...     ops.ones(2)
    array([1., 1.], dtype=float32)
    """
    if not isinstance(device_name, str) or device_name.lower() not in ("cpu", "cpu:0"):
        raise ValueError(
            "Compiled code runs on the processor: the device is 'cpu:0'. How many threads it takes "
            "is chosen by `fncompile.flags(threads=...)`. "
            f"Received: device_name={device_name!r}"
        )
    yield


class Remat(NamedTuple):
    """The arguments of a `RematScope`."""

    mode: str | None
    output_size_threshold: int
    layer_names: tuple[str, ...]


_remat: ContextVar[Remat | None] = ContextVar("remat", default=None)
_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


@contextmanager
def RematScope(
    mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Any = None
) -> Iterator[None]:
    """Keras' wish that layers made inside keep less for their gradient and compute it again.

    Their `call`, or what the mode names, goes through `remat`. That changes no number, and nothing
    of what is kept: this is decided when a program is planned, from what each result costs.

    `mode`: "full", "activations", "larger_than" for layers with more numbers than
    `output_size_threshold` in their output, "list_of_layers" for those called `layer_names`, or
    None; ValueError for others.

    >>> with fncompile.RematScope(mode="full"):
    ...     layer = layers.Dense(1)
    """
    if mode not in _MODES:
        raise ValueError(f"Invalid mode '{mode}'. Supported modes are: {_MODES}. ")
    token = _remat.set(Remat(mode, output_size_threshold, tuple(layer_names or ())))
    try:
        yield
    finally:
        _remat.reset(token)


def current_remat() -> Remat | None:
    """What the innermost `RematScope` asks for; None outside of all."""
    return _remat.get()


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Keras' wish that the gradient of `f` computes again what `f` computed: see `RematScope`.

    `f`: a function written in ops. Gives it as it is.

    >>> fncompile.grad(fncompile.remat(lambda x: x**3))(2.0)
    array(12., dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    return f


def version() -> str:
    """The version of this package, and of the Keras whose names and numbers it has.

    >>> fncompile.version()[:9]
    'fncompile'
    """
    from fncompile import __version__

    return f"fncompile {__version__}, Keras 3.15"
