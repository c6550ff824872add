"""Files on disk: replaced as a whole or not at all, mapped, and foreign ones read through h5py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from fncompile.saving import files
from fncompile.saving.atomic import write_atomic
from fncompile.saving.errors import FileFormatError
from fncompile.saving.files import read_file, write_file
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
    assert tree["a/b"].tolist() == [[0, 1, 2], [3, 4, 5]] and tree["a/c"].sum() == 499500
    assert tree["a/half"].tolist() == [1.5, -2.0] and tree["a/half"].dtype == np.float32
    assert tree["a/text"] == b"variable"
    write_file(path, Group({"text": "ü"}, {"b": tree["a/b"]}))


def test_our_file_edited_by_h5py_is_read_through_it(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    write_file(path, sample())
    with h5py.File(path, "r+") as file:
        file.attrs["extra"] = 5
        file["layers/dense/vars/1"][0] = 7
    tree = read_file(path)
    assert tree.attrs["extra"] == 5 and tree["layers/dense/vars/1"][:2].tolist() == [7, 1]
    assert files.fmt.DIGEST_NAME not in tree.attrs


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
