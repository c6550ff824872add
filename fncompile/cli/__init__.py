"""The command line: `fncompile <command> …`, or `python -m fncompile <command> …`.

Each command is a module with its help (its docstring), `EXAMPLES`, `add_arguments` and `run`, which
gives the exit code: 0 done, 1 the answer is no. Errors are one message on stderr and exit code 2;
`--traceback` shows where they come from.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import fncompile
from fncompile.cli import (
    bench,
    convert,
    doctor,
    explain,
    export,
    profile,
    selftest,
    summary,
)

COMMANDS: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (export, summary, explain, profile, bench, selftest, convert, doctor)
}
FAILED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments`, by default those of the process, ask for; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if options.traceback:
            raise
        print(f"fncompile {options.command}: error: {_message(error)}", file=sys.stderr)
        return FAILED


def _message(error: Exception) -> str:
    text = str(error).strip()
    if isinstance(error, KeyError) or not text:
        return f"{type(error).__name__}: {text}"
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fncompile", description="Compile, export and look into models in files.",
        epilog="`fncompile COMMAND --help` shows the arguments of a command and examples.",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"fncompile {fncompile.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        examples = "\n".join(f"  {line}" for line in module.EXAMPLES)
        command = commands.add_parser(
            name, help=about.splitlines()[0], description=about, epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        command.add_argument(
            "--traceback", action="store_true", help="show where an error comes from"
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
