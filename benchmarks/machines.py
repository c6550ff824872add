"""What messages cost, what a step costs, and what follows for many machines.

    mpirun -n 2 python -m benchmarks.machines messages   # alpha, beta, and does a message overlap?
    mpirun -n P python -m benchmarks.machines steps      # for P of 1, 2, 4: samples a second
    python -m benchmarks.machines model                  # the tables of docs/machines.md

`model` takes --alpha, --beta (seconds, seconds a byte), --gradient and --optimizer (seconds for a
batch of --batch samples, seconds for a step), --parameters, --adds (numbers weighed and added up
in a second); docs/machines.md has the formulas. Times are the least of many short rounds, as others
may use the machine too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from math import ceil, log2

import numpy as np

WIDTHS, BATCH, STEPS = (784, 512, 512, 10), 128, 10
SIZES = (8, 1 << 12, 1 << 16, 1 << 20, 1 << 22)  # bytes
RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def least(rounds: int, run: Callable[[], object], clock: Callable[[], float]) -> float:
    found = []
    for _ in range(rounds):
        began = clock()
        run()
        found.append(clock() - began)
    return min(found)


# measured -----------------------------------------------------------------------------------------


def messages() -> None:
    """Between the first two ranks: to and fro, half of it."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    times = {}
    for size in SIZES:
        data = np.zeros(size, "u1")
        turns = 50 if size < 1 << 20 else 4

        def pingpong(data=data, turns=turns):
            for _ in range(turns):
                if comm.rank == 0:
                    comm.Send(data, 1)
                    comm.Recv(data, 1)
                elif comm.rank == 1:
                    comm.Recv(data, 0)
                    comm.Send(data, 0)

        times[size] = least(100, pingpong, time.perf_counter) / turns / 2
    hidden = overlap(comm)
    if comm.rank == 0:
        for size, seconds in times.items():
            print(f"{size:8} bytes: {seconds * 1e6:9.2f} us")
        beta = min(times[size] / size for size in SIZES[-2:])
        print(f"alpha {times[8]:.2e} s, beta {beta:.2e} s a byte ({1e-9 / beta:.1f} GB/s)")
        print(f"of an exchange of 4 MB, {hidden:.0%} hides behind a product of equal length")


def overlap(comm) -> float:
    """The part of an exchange that goes on while this process computes."""
    data, got = (np.zeros((comm.size, 1 << 20), "f4") for _ in range(2))
    a = np.zeros((512, 512), "f4")

    def exchange():
        comm.Ialltoall(data, got).Wait()

    def product(turns=1):
        for _ in range(turns):
            a @ a

    comm.Barrier()
    alone = least(40, exchange, time.perf_counter)
    turns = comm.bcast(max(1, round(alone / least(40, product, time.perf_counter))), root=0)
    compute = least(40, lambda: product(turns), time.perf_counter)

    def both():
        request = comm.Ialltoall(data, got)
        product(turns)
        request.Wait()

    comm.Barrier()
    together = least(80, both, time.perf_counter)
    return max(0.0, (alone + compute - together) / min(alone, compute))


def steps() -> None:
    """A batch of BATCH for each rank: the work grows with the ranks."""
    import fncompile

    parallel = fncompile.distribution.DataParallel()
    fncompile.distribution.set_distribution(parallel)
    size = parallel.num_processes
    rows = STEPS * BATCH * size
    x = np.random.default_rng(0).normal(size=(rows, WIDTHS[0])).astype("f4")
    y = np.zeros(rows, "int32")
    model = network()
    run = lambda: model.fit(x, y, batch_size=BATCH * size, epochs=1, verbose=0)  # noqa: E731
    run()
    one = least(30, run, time.perf_counter) / STEPS
    parts = in_parts(model, x[:BATCH], y[:BATCH])
    if parallel.data_shard_id == 0:
        print(f"{size} ranks: {one * 1e3:.2f} ms a step, {BATCH * size / one:.0f} samples/s")
        named = ", ".join(f"{name} {seconds * 1e3:.2f}" for name, seconds in parts.items())
        print(f"   ms of processor time in a step of one rank: {named}")


def network():
    import fncompile
    from fncompile import layers

    x = h = fncompile.Input(WIDTHS[:1])
    for width in WIDTHS[1:-1]:
        h = layers.Dense(width, activation="relu")(h)
    model = fncompile.Model(x, layers.Dense(WIDTHS[-1], activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def in_parts(model, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Processor time of the halves of a step, in this process."""
    from fncompile.distribution.parallel import alone, together
    from fncompile.distribution.processes import Processes
    from fncompile.session.shared_plan import SharedPlan

    class Alone:
        processes = together().processes if together() else None

    compiled = model.steps()
    plan = SharedPlan(compiled, "train", [x, y], None, Alone())
    compute, sums = plan._gradient_of([x, y])
    take = plan._take_step
    vector = sums._vector.copy()
    add = (lambda: Alone.processes.add(vector)) if Alone.processes else (lambda: None)
    with alone():
        fused = model.steps().plan("train", [x, y])
        whole = least(60, lambda: fused.batch([x, y]), time.thread_time)
    return {
        "fused step of one process": whole,
        "gradient": least(60, lambda: compute([x, y]), time.thread_time),
        "weighing": least(60, lambda: sums.add_up(BATCH, Processes()), time.thread_time),
        "sum over ranks": least(60, add, time.thread_time),
        "optimizer": least(60, lambda: take(()), time.thread_time),
    }


# modelled -----------------------------------------------------------------------------------------


def exchange(ranks: int, size: float, alpha: float, beta: float) -> float:
    """Each rank sends each other its part of `size` bytes, then all parts are gathered."""
    if ranks == 1:
        return 0.0
    rounds, moved = ceil(log2(ranks)), (ranks - 1) / ranks * size
    pairwise = (ranks - 1) * alpha + moved * beta
    in_rounds = rounds * (alpha + size / 2 * beta)
    return min(pairwise, in_rounds) + rounds * alpha + moved * beta


def model(given: argparse.Namespace) -> None:
    """Efficiency where each rank has its own batch, and where one batch is divided."""
    size, adding = 4.0 * given.parameters, given.parameters / given.adds
    print(f"| ranks | sum of gradients, ms | {given.batch} samples a rank | "
          f"{given.shared} samples in all |\n|---|---|---|---|")  # fmt: skip
    a_sample, binds = given.gradient / given.batch, 0
    for ranks in RANKS:
        comm = exchange(ranks, size, given.alpha, given.beta) + (adding if ranks > 1 else 0)
        weak = (given.gradient + given.optimizer) / (given.gradient + given.optimizer + comm)
        whole = a_sample * given.shared
        strong = (whole + given.optimizer) / (ranks * (whole / ranks + given.optimizer + comm))
        binds = binds or (ranks if whole / ranks < comm else 0)
        print(f"| {ranks} | {comm * 1e3:.2f} | {weak:.0%} | {strong:.0%} |")
    print(f"One batch divided: messages take longer than gradients from {binds} ranks on.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("messages", "steps", "model"))
    for name, value in MEASURED.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    given = parser.parse_args()
    model(given) if given.what == "model" else {"messages": messages, "steps": steps}[given.what]()


# Of docs/machines.md: messages by TCP, and the network of above on one core.
MEASURED = {
    "alpha": 6e-6, "beta": 1.1e-10, "gradient": 4.3e-3, "optimizer": 1.9e-4, "batch": BATCH,
    "shared": 8192, "parameters": 669706, "adds": 8e8,
}  # fmt: skip


if __name__ == "__main__":
    main()
