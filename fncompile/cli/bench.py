"""Measure how long predictions take, by rows.

Times are medians of calls on bound arrays, `model.bind(x)()`: what the compiled code takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fncompile.cli.model_file import add_model, add_sizes, inputs_for, load, one_or_list, positive
from fncompile.flags import override

if TYPE_CHECKING:
    from fncompile.models import Functional

EXAMPLES = (
    "fncompile bench digits.keras",
    "fncompile bench digits.keras --batch 1 64 1024 --threads 4",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_sizes(parser)
    parser.add_argument(
        "--batch", type=positive, nargs="+", default=[1, 32, 256], metavar="N",
        help="rows of a call (default: 1 32 256)",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=float, default=1.0, metavar="S", help="for each (default: %(default)s)"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="as FNC_THREADS")


def run(options: argparse.Namespace) -> int:
    model = cast("Functional", load(options))  # others are refused by `inputs_for`
    with override(**({"threads": options.threads} if options.threads else {})):
        print(f"{'rows':>8} {'us a call':>12} {'rows a second':>15}")
        for batch in options.batch:
            call = model.bind(one_or_list(inputs_for(model, batch, options.length)))
            seconds = median_time(call, options.seconds)
            print(f"{batch:>8} {seconds * 1e6:>12.2f} {batch / seconds:>15,.0f}")
    return 0


def median_time(call: Callable[[], Any], seconds: float) -> float:
    """Of calls in a row that take about `seconds` together, and at least five."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
