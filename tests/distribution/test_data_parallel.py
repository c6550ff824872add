"""Several processes train as one does: the same numbers up to rounding, and the same bits in all
ranks and in every run.

TOLERANCE is for what sums in another order do to float32 over some dozens of steps; it is the one
that the documentation states. Ranks are processes of this machine, started by mpirun.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import fncompile
from tests.distribution import mpi, scenes

TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}
EQUAL = ["plain", "few", "averaged", "stopped", "own_data", "whole"]
ALL = [*EQUAL, "paced", "normalized", "dropped", "unseeded", "spoilt", "half"]
RANKS = 3


def script(*names: str) -> str:
    return f"import runpy, sys; sys.argv[1:] = ['{','.join(names)}', sys.argv[1]]; " + (
        "runpy.run_module('tests.distribution.scenes', run_name='__main__')"
    )


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FNC_CFLAGS", "-Og")
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of one process, of several, and of several again."""
    one, several, again = (tmp_path_factory.mktemp(n) for n in ("one", "several", "again"))
    mpi.run(RANKS, script(*ALL), several)
    mpi.run(RANKS, script("plain", "dropped"), again)
    command = [sys.executable, "-c", script(*ALL), str(one)]
    subprocess.run(command, env=mpi.environment(), check=True, capture_output=True)
    return one, several, again


def result(folder, name, rank=0, ranks=RANKS):
    return dict(np.load(folder / f"{name}_{rank}_of_{ranks}.npz"))


def assert_close(found, wanted, skip=()):
    assert found.keys() == wanted.keys()
    for name in found.keys() - set(skip):
        np.testing.assert_allclose(found[name], wanted[name], err_msg=name, **TOLERANCE)


@pytest.mark.parametrize("name", EQUAL)
def test_it_is_what_one_process_computes(folders, name):
    one, several, _ = folders
    assert_close(result(several, name), result(one, name, 0, 1))


@pytest.mark.parametrize("name", ALL)
def test_all_ranks_have_the_same_bits(folders, name):
    first = result(folders[1], name)
    for rank in range(1, RANKS):
        other = result(folders[1], name, rank)
        for key in first.keys() - {"seen"}:
            np.testing.assert_array_equal(first[key], other[key], err_msg=key)


@pytest.mark.parametrize("name", ["plain", "dropped"])
def test_every_run_has_the_same_bits(folders, name):
    first, second = (result(folder, name) for folder in folders[1:])
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def test_no_bit_depends_on_how_long_a_stretch_is(folders):
    found = result(folders[1], "paced")
    names = [name.removeprefix("short_") for name in found if name.startswith("short_")]
    assert "log_val_loss" in names and "evaluated" in names
    for name in names:
        np.testing.assert_array_equal(found[f"short_{name}"], found[f"long_{name}"], err_msg=name)


def test_callbacks_run_in_the_first_rank(folders):
    seen = [int(result(folders[1], "stopped", rank)["seen"]) for rank in range(RANKS)]
    epochs = int(result(folders[1], "stopped")["epochs"])
    assert seen == [3 * epochs, 0, 0] and epochs < 40


def test_moving_statistics_are_the_mean_of_those_of_the_ranks(folders):
    """Each rank normalises by its own rows, as Keras' layer does that is not synchronized."""
    found = result(folders[1], "normalized")
    parts = np.array_split(found["hidden"], RANKS)
    mean = sum(len(p) * p.mean(0) for p in parts) / 10
    variance = sum(len(p) * p.var(0) for p in parts) / 10
    np.testing.assert_allclose(found["weight_4"], 0.5 * mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["weight_5"], 0.5 + 0.5 * variance, rtol=1e-4)


def test_random_layers_draw_other_numbers_in_each_rank(folders):
    one, several, _ = folders
    alone, together = result(one, "dropped", 0, 1), result(several, "dropped")
    np.testing.assert_array_equal(alone["seed"], together["seed"])  # the state that files have
    assert abs(alone["weight_0"] - together["weight_0"]).max() > 1e-4


def test_a_nan_of_one_rank_is_one_of_all(folders):
    found = result(folders[1], "spoilt", 1)
    assert np.isnan(found["log_loss"]).tolist() == [True] and np.isnan(found["weight_0"]).all()


@pytest.mark.parametrize("ranks", [1, 2])
def test_another_number_of_ranks_goes_on(folders, ranks, tmp_path):
    """From the file of three ranks to the end that one process would have come to."""
    one, several, _ = folders
    (tmp_path / "half.keras").write_bytes((several / "half.keras").read_bytes())
    mpi.run(ranks, script("resumed"), tmp_path)
    wanted = {k: v for k, v in result(one, "whole", 0, 1).items() if not k.startswith("log")}
    found = {k: v for k, v in result(tmp_path, "resumed", 0, ranks).items() if k in wanted}
    assert_close(found, wanted)


@pytest.mark.parametrize(("how", "said"), [
    ("0 raises", "rank 0 of 3 died of OSError: the disk is gone"),
    ("2 raises", "rank 2 of 3 died of OSError: the disk is gone"),
    ("1 killed", "process rank 1"),
])
def test_a_rank_that_dies_ends_the_job(how, said, tmp_path):
    """It is named, and the checkpoint of the last epoch is whole."""
    done = mpi.run(RANKS, script("dying"), tmp_path, check=False, FNC_TEST_DIES=how)
    assert done.returncode != 0 and said in done.stderr
    kept = fncompile.models.load_model(tmp_path / "last.keras")
    assert int(kept.optimizer.iterations) == 8  # two epochs of four steps
    model = scenes.classifier()
    for _ in range(2):
        for k in range(4):
            rows = slice(20 * k, 20 * k + 20)
            model.train_on_batch(scenes.X[rows], scenes.Y[rows])
    for a, b in zip(kept.get_weights(), model.get_weights()):
        np.testing.assert_allclose(a, b, **TOLERANCE)


REFUSED = """
import numpy as np, fncompile
from fncompile import layers
parallel = fncompile.distribution.DataParallel()
own = fncompile.distribution.DataParallel(auto_shard_dataset=False)
rank = parallel.data_shard_id
x = fncompile.Input((2,))

class Own(fncompile.Model):
    def train_step(self, data):
        return {"loss": 0.0}

def attempt(parallel, model, rows=4):
    with parallel.scope():
        try:
            model.fit(np.ones((rows, 2)), np.ones((rows, 1)), batch_size=4, verbose=0)
        except (NotImplementedError, ValueError) as error:
            if rank == 0:
                print(type(error).__name__, error)

def model(kind=fncompile.Model, loss="mse"):
    made = kind(x, layers.Dense(1)(x))
    made.compile("sgd", loss)
    return made

attempt(parallel, model(Own))
attempt(parallel, model(loss=fncompile.losses.MeanSquaredError(reduction="sum")))
attempt(own, model(), rows=4 + 4 * rank)
try:
    fncompile.distribution.initialize(num_processes=5)
except ValueError as error:
    if rank == 0: print(error)
"""


def test_what_several_processes_cannot_do_is_said(tmp_path):
    shown = mpi.run(2, REFUSED).stdout.splitlines()
    assert shown[0].startswith("NotImplementedError Own says itself what happens in a step")
    assert shown[1].startswith("NotImplementedError The loss 'mean_squared_error' is reduced by")
    assert shown[2].startswith("ValueError Each process was given data of its own") and (
        "{0: 1, 1: 2} by rank" in shown[2]
    )
    assert "MPI says num_processes=2, but num_processes=5 was given" in shown[3]
