"""What programs may ask of new contexts: memory, threads, arithmetic, level, place of weights."""

from __future__ import annotations

import ctypes
import re
import threading
from ctypes import CFUNCTYPE, byref, c_char_p, c_int64, c_void_p
from pathlib import Path

import numpy as np
import pytest

from fncompile.flags import flag
from tests.export.library import ARG, FORMAT, IO, OK, PREDICT, STATE, TRAIN, Context, Library
from tests.export.zoo import data
from tests.tools import run

DATA = -10
TASK = CFUNCTYPE(None, c_void_p, c_int64)
ALLOCATE, RELEASE = CFUNCTYPE(c_void_p, c_void_p, c_int64), CFUNCTYPE(None, c_void_p, c_void_p)
PARALLEL_FOR = CFUNCTYPE(None, c_void_p, c_int64, TASK, c_void_p)
FLUSH, DETERMINISTIC = 1, 2


class Options(ctypes.Structure):
    """`options` of the header."""

    _fields_ = [
        ("struct_size", c_int64), ("flags", c_int64), ("level", c_char_p),
        ("weights_file", c_char_p), ("weights", c_void_p), ("weights_bytes", c_int64),
        ("user", c_void_p), ("allocate", ALLOCATE), ("release", RELEASE),
        ("parallel_for", PARALLEL_FOR), ("threads", c_int64), ("later", c_int64),
    ]  # fmt: skip


def options(**wanted) -> Options:
    """Of the size that the library knows."""
    return Options(struct_size=Options.later.offset, **wanted)


def create(library, asked: Options | None, mode: int = PREDICT, batch: int = 8):
    """Status and context."""
    context = c_void_p()
    status = library.create_with(mode, batch, byref(asked) if asked else None, byref(context))
    return status, context


def predicted(library, context, x) -> bytes:
    out = np.empty((len(x), 10), "float32")
    assert library.predict(context, len(x), x.ctypes.data, out.ctypes.data) == OK
    return out.tobytes()


@pytest.fixture
def library(exported):
    return exported("classifier")[1]


@pytest.fixture(scope="module")
def whole(exported, tmp_path_factory):
    """With levels, and its weights in a file."""
    model = exported("classifier")[0]
    bundle = model.export(tmp_path_factory.mktemp("whole"), weights="file")
    return Library(bundle)


def test_no_options_and_empty_ones_are_those_of_create(library):
    x = data("classifier", 8)[0]
    want = np.empty((8, 10), "float32")
    Context(library, PREDICT, 8).ok("predict", 8, x, want)
    larger = Options(struct_size=ctypes.sizeof(Options))
    for asked in (None, options(), Options(struct_size=8), larger):
        status, context = create(library, asked)
        assert status == OK and predicted(library, context, x) == want.tobytes()
        library.destroy(context)


def test_options_that_are_refused(library):
    """Sizes that are none, what the library does not know, and halves of pairs."""
    allocate = ALLOCATE(lambda user, size: 0)
    pool = PARALLEL_FOR(lambda *_: None)
    for asked in (
        Options(), Options(struct_size=7), Options(struct_size=1 << 40), options(flags=4),
        Options(struct_size=ctypes.sizeof(Options), later=1), options(allocate=allocate),
        options(parallel_for=pool),
        options(level=b"avx9"), options(weights=64, weights_file=b"x"),
    ):  # fmt: skip
        assert create(library, asked)[0] == ARG
    assert create(library, options(weights_file=b"no/such/file"))[0] == IO


def test_memory_comes_from_the_caller_s_functions(library):
    kept: dict[int, ctypes.Array] = {}

    def take(user, size):
        assert user == 77
        memory = (ctypes.c_char * size)()
        kept[ctypes.addressof(memory)] = memory
        return ctypes.addressof(memory)

    def give(user, address):
        assert user == 77
        del kept[address]

    asked = options(user=77, allocate=ALLOCATE(take), release=RELEASE(give))
    status, context = create(library, asked, TRAIN)
    assert status == OK
    [memory] = kept.values()
    assert len(memory) == library.ctx_size(TRAIN, 8)
    library.destroy(context)
    assert not kept
    asked.level = b"avx9"  # refused after memory was taken
    assert create(library, asked)[0] == ARG and not kept
    asked.allocate = ALLOCATE(lambda user, size: 0)
    asked.level = None
    assert create(library, asked)[0] == -4


