"""Examples of docstrings as blocks of code: Markdown would take `>>>` for a quotation."""

from __future__ import annotations

import re
from typing import Any

import griffe

# A line that begins with >>>, and all up to an empty line.
_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.M)


def fenced(text: str) -> str:
    return _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)


class FencedExamples(griffe.Extension):
    """Applied to whatever has a docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
