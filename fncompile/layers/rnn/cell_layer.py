"""Layers of one kind of cell, with the cell's options as their own."""

from __future__ import annotations

from typing import Any

from fncompile.layers.input_spec import InputSpec
from fncompile.layers.rnn.cell import RecurrentCell
from fncompile.layers.rnn.rnn import RNN


class CellLayer(RNN):
    """Base of SimpleRNN, LSTM and GRU: `cell_type` has the options."""

    cell_type: type[RecurrentCell]
    cell_name: str

    def __init__(self, options: dict[str, Any], **kwargs: Any):
        own: dict[str, Any] = {
            name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs
        }
        if "implementation" in kwargs:
            own["implementation"] = kwargs.pop("implementation")
        has_choice = "use_cudnn" in kwargs
        use_cudnn = kwargs.pop("use_cudnn", "auto")
        if use_cudnn not in ("auto", True, False):
            raise ValueError(
                "Invalid valid received for argument `use_cudnn`. Expected one of {'auto', True, "
                f"False}}. Received: use_cudnn={use_cudnn}"
            )
        super().__init__(self.cell_type(**options, name=self.cell_name, **own), **kwargs)
        if has_choice:
            self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in cls.cell_type.fields:
            if not hasattr(cls, name):
                setattr(cls, name, _of_cell(name))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        flags = {name: value for name, value in config.items() if name != "cell"}
        options = self.cell.get_config()
        regularizer = {"activity_regularizer": flags.get("activity_regularizer")}
        return {**{name: options[name] for name in self.cell_type.fields}, **regularizer, **flags}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        return super(RNN, cls).from_config(config)


def _of_cell(name: str) -> property:
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")
