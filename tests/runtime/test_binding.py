"""Calling compiled code: through the extension and through libffi, with the same results."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from fncompile.runtime import binding, cache, toolchain

SOURCE = """
#include "fnc_abi.h"
#include <stddef.h>
#include <string.h>

FNC_EXPORT fnc_entry scale, echo, status, sizes, wait_for_other;

/* out0[b] = in0[b] * in1[0] + weights[0] */
int32_t scale(const fnc_env *env)
{
    const float *x = env->in[0], *by = env->in[1];
    float *y = env->out[0];
    float bias;
    memcpy(&bias, env->weights, sizeof bias);
    for (int64_t b = 0; b < env->dims[0]; ++b)
        y[b] = x[b] * by[0] + bias;
    return FNC_OK;
}

/* Everything an environment holds, as numbers. */
int32_t echo(const fnc_env *env)
{
    int64_t *y = env->out[0];
    y[0] = env->dims[0];
    y[1] = env->dims[1];
    y[2] = env->args[0];
    y[3] = env->arena_bytes;
    y[4] = env->train[0];
    y[5] = env->prepared[0];
    y[6] = (int64_t)((uintptr_t)env->arena % FNC_ALIGN);
    y[7] = env->team != NULL;
    env->arena[env->arena_bytes - 1] = 1;
    return FNC_OK;
}

int32_t status(const fnc_env *env)
{
    return (int32_t)env->args[0];
}

/* out0 = batch + in0[0], of one input and one output */
int32_t sizes(const fnc_env *env)
{
    *(float *)env->out[0] = (float)env->dims[0] + *(const float *)env->in[0];
    return FNC_OK;
}

FNC_EXPORT fnc_bytes memory;
int64_t memory(const int64_t *dims)
{
    return 64 * dims[0] + dims[1] * (1LL << 33);
}

