"""The devices of a job: one for each process."""

from __future__ import annotations

import os
from typing import Any

from fncompile.distribution.processes import Processes, is_launched, world

_started = False  # by `initialize`
_ALONE = Processes()


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join the processes that an MPI launcher started; `DataParallel()` does so by itself.

    The launcher has told each process its place, so nothing has to be given. `num_processes` and
    `process_id` are checked, ValueError where they differ; they may come from the environment as
    KERAS_DISTRIBUTION_NUM_PROCESSES and KERAS_DISTRIBUTION_PROCESS_ID. `job_addresses` has no
    effect: MPI knows the hosts. ImportError, with what to install, without MPI or mpi4py.

    >>> distribution.list_devices()
    ['cpu:0']
    """
    global _started
    ranks = world()
    prefix = "KERAS_DISTRIBUTION_"
    given: dict[str, tuple[Any, str, int]] = {
        "num_processes": (num_processes, f"{prefix}NUM_PROCESSES", ranks.size),
        "process_id": (process_id, f"{prefix}PROCESS_ID", ranks.rank),
    }
    for name, (value, variable, found) in given.items():
        value = os.environ.get(variable) if value is None else value
        if value is not None and int(value) != found:
            raise ValueError(
                f"MPI says {name}={found}, but {name}={value} was given. Start the job by "
                "`mpirun -n <processes> python <script>`, and leave it out."
            )
    _started = True


def processes() -> Processes:
    """Those that were joined."""
    if not _started and is_launched():
        initialize()
    return world() if _started else _ALONE


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of all devices, one for each process; none of a `device_type` other than "cpu".

    >>> distribution.list_devices("gpu")
    []
    """
    if (device_type or "cpu").lower() != "cpu":
        return []
    return [f"cpu:{rank}" for rank in range(processes().size)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices of `device_type` there are.

    >>> distribution.get_device_count()
    1
    """
    return len(list_devices(device_type))
