"""`python -m fncompile`: the command line; without a command, is everything there that compiling a
model needs? Ends with 1 if not."""

from __future__ import annotations

import sys

from fncompile.cli import main
from fncompile.devtools.about import about

if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(main())
    text, ready = about()
    print(text)
    sys.exit(0 if ready else 1)
