"""Write `keras_summaries.json`, what real Keras prints: python -m tests.view.record."""

from __future__ import annotations

import json
import os
from pathlib import Path

FILE = Path(__file__).with_name("keras_summaries.json")


def summaries(keras) -> dict[str, str]:
    """The text of each case, in a terminal of 80 columns."""
    from tests.view.models import CASES

    os.environ["COLUMNS"] = "80"
    texts = {}
    for name, build in CASES.items():
        keras.utils.clear_session()
        model, arguments = build(keras)
        lines: list[str] = []
        model.summary(print_fn=lambda text, **_: lines.append(text), **arguments)  # noqa: B023
        texts[name] = "\n".join(lines)
    return texts


if __name__ == "__main__":
    import keras

    FILE.write_text(json.dumps(summaries(keras), ensure_ascii=False, indent=1) + "\n")
