"""Show layers, shapes and numbers of parameters."""

from __future__ import annotations

import argparse

from fncompile.cli.model_file import add_model, load

EXAMPLES = (
    "fncompile summary digits.keras",
    "fncompile summary digits.keras --nested --plot digits.svg",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--nested", action="store_true", help="show the layers of models inside")
    parser.add_argument("--trainable", action="store_true", help="show which layers learn")
    parser.add_argument("--plot", metavar="FILE", help="draw the model too, as .svg, .dot or .png")


def run(options: argparse.Namespace) -> int:
    from fncompile.graph import view

    model = load(options)
    if options.plot:
        view.plot_model(model, to_file=options.plot, show_shapes=True)
    model.summary(expand_nested=options.nested, show_trainable=options.trainable)
    return 0
