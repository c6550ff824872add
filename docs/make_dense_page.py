"""Fills in the dumps of docs/dense.md: `python docs/make_dense_page.py`.

The text between the dumps is written by hand. A block that begins with

    ```text predict fuse only=hidden

gets what FNC_DUMP writes for the entry `predict` after the pass `fuse`, and of it the parts that
mention `hidden`: lines of a program, kernels of a plan, functions of C. `without=` leaves parts
out, `new` those that were there after the pass before.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).with_name("dense.md")
BLOCK = re.compile(r"^```(?P<kind>text|c) (?P<wanted>\S.*)\n(?:.*\n)*?```$", re.M)
UNCHANGED = "(unchanged)\n"
BY_LINE = ("program", "fuse:", "schedule:", "barriers:")  # begin a text whose parts are lines


def build(width: int = 784, units: int = 64) -> Any:
    """The model that the page follows."""
    import fncompile
    from fncompile import layers

    fncompile.utils.clear_session()
    img = fncompile.Input((width,), name="img")
    hidden = layers.Dense(units, activation="relu", name="hidden")(img)
    digit = layers.Dense(10, activation="softmax", name="digit")(hidden)
    model = fncompile.Model(img, digit, name="mnist")
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def dumps() -> dict[str, dict[str, str]]:
    """For each entry what stands after each stage, in order."""
    import fncompile

    with tempfile.TemporaryDirectory() as folder:
        with fncompile.flags(dump=f"{folder}:text,c"):
            model = build()
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                model.summary()
            model.predict(np.zeros((2, 784), "float32"), verbose=0)
            model.train_on_batch(np.zeros((2, 784), "float32"), np.zeros(2, "int32"))
        found = {
            entry: _stages(Path(folder) / f"mnist_{name}")
            for entry, name in (("predict", "predict"), ("train", "train_step"))
        }
        with fncompile.flags(dump=f"{folder}/wide:text,c"):
            wide = build(1024, 2048)
            wide.predict(np.zeros((2, 1024), "float32"), verbose=0)
        found["wide"] = _stages(Path(folder) / "wide" / "mnist_predict")
    found["model"] = {"summary": printed.getvalue()}
    return found


def _stages(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("[0-9]*.txt")):
        text, name = path.read_text(), path.stem.partition("_")[2]
        found.setdefault(name, [*found.values()][-1] if text == UNCHANGED else text)
    found |= _sections((folder / "decisions.txt").read_text())
    return {**found, "c": (folder / "model.c").read_text()}


def _sections(decisions: str) -> dict[str, str]:
    """What `explain` says of each topic."""
    parts = re.split(r"^(?=\w+:)", decisions, flags=re.M)
    return {f"explain-{part.partition(':')[0]}": part for part in parts if part}


def excerpt(stages: dict[str, str], stage: str, options: str) -> str:
    """What a block shows of a stage. ValueError where that is nothing."""
    text, names = stages[stage], list(stages)
    gap = "\n" if text.startswith(BY_LINE) else "\n\n"
    before = stages[names[names.index(stage) - 1]] if "new" in options.split() else ""
    parts = [p for p in text.rstrip("\n").split(gap) if p not in before.split(gap)]
    for option in re.finditer(r"(only|without)=(.+?)(?= \w+=|$)", options):
        parts = [p for p in parts if (option[2] in p) == (option[1] == "only")]
    if not parts:
        raise ValueError(f"docs/dense.md: nothing to show of {stage}: {options}")
    return gap.join(parts)


def filled(page: str, found: dict[str, dict[str, str]]) -> str:
    """The page with every block as it is today."""

    def block(match: re.Match) -> str:
        entry, stage, *options = match["wanted"].split(" ", 2)
        body = excerpt(found[entry], stage, "".join(options))
        return f"```{match['kind']} {match['wanted']}\n{body}\n```"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), dumps()))
