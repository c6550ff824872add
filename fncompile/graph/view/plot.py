"""`plot_model`: a picture of a model, without Graphviz."""

from __future__ import annotations

import os
from typing import Any

from fncompile.caller import warn_caller
from fncompile.graph.view.diagram import Options, draw
from fncompile.graph.view.dot import model_to_dot
from fncompile.graph.view.png import can_write_png, write_png
from fncompile.graph.view.scene import Scene
from fncompile.graph.view.shown import ShownModel
from fncompile.graph.view.svg import to_svg

_DIRECTIONS = ("TB", "LR", "BT", "RL")
_ENDINGS = (".png", ".svg", ".dot")


class Picture:
    """What `plot_model` gives: shown by notebooks, `svg` is its text."""

    def __init__(self, scene: Scene):
        self.scene = scene

    @property
    def svg(self) -> str:
        return to_svg(self.scene)

    def _repr_svg_(self) -> str:
        return self.svg


def plot_model(
    model: ShownModel,
    to_file: str | os.PathLike | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    **kwargs: Any,
) -> Picture:
    """Draw the graph of `model` to `to_file`, ending in .png, .svg or .dot (None: to no file).

    `rankdir` is the direction of flow, "TB", "LR", "BT" or "RL"; `expand_nested` draws nested
    models as frames around their own graphs. PNG needs Pillow: without it an SVG of the same name
    is written, and a warning says so. ValueError for another ending or direction, and for a model
    that is not built.

    `model`: a built model; `show_shapes`, `show_dtype`, `show_layer_names`,
    `show_layer_activations`, `show_trainable`: what boxes say; `dpi`: the size of a PNG. The result
    has the picture as `svg`.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> picture = utils.plot_model(model, "model.svg", show_shapes=True)
    >>> picture.svg.startswith("<svg")
    True
    """
    kwargs.pop("splines", None)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    if rankdir not in _DIRECTIONS:
        raise ValueError(f"`rankdir` should be one of {_DIRECTIONS}. Received: rankdir={rankdir}")
    shown: dict[str, Any] = {
        "show_shapes": show_shapes, "show_dtype": show_dtype, "show_layer_names": show_layer_names,
        "rankdir": rankdir, "expand_nested": expand_nested,
        "show_layer_activations": show_layer_activations, "show_trainable": show_trainable,
    }  # fmt: skip
    scene = draw(model, Options(**shown))
    if to_file is not None:
        _write(model, scene, os.fspath(to_file), dpi, shown)
    return Picture(scene)


def _write(model: ShownModel, scene: Scene, path: str, dpi: float, shown: dict[str, Any]) -> None:
    stem, ending = os.path.splitext(path)
    ending = ending.lower()
    if ending == ".png" and not can_write_png():
        path, ending = f"{stem}.svg", ".svg"
        warn_caller(f"PNG files need Pillow (`pip install pillow`): {path} was written instead.")
    if ending == ".png":
        write_png(scene, path, dpi)
    elif ending in (".svg", ".dot"):
        text = to_svg(scene) if ending == ".svg" else model_to_dot(model, dpi=int(dpi), **shown)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        raise ValueError(f"`to_file` should end in one of {_ENDINGS}. Received: to_file={path}")
