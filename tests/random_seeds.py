"""Seeds that differ from run to run.

pytest names them in the id of each case, so a failure says which: FNC_TEST_SEED=123 makes the run
begin its own cases at that seed. All workers of a run of pytest-xdist collect the same ones.
"""

from __future__ import annotations

import os
import random

GIVEN = os.environ.get("FNC_TEST_SEED")  # read before the suite's fixture clears it


def random_seeds(count: int) -> range:
    """As many seeds that follow each other, above all that are written down."""
    if GIVEN is not None:
        return range(int(GIVEN), int(GIVEN) + count)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.urandom(8).hex()
    first = random.Random(run).randrange(10**6, 10**9)
    return range(first, first + count)
