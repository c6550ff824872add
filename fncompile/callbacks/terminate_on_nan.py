"""Stop training at a loss that is no number."""

from __future__ import annotations

import math

from fncompile.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends training after the first batch with which the loss became NaN or infinite.

    With `raise_error` by a RuntimeError, so that nothing is done that a good end would do.

    Used in `fit(..., callbacks=[...])`.

    >>> isinstance(callbacks.TerminateOnNaN(), callbacks.Callback)
    True
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(
                    f"NaN or Inf loss encountered at batch {batch}: loss={loss}. Training ends."
                )
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
