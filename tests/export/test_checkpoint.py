"""Checkpoints from C: Python reads them, C reads Python's, and nothing else is let in."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fncompile.saving.files import read_file, write_file
from fncompile.saving.hdf5_writer import write_bytes
from tests.export.library import (
    ARG,
    FORMAT,
    IO,
    MEMORY,
    OK,
    PREDICT,
    PRIVATE,
    SPLIT,
    STATE,
    TRAIN,
    Context,
    flat_weights,
)
from tests.export.zoo import MAKERS, data

ROOT = Path(__file__).parents[2]


def trained(library, steps: int = 3) -> Context:
    """A context of the classifier after a few steps."""
    context = Context(library, TRAIN, 8)
    arrays = data("classifier", 8, seed=9)
    for _ in range(steps):
        context.ok("train_step", 8, *arrays, None)
    return context


def test_python_goes_on_where_c_stopped(exported, tmp_path):
    """Another process' model loads the file; then both train on, and stay the same bit for bit."""
    _, library = exported("classifier")
    context = trained(library)
    context.ok("save", str(tmp_path / "c.weights.h5").encode())
    model = MAKERS["classifier"]()
    x, y = data("classifier", 16, seed=4)
    model.steps().train([x, y], np.arange(16), 8)  # so that there is an optimizer to load into
    model.load_weights(tmp_path / "c.weights.h5")
    assert flat_weights(model).tobytes() == context.params().tobytes()
    assert int(model.optimizer.iterations) == 3
    model.steps().train([x, y], np.arange(16), 8)
    context.ok("train_steps", np.arange(16), 16, 8, 16, x, y, None)
    assert flat_weights(model).tobytes() == context.params().tobytes()


def test_c_goes_on_where_python_stopped(borrowed, tmp_path):
    model, library = borrowed("classifier")
    x, y = data("classifier", 16, seed=4)
    model.steps().train([x, y], np.arange(16), 8)
    model.save_weights(tmp_path / "python.weights.h5")
    context = Context(library, TRAIN, 8)
    context.ok("load", str(tmp_path / "python.weights.h5").encode())
    count = np.zeros(1, np.int64)
    context.ok("iterations", count)
    assert count[0] == 2
    model.steps().train([x, y], np.arange(16), 8)
    context.ok("train_steps", np.arange(16), 16, 8, 16, x, y, None)
    assert flat_weights(model).tobytes() == context.params().tobytes()


def test_a_file_continues_a_context_exactly(exported):
    _, library = exported("classifier")
    one = trained(library)
    file = np.frombuffer(one.checkpoint(), np.uint8)
    other = Context(library, TRAIN, 8)
    other.ok("load_mem", file, file.nbytes)
    arrays = data("classifier", 8, seed=5)
    for context in (one, other):
        context.ok("train_step", 8, *arrays, None)
    assert one.checkpoint() == other.checkpoint()


def test_a_context_that_trains_in_parts_takes_the_optimizer_s_state_too(exported):
    library = exported("classifier")[1]
    file = np.frombuffer(trained(library).checkpoint(), np.uint8)
    context = Context(library, SPLIT, 8)
    context.ok("load_mem", file, file.nbytes)
    assert context.checkpoint() == file.tobytes()


def test_a_predicting_context_takes_the_weights_only(exported, tmp_path):
    _, library = exported("classifier")
    source = trained(library)
    source.ok("save", str(tmp_path / "x.h5").encode())
    context = Context(library, PRIVATE, 8)
    before = context.params()
    context.ok("load", str(tmp_path / "x.h5").encode())
    assert context.params().tobytes() == source.params().tobytes() != before.tobytes()
    x = data("classifier", 8)[0]
    outputs = [np.empty((8, 10), "float32") for _ in range(2)]
    for out, c in zip(outputs, (source, context), strict=True):
        c.ok("predict", 8, x, out)
    assert outputs[0].tobytes() == outputs[1].tobytes()


def test_a_library_that_only_predicts_loads_python_s_weights(exported, tmp_path):
    model, library = exported("plain")
    other = MAKERS["plain"]()
    other.set_weights([w + 1 for w in model.get_weights()])
    other.save_weights(tmp_path / "other.weights.h5")
    context = Context(library, PRIVATE, 4)
    context.ok("load", str(tmp_path / "other.weights.h5").encode())
    assert context.params().tobytes() == flat_weights(other).tobytes()
    assert "plain_save(" not in library.text and "CHECKPOINT_BYTES" not in library.text


def test_the_file_is_a_sound_weights_file(exported, tmp_path):
    h5py = pytest.importorskip("h5py")
    _, library = exported("classifier")
    context = trained(library)
    context.ok("save", str(tmp_path / "x.weights.h5").encode())
    assert (tmp_path / "x.weights.h5").read_bytes() == context.checkpoint()
    ours = read_file(tmp_path / "x.weights.h5")
    with h5py.File(tmp_path / "x.weights.h5") as file:
        for path, array in ours.datasets():
            assert file[path][()].tobytes() == array.tobytes(), path


