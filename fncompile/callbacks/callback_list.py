"""Several callbacks called as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fncompile.callbacks.callback import Callback, Logs
from fncompile.callbacks.history import History
from fncompile.callbacks.progbar_logger import ProgbarLogger
from fncompile.callbacks.watched import WatchedModel


class CallbackList(Callback):
    """Forwards each hook to all callbacks in order, adding History and the progress bar on demand.

    TypeError for what is not a callback. `params` are the keywords `verbose`, `epochs` and `steps`.

    `callbacks`: one or a list; `add_history`, `add_progbar`: whether to add them; `model`: theirs.

    >>> hooks = callbacks.CallbackList([callbacks.LambdaCallback(on_train_begin=print)])
    >>> hooks.on_train_begin()
    {}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: WatchedModel | None = None,
        **params: Any,
    ):
        self.callbacks: list[Callback] = [] if callbacks is None else list(_flat(callbacks))
        if add_progbar and _first(self.callbacks, ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        history: Any = _first(self.callbacks, History) if self.callbacks else None
        if add_history and history is None:
            history = History()
            self.callbacks.append(history)
        self.history = history
        self.set_params(params)
        if model is not None:
            if history is not None:
                model.history = history
            self.set_model(model)

    def append(self, callback: Callback) -> None:
        """Add a callback behind the others."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the parameters of the run to all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: WatchedModel) -> None:
        """Hand the model to all."""
        self._model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def needs_every_batch(self, mode: str) -> bool:
        """Does one of them look at batches of `mode`, "train", "test" or "predict"?"""
        return bool(self.callbacks) and any(c.needs_every_batch(mode) for c in self.callbacks)


def _first(callbacks: list[Callback], kind: type) -> Any:
    return next((c for c in callbacks if isinstance(c, kind)), None)


def _flat(callbacks: Any) -> Iterable[Callback]:
    """The callbacks in a callback, a list, or nested lists."""
    if isinstance(callbacks, (list, tuple)):
        for entry in callbacks:
            yield from _flat(entry)
    elif isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif isinstance(callbacks, Callback):
        yield callbacks
    else:
        raise TypeError(
            "`callbacks` should be instances of `fncompile.callbacks.Callback`. "
            f"Received: {callbacks}"
        )


def _forward(name: str):
    """The hook `name` of all callbacks; users' functions name their arguments as they like."""

    def of_index(self: CallbackList, index: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, name)(index, logs)

    def of_run(self: CallbackList, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, name)(logs)

    return of_index if "epoch" in name or "batch" in name else of_run


for _name in [n for n in vars(Callback) if n.startswith("on_")]:
    _hook = _forward(_name)
    _hook.__doc__ = getattr(Callback, _name).__doc__
    setattr(CallbackList, _name, _hook)
