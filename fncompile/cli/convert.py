"""Write a model or its weights in another format.

What the file is to be follows from its name: .keras, .h5, or .weights.h5 for weights alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fncompile.cli.model_file import add_model, load

EXAMPLES = (
    "fncompile convert digits.h5 digits.keras",
    "fncompile convert digits.keras digits.weights.h5 --overwrite",
)
SUFFIXES = (".keras", ".h5")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("output", metavar="OUTPUT", help="a .keras, .h5 or .weights.h5 file")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def run(options: argparse.Namespace) -> int:
    output = Path(options.output)
    if output.suffix not in SUFFIXES:
        raise ValueError(
            f"The name of OUTPUT ends in .keras, .h5 or .weights.h5. Received: {output}"
        )
    if output.exists() and not options.overwrite:
        raise FileExistsError(f"{output} is there already; --overwrite replaces it.")
    model = load(options)
    write = model.save_weights if output.name.endswith(".weights.h5") else model.save
    write(output, overwrite=True)
    print(output)
    return 0
