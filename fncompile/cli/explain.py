"""Tell how a model is compiled for prediction.

That is: its kernels, what was fused or not and why, order, memory.
"""

from __future__ import annotations

import argparse

from fncompile.cli.model_file import add_model, load
from fncompile.devtools.explain import TOPICS

EXAMPLES = (
    "fncompile explain digits.keras",
    "fncompile explain digits.keras fuse memory --layer dense_1",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help=f"{', '.join(TOPICS)} (default: all)"
    )
    parser.add_argument("--layer", metavar="NAME", help="only what concerns this layer")


def run(options: argparse.Namespace) -> int:
    print(load(options).explain(options.topics or None, layer=options.layer), end="")
    return 0
