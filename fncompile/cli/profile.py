"""Show where the time of a model goes, by kernel.

The data are random numbers, and index 0 where indices are asked for; targets are 0.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fncompile.cli.model_file import add_model, add_sizes, inputs_for, load, one_or_list, positive

if TYPE_CHECKING:
    from fncompile.models import Model

EXAMPLES = (
    "fncompile profile digits.keras",
    "fncompile profile digits.keras --batch 256 --training",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_sizes(parser)
    parser.add_argument(
        "--batch", type=positive, default=32, metavar="N", help="rows (default: %(default)s)"
    )
    parser.add_argument(
        "--repeats", type=positive, default=20, metavar="N", help="runs (default: %(default)s)"
    )
    parser.add_argument("--training", action="store_true", help="a training step, not a prediction")


def run(options: argparse.Namespace) -> int:
    model = load(options)
    arrays = inputs_for(model, options.batch, options.length)
    targets = one_or_list(_targets(model, arrays)) if options.training else None
    print(model.profile(one_or_list(arrays), targets, options.repeats), end="")
    return 0


def _targets(model: Model, arrays: list[Any]) -> list[Any]:
    """Zeros of the kind that each loss takes; ValueError of a model that is not compiled."""
    from fncompile.session.exported import target_arrays
    from fncompile.training.compile import objective_of

    outputs = model.steps().predict(arrays, len(arrays[0]))
    return target_arrays(objective_of(model), [output.shape for output in outputs])
