"""Write a native library of a model.

The files are what a C or C++ program needs to link the model: header, shared and static library,
example, self-test. Their paths are printed.
"""

from __future__ import annotations

import argparse

from fncompile.cli.model_file import add_model, load

EXAMPLES = (
    "fncompile export digits.keras -o build/digits",
    "fncompile export digits.keras -o build/digits --march x86-64-v3 --no-training",
    "fncompile export digits.keras -o build/arm --target aarch64-linux-gnu",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="made where it is not there"
    )
    parser.add_argument(
        "--prefix", metavar="NAME", help="what C names begin with (default: the model's name)"
    )
    parser.add_argument(
        "--march", metavar="CPU",
        help="compile for native, x86-64-v3, ... alone (default: one library for all processors)",
    )
    parser.add_argument(
        "--training", action=argparse.BooleanOptionalAction,
        help="whether the library trains too (default: if the model is compiled with a loss)",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="SYSTEM",
        help="build for another system by the ziglang package: aarch64-linux-gnu, wasm32-wasi, ...",
    )  # fmt: skip
    parser.add_argument(
        "--sources", action="store_true", help="add the library as one file of C99"
    )
    parser.add_argument(
        "--freestanding", action="store_true",
        help="write C99 sources alone, for systems without heap, files and threads",
    )  # fmt: skip
    parser.add_argument(
        "--weights", choices=("embedded", "file"), default="embedded",
        help="where the weights are: in the library, or in a file that it maps",
    )  # fmt: skip
    parser.add_argument(
        "--sample-weight", action="store_true", help="its training takes weights of samples"
    )


def run(options: argparse.Namespace) -> int:
    bundle = load(options).export(
        options.output, prefix=options.prefix, training=options.training,
        sample_weight=options.sample_weight, march=options.march, target=options.target,
        sources=options.sources, freestanding=options.freestanding, weights=options.weights,
    )  # fmt: skip
    for path in sorted(bundle.files):
        print(path)
    return 0
