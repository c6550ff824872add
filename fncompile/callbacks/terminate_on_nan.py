"""Stop training at a loss that is no number."""

from __future__ import annotations

import math

from fncompile.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends training after the first batch with which the loss became NaN or infinite."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
