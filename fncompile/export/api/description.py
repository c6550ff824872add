"""What a library tells of itself as JSON: for `load_library` and bindings of other languages."""

from __future__ import annotations

import json
from typing import Any

from fncompile.export.api.library import Library, Port
from fncompile.export.opened import VERSION
from fncompile.ir.dims import dim_text


def description(library: Library) -> str:
    """One line of JSON. Sizes are numbers, or formulas of the open sizes in `symbols`, whose values
    the functions take in that order, the batch first."""
    training = library.training
    found: dict[str, Any] = {
        "version": VERSION,
        "prefix": library.prefix,
        "name": library.title,
        "fncompile": library.version,
        "symbols": list(library.symbols),
        "batch": library.batch,
        "embedded": library.embedded,
        "levels": [level.name for level in library.levels],
        "state_bytes": library.state_bytes,
        "param_dtype": library.param_dtype,
        "param_count": library.param_count,
        "params": [
            {"name": p.title, "dtype": p.type.dtype, "shape": list(p.type.shape),
             "first": p.first, "trainable": p.trainable}
            for p in library.params
        ],
        "calls": {
            name: {
                "symbols": list(step.symbols),
                "arrays": [_port(p) for p in (*step.inputs, *step.outputs)],
                "many": step.steps,
            }
            for name, step in library.steps.items()
            if name in ("predict", "train_step", "evaluate")
        },
    }  # fmt: skip
    if training is not None:
        found["metrics"] = list(training.metrics)
        found["real"] = training.real
        found["sets_rate"] = training.rate is not None
        found["checkpoint_bytes"] = library.checkpoint.file_bytes
    return json.dumps(found, separators=(",", ":"))


def _port(port: Port) -> dict[str, Any]:
    shape = [d if isinstance(d, int) else dim_text(d) for d in port.type.shape]
    return {"name": port.title, "role": port.role, "dtype": port.type.dtype, "shape": shape}
