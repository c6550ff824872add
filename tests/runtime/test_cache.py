"""The store of compiled libraries: found again, raced for, attacked, damaged, outgrown."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

import fncompile
from fncompile import flags
from fncompile.runtime import binding, cache, store, toolchain

SOURCE = "__attribute__((visibility(\"default\"))) int answer(void) { return 42; }\n"


@pytest.fixture
def root(tmp_path):
    directory = tmp_path / "store"
    with flags(cache=directory):
        yield directory


@pytest.fixture
def no_processes(monkeypatch):
    """From here on, starting a compiler fails the test."""
    def refuse(*_, **__):
        raise AssertionError("a process was started")
    return lambda: monkeypatch.setattr(toolchain.subprocess, "Popen", refuse)


def build(source=SOURCE, **kw):
    return cache.build_library({"unit": source}, **kw)


def answer(built):
    code = f"import ctypes; print(ctypes.CDLL({str(built.path_so)!r}).answer())"
    return int(subprocess.check_output([sys.executable, "-c", code], text=True))


def test_built_library_runs(root):
    built = build()
    assert answer(built) == 42
    assert built.objects == {}
    assert built.path_so.is_relative_to(root)


def test_second_build_starts_no_process(root, no_processes):
    first = build(keep_objects=True)
    no_processes()
    second = build(keep_objects=True)
    assert second == first
    assert list(second.objects) == ["unit"] and second.objects["unit"].suffix == ".o"


def test_a_new_process_starts_no_compiler(root, tmp_path):
    build()
    code = ("import sys; from fncompile.runtime import cache, toolchain\n"
            "toolchain.subprocess.Popen = None\n"
            "print(cache.build_library({'unit': sys.argv[1]}).path_so)")
    environment = {**os.environ, "FNC_CACHE": str(root)}
    found = subprocess.check_output([sys.executable, "-c", code, SOURCE], text=True,
                                    env=environment)
    assert found.strip() == str(build().path_so)


def test_units_are_shared_between_libraries(root):
    one = cache.build_library({"a": SOURCE}, keep_objects=True)
    two = cache.build_library({"a": SOURCE, "b": "int b(void) { return 1; }"}, keep_objects=True)
    assert one.path_so != two.path_so
    assert one.objects["a"] == two.objects["a"]


STEPS = """#include "rt/fnc_steps.h"
FNC_EXPORT int32_t entry(const fnc_env *env) {
    return fnc_steps(env, (const fnc_stretch *)env->weights, (fnc_work *)0);
}
"""


def _shared_objects(root):
    return list(root.glob(f"*/{cache.SHARED}.o"))


def test_libraries_share_one_object(root, monkeypatch):
    monkeypatch.setattr(cache, "INSTALLED", root / "none")
    built = [cache.build_library({"unit": f"{STEPS}int n{i};"}, linked=True) for i in range(2)]
    assert len(_shared_objects(root)) == 1 and built[0].path_so != built[1].path_so
    for library in built:
        assert binding.Library(library.path_so).symbol("entry")


def test_an_installation_brings_the_shared_object(root, monkeypatch):
    monkeypatch.setattr(cache, "INSTALLED", root.parent / "installed")
    for _ in range(2):  # the second in place of the first
        cache.install_shared(cache.INSTALLED)
        [made] = cache.INSTALLED.iterdir()
    built = cache.build_library({"unit": STEPS}, linked=True)
    assert binding.Library(built.path_so).symbol("entry") and _shared_objects(root) == []
    with flags(cflags="-O1"):  # for which there is none
        cache.build_library({"unit": STEPS}, linked=True)
    assert len(_shared_objects(root)) == 1 and made.is_file()


def test_a_library_that_is_not_linked_is_whole(root):
    cache.build_library({"unit": STEPS})
    assert _shared_objects(root) == []


def test_everything_that_matters_is_in_the_key(root, monkeypatch):
    monkeypatch.setenv("FNC_TARGET", "native")
    paths = [build().path_so]
    with flags(cflags="-DX=1"):
        paths.append(build().path_so)
    with flags(target="ref"):
        paths.append(build().path_so)
    paths.append(build(SOURCE.replace("42", "43")).path_so)
    monkeypatch.setattr(cache, "headers_digest", lambda: "another header")
    paths.append(build().path_so)
    monkeypatch.setattr(toolchain, "cpu_identity", lambda: "another processor")
    paths.append(build().path_so)
    assert len(set(paths)) == len(paths)


def test_processor_matters_only_for_native(root, monkeypatch):
    with flags(target="ref"):
        before = build().path_so
        monkeypatch.setattr(toolchain, "cpu_identity", lambda: "another processor")
        assert build().path_so == before


def test_a_changed_compiler_is_asked_again(root, tmp_path):
    cc = tmp_path / "mycc"
    for version in ("1", "2"):
        cc.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo version {version} && exit\n'
                      f'exec {toolchain.find_compiler()[0]} "$@"\n')
        cc.chmod(0o755)
        with flags(cc=cc):
            assert cache.Compiler.find(store.open_store()).version == f"version {version}\n"
            if version == "1":
                first = build().path_so
    with flags(cc=cc):
        assert build().path_so != first


def test_eight_processes_race_for_one_library(root):
    code = ("import ctypes, sys; from fncompile.runtime import cache\n"
            "sys.stdin.read()\n"
            "built = cache.build_library({'unit': sys.argv[1]}, keep_objects=True)\n"
            "assert built.objects['unit'].stat().st_size > 0\n"
            "print(built.path_so, ctypes.CDLL(str(built.path_so)).answer())")
    environment = {**os.environ, "FNC_CACHE": str(root)}
    racers = [subprocess.Popen([sys.executable, "-c", code, SOURCE], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env=environment)
              for _ in range(8)]
    for racer in racers:
        racer.stdin.close()
    outputs = {racer.stdout.read() for racer in racers}
    assert [racer.wait() for racer in racers] == [0] * 8
    assert outputs == {f"{build().path_so} 42\n"}
    assert not list(root.glob("tmp-*")), "a loser left its work behind"


COUNTED = """#!/bin/sh
[ "$1" = --version ] || {{ echo run >> {log}; sleep 1; }}
exec {cc} "$@"
"""
WAIT_AND_BUILD = ("import sys; from fncompile.runtime import cache\n"
                  "print(cache.build_library({'unit': sys.argv[1]}).path_so)")


def slow_compiler(tmp_path, text=COUNTED):
    """A compiler that takes its time, and a file with a line for each of its runs."""
    cc, log = tmp_path / "slow-cc", tmp_path / "log"
    cc.write_text(text.format(log=log, cc=toolchain.find_compiler()[0]))
    cc.chmod(0o755)
    log.touch()
    return cc, log


def start_building(root, cc, **more):
    environment = {**os.environ, "FNC_CACHE": str(root), "FNC_CC": str(cc), **more}
    return subprocess.Popen([sys.executable, "-c", WAIT_AND_BUILD, SOURCE], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_of_eight_cold_starts_one_compiles(root, tmp_path):
    cc, log = slow_compiler(tmp_path)
    builders = [start_building(root, cc) for _ in range(8)]
    found = {builder.communicate()[0] for builder in builders}
    assert len(found) == 1 and found.pop().strip().endswith("model.so")
    assert log.read_text() == "run\n" * 2  # compiled once, linked once
    assert not [path for path in root.iterdir() if not path.is_dir()], "a lock was left behind"


def test_who_waits_for_a_process_that_dies_compiles_itself(root, tmp_path):
    """The first one's compiler hangs; the others wait for it, until it is killed."""
    hang = '#!/bin/sh\n[ "$1" = --version ] && exec {cc} "$@"\n' \
           'mkdir {log}.first 2>/dev/null && exec sleep 1000\n' + COUNTED[len("#!/bin/sh\n"):]
    cc, log = slow_compiler(tmp_path, hang)
    first = start_building(root, cc)
    while not os.path.exists(f"{log}.first"):
        time.sleep(0.05)
    others = [start_building(root, cc) for _ in range(2)]
    time.sleep(2)
    assert not log.read_text() and all(other.poll() is None for other in others)
    first.kill()
    assert all(other.communicate()[0].strip().endswith("model.so") for other in others)
    assert log.read_text() == "run\n" * 2


