"""csrc/io under sanitizers: finds what Python wrote, survives mutated files, signs headers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fncompile.saving.files import read_file, write_file
from fncompile.saving.hdf5_writer import plan, write_bytes
from fncompile.saving.tree import Group

ROOT = Path(__file__).parents[2]
OK, FORMAT, FOREIGN, NOT_FOUND = 0, -6, -32, -33
TYPES = ["S", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    program = tmp_path_factory.mktemp("io") / "io_driver"
    compiler = os.environ.get("FNC_CC") or os.environ.get("CC") or "cc"
    sources = [ROOT / "tests/csrc/io_driver.c", *sorted((ROOT / "csrc/io").glob("*.c"))]
    flags = ["-g", "-O1", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    flags += ["-fno-sanitize-recover=all", f"-I{ROOT / 'csrc/include'}"]
    subprocess.run([compiler, *flags, *map(str, sources), "-o", str(program)], check=True)

    def run(*arguments):
        command = [str(program), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def tree():
    tree = Group({"model_config": "{}é", "names": np.array([b"a", b"bcd"])})
    for name in TYPES[1:]:
        tree[f"types/{name}"] = np.array([[1, 0, 1]], name)
    tree["types/S"] = np.array([b"q", b"", b"rrr"])
    tree["scalar"] = np.array(-3, "i8")
    tree["empty/deep/er"] = np.zeros((0, 4), "f4")
    tree["layers/dense/vars/0"] = np.random.default_rng(0).random((37, 11), "f4")
    return tree


def parse(line):
    """Return an array from a line of the driver, or its status."""
    status, *rest = line.split(" ")
    if int(status) != OK:
        return int(status)
    code, size = map(int, rest[0].split(":"))
    dtype = np.dtype(f"S{size}" if code == 0 else TYPES[code])
    shape = tuple(int(extent) for extent in rest[1].strip("()").split(",") if extent)
    return np.frombuffer(bytes.fromhex(rest[2]), dtype).reshape(shape)


def test_finds_every_dataset_python_wrote(driver, tree, tmp_path):
    write_file(tmp_path / "x.h5", tree)
    paths = [path for path, _ in tree.datasets()]
    for path, line in zip(
        paths, driver("read", tmp_path / "x.h5", *paths).splitlines(), strict=True
    ):
        found = parse(line)
        assert found.dtype == tree[path].dtype and found.shape == tree[path].shape
        assert found.tobytes() == tree[path].tobytes(), path


def test_paths_that_name_no_dataset(driver, tree, tmp_path):
    write_file(tmp_path / "x.h5", tree)
    paths = ["", "/", "layers", "nope", "scalar/x", "layers/dense/vars/00", "layers/dens/vars/0"]
    lines = driver("read", tmp_path / "x.h5", *paths).splitlines()
    assert [parse(line) for line in lines] == [NOT_FOUND] * len(paths)
    assert parse(driver("read", tmp_path / "x.h5", "//scalar//")) == -3


def test_attributes(driver, tree, tmp_path):
    write_file(tmp_path / "x.h5", tree)
    text = parse(driver("attribute", tmp_path / "x.h5", "", "model_config"))
    assert text[()].decode() == "{}é"
    assert parse(driver("attribute", tmp_path / "x.h5", "", "names")).tolist() == [b"a", b"bcd"]
    assert parse(driver("attribute", tmp_path / "x.h5", "", "name")) == NOT_FOUND
    assert parse(driver("attribute", tmp_path / "x.h5", "layers", "names")) == NOT_FOUND


def test_a_thousand_links(driver, tmp_path):
    tree = Group()
    for index in range(2000):
        tree[f"vars/{index}"] = np.array(index)
    write_file(tmp_path / "x.h5", tree)
    assert parse(driver("read", tmp_path / "x.h5", "vars/1999")) == 1999


def test_digest(driver, tree, tmp_path):
    data = bytearray(write_bytes(tree))
    path = tmp_path / "x.h5"
    path.write_bytes(data)
    assert int(driver("verify", path)) == OK
    data[-1] ^= 1
    path.write_bytes(data)
    assert int(driver("verify", path)) == FORMAT


def test_damage_and_foreign_files(driver, tree, tmp_path):
    data = write_bytes(tree)
    path = tmp_path / "x.h5"

    def status(content):
        path.write_bytes(content)
        return parse(driver("read", path, "scalar"))

    assert status(b"") == FORMAT
    assert status(data[:47]) == FORMAT
    assert status(data[:-1]) == FORMAT
    assert status(data + b"\0") == FORMAT
    assert status(data[:8] + b"\0" + data[9:]) == FOREIGN
    assert status(data[:60] + bytes([data[60] ^ 1]) + data[61:]) == FORMAT
    assert status(b"PK" + data[2:]) == FORMAT


def test_a_missing_file_is_an_io_error(driver, tmp_path):
    assert parse(driver("read", tmp_path / "none.h5", "scalar")) == -5


def test_signs_headers_made_beforehand(driver, tree, tmp_path):
    """What an exported library does to save: known headers, new data."""
    blank = Group(dict(tree.attrs))
    for path, array in tree.datasets():
        blank[path] = np.zeros_like(array)
    head, _ = plan(blank)
    (tmp_path / "head").write_bytes(head)
    (tmp_path / "data").write_bytes(write_bytes(tree)[len(head) :])
    out = tmp_path / "out.h5"
    assert int(driver("sign", tmp_path / "head", tmp_path / "data", out)) == OK
    assert out.read_bytes() == write_bytes(tree)
    assert read_file(out)["scalar"] == -3


@pytest.mark.parametrize("seed", range(3))
def test_survives_mutated_files(driver, tree, tmp_path, seed):
    write_file(tmp_path / "x.h5", tree)
    paths = [path for path, _ in tree.datasets()]
    assert "survived" in driver("fuzz", tmp_path / "x.h5", seed, 10_000, *paths)