# threads ----------------------------------------------------------------------------------------


def on_threads(user, parts, task, argument):
    threads = [threading.Thread(target=task, args=(argument, i)) for i in range(parts)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def one_after_the_other(user, parts, task, argument):
    for i in range(parts):
        task(argument, i)


def only_the_last(user, parts, task, argument):
    task(argument, parts - 1)


def not_at_all(user, parts, task, argument):
    """A pool that is broken: the caller then works alone."""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A model whose calls are worth sharing."""
    import fncompile
    from fncompile import layers

    x = fncompile.Input((256,), name="x")
    y = layers.Dense(256, activation="tanh")(layers.Dense(256, activation="tanh")(x))
    model = fncompile.Model(x, y, name="large")
    model.compile("sgd", "mse")
    return Library(model.export(tmp_path_factory.mktemp("large"), march=flag("target")))


@pytest.mark.parametrize("pool", [on_threads, one_after_the_other, only_the_last, not_at_all])
def test_a_pool_of_the_caller_s_gives_the_bits_of_one_thread(large, pool):
    """Whatever it does: tasks that wait for each other are only those that run at once."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((256, 256)).astype("float32") for _ in range(2))
    asked_for: list[int] = []

    def counted(user, parts, task, argument):
        asked_for.append(parts)
        pool(user, parts, task, argument)

    results = []
    for asked in (None, options(parallel_for=PARALLEL_FOR(counted), threads=3)):
        status, context = create(large, asked, TRAIN, 256)
        assert status == OK
        out = np.empty((256, 256), "float32")
        for _ in range(3):
            arrays = (x.ctypes.data, y.ctypes.data)
            assert large.train_step(context, 256, *arrays, None) == OK
        assert large.predict(context, 256, x.ctypes.data, out.ctypes.data) == OK
        results.append(out.tobytes())
        if asked:
            assert large.set_threads(context, 2) == STATE
        large.destroy(context)
    assert results[0] == results[1]
    assert len(asked_for) == 4 and set(asked_for) <= {2, 3}


# arithmetic and levels --------------------------------------------------------------------------


def test_numbers_that_are_too_small_count_as_zero_where_that_is_asked(exported):
    """What the caller's own arithmetic does stays as it was."""
    library = exported("plain")[1]
    x = np.full((1, 6), 1e-41, "float32")
    found = []
    for asked in (options(), options(flags=FLUSH)):
        status, context = create(library, asked, batch=1)
        y, total = np.empty((1, 8), "float32"), np.empty((), "float32")
        assert status == OK
        assert library.predict(context, 1, x.ctypes.data, y.ctypes.data, total.ctypes.data) == OK
        found.append(float(total))
        library.destroy(context)
        assert np.float32(1e-41) * np.float32(1) != 0
    assert found[0] != 0 and found[1] == 0


def test_a_level_is_forced(whole):
    path = str(whole.bundle.weights).encode()
    for asked in (options(level=b"baseline"), options(flags=DETERMINISTIC)):
        asked.weights_file = path
        status, context = create(whole, asked)
        assert status == OK and whole.level(context) == b"baseline"
        whole.destroy(context)


# where weights are ------------------------------------------------------------------------------


def test_weights_in_a_file_and_in_memory(whole, library, tmp_path):
    """Mapped by two contexts, shared by a clone, given from memory: the same predictions."""
    x, path = data("classifier", 8)[0], whole.bundle.weights
    assert path.stat().st_size == int(whole.macro("WEIGHTS_FILE_BYTES"))
    raw = np.zeros(path.stat().st_size + 64, np.uint8)
    aligned = raw[-raw.ctypes.data % 64 :][: path.stat().st_size]
    aligned[:] = np.frombuffer(path.read_bytes(), np.uint8)
    asked = [options(weights_file=str(path).encode())] * 2
    asked.append(options(weights=aligned.ctypes.data, weights_bytes=aligned.size))
    contexts = [create(whole, a)[1] for a in asked]
    clone = c_void_p()
    assert whole.clone_shared(contexts[0], byref(clone)) == OK
    found = {predicted(whole, c, x) for c in (*contexts, clone)}
    assert len(found) == 1
    out = np.frombuffer(found.pop(), "float32").reshape(8, 10)
    want = np.empty((8, 10), "float32")
    Context(library, PREDICT, 8).ok("predict", 8, x, want)
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-6)
    for c in (clone, *contexts):
        whole.destroy(c)


