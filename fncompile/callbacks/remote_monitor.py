"""Tell a server of each epoch."""

from __future__ import annotations

import json
from typing import Any
from urllib import parse

import numpy as np

from fncompile.callbacks.callback import Callback, Logs
from fncompile.caller import warn_caller


class RemoteMonitor(Callback):
    """Posts the epoch and its logs to a server, as JSON in the field `field` of a form, or with
    `send_as_json` by itself.

    `root` and `path`: of the address; `headers`: a dict of others to send. A warning where the
    server is not there: training goes on.

    >>> isinstance(callbacks.RemoteMonitor("http://localhost:9000"), callbacks.Callback)
    True
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ):
        if parse.urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(
                f"`root` must be an address that begins with http:// or https://. Received: {root}"
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        from urllib import request  # which brings ssl and email: not for those who only train

        text = json.dumps({"epoch": epoch, **{k: _plain(v) for k, v in (logs or {}).items()}})
        body, kind = parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        if self.send_as_json:
            body, kind = text, "application/json"
        headers = {"Content-Type": kind, **(self.headers or {})}
        posted = request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            request.urlopen(posted, timeout=60).close()
        except OSError as problem:
            warn_caller(f"Could not reach RemoteMonitor root server at {self.root}: {problem}")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
