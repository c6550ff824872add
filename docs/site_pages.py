"""What the site shows and nobody writes: mkdocs calls this for each page.

- `<!-- layers: rooms -->` becomes the public classes of these parts of `fncompile.layers`;
- `<!-- names of keras -->` becomes the table of Keras' names: there or missing;
- behind a block "```python picture" stands the picture of the `model` that it makes.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import fncompile
from fncompile import layers
from fncompile.keras_names import NAMES
from fncompile.refusals import REASONS

_LAYERS = re.compile(r"<!-- layers: ([\w ]+) -->")
_PICTURE = re.compile(r"^```python picture\n(.*?)^```\n", re.S | re.M)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The text of a page with everything filled in."""
    markdown = _LAYERS.sub(lambda found: reference(found[1].split()), markdown)
    markdown = markdown.replace("<!-- names of keras -->", names_of_keras())
    return _PICTURE.sub(_with_picture, markdown)


def _with_picture(found: re.Match[str]) -> str:
    return f"```python\n{found[1]}```\n\n{picture(found[1])}\n"


# layers -------------------------------------------------------------------------------------------


def public_layers(room: str) -> list[str]:
    """The public classes that a file or folder of `fncompile.layers` defines, without aliases."""
    found: dict[type, str] = {}
    for name in sorted(layers.__all__, key=lambda name: (len(name), name)):
        thing = getattr(layers, name)
        module = getattr(thing, "__module__", "").removeprefix("fncompile.layers.")
        if isinstance(thing, type) and module.split(".")[0] == room:
            found[thing] = name if name == thing.__name__ else found.get(thing, name)
    return sorted(found.values())


def reference(rooms: list[str]) -> str:
    names = [name for room in rooms for name in public_layers(room)]
    if not names:
        raise ValueError(f"there are no layers in {rooms}")
    return "\n\n".join(f"::: fncompile.layers.{name}" for name in names)


def picture(code: str) -> str:
    """The model that a block makes, as SVG."""
    namespace: dict[str, Any] = {"fncompile": fncompile, "layers": layers}
    fncompile.utils.clear_session()
    exec(compile(code, "picture", "exec"), namespace)
    svg = re.sub(r"<\?xml.*?\?>\s*", "", namespace["model"]._repr_svg_())
    return re.sub(r"\n\s*\n", "\n", svg)  # a blank line would end the block for Markdown


# Keras' names -------------------------------------------------------------------------------------


def names_of_keras() -> str:
    """A table by namespace."""
    lines = ["| | there | missing |", "|---|---|---|"]
    for room in sorted(NAMES):
        there, missing = _sorted_out(room)
        names = ", ".join(f"`{name}`" for name in missing)
        where = f"`keras.{room}`" if room else "`keras`"
        lines.append(f"| {where} | {len(there)} of {len(NAMES[room])} | {names} |")
    return "\n".join([*lines, "", *_reasons()])


def _reasons() -> list[str]:
    """A line for each reason, with the names that it is said of."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in REASONS.items():
        by_reason.setdefault(reason, []).append(f"`keras.{name}`")
    return [f"* {', '.join(names)}: {reason}." for reason, names in by_reason.items()]


def _sorted_out(room: str) -> tuple[list[str], list[str]]:
    """The names of a namespace of Keras that are there, and the others."""
    try:
        module = importlib.import_module(f"fncompile.{room}".rstrip("."))
    except ImportError:
        return [], sorted(NAMES[room])
    there = [name for name in sorted(NAMES[room]) if hasattr(module, name)]
    return there, sorted(set(NAMES[room]) - set(there))
