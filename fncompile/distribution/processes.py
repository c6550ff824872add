"""The processes that train one model together: MPI ranks, or this one alone.

Sums are made in the order of the ranks, from parts that MPI only moves: so they have the same bits
in all ranks, and from run to run for one number of ranks, whatever algorithms the MPI library
chooses. Each rank adds one part of the vector and all parts are gathered, which moves as many bytes
as the best of all-reduces.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

import numpy as np

# Environment variables by which launchers of MPI jobs tell their processes how many there are.
LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS")
SMALL = 4096  # bytes: so much is sent whole to all ranks, which saves a round of messages


class Processes:
    """This process alone. `rank` counts from 0 to `size - 1`."""

    rank, size = 0, 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, index: np.ndarray) -> np.ndarray:
        """This rank's part of rows; the first ranks have one more where they are not divisible."""
        return np.array_split(index, self.size)[self.rank]

    def from_first(self, value: Any) -> Any:
        """What the first has as `value`."""
        return value

    def fill(self, array: np.ndarray) -> None:
        """Give a contiguous array the numbers that it has in the first."""

    def gather(self, value: Any) -> list[Any]:
        """The `value` of each rank, in their order."""
        return [value]

    def add(self, vector: np.ndarray) -> None:
        """Replace a contiguous vector by the sum over all ranks."""


class Ranks(Processes):
    """The ranks of an MPI communicator, which is of mpi4py."""

    def __init__(self, comm: Any):
        self.comm, self.rank, self.size = comm, comm.Get_rank(), comm.Get_size()
        self._rooms: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}

    def from_first(self, value: Any) -> Any:
        return self.comm.bcast(value, root=0)

    def fill(self, array: np.ndarray) -> None:
        self.comm.Bcast(array.reshape(-1).view(np.uint8), root=0)

    def gather(self, value: Any) -> list[Any]:
        return self.comm.allgather(value)

    def add(self, vector: np.ndarray) -> None:
        if vector.nbytes <= SMALL:
            _, got = self._room(vector.size, vector.dtype)
            self.comm.Allgather(vector, got)
            _add_rows(got, vector)
            return
        part = -(-vector.size // self.size)
        padded, got = self._room(part, vector.dtype)
        padded[: vector.size] = vector
        self.comm.Alltoall(padded, got)
        _add_rows(got, got[0])
        self.comm.Allgather(got[0], padded)
        vector[:] = padded[: vector.size]

    def _room(self, part: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """A vector of a part for each rank, and a row for each rank."""
        key = part, dtype
        if key not in self._rooms:
            rows = np.empty((self.size, part), dtype)
            self._rooms[key] = np.zeros(part * self.size, dtype), rows
        return self._rooms[key]

    def abort(self, message: str) -> None:
        """End all processes."""
        sys.stdout.flush()
        print(message, file=sys.stderr, flush=True)
        self.comm.Abort(1)


def _add_rows(rows: np.ndarray, out: np.ndarray) -> None:
    """Put the sum of the rows, from the first to the last, into `out`, which may be the first."""
    out[:] = rows[0]
    for row in rows[1:]:
        np.add(out, row, out=out)


def is_launched() -> bool:
    """Did an MPI launcher start this process?"""
    return any(name in os.environ for name in LAUNCHERS)


@functools.cache
def world() -> Processes:
    """All processes of the job; ImportError, with what to install, without mpi4py or MPI."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # the latter where mpi4py finds no MPI library
        raise ImportError(
            "Training on several processes needs MPI and mpi4py: apt-get install openmpi-bin "
            f"libopenmpi-dev (or another MPI), then pip install 'fncompile[mpi]'. ({error})"
        ) from error
    ranks = Ranks(MPI.COMM_WORLD)
    if ranks.size > 1:
        sys.excepthook = functools.partial(_end_of_all, ranks, sys.excepthook)
    return ranks


def _end_of_all(ranks: Ranks, before: Any, kind: type, error: BaseException, trace: Any) -> None:
    """An exception that nobody caught: others would wait for this rank for ever."""
    before(kind, error, trace)
    said = str(error).strip().splitlines() or [""]
    ranks.abort(
        f"fncompile: rank {ranks.rank} of {ranks.size} died of {kind.__name__}: {said[0]}\n"
        "fncompile: the job is stopped; checkpoints that were written are whole."
    )
