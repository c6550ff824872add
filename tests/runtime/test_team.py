"""A team of threads gives the same bits as one, for predicting and training, at any size."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fncompile
from fncompile import flags, layers
from fncompile.runtime import team
from fncompile.runtime.entry import CompiledEntry
from tests.golden import models
from tests.golden.models import PREDICT, TRAIN
from tests.tools import need

THREADS = (2, 3, 5, 8)
BATCHES = (1, 7, 47, 48, 49, 97, 300)
FULL = os.environ.get("FNC_TEST_FULL")
# One model of each kind of kernel; all with FNC_TEST_FULL, read before the fixtures clear it.
KINDS = PREDICT if FULL else (
    models.dense_relu_softmax, models.layer_normalization, models.embedding, models.open_lengths,
    models.attention, models.reductions, models.cumulative, models.integers, models.packed,
)  # fmt: skip
ALWAYS = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"  # shares even the smallest calls


@pytest.fixture(autouse=True)
def _more_processors(monkeypatch):
    """Teams larger than this machine."""
    monkeypatch.setattr(team, "processors", lambda: max(THREADS))


def large() -> fncompile.Model:
    """Products of every kind of cut: rows, columns, and either by the batch."""
    x = fncompile.Input((160,), name="x")
    h = layers.Dense(320, activation="gelu", name="wide")(x)
    h = layers.Dense(48, activation="tanh", name="narrow")(layers.LayerNormalization(name="n")(h))
    h = layers.Dropout(0.25, seed=3, name="drop")(h)
    return fncompile.Model(x, layers.Dense(33, activation="softmax", name="last")(h))


def images() -> fncompile.Model:
    """Some samples at a time go through all kernels: by workers of their own, or together."""
    x = fncompile.Input((20, 20, 4), name="x")
    h = layers.Conv2D(32, 3, padding="same", activation="relu", name="first")(x)
    h = layers.Conv2D(24, 3, strides=2, activation="tanh", name="second")(layers.MaxPooling2D()(h))
    h = layers.DepthwiseConv2D(3, padding="same", name="each")(h)
    return fncompile.Model(x, layers.Dense(7, name="last")(layers.Flatten()(h)))


CLASSES = "sparse_categorical_crossentropy"
STEPS = [
    *TRAIN[2:5], TRAIN[-1], *((build, "adam", CLASSES, (), "int32") for build in (large, images)),
]  # fmt: skip


def arrays_for(model, batch: int) -> list[np.ndarray]:
    rng = np.random.default_rng(batch)
    found = []
    for tensor in model.inputs:
        shape = (batch, *(5 if d is None else d for d in tensor.shape[1:]))
        real = np.dtype(tensor.dtype).kind == "f"
        values = rng.standard_normal(shape) if real else rng.integers(0, 3, shape)
        found.append(values.astype(tensor.dtype))
    return found


@pytest.mark.parametrize("build", [*KINDS, large, images], ids=lambda f: f.__name__)
def test_predictions_are_the_same_bits(build):
    fncompile.utils.set_random_seed(7)
    with flags(cflags=ALWAYS):
        model = build()
        entry = model.steps().predict_entry(())
        assert isinstance(entry, CompiledEntry)
        static = isinstance(model.inputs[0].shape[0], int)
        for batch in (2,) if static else BATCHES:
            arrays = arrays_for(model, batch)
            entry.prepare(0)
            alone = entry.run(arrays)
            for threads in THREADS:
                with flags(threads=threads):
                    shared = entry.run(arrays)
                assert [a.tobytes() for a in shared] == [a.tobytes() for a in alone]


def trained(case, threads: int, batch_size: int) -> list[bytes]:
    """Weights after an epoch, and its metrics."""
    build, optimizer, loss, row, dtype = case
    fncompile.utils.set_random_seed(11)
    model = build()
    model.compile(optimizer, loss, metrics=["accuracy"])
    rows = 2 * batch_size + 5
    x = arrays_for(model, rows)
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, (rows, *row)).astype(dtype)
    with flags(threads=threads):
        history = model.fit(x[0], y, batch_size=batch_size, epochs=1, verbose=0)
    figures = [np.float64(v).tobytes() for values in history.history.values() for v in values]
    return [*(w.tobytes() for w in model.get_weights()), *figures]


@pytest.mark.parametrize("case", STEPS, ids=lambda c: c[0].__name__)
def test_training_is_the_same_bits(case):
    with flags(cflags=ALWAYS):
        for batch_size in (7, 49, 100, 300) if FULL else (49,):
            alone = trained(case, 1, batch_size)
            for threads in (2, 5):
                assert trained(case, threads, batch_size) == alone


def test_explain_says_where_workers_meet():
    model = large()
    model.predict(arrays_for(model, 2)[0], verbose=0)
    text = model.explain(["schedule", "barriers"])
    assert re.search(r"wide_dot: panels .* \| longer\n", text)
    assert "| rows B/16\n" in text
    assert "wide_dot: no barrier" in text and ": reads" in text


def test_two_python_threads_call_one_model():
    """They share a team: whoever comes second works alone."""
    with flags(cflags=ALWAYS):
        model = large()
        data = [arrays_for(model, n)[0] for n in (97, 300)]
        expected = [model.predict(x, verbose=0) for x in data]
        wrong: list[str] = []

        def run(k: int) -> None:
            with flags(threads=3):
                for _ in range(30):
                    if not np.array_equal(model.predict(data[k], verbose=0), expected[k]):
                        wrong.append(f"caller {k}")

        threads = [threading.Thread(target=run, args=(k,)) for k in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_bound_calls_are_shared():
    with flags(cflags=ALWAYS):
        model = large()
        x = arrays_for(model, 97)[0]
        expected = model.predict(x, batch_size=97, verbose=0)
        with flags(threads=3):
            call = model.bind(x)
        assert call._env.pointer.team != 0
        np.testing.assert_array_equal(call(), expected)


def test_without_being_asked_there_are_no_threads():
    before = threads_of_this_process()
    model = large()
    model.predict(arrays_for(model, 300)[0], verbose=0)
    assert threads_of_this_process() == before


def test_a_child_after_a_fork_computes_the_same():
    with flags(cflags=ALWAYS, threads=3):
        model = large()
        x = arrays_for(model, 97)[0]
        expected = model.predict(x, verbose=0)
        child = os.fork()
        if child == 0:
            same = np.array_equal(model.predict(x, verbose=0), expected)
            os._exit(0 if same and threads_of_this_process() >= 3 else 1)
        assert os.waitpid(child, 0)[1] == 0


def threads_of_this_process() -> int:
    return len(os.listdir("/proc/self/task"))


def test_workers_do_not_race(tmp_path):
    """A barrier left out (passes/barriers.py) though it is needed is a data race; with all of
    them left out, ThreadSanitizer reports 188 here."""
    library = run_text("gcc", "-print-file-name=libtsan.so")
    if not os.path.isfile(library):
        pytest.skip("needs gcc's ThreadSanitizer: apt-get install gcc")
    need("setarch")
    environment = {"LD_PRELOAD": library, "FNC_SAN": "thread", "FNC_THREADS": "3"}
    environment |= {"FNC_CFLAGS": f"-Og {ALWAYS}", "FNC_CACHE": str(tmp_path)}
    tmp_path.chmod(0o700)
    wanted = [] if FULL else ["large"]
    done = subprocess.run(
        ["setarch", "-R", sys.executable, "-m", "tests.runtime.race_hunt", *wanted],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
    )  # fmt: skip
    assert "data race" not in done.stderr, done.stderr[:4000]
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr[-2000:]


def run_text(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