# what is refused --------------------------------------------------------------------------------


def refused(context: Context, content: bytes, status: int = FORMAT) -> None:
    """Loading `content` gives `status` and leaves the context as it was."""
    before = context.checkpoint()
    array = np.frombuffer(content, np.uint8)
    assert (
        context.call("load_mem", array if len(content) else context.memory, len(content)) == status
    )
    assert context.checkpoint() == before


def test_damaged_files_change_nothing(exported):
    _, library = exported("classifier")
    context, good = Context(library, TRAIN, 1), trained(library).checkpoint()
    for length in (0, 1, 47, 48, 1000, len(good) // 2, len(good) - 1):
        refused(context, good[:length])
    refused(context, good + b"\0")
    context.ok("load_mem", np.frombuffer(good, np.uint8), len(good))
    assert context.checkpoint() == good


def test_a_wrong_bit_is_seen_or_means_nothing(exported):
    """Only bytes that say nothing, such as the padding of the head, may differ unnoticed."""
    _, library = exported("classifier")
    good = trained(library).checkpoint()
    rng, taken = np.random.default_rng(0), 0
    for place in rng.integers(0, len(good), 300):
        wrong = np.frombuffer(good, np.uint8).copy()
        wrong[place] ^= 1 << int(rng.integers(8))
        context = Context(library, TRAIN, 1)
        before, status = context.checkpoint(), context.call("load_mem", wrong, len(good))
        assert status in (OK, FORMAT)
        assert context.checkpoint() == (good if status == OK else before)
        taken += status == OK
    assert taken < 30


def edited(content: bytes, change) -> bytes:
    tree = read_file(content)
    change(tree)
    return write_bytes(tree)


@pytest.mark.parametrize("change", [
    lambda tree: tree.attrs.update(fncompile_model="0" * 32),
    lambda tree: tree.attrs.update(fncompile_model=3),
    lambda tree: tree.children.pop("optimizer"),
    lambda tree: tree.children.pop("layers"),
    lambda tree: tree.__setitem__("optimizer/vars/0", np.array(3, "int64")),
    lambda tree: tree.__setitem__("optimizer/vars/2", np.zeros((16, 20), "float32")),
    lambda tree: tree.__setitem__("optimizer/vars/2", np.zeros((20, 17), "float32")),
    lambda tree: tree.__setitem__("optimizer/vars/2", np.zeros(320, "float32")),
    lambda tree: tree.__setitem__("optimizer/vars/2", np.zeros((20, 16), "float64")),
])  # fmt: skip
def test_sound_files_of_something_else_change_nothing(exported, change):
    _, library = exported("classifier")
    context = Context(library, TRAIN, 1)
    refused(context, edited(context.checkpoint(), change))


def test_a_sound_file_without_the_hash_is_taken_by_its_arrays(exported):
    _, library = exported("classifier")
    context = Context(library, TRAIN, 1)
    content = edited(trained(library).checkpoint(), lambda tree: tree.attrs.pop("fncompile_model"))
    context.ok("load_mem", np.frombuffer(content, np.uint8), len(content))


def test_another_model_s_checkpoint(exported):
    _, library = exported("classifier")
    other = Context(exported("scheduled")[1], TRAIN, 1).checkpoint()
    refused(Context(library, TRAIN, 1), other)
    assert library.model_hash() != exported("scheduled")[1].model_hash()


def test_files_that_are_not_there_or_not_files(exported, tmp_path):
    _, library = exported("classifier")
    context = Context(library, TRAIN, 1)
    assert context.call("load", str(tmp_path / "none").encode()) == IO
    assert context.call("load", str(tmp_path).encode()) == FORMAT
    (tmp_path / "empty").touch()
    assert context.call("load", str(tmp_path / "empty").encode()) == FORMAT
    assert context.call("load", None) == ARG and context.call("save", None) == ARG
    assert (
        context.call("load_mem", None, 10) == ARG and context.call("save_mem", None, 10**9) == ARG
    )
    assert context.call("save", str(tmp_path / "no" / "way").encode()) == IO
    small = np.zeros(100, np.uint8)
    assert context.call("save_mem", small, 100) == MEMORY and not small.any()


def test_modes_that_may_not(exported):
    _, library = exported("classifier")
    for mode in (PREDICT, PRIVATE):
        context = Context(library, mode, 1)
        assert context.call("save", b"unused") == STATE
        assert context.call("save_mem", context.memory, 10**9) == STATE
    assert Context(library, PREDICT, 1).call("load", b"unused") == STATE


# how a file is replaced -------------------------------------------------------------------------


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(exported, tmp_path):
    if os.geteuid() == 0 and not os.path.exists("/dev/full"):
        pytest.skip("root may write everywhere")
    _, library = exported("classifier")
    (tmp_path / "target").mkdir()  # a directory cannot be renamed over
    assert Context(library, TRAIN, 1).call("save", str(tmp_path / "target").encode()) == IO
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def make_special(directory) -> list:
    """Things that are no regular files."""
    os.mkfifo(directory / "fifo.weights.h5")
    found = [directory / "fifo.weights.h5"]
    if os.geteuid() == 0:
        found.append(directory / "full.weights.h5")
        os.mknod(found[-1], 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    (directory / "link.weights.h5").symlink_to(found[-1])
    return [*found, directory / "link.weights.h5"]


def test_only_regular_files_are_replaced_and_read(exported, tmp_path):
    """A pipe that nobody writes is not waited for."""
    _, library = exported("classifier")
    context, special = Context(library, TRAIN, 1), make_special(tmp_path)
    before = [os.lstat(path) for path in special]
    for path in special:
        assert context.call("save", str(path).encode()) == IO, path
        assert context.call("load", str(path).encode()) == IO, path
    assert [os.lstat(path)[:6] for path in special] == [info[:6] for info in before]
    assert len(list(tmp_path.iterdir())) == len(special)


HUNT = """
import os, signal, sys, time
import numpy as np
from tests.export.library import FORMAT, IO, OK, TRAIN, Context, Library
from types import SimpleNamespace
from pathlib import Path

header, shared, path, what = sys.argv[1:]
bundle = SimpleNamespace(header=Path(header), shared=Path(shared), prefix=Path(header).stem)
context = Context(Library(bundle), TRAIN, 1)
context.ok("save", path.encode())
whole = Path(path).read_bytes()
"""
TRUNCATED = HUNT + """
child = os.fork()
if child == 0:
    while True:
        os.truncate(path, len(whole) // 3)
        Path(path).write_bytes(whole)
found = {context.call("load", path.encode()) for _ in range(2000)}
os.kill(child, signal.SIGKILL)
print(sorted(found - {OK, FORMAT}))
"""
KILLED = HUNT + """
rng = np.random.default_rng(0)
left = 0
for wait in rng.uniform(0, 2e-3, 60):
    child = os.fork()
    if child == 0:
        while True:
            context.ok("save", path.encode())
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    os.wait()
    left += len(os.listdir(os.path.dirname(path))) > 1
    context.ok("load", path.encode())
context.ok("save", path.encode())
print(left > 0, os.listdir(os.path.dirname(path)) == [os.path.basename(path)])
"""


def hunt(code: str, library, path) -> str:
    """In a process of its own: the faults that are looked for end it."""
    command = [sys.executable, "-c", code, library.bundle.header, library.bundle.shared, path, ""]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.strip()


def test_a_file_truncated_while_it_is_loaded(exported, tmp_path):
    """A status, where reading from a mapping would end the process by SIGBUS."""
    assert hunt(TRUNCATED, exported("classifier")[1], tmp_path / "x.weights.h5") == "[]"


def test_a_save_removes_what_killed_processes_left(exported, tmp_path):
    """Of 60 kills some leave a temporary file; each save removes it, and the file stays whole."""
    assert hunt(KILLED, exported("classifier")[1], tmp_path / "x.weights.h5") == "True True"


def test_python_removes_what_c_left_and_c_what_python_left(exported, tmp_path):
    _, library = exported("classifier")
    path = tmp_path / "x.weights.h5"
    left = tmp_path / f".{path.name}.123-4.tmp"
    left.touch()
    write_file(path, read_file(bytes(Context(library, TRAIN, 1).checkpoint())))
    assert not left.exists()
    left.touch()
    with open(left, "rb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        Context(library, TRAIN, 1).ok("save", str(path).encode())
        assert left.exists()
    Context(library, TRAIN, 1).ok("save", str(path).encode())
    assert os.listdir(tmp_path) == [path.name]


def test_a_full_disk_leaves_the_old_file(exported, tmp_path):
    """A limit on the size of files stands in for the full disk."""
    import resource
    import signal

    _, library = exported("classifier")
    context, path = trained(library), tmp_path / "x.weights.h5"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        status = context.call("save", str(path).encode())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert status == IO and path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_permissions_and_links_stay(exported, tmp_path):
    _, library = exported("classifier")
    real, link = tmp_path / "real.weights.h5", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    context = Context(library, TRAIN, 1)
    context.ok("save", str(link).encode())
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_bytes() == context.checkpoint()


def test_a_relative_path(exported, tmp_path, monkeypatch):
    _, library = exported("classifier")
    monkeypatch.chdir(tmp_path)
    context = Context(library, TRAIN, 1)
    context.ok("save", b"here.weights.h5")
    assert context.call("load", b"here.weights.h5") == OK


def test_what_python_alone_keeps_in_the_file_comes_back(exported, tmp_path):
    """The seed of shuffling is no variable; it travels in the head of the file."""
    model, library = exported("classifier")
    Context(library, TRAIN, 1).ok("save", str(tmp_path / "x.weights.h5").encode())
    other = MAKERS["classifier"]()
    write_file(
        tmp_path / "unused.h5", read_file(tmp_path / "x.weights.h5")
    )  # sound for our own writer
    other.load_weights(tmp_path / "x.weights.h5")
    assert other.training_seed == model.training_seed