/* Returns once two threads are inside. */
int32_t wait_for_other(const fnc_env *env)
{
    volatile int *arrived = env->out[0];
    __atomic_fetch_add((int *)arrived, 1, __ATOMIC_SEQ_CST);
    for (long spins = 0; spins < 4000000000L; ++spins)
        if (*arrived >= 2)
            return FNC_OK;
    return FNC_ERR_STATE;
}
"""


@pytest.fixture(scope="module")
def path():
    return cache.build_library({"entries": SOURCE}).path_so


@pytest.fixture(params=["extension", "libffi"])
def way(request, monkeypatch):
    """Each test by both bindings; the first one only where the extension was built."""
    if request.param == "libffi":
        found = binding.libffi_binding()
    else:
        pytest.importorskip("fncompile.runtime._trampoline", reason="extension not built here")
        found = binding.direct_binding()
    monkeypatch.setattr(binding, "_binding", found)
    monkeypatch.setattr(binding, "_ffi", found.ffi)
    monkeypatch.setattr(binding, "_from_buffer", found.ffi.from_buffer)
    monkeypatch.setattr(binding, "_BYTES", found.ffi.typeof("unsigned char[]"))
    monkeypatch.setattr(binding, "_call", found.call)
    monkeypatch.setattr(binding, "_call_one", found.call_one)
    return found


@pytest.fixture
def library(way, path):
    return binding.Library(path)


def weights_of(value):
    block = binding.aligned_bytes(4)
    block.view(np.float32)[0] = value
    return block


def test_call_reads_and_writes_arrays(library):
    scale = library.symbol("scale")
    env = binding.Env(inputs=2, outputs=1, dims=1)
    env.set_weights(weights_of(0.5))
    env.set_in(1, np.array([3.0], np.float32))
    for n in (0, 1, 7):
        x, y = np.arange(n, dtype=np.float32), np.full(n, np.nan, np.float32)
        env.set_dims(n)
        env.set_in(0, x)
        env.set_out(0, y)
        assert scale(env) == binding.OK
        np.testing.assert_array_equal(y, x * 3 + 0.5)


def test_every_field_arrives(library):
    y = np.zeros(8, np.int64)
    env = binding.Env(inputs=0, outputs=1, dims=2, args=1)
    train, prepared, arena = (binding.aligned_bytes(100) for _ in range(3))
    train[0], prepared[0] = 11, 12
    env.set_dims(2**40, -1)
    env.set_args(-2**50)
    env.set_train(train)
    env.set_prepared(prepared)
    env.set_arena(arena)
    env.set_out(0, y)
    assert library.symbol("echo")(env) == binding.OK
    assert y.tolist() == [2**40, -1, -2**50, 100, 11, 12, 0, 0]
    assert arena[-1] == 1
    env.set_team(env.pointer)
    assert library.symbol("echo")(env) == binding.OK and y[7] == 1
    env.set_team(0)
    assert library.symbol("echo")(env) == binding.OK and y[7] == 0


def test_status_comes_back_whole(library):
    env = binding.Env(inputs=0, outputs=0, dims=0, args=1)
    for code in (0, -1, -7, -2**31, 2**31 - 1):
        env.set_args(code)
        assert library.symbol("status")(env) == code


def test_bytes_are_asked_for(library):
    env = binding.Env(inputs=0, outputs=0, dims=2)
    env.set_dims(3, 5)
    assert library.symbol("memory").bytes(env) == 192 + 5 * 2**33


def test_one_stands_in_for_the_setters(library):
    sizes = library.symbol("sizes")
    env = binding.Env(inputs=1, outputs=1, dims=1)
    x, y, other = np.float32([[0.5]]), np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
    env.set_dims(9)
    env.set_in(0, np.float32([100]))
    env.set_out(0, other)
    assert sizes.one(env, 4, x, y) == binding.OK
    assert y[0, 0] == 4.5 and other[0] == 0
    assert sizes(env) == binding.OK and other[0] == 109, "the environment itself is unchanged"


def test_arrays_live_as_long_as_they_are_pointed_to(library):
    class Tracked(np.ndarray):
        pass

    def tracked(value):
        return np.full(3, value, np.float32).view(Tracked)

    env = binding.Env(inputs=2, outputs=1, dims=1)
    x, y = tracked(2), tracked(0)
    alive = [weakref.ref(x), weakref.ref(y)]
    env.set_dims(3)
    env.set_in(0, x)
    env.set_in(1, np.ones(1, np.float32))
    env.set_out(0, y)
    env.set_weights(weights_of(1))
    del x, y
    gc.collect()
    assert library.symbol("scale")(env) == binding.OK
    assert alive[1]().tolist() == [3, 3, 3]
    env.set_in(0, tracked(5))
    env.set_out(0, np.zeros(3, np.float32))
    gc.collect()
    assert [reference() for reference in alive] == [None, None], "nothing is kept for longer"


@pytest.mark.parametrize("array", [
    np.zeros((4, 4), np.float32)[:, 1:], np.zeros((4, 4), np.float32).T[:, :2],
    np.zeros(8, np.float32)[::2]])
def test_scattered_arrays_are_refused(way, array):
    env = binding.Env(inputs=1, outputs=1)
    with pytest.raises(ValueError, match="contiguous"):
        env.set_in(0, array)
    with pytest.raises(ValueError, match="contiguous"):
        env.set_out(0, array)


def test_read_only_arrays_are_inputs_only(way):
    array = np.zeros(4, np.float32)
    array.flags.writeable = False
    env = binding.Env(inputs=1, outputs=1)
    env.set_in(0, array)
    with pytest.raises((ValueError, BufferError), match=r"read-only|writable|writeable"):
        env.set_out(0, array)


def test_slots_that_are_not_there_are_refused(way):
    env = binding.Env(inputs=1, outputs=1, dims=1)
    for bad in (1, -1):
        with pytest.raises(IndexError):
            env.set_in(bad, np.zeros(1))
        with pytest.raises(IndexError):
            env.set_out(bad, np.zeros(1))
    with pytest.raises(IndexError):
        env.set_dims(1, 2)
    with pytest.raises(IndexError):
        env.set_args(1)


def test_memory_must_be_aligned(way):
    env = binding.Env(inputs=0, outputs=0)
    for setter in (env.set_weights, env.set_train, env.set_prepared, env.set_arena):
        with pytest.raises(ValueError, match=r"multiple of 64 bytes: make it with aligned_bytes"):
            setter(binding.aligned_bytes(128)[1:])


@pytest.mark.parametrize("count", [0, 1, 63, 64, 1000])
def test_aligned_bytes(count):
    block = binding.aligned_bytes(count)
    assert block.dtype == np.uint8 and block.shape == (count,) and not block.any()
    assert block.ctypes.data % 64 == 0


def test_threads_are_inside_at_once(library):
    """Were the interpreter lock held during a call, neither thread would meet the other."""
    entry = library.symbol("wait_for_other")
    arrived = np.zeros(1, np.int32)
    results = []

    def work():
        env = binding.Env(inputs=0, outputs=1, dims=0)
        env.set_out(0, arrived)
        results.append(entry(env))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [binding.OK, binding.OK]


def test_threads_with_their_own_environments_do_not_mix(library):
    scale = library.symbol("scale")
    bad = []

    def work(seed):
        env = binding.Env(inputs=2, outputs=1, dims=1)
        env.set_weights(weights_of(seed))
        env.set_in(1, np.array([2.0], np.float32))
        x, y = np.full(64, seed, np.float32), np.zeros(64, np.float32)
        env.set_dims(64)
        env.set_in(0, x)
        env.set_out(0, y)
        for _ in range(2000):
            y[:] = 0
            if scale(env) != 0 or not (y == 3 * seed).all():
                bad.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bad


def test_a_missing_library_or_entry_is_named(library, tmp_path):
    with pytest.raises(OSError, match=r"nowhere\.so"):
        binding.Library(tmp_path / "nowhere.so")
    (tmp_path / "text.so").write_text("not a library")
    with pytest.raises(OSError, match=r"text\.so.*(ELF|short|invalid)"):
        binding.Library(tmp_path / "text.so")
    with pytest.raises(AttributeError, match=r"no entry point 'absent' in .*model\.so"):
        library.symbol("absent")


def test_libraries_do_not_see_each_other(way):
    text = "int32_t who(const fnc_env *env) { (void)env; return %d; }"
    first, second = (
        binding.Library(cache.build_library(
            {"who": f'#include "fnc_abi.h"\nFNC_EXPORT fnc_entry who;\n{text % n}\n'}).path_so)
        for n in (1, 2))
    env = binding.Env(inputs=0, outputs=0)
    assert [lib.symbol("who")(env) for lib in (first, second, first)] == [1, 2, 1]


def test_a_relative_path_is_not_searched_for(way, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    assert binding.Library("model.so").symbol("status")


def test_bindings_agree_with_the_header(way, tmp_path):
    """The struct that Python lays out is the one that C does."""
    fields = ["dims", "in", "out", "weights", "train", "prepared", "arena", "arena_bytes",
              "args", "team"]
    checks = "".join(
        f'_Static_assert(offsetof(fnc_env, {field}) == {way.ffi.offsetof("fnc_env", field)}, "");\n'
        for field in fields)
    source = f'#include "fnc_abi.h"\n#include <stddef.h>\n{checks}' \
             f'_Static_assert(sizeof(fnc_env) == {way.ffi.sizeof("fnc_env")}, "");\n'
    toolchain.compile_object(toolchain.find_compiler(), source, "layout", [], tmp_path)


def test_statuses_agree_with_the_header(tmp_path):
    import re

    text = (toolchain.csrc_dir() / "include" / "fnc_abi.h").read_text()
    codes = {int(code) for code in re.findall(r"FNC_(?:OK|ERR_\w+) = (-?\d+)", text)}
    assert codes == set(binding.STATUS)
    assert f"#define FNC_ALIGN {binding.ALIGN}\n" in text
    assert binding.describe(-99) == "unknown status -99"


def test_without_the_extension_libffi_is_chosen(path):
    code = ("import sys; sys.modules['fncompile.runtime._trampoline'] = None\n"
            "from fncompile.runtime import binding\n"
            "env = binding.Env(inputs=0, outputs=0, args=1); env.set_args(-5)\n"
            "print(binding.Library(sys.argv[1]).symbol('status')(env), 'cffi' in sys.modules)")
    assert subprocess.check_output([sys.executable, "-c", code, os.fspath(path)], text=True) \
        == "-5 True\n"
