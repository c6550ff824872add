"""Files on disk: replaced as a whole or not at all, mapped, and foreign ones read through h5py."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import zlib

import numpy as np
import pytest

from fncompile.saving.atomic import write_atomic
from fncompile.saving.errors import FileFormatError
from fncompile.saving.files import read_file, write_file
from fncompile.saving.hdf5_format import DIGEST_NAME
from fncompile.saving.tree import Group

from .trees import assert_equal, sample


def test_write_and_read(tmp_path):
    write_file(tmp_path / "x.h5", sample())
    write_file(str(tmp_path / "y.h5"), read_file(tmp_path / "x.h5"))
    assert (tmp_path / "x.h5").read_bytes() == (tmp_path / "y.h5").read_bytes()
    assert_equal(read_file(tmp_path / "x.h5"), read_file((tmp_path / "x.h5").read_bytes()))


def test_arrays_outlive_a_replaced_file(tmp_path):
    write_file(tmp_path / "x.h5", Group(children={"a": np.arange(5)}))
    old = read_file(tmp_path / "x.h5")["a"]
    write_file(tmp_path / "x.h5", Group(children={"a": np.zeros(5)}))
    assert old.tolist() == [0, 1, 2, 3, 4]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.h5"
    write_file(path, Group({"n": 1}))
    with pytest.raises(TypeError):
        write_file(path, Group({"n": object()}))

    def fail(stream):
        stream.write(b"part")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, fail)
    assert read_file(path).attrs == {"n": 1} and os.listdir(tmp_path) == ["x.h5"]


def test_a_killed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.h5"
    write_file(path, Group({"n": 1}))
    script = f"""
        import os, signal
        from fncompile.saving.atomic import write_atomic
        def die(stream):
            stream.write(bytes(10000)); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)
        write_atomic({str(path)!r}, die)
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script)])
    assert child.returncode == -signal.SIGKILL
    assert read_file(path).attrs == {"n": 1}


def killed_while_saving(path, count: int) -> None:
    """As many temporaries of `path` as processes that died."""
    script = f"""
        import os, signal
        from fncompile.saving.atomic import write_atomic
        for _ in range({count}):
            if os.fork() == 0:
                write_atomic({str(path)!r}, lambda stream: os.kill(os.getpid(), signal.SIGKILL))
            os.wait()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


def test_a_save_removes_what_killed_processes_left(tmp_path):
    """And nothing else: not what another save fills meanwhile, and not what is called otherwise."""
    path = tmp_path / "x.h5"
    others = [".x.h5.tmp", ".x.h5.1-2.tmp2", ".x.h5.a-1.tmp", ".y.h5.1-1.tmp", "x.h5.1-1.tmp"]
    for name in others:
        (tmp_path / name).touch()
    killed_while_saving(path, 3)
    assert len(os.listdir(tmp_path)) == len(others) + 1  # each removed that of the one before

    def inner(stream):
        write_file(path, Group({"n": 1}))  # must leave the outer one's temporary
        stream.write(b"outer")

    write_atomic(path, inner)
    assert path.read_bytes() == b"outer"
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "x.h5"])


def test_long_names_are_written_too(tmp_path):
    path = tmp_path / ("é" * 125 + ".h5")  # 253 bytes; 255 are allowed
    write_file(path, Group({"n": 1}))
    assert read_file(path).attrs == {"n": 1} and len(os.listdir(tmp_path)) == 1


@pytest.fixture
def special(tmp_path):
    """Things that are no regular files."""
    os.mkfifo(tmp_path / "fifo.keras")
    (tmp_path / "directory.h5").mkdir()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / "socket.h5"))
        found = [tmp_path / name for name in ("fifo.keras", "directory.h5", "socket.h5")]
        if os.geteuid() == 0:
            os.mknod(tmp_path / "full.h5", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
            found.append(tmp_path / "full.h5")
        link = tmp_path / "link.h5"
        link.symlink_to(found[-1])
        yield [*found, link]


def test_only_regular_files_are_replaced(special, tmp_path):
    before = {path: os.lstat(path) for path in special}
    for path in special:
        with pytest.raises(OSError, match="not a regular file"):
            write_file(path, Group())
    assert {path: os.lstat(path) for path in special} == before
    assert len(os.listdir(tmp_path)) == len(special)


def test_only_regular_files_are_read(special):
    """A pipe that nobody writes is not waited for."""
    for path in special:
        with pytest.raises((FileFormatError, OSError)) as caught:
            read_file(path)
        assert path.name in str(caught.value)


def test_a_file_truncated_while_it_is_used(tmp_path):
    """The arrays are the file's as it was when it was checked; a mapping would end the process."""
    path = tmp_path / "x.h5"
    write_file(path, Group(children={"a": np.arange(100_000)}))
    array = read_file(path)["a"]
    os.truncate(path, 100)
    assert array.sum() == sum(range(100_000))
    with pytest.raises(FileFormatError, match="its superblock says"):
        read_file(path)