def test_a_failed_build_does_not_keep_others_waiting(root):
    for _ in range(2):
        with pytest.raises(toolchain.CompileError, match="oops"):
            build("int f(void) { return oops; }")
    assert not list(root.glob("lock-*"))


def damage_truncate(entry):
    os.truncate(entry / "model.so", 100)


def damage_flip(entry):
    data = bytearray((entry / "model.so").read_bytes())
    data[len(data) // 2] ^= 1
    (entry / "model.so").write_bytes(data)


def damage_missing(entry):
    (entry / "model.so").unlink()


def damage_manifest(entry):
    (entry / "manifest").write_text("")


def damage_no_manifest(entry):
    (entry / "manifest").unlink()


def damage_nonsense_manifest(entry):
    (entry / "manifest").write_bytes(b"\xff\xfe nonsense\n\n")


def damage_link(entry):
    (entry / "model.so").rename(entry / "elsewhere.so")
    (entry / "model.so").symlink_to("elsewhere.so")


def damage_writable_file(entry):
    (entry / "model.so").chmod(0o666)


def damage_writable_entry(entry):
    entry.chmod(0o777)


@pytest.mark.parametrize("damage", [
    damage_truncate, damage_flip, damage_missing, damage_manifest, damage_no_manifest,
    damage_nonsense_manifest, damage_link, damage_writable_file, damage_writable_entry])
def test_a_damaged_entry_is_built_again(root, damage):
    first = build().path_so
    intact = first.read_bytes()
    damage(first.parent)
    built = build()
    assert built.path_so == first
    assert first.read_bytes() == intact and not first.is_symlink()
    assert store.is_private(first) and store.is_private(first.parent)
    assert answer(built) == 42


def test_a_file_in_place_of_an_entry_is_replaced(root):
    entry = build().path_so.parent
    for path in entry.iterdir():
        path.unlink()
    entry.rmdir()
    entry.write_text("in the way")
    assert answer(build()) == 42


def test_a_lax_umask_does_not_make_files_others_can_write(root, no_processes):
    before = os.umask(0)
    try:
        path = build().path_so
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    no_processes()
    build()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_directory_others_can_write_is_left_alone(tmp_path, mode):
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    hostile.chmod(mode)
    with flags(cache=hostile):
        with pytest.warns(RuntimeWarning, match="hostile is not used: .*others may write"):
            built = build()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert build() == built, "the replacement serves the whole process, without a word"
    assert not list(hostile.iterdir())
    assert store.is_private(built.path_so.parent.parent)
    assert answer(built) == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_left_alone(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 12345, 12345)
    with flags(cache=theirs), pytest.warns(RuntimeWarning, match="theirs is not used: it belongs"):
        assert answer(build()) == 42
    assert not list(theirs.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_built_again(root):
    path = build().path_so
    os.chown(path, 12345, 12345)
    assert build().path_so.stat().st_uid == 0


def test_a_path_that_cannot_be_a_directory_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("")
    with flags(cache=tmp_path / "file" / "store"), pytest.warns(RuntimeWarning, match="not used"):
        assert answer(build()) == 42


def test_a_link_to_a_private_directory_is_followed(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    with flags(cache=tmp_path / "link"):
        assert build().path_so.is_relative_to(tmp_path / "real")


def test_default_is_below_the_cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with flags(cache=None):
        monkeypatch.delenv("FNC_CACHE")
        assert store.open_store().root == tmp_path / "fncompile"


def test_off_leaves_nothing_behind():
    code = ("import sys; from fncompile.runtime import cache\n"
            "print(cache.build_library({'unit': sys.argv[1]}).path_so)")
    environment = {**os.environ, "FNC_CACHE": "off"}
    path = subprocess.check_output([sys.executable, "-c", code, SOURCE], text=True,
                                   env=environment).strip()
    assert path.endswith("model.so")
    assert not os.path.exists(os.path.dirname(os.path.dirname(path)))


def test_off_keeps_what_failed(tmp_path):
    code = ("from fncompile.runtime import cache, toolchain\n"
            "try: cache.build_library({'unit': 'int f(void) { return oops; }'})\n"
            "except toolchain.CompileError as error: print(error.source)")
    environment = {**os.environ, "FNC_CACHE": "off", "TMPDIR": str(tmp_path)}
    path = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    with open(path.strip()) as file:
        assert "oops" in file.read()


def test_a_failure_keeps_its_source_and_poisons_nothing(root):
    with pytest.raises(toolchain.CompileError, match="oops") as caught:
        build("int f(void) { return oops; }")
    assert caught.value.source.read_text() == "int f(void) { return oops; }"
    with pytest.raises(toolchain.CompileError, match="oops"):
        build("int f(void) { return oops; }")
    assert answer(build()) == 42


def test_keep_puts_the_source_beside_the_library(root):
    path = build().path_so
    assert not (path.parent / "unit.c").exists()
    with flags(keep=True):
        assert build().path_so == path
    assert (path.parent / "unit.c").read_text() == SOURCE
    assert build().path_so == path


def test_the_store_is_bounded_and_drops_the_oldest(root):
    def entry_of(n):
        text = f"char block{n}[400000] = {{1}};\n"
        return cache.build_library({"unit": text}).path_so.parent

    entries = [entry_of(n) for n in range(2)]
    for path in root.iterdir():
        age = 2000 if path == entries[0] else 1000
        os.utime(path, (time.time() - age,) * 2)
    assert entry_of(0) == entries[0]  # a hit makes it the youngest
    with flags(cache_mb=1):
        newest = entry_of(2)
    assert newest.is_dir() and entries[0].is_dir() and not entries[1].exists()


def test_the_store_is_not_searched_for_each_entry(root, monkeypatch):
    """Each compilation asked for the size of every file in the store."""
    searched = []
    usage = store.usage
    monkeypatch.setattr(store, "usage", lambda root: searched.append(root) or usage(root))
    for n in range(3):
        cache.build_library({"unit": f"int n{n};"})
    assert searched == [root]


def test_what_is_in_use_is_not_evicted(root):
    """Found with a limit of 0: the second object drove out the first before the link."""
    units = {name: f"int {name}(void) {{ return 1; }}" for name in "abcd"}
    with flags(cache_mb=0):
        built = cache.build_library({**units, "unit": SOURCE}, keep_objects=True)
    assert answer(built) == 42 and all(path.exists() for path in built.objects.values())


def test_a_warning_points_at_the_caller_s_line(tmp_path):
    (tmp_path / "hostile").mkdir(mode=0o777)
    (tmp_path / "hostile").chmod(0o777)
    with flags(cache=tmp_path / "hostile"), pytest.warns(RuntimeWarning, match="not used") as seen:
        build()
    assert seen[0].filename == __file__
    (tmp_path / "hostile").rename(tmp_path / "again")
    model = fncompile.Sequential([fncompile.Input((2,)), fncompile.layers.Dense(1)])
    with flags(cache=tmp_path / "again"), pytest.warns(RuntimeWarning, match="not used") as seen:
        model.predict(np.zeros((1, 2)), verbose=0)
    assert seen[0].filename == __file__


def test_two_threads_build_at_once(root):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        def task(_):
            with flags(cache=root):
                return build().path_so
        assert len(set(pool.map(task, range(4)))) == 1


def test_a_forked_child_leaves_the_parents_libraries(tmp_path):
    code = ("import os, sys; from fncompile.runtime import cache\n"
            "built = cache.build_library({'unit': sys.argv[1]})\n"
            "child = os.fork()\n"
            "if child == 0: sys.exit(0)\n"
            "os.waitpid(child, 0)\n"
            "print(built.path_so.exists())")
    environment = {**os.environ, "FNC_CACHE": "off", "TMPDIR": str(tmp_path)}
    assert subprocess.check_output([sys.executable, "-c", code, SOURCE], text=True,
                                   env=environment) == "True\n"


def test_digest_keeps_parts_apart():
    assert cache._digest("ab", "c") != cache._digest("a", "bc")
    assert cache._digest("a") == cache._digest("a")