def test_training_from_a_file_leaves_it_as_it_is(whole):
    path, (x, y) = whole.bundle.weights, data("classifier", 8)
    before = path.read_bytes()
    status, context = create(whole, options(weights_file=str(path).encode()), TRAIN)
    assert status == OK
    assert whole.train_step(context, 8, x.ctypes.data, y.ctypes.data, None) == OK
    whole.destroy(context)
    assert path.read_bytes() == before


def test_weights_that_are_refused(whole, tmp_path):
    """None, cut, of another model, and at odd places."""
    raw = whole.bundle.weights.read_bytes()
    assert create(whole, None)[0] == DATA and create(whole, options())[0] == DATA
    context = c_void_p()
    assert whole.create(PREDICT, 8, byref(context)) == DATA
    for name, contents in (("cut", raw[:-1]), ("long", raw + b"\0"), ("head", b"?" + raw[1:])):
        (tmp_path / name).write_bytes(contents)
        asked = options(weights_file=str(tmp_path / name).encode())
        assert create(whole, asked)[0] == FORMAT
    memory = np.frombuffer(raw + bytes(128), np.uint8).copy()
    start = -memory.ctypes.data % 64
    asked = options(weights=memory.ctypes.data + start + 4, weights_bytes=len(raw))
    assert create(whole, asked)[0] == ARG
    asked = options(weights=memory.ctypes.data + start, weights_bytes=len(raw) - 1)
    assert create(whole, asked)[0] == FORMAT


def test_python_opens_a_library_whose_weights_are_in_a_file(exported, whole):
    import fncompile

    x = data("classifier", 8)[0]
    found = fncompile.load_library(whole.bundle.shared).predict(x)
    np.testing.assert_allclose(found, exported("classifier")[0].predict(x), rtol=1e-5, atol=1e-6)


# by name ----------------------------------------------------------------------------------------


def test_everything_is_found_by_its_name(exported):
    model, library = exported("sequences")
    assert [library.input_index(n) for n in (b"tokens", b"n", b"none", None)] == [0, 1, -1, -1]
    assert library.output_index(b"int") == 1
    assert library.metric_index(b"loss") == 0 and library.metric_index(b"") == -1
    for i, weight in enumerate(model.weights):
        assert library.param_index(weight.path.encode()) == i


def test_weights_one_by_one(exported):
    model, library = exported("classifier")
    context = Context(library, 1, 8)
    for i, weight in enumerate(model.weights):
        value = np.empty(weight.shape, weight.dtype)
        context.ok("get_param", i, value, value.size)
        np.testing.assert_array_equal(value, np.asarray(weight))
        context.ok("set_param", i, value * 2, value.size)
        again = np.empty_like(value)
        context.ok("get_param", i, again, again.size)
        np.testing.assert_array_equal(again, value * 2)
    value = np.empty(4, "float32")
    assert context.call("get_param", 0, value, 4) == -1  # another size
    assert context.call("get_param", 99, value, 4) == context.call("get_param", -1, value, 4) == ARG
    assert context.call("set_param", 0, None, 4) == ARG
    assert Context(library, PREDICT, 8).call("set_param", 0, value, 4) == STATE


def test_the_program_of_the_page_about_export(tmp_path, monkeypatch):
    """docs/native.md: its Python, then its C, as they stand there."""
    page = (Path(__file__).parents[2] / "docs" / "native.md").read_text()
    [made] = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    [program] = re.findall(r"^```c\n(.*?)^```", page, re.S | re.M)
    monkeypatch.chdir(tmp_path)
    exec(made, {})
    Path("options.c").write_text(program)
    strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    for built in (["build/tiny/libtiny.a"], ["build/tiny/tiny.c"]):
        run("cc", *strict, "-Ibuild/tiny", "options.c", *built, "-lm", "-pthread", "-o", "options")
        shown = run("./options")
        assert shown.startswith("level ") and shown.endswith(", input 0\n")