def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "x.h5", tmp_path / "link.h5"
    write_file(path, Group())
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    path.chmod(0o640)
    link.symlink_to(path)
    write_file(link, Group({"n": 2}))
    assert link.is_symlink() and read_file(path).attrs == {"n": 2}
    assert path.stat().st_mode & 0o777 == 0o640


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "weights.h5"
    for content in (b"", b"PK\3\4 something else", bytes(100)):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"weights\.h5.*not an HDF5 file"):
            read_file(path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none.h5")
    with pytest.raises(FileFormatError, match="the bytes given"):
        read_file(b"nothing")


def test_foreign_files_without_h5py_name_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "fncompile.saving.foreign", raising=False)
    path = tmp_path / "x.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(FileFormatError, match=r"x\.h5: superblock version 0.*pip install h5py"):
        read_file(path)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_files_of_h5py(tmp_path, libver):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.attrs["text"], file.attrs["bytes"], file.attrs["empty"] = "ü", b"b", h5py.Empty("f4")
        file.attrs["names"] = ["a", "bcd"]
        file.attrs["dense"] = "x" * (70_000 if libver == "latest" else 10)
        file["a/b"] = np.arange(6.0).reshape(2, 3)
        file.create_dataset("a/c", data=np.arange(1000), chunks=(100,), compression="gzip")
        brain = np.array([1.5, -2.0], "f4").view("u4") >> 16
        file["a/half"] = brain.astype("u2").view("V2")
        file["a/half"].attrs["dtype"] = "bfloat16"
        file["a/text"] = "variable"
    tree = read_file(path)
    assert tree.attrs["text"] == "ü" and tree.attrs["bytes"] == "b" and tree.attrs["empty"] == ""
    assert tree.attrs["names"].tolist() == [b"a", b"bcd"] and set(tree.attrs["dense"]) == {"x"}
    assert np.asarray(tree["a/b"]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.asarray(tree["a/c"]).sum() == 499500
    assert np.asarray(tree["a/half"]).tolist() == [1.5, -2.0] and tree["a/half"].dtype == np.float32
    with pytest.raises(FileFormatError, match=r"x\.h5: /a/text is of variable length"):
        np.asarray(tree["a/text"])
    write_file(path, Group({"text": "ü"}, {"b": tree["a/b"]}))


def test_our_file_edited_by_h5py_is_read_through_it(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    write_file(path, sample())
    with h5py.File(path, "r+") as file:
        file.attrs["extra"] = 5
        file["layers/dense/vars/1"][0] = 7
    tree = read_file(path)
    bias = np.asarray(tree["layers/dense/vars/1"])
    assert tree.attrs["extra"] == 5 and bias[:2].tolist() == [7, 1]
    assert DIGEST_NAME not in tree.attrs


def test_hostile_foreign_files(tmp_path):
    h5py = pytest.importorskip("h5py")

    def refused(match, make):
        path = tmp_path / "x.h5"
        path.unlink(missing_ok=True)
        with h5py.File(path, "w") as file:
            make(file)
        with pytest.raises(FileFormatError, match=f"x.h5: .*{match}"):
            read_file(path)

    def huge(file):
        file.create_dataset("a", shape=(1 << 40,), dtype="f4", chunks=(1 << 10,))

    def soft(file):
        file["a"] = h5py.SoftLink("/b")

    def external(file):
        file["a"] = h5py.ExternalLink("/etc/passwd", "/")

    def external_data(file):
        file.create_dataset("a", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])

    def cycle(file):
        file.create_group("a")["back"] = file["/"]

    refused("far larger than the file", huge)
    refused("not followed", soft)
    refused("not followed", external)
    refused("in other files", external_data)
    refused("linked twice", cycle)


def bomb(path, kind: str) -> None:
    """A small file that asks for 1 GB: in a dataset that no model has, or in the chunks of one."""
    h5py = pytest.importorskip("h5py")
    zeros = np.zeros(1 << 20, "u1")
    with h5py.File(path, "w") as file:
        file["wanted"] = np.arange(4.0)
        if kind == "unwanted dataset":
            data = file.create_dataset("a", (1 << 30,), "u1", chunks=(1 << 20,), compression="gzip")
            for start in range(0, 1 << 30, 1 << 20):
                data[start : start + (1 << 20)] = zeros
        elif kind == "large chunk":
            options = {"chunks": (1 << 30,), "maxshape": (None,), "compression": "gzip"}
            file.create_dataset("a", (16,), "u1", **options).id.write_direct_chunk((0,), b"x")
        else:
            packer = zlib.compressobj(9)
            packed = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
            data = file.create_dataset("a", (16,), "u1", chunks=(16,), compression="gzip")
            data.id.write_direct_chunk((0,), packed)


@pytest.mark.parametrize("kind", ["unwanted dataset", "large chunk", "chunk that unpacks to more"])
def test_memory_is_bounded_by_what_is_asked_for(tmp_path, kind):
    bomb(tmp_path / "x.h5", kind)
    assert (tmp_path / "x.h5").stat().st_size < 3 << 20
    script = f"""
        import resource
        import numpy as np
        from fncompile.saving.files import read_file
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        tree = read_file({str(tmp_path / "x.h5")!r})
        assert np.asarray(tree["wanted"]).tolist() == [0, 1, 2, 3]
        if {kind!r} != "unwanted dataset":
            try:
                np.asarray(tree["a"])
            except ValueError as error:
                print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    words = {"large chunk": "chunks of 1073741824 bytes", "unwanted dataset": ""}
    assert words.get(kind, "a chunk that unpacks to more than its") in done.stdout


def test_packed_chunks_of_all_kinds_come_back(tmp_path):
    h5py = pytest.importorskip("h5py")
    path, rng = tmp_path / "x.h5", np.random.default_rng(0)
    arrays, options = {}, [{}, {"shuffle": True}, {"fletcher32": True}, {"compression": "lzf"}]
    with h5py.File(path, "w") as file:
        for i, shape in enumerate([(5,), (7, 3), (1, 9, 2), (40, 40)]):
            for k, more in enumerate(options):
                arrays[f"{i}_{k}"] = a = rng.random(shape).astype("f4").round(1)
                chunks = tuple(max(1, n // 2) for n in shape)
                file.create_dataset(
                    f"{i}_{k}", data=a, chunks=chunks, **{"compression": "gzip", **more}
                )
        file.create_dataset("unwritten", (6, 6), "f4", chunks=(2, 2), compression="gzip")
    tree = read_file(path)
    for name, array in arrays.items():
        assert np.asarray(tree[name]).tobytes() == array.tobytes()
    assert not np.asarray(tree["unwritten"]).any()


def test_texts_that_are_all_the_same_one(tmp_path):
    """An array of references to one long text in the file: small there, huge when read."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["names"] = ["x" * 1000] * 3000
    with pytest.raises(FileFormatError, match="'names' of / is far larger"):
        read_file(path)


def test_damaged_foreign_files_give_an_error(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(100)
    sound = path.read_bytes()
    for size in (9, 90, 500, len(sound) - 1):
        path.write_bytes(sound[:size])
        with pytest.raises(FileFormatError, match=r"x\.h5"):
            read_file(path)
